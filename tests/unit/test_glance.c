/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is seen at a glance: that it holds as long as nothing moves, and notices everything that the pipeline asked for. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fake_disk.h"
#include "stale/glance.h"
#include "util/file.h"

static const char ini[] = "[project]\nparams = params.ini\n[env e]\nvars = THREADS UNSET\n"
			  "[stage s]\ncmd = sh run.sh\nenv = e\ndata = in/*.csv\nouts = o\nparams = p\n";
static const char params[] = "[p]\nx = 1\n";
static const char *const files[] = {"in/a.csv", "in/b.csv", "run.sh", NULL};
static const struct history_paths paths = {"state", "shared", "mlmake.lock"};
static unsigned char secret[STATCACHE_SECRET] = "any bytes will do for tests";

/* Some time ahead of the real one: no file is young. */
static int64_t shifted(void *ctx)
{
	(void)ctx;
	return clock_now(&clock_system) + INT64_C(10000000000);
}
static const struct clock test_clock = {shifted, shifted, NULL};

static void put(const char *path, const char *text)
{
	EXPECT_INT(file_write(path, text, strlen(text), 0644, false, NULL), 0);
}

static bool always(void *ctx, const char *instance)
{
	(void)ctx;
	(void)instance;
	return true;
}

static void write_records(const char *value)
{
	struct record_fact f = {.kind = FACT_CMD, .name = "", .value = value};
	struct record r = {.instance = "s", .facts = &f, .n_facts = 1};
	bool conflict;
	struct history *h = history_open(&paths, &conflict, NULL);

	EXPECT(h != NULL);
	record_key(&r, &r.key);
	EXPECT_INT(history_begin_run(h, "r", NULL), 0);
	EXPECT_INT(history_add(h, &r, NULL), 0);
	EXPECT_INT(history_save(h, always, NULL, NULL, NULL, NULL), 0);
	history_free(h);
}

static const char *const contents[] = {"in/a.csv", "in/b.csv", "run.sh", "o"};

static struct glance_place place(const struct pipeline_disk *disk)
{
	return (struct glance_place){.file = "state/glance", .program = "p1", .paths = paths, .disk = disk, .code = &code_disk_system,
				     .cache = statcache_open("state/statcache", secret, &test_clock), .threads = 1};
}

/* Loads the pipeline as a build does, asks for the contents, and keeps it. */
static void keep(const char *pipeline)
{
	const struct pipeline_options opt = {.file = "mlmake.ini"};
	struct fake_disk d = {.text = pipeline, .params = params, .files = files, .pl = PIPELINE_INIT, .ds = DIAGS_INIT};
	struct glance_place at = place(&d.disk);
	struct glance *g = glance_new(&at);
	struct pipeline_disk noting = glance_disk(g);
	struct content c;
	size_t i;

	d.disk = (struct pipeline_disk){fake_disk_glob, fake_disk_read, NULL, fake_disk_is_file, fake_disk_getenv, &d};
	EXPECT_INT(pipeline_load(&d.pl, &opt, &noting, &d.ds), 0);
	for (i = 0; i < ARRAY_SIZE(contents); i++)
		EXPECT_INT(statcache_content(at.cache, contents[i], false, &c, NULL), 0);
	EXPECT_INT(statcache_save(at.cache, NULL), 0);
	EXPECT_INT(glance_keep(g, 7, NULL), 0);
	glance_free(g);
	statcache_free(at.cache);
	pipeline_release(&d.pl);
	diags_release(&d.ds);
}

/* How many are fresh, as a disk like d is asked again by program; 0: it does not hold. */
static size_t holds_by(const struct fake_disk *like, const char *program, const char *(*env)(void *ctx, const char *name))
{
	struct fake_disk d = *like;
	struct glance_place at = place(&d.disk);
	size_t fresh = 99;
	bool held;

	d.disk = (struct pipeline_disk){fake_disk_glob, fake_disk_read, NULL, fake_disk_is_file, env, &d};
	at.program = program;
	held = glance_holds(&at, &fresh);
	statcache_free(at.cache);
	return held ? fresh : 0;
}

static const struct fake_disk same = {.text = ini, .params = params, .files = files};

static size_t holds(const struct fake_disk *d)
{
	return holds_by(d, "p1", fake_disk_getenv);
}

static void prepare(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(contents); i++)
		put(contents[i], "1");
	write_records("sh run.sh");
	keep(ini);
	EXPECT_INT(holds(&same), 7);
}

static void stands(void)
{
	prepare();
	EXPECT_INT(holds(&same), 7);
	keep(ini);
	EXPECT_INT(holds(&same), 7);
}

static const char *other_threads(void *ctx, const char *name)
{
	return streq(name, "THREADS") ? "5" : fake_disk_getenv(ctx, name);
}

static const char *none_unset(void *ctx, const char *name)
{
	return streq(name, "UNSET") ? "" : fake_disk_getenv(ctx, name);
}

static void disk_moves(void)
{
	static const char *const more[] = {"in/a.csv", "in/aa.csv", "in/b.csv", "run.sh", NULL};
	static const char *const less[] = {"in/b.csv", "run.sh", NULL}, *const no_script[] = {"in/a.csv", "in/b.csv", NULL};
	static const char *const moved[] = {"in/a.csv", "in/b.csv.csv", "run.sh", NULL};
	static const char *const beside[] = {"in/a.csv", "in/b.csv", "other", "run.sh", NULL};
	struct fake_disk d = same;
	size_t i;
	const char *const *const others[] = {more, less, no_script, moved};

	prepare();
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		d.files = others[i];
		EXPECT_INT(holds(&d), 0);
	}
	d.files = beside;
	EXPECT_INT(holds(&d), 7);
	d = same;
	d.text = "[stage s]\ncmd = true\n";
	EXPECT_INT(holds(&d), 0);
	d = same;
	d.params = "[p]\nx = 2\n";
	EXPECT_INT(holds(&d), 0);
	d.params = NULL;
	EXPECT_INT(holds(&d), 0);
	EXPECT_INT(holds_by(&same, "p2", fake_disk_getenv), 0);
	EXPECT_INT(holds_by(&same, "p1", other_threads), 0);
	EXPECT_INT(holds_by(&same, "p1", none_unset), 0);
	EXPECT_INT(holds(&same), 7);
}

static void contents_move(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(contents); i++) {
		prepare();
		put(contents[i], "2");
		EXPECT_INT(holds(&same), 0);
		prepare();
		EXPECT_INT(unlink(contents[i]), 0);
		EXPECT_INT(holds(&same), 0);
	}
}

static void records_move(void)
{
	CLEANUP(strbuf_release) struct strbuf lock = STRBUF_INIT;

	prepare();
	write_records("another command");
	EXPECT_INT(holds(&same), 0);
	prepare();
	put("state/journal", "");
	EXPECT_INT(holds(&same), 0);
	EXPECT_INT(unlink("state/journal"), 0);
	EXPECT_INT(holds(&same), 7);
	EXPECT_INT(file_read("mlmake.lock", 1 << 20, &lock, NULL), 0);
	put("mlmake.lock", lock.buf); /* by somebody else */
	EXPECT_INT(holds(&same), 0);
	prepare();
	EXPECT_INT(unlink("mlmake.lock"), 0);
	EXPECT_INT(holds(&same), 0);
	prepare();
	EXPECT_INT(unlink("state/state"), 0);
	EXPECT_INT(holds(&same), 0);
}

static void see_nothing(void *to, const char *name, enum code_thing what, bool link)
{
	(void)to;
	(void)name;
	(void)what;
	(void)link;
}

/* What code asks of the disk. */
static void code_moves(void)
{
	struct fake_disk d = same;
	struct glance_place at;
	struct glance *g;
	struct code_disk noting;
	struct content c;

	prepare();
	put("code/a.py", "");
	put("code/sub/b.py", "");
	d.disk = (struct pipeline_disk){fake_disk_glob, fake_disk_read, NULL, fake_disk_is_file, fake_disk_getenv, &d};
	at = place(&d.disk);
	g = glance_new(&at);
	noting = glance_code(g);
	noting.list(noting.ctx, "code", see_nothing, NULL);
	noting.list(noting.ctx, "none", see_nothing, NULL);
	EXPECT_INT(noting.what(noting.ctx, "code/a.py"), THING_FILE);
	EXPECT_INT(noting.what(noting.ctx, "code/sub"), THING_DIR);
	EXPECT_INT(noting.what(noting.ctx, "code/none"), THING_OTHER);
	EXPECT_INT(statcache_content(at.cache, "run.sh", false, &c, NULL), 0);
	EXPECT_INT(statcache_save(at.cache, NULL), 0);
	EXPECT_INT(glance_keep(g, 3, NULL), 0);
	glance_free(g);
	statcache_free(at.cache);
	EXPECT_INT(holds(&same), 3);
	put("code/a.py", "another content");
	put("code/sub/c.py", "");
	put("code/.hidden", "");
	EXPECT_INT(holds(&same), 3);
	put("code/c.py", "");
	EXPECT_INT(holds(&same), 0);
	EXPECT_INT(unlink("code/c.py"), 0);
	EXPECT_INT(holds(&same), 3);
	EXPECT_INT(rename("code/sub", "code/else"), 0);
	EXPECT_INT(holds(&same), 0);
	EXPECT_INT(symlink("else", "code/sub"), 0);
	EXPECT_INT(holds(&same), 0); /* a link is another thing, wherever it leads */
	EXPECT(unlink("code/sub") == 0 && rename("code/else", "code/sub") == 0);
	EXPECT_INT(holds(&same), 3);
	put("none/there", "");
	EXPECT_INT(holds(&same), 0);
}

/* A flipped byte, a part, something longer: none of it holds, whatever would be answered. */
static void damaged(void)
{
	CLEANUP(strbuf_release) struct strbuf good = STRBUF_INIT;
	size_t i;

	prepare();
	EXPECT_INT(file_read("state/glance", 1 << 20, &good, NULL), 0);
	for (i = 0; i < good.len; i++) {
		good.buf[i] ^= (char)(1 + i % 255);
		EXPECT_INT(file_write("state/glance", good.buf, good.len, 0644, false, NULL), 0);
		tap_check(!holds(&same), __FILE__, __LINE__, "byte %zu flipped", i);
		good.buf[i] ^= (char)(1 + i % 255);
		EXPECT_INT(file_write("state/glance", good.buf, i, 0644, false, NULL), 0);
		tap_check(!holds(&same), __FILE__, __LINE__, "%zu bytes of it", i);
	}
	strbuf_addstr(&good, "fresh 8\n");
	EXPECT_INT(file_write("state/glance", good.buf, good.len, 0644, false, NULL), 0);
	EXPECT_INT(holds(&same), 0);
	strbuf_setlen(&good, good.len - 8);
	EXPECT_INT(file_write("state/glance", good.buf, good.len, 0644, false, NULL), 0);
	EXPECT_INT(holds(&same), 7);
	secret[5] ^= 1; /* of another clone */
	EXPECT_INT(holds(&same), 0);
	secret[5] ^= 1;
	EXPECT_INT(unlink("state/statcache"), 0);
	EXPECT_INT(holds(&same), 0);
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"it holds", stands},
		{"what the pipeline asked for moves", disk_moves},
		{"contents move", contents_move},
		{"records move", records_move},
		{"what code asked for moves", code_moves},
		{"damage", damaged},
	};

	return tap_run("glance", tests, ARRAY_SIZE(tests));
}
