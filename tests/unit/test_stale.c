/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records and their keys, the history of them on disk, verdicts with reasons, and the plan. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_disk.h"
#include "stale/lockfile.h"
#include "stale/plan.h"
#include "util/file.h"
#include "util/text.h"

static struct err err = ERR_INIT;

static void put(const char *path, const char *text)
{
	EXPECT_INT(file_write(path, text, strlen(text), 0644, false, &err), 0);
}

static void read_into(const char *path, struct strbuf *out)
{
	strbuf_clear(out);
	EXPECT_INT(file_read(path, (size_t)1 << 24, out, &err), 0);
}

/* ---- records ---- */

static const char hex_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char hex_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

static struct content content_of(enum content_kind kind, const char *hex, int64_t size)
{
	struct content c = {.kind = kind, .size = size};

	EXPECT(digest_parse(hex, &c.id));
	return c;
}

#define N_FACTS 8
static void sample(struct record *r, struct record_fact f[N_FACTS])
{
	f[0] = (struct record_fact){.kind = FACT_OUTS, .name = "models/a.bin", .content = content_of(CONTENT_FILE, hex_b, 9)};
	f[1] = (struct record_fact){.kind = FACT_CMD, .name = "", .value = "python a.py\n\techo \"done\" \\"};
	f[2] = (struct record_fact){.kind = FACT_DATA, .name = "x y.csv", .content = content_of(CONTENT_FILE, hex_a, 7)};
	f[3] = (struct record_fact){.kind = FACT_CODE, .name = "a.py", .content = content_of(CONTENT_EXEC, hex_a, 5)};
	f[4] = (struct record_fact){.kind = FACT_ENV, .name = "THREADS", .value = "4"};
	f[5] = (struct record_fact){.kind = FACT_ENV, .name = "[probe] python3 -VV", .value = NULL};
	f[6] = (struct record_fact){.kind = FACT_PARAM, .name = "train.eta", .value = "0.1"};
	f[7] = (struct record_fact){.kind = FACT_VAR, .name = "seed", .value = "\"\""};
	*r = (struct record){.instance = "train@3", .facts = f, .n_facts = N_FACTS, .run = "r1", .started = 5, .duration = 6};
	record_sort(r);
	record_key(r, &r->key);
}

/* Code with a meaning, with one that brings it in, and with names that look like either. */
static void record_code(void)
{
	static const char *const names[] = {"a.py", "~x.py", "<x.py", "a b.py"};
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct record_fact f[4 * ARRAY_SIZE(names)];
	struct record r = {.instance = "s", .facts = f}, got;
	struct digest key;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(f); i++) {
		f[i] = (struct record_fact){.kind = FACT_CODE, .content = content_of(CONTENT_FILE, hex_a, 5)};
		f[i].name = arena_fmt(&a, "%s%s", names[i / 4], i % 4 & 1 ? "1" : "0");
		f[i].has_meaning = i % 4 & 1;
		f[i].meaning = f[i].has_meaning ? content_of(CONTENT_FILE, hex_b, 0).id : (struct digest){{0}};
		f[i].by = i % 4 & 2 ? names[(i + 1) % ARRAY_SIZE(names)] : NULL;
		f[i].name = arena_fmt(&a, "%s%s", f[i].name, f[i].by ? "b" : "");
	}
	r.n_facts = ARRAY_SIZE(f);
	record_sort(&r);
	record_key(&r, &r.key);
	record_write(&r, true, &sb);
	EXPECT_INT(record_parse(sb.buf, sb.len, &a, &got, NULL), 0);
	EXPECT_INT(got.n_facts, r.n_facts);
	for (i = 0; i < MIN(got.n_facts, r.n_facts); i++) {
		EXPECT_STR(got.facts[i].name, f[i].name);
		EXPECT_STR(got.facts[i].by ? got.facts[i].by : "-", f[i].by ? f[i].by : "-");
		EXPECT_INT(got.facts[i].has_meaning, f[i].has_meaning);
		EXPECT(digest_eq(&got.facts[i].meaning, &f[i].meaning));
	}
	EXPECT(record_holds(&got));
	/* The key takes the meaning where there is one, and not who brings it in. */
	key = r.key;
	for (i = 0; i < r.n_facts; i++) {
		bool meant = f[i].has_meaning;

		f[i].by = NULL;
		if (meant)
			f[i].content = content_of(CONTENT_FILE, hex_b, 77);
	}
	record_key(&r, &r.key);
	EXPECT(digest_eq(&key, &r.key));
	EXPECT(record_fact_same(&got.facts[1], &f[1]) == f[1].has_meaning || content_eq(&got.facts[1].content, &f[1].content));
	f[0].has_meaning = !f[0].has_meaning;
	record_key(&r, &r.key);
	EXPECT(!digest_eq(&key, &r.key));
	EXPECT(!record_fact_same(&got.facts[0], &f[0]));
}

static void record_text(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT, want = STRBUF_INIT;
	struct record_fact f[N_FACTS];
	struct digest key;
	struct record r;
	char hex[DIGEST_HEX + 1];

	sample(&r, f);
	/* the key, put together by hand from what record.h says */
	strbuf_addf(&want, "mlmake-key 3\ncmd python a.py\\n\\techo \"done\" \\\\\ncode x %s a.py\ndata f %s x y.csv\n"
			   "env THREADS \"4\"\nenv [probe]\\x20python3\\x20-VV -\nouts models/a.bin\nparam train.eta \"0.1\"\n"
			   "var seed \"\"\"\"\n", hex_a, hex_a);
	digest_bytes(want.buf, want.len, &key);
	EXPECT(digest_eq(&key, &r.key));
	digest_hex(&r.key, hex);
	strbuf_clear(&want);
	strbuf_addf(&want, "[train@3]\nkey %s\ncmd python a.py\\n\\techo \"done\" \\\\\ncode x %s 5 a.py\ndata f %s 7 x y.csv\n"
			   "env THREADS \"4\"\nenv [probe]\\x20python3\\x20-VV -\nouts f %s 9 models/a.bin\n"
			   "param train.eta \"0.1\"\nvar seed \"\"\"\"\n", hex, hex_a, hex_a, hex_b);
	record_write(&r, false, &sb);
	strbuf_addstr(&want, "\n");
	EXPECT_STR(sb.buf, want.buf);
	strbuf_clear(&sb);
	record_write(&r, true, &sb);
	strbuf_setlen(&want, want.len - 1);
	strbuf_addstr(&want, "run r1 5 6\n\n");
	EXPECT_STR(sb.buf, want.buf);
	strbuf_clear(&want);
	record_strip_local(sb.buf, sb.len, &want);
	strbuf_clear(&sb);
	record_write(&r, false, &sb);
	EXPECT_STR(want.buf, sb.buf);
}

static void record_round_trip(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT, again = STRBUF_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct record_fact f[N_FACTS];
	struct record r, back;
	struct digest key;

	sample(&r, f);
	record_write(&r, true, &sb);
	EXPECT_INT(record_parse(sb.buf, sb.len, &a, &back, &err), 0);
	record_write(&back, true, &again);
	EXPECT_STR(again.buf, sb.buf);
	EXPECT(record_peek_key(sb.buf, sb.len, &key, NULL) && digest_eq(&key, &r.key));
	record_key(&back, &key);
	EXPECT(digest_eq(&key, &r.key));
	EXPECT_STR(record_find(&back, FACT_CMD, "")->value, "python a.py\n\techo \"done\" \\");
	EXPECT_STR(record_find(&back, FACT_ENV, "THREADS")->value, "4");
	EXPECT(record_find(&back, FACT_ENV, "[probe] python3 -VV")->value == NULL);
	EXPECT_STR(record_find(&back, FACT_VAR, "seed")->value, "\"\"");
	EXPECT_INT(record_find(&back, FACT_CODE, "a.py")->content.kind, CONTENT_EXEC);
	EXPECT_INT(record_find(&back, FACT_OUTS, "models/a.bin")->content.size, 9);
	EXPECT(record_find(&back, FACT_DATA, "a.py") == NULL);
	EXPECT_STR(back.run, "r1");
	EXPECT_INT(back.started, 5);
	EXPECT_INT(back.duration, 6);
}

/* r becomes what last was, with another command and a new parameter, by hand. */
static void accept_sample(struct record *r, struct record_fact f[N_FACTS + 1], const struct record *last, struct arena *a)
{
	const struct acceptance acc = {.run = "20261126T141049-ff5368f9", .when = INT64_C(1764166249000000000),
				       .who = "Jane <j@x>", .because = "two\nlines"};

	sample(r, f);
	f[0].value = "python b.py";
	f[r->n_facts++] = (struct record_fact){.kind = FACT_PARAM, .name = "x", .value = "1"};
	record_sort(r);
	record_key(r, &r->key);
	record_accept(r, last, &acc, a);
}

static void append_path(void *ctx, const char *path)
{
	strbuf_addf(ctx, "%s;", path);
}

static void record_absent(void)
{
	static const char *absent[] = {"a b", "c\nd"};
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT, lock = STRBUF_INIT, stripped = STRBUF_INIT, seen = STRBUF_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct record_fact f[N_FACTS];
	struct record r, back;

	sample(&r, f);
	record_write(&r, false, &lock);
	record_each_absent(lock.buf, lock.len, append_path, &seen);
	EXPECT_STR(seen.buf, "");
	r.absent = absent;
	r.n_absent = ARRAY_SIZE(absent);
	record_write(&r, true, &sb);
	EXPECT(strstr(sb.buf, "\nabsent a b\nabsent c\\nd\n") != NULL);
	record_each_absent(sb.buf, sb.len, append_path, &seen);
	EXPECT_STR(seen.buf, "a b;c\nd;");
	record_strip_local(sb.buf, sb.len, &stripped);
	EXPECT_STR(stripped.buf, lock.buf);
	EXPECT_INT(record_parse(sb.buf, sb.len, &a, &back, &err), 0);
	EXPECT(back.n_absent == 2 && streq(back.absent[1], "c\nd") && record_holds(&back));
	sample(&back, f);
	EXPECT(record_take(&back, sb.buf, sb.len, &a));
	EXPECT(back.n_absent == 2 && streq(back.absent[0], "a b") && streq(back.run, r.run));
}

static void record_accepted(void)
{
	static const char *const changes[][2] = {{"accepted ", "key "}, {"step ", "stop "}, {"\nby Jane", "\nrun Jane"}};
	static const char *const lies[][2] = {{"cmd python b", "cmd python c"}, {"was cmd python a", "was cmd python d"},
					      {"added param x\n", ""}, {" 9 models", " 8 models"}, {"outs f bbb", "outs f abb"}};
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct record_fact f[N_FACTS], g[N_FACTS + 1];
	struct record last, r, back, before;
	const char *text;
	size_t i;

	sample(&last, f);
	accept_sample(&r, g, &last, &a);
	EXPECT(record_holds(&r) && record_holds(&last));
	record_write(&r, false, &sb);
	text = strstr(sb.buf, "step ");
	EXPECT(text && strncmp(text, "step 20261126T141049-ff5368f9 2025-11-26T14:10:49Z ", 51) == 0);
	EXPECT(text && strstr(text, "\nby Jane <j@x>\nbecause two\\nlines\nwas cmd python a.py\\n") != NULL);
	EXPECT_INT(record_parse(sb.buf, sb.len, &a, &back, &err), 0);
	EXPECT(record_holds(&back) && back.n_accepted == 1);
	EXPECT_STR(back.accepted[0].because, "two\nlines");
	record_unaccept(&back, &a, &before);
	EXPECT(digest_eq(&before.key, &last.key) && before.n_accepted == 0 && before.n_facts == last.n_facts);
	for (i = 0; i < ARRAY_SIZE(changes) + ARRAY_SIZE(lies); i++) {
		const char *const *c = i < ARRAY_SIZE(changes) ? changes[i] : lies[i - ARRAY_SIZE(changes)];
		CLEANUP(strbuf_release) struct strbuf bad = STRBUF_INIT;
		const char *at = strstr(sb.buf, c[0]);

		EXPECT(at != NULL);
		strbuf_add(&bad, sb.buf, (size_t)(at - sb.buf));
		strbuf_addstr(&bad, c[1]);
		strbuf_addstr(&bad, at + strlen(c[0]));
		if (i < ARRAY_SIZE(changes))
			EXPECT_INT(record_parse(bad.buf, bad.len, &a, &back, NULL), -1);
		else
			EXPECT(record_parse(bad.buf, bad.len, &a, &back, NULL) == 0 && !record_holds(&back));
	}
	EXPECT(!record_take(&back, sb.buf, sb.len, &a));
}

static void one_changed(int change)
{
	struct record_fact f[N_FACTS + 1];
	struct record r, s;

	sample(&r, f);
	s = r;
	switch (change) {
	case 0: f[0].value = "python a.py"; break;
	case 1: f[1].content.kind = CONTENT_FILE; break; /* the executable bit of the code */
	case 2: f[2].content = content_of(CONTENT_FILE, hex_b, 7); break;
	case 3: f[2].name = "x_y.csv"; break;
	case 4: f[3].value = "5"; break;
	case 5: f[3].value = NULL; break;
	case 6: f[4].value = ""; break; /* unset is not empty */
	case 7: f[5].name = "models/b.bin"; break;
	case 8: f[5].kind = FACT_METRICS; break;
	case 9: f[6].value = "0.2"; break;
	case 10: f[6].name = "train.eta2"; break;
	case 11: f[7].value = "1"; break;
	case 12: s.n_facts--; break;
	default: return;
	}
	record_sort(&s);
	record_key(&s, &s.key);
	tap_check(!digest_eq(&s.key, &r.key), __FILE__, __LINE__, "change %d leaves the key", change);
}

static void key_changes(void)
{
	struct record_fact f[N_FACTS];
	struct record r, s;
	int i;

	sample(&r, f);
	EXPECT_INT(f[0].kind, FACT_CMD); /* the order that one_changed speaks of */
	EXPECT_INT(f[5].kind, FACT_OUTS);
	for (i = 0; i <= 12; i++)
		one_changed(i);
	/* what does not count: sizes, times, the run, the instance's name, what the outputs hold */
	s = r;
	f[2].content.size = 70;
	f[5].content = content_of(CONTENT_DIR, hex_a, 1);
	s.run = NULL;
	s.duration = 1000;
	s.instance = "train@4";
	record_key(&s, &s.key);
	EXPECT(digest_eq(&s.key, &r.key));
}

static void names_do_not_run_together(void)
{
	struct record_fact f = {.kind = FACT_PARAM, .name = "a", .value = "1\"\nparam b \"2"};
	struct record_fact g[2] = {{.kind = FACT_PARAM, .name = "a", .value = "1"},
				   {.kind = FACT_PARAM, .name = "b", .value = "2"}};
	struct record r = {.instance = "x", .facts = &f, .n_facts = 1}, s = {.instance = "x", .facts = g, .n_facts = 2};

	record_key(&r, &r.key);
	record_key(&s, &s.key);
	EXPECT(!digest_eq(&r.key, &s.key));
}

static void record_damage(void)
{
	static const char *const bad[] = {"", "\n", "[]\n", "[a\n", "a]\n\n", "[a]\n", "[a]\nkey 12\n\n", "[a]\nkey\n\n"};
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct record_fact f[N_FACTS];
	struct record r, back;
	char *nul;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_INT(record_parse(bad[i], strlen(bad[i]), &a, &back, &err), -1);
		EXPECT_INT(err.code, ERR_PARSE);
		err_clear(&err);
	}
	sample(&r, f);
	record_write(&r, true, &sb);
	for (i = 0; i < sb.len; i++) { /* cut anywhere but between lines, it is none */
		int got = record_parse(sb.buf, i, &a, &back, NULL);

		if (i && sb.buf[i - 1] != '\n')
			EXPECT_INT(got, -1);
	}
	EXPECT_INT(record_parse("[a]\nkey x\nweather fine\n\n", 24, &a, &back, &err), -1);
	err_clear(&err);
	nul = strstr(sb.buf, "\nrun r1"); /* a word that ends at a NUL would not be read back */
	EXPECT(nul && (nul[5] = '\0', record_parse(sb.buf, sb.len, &a, &back, NULL) < 0));
}

/* ---- history ---- */

static struct history *open_history(bool *conflict)
{
	const struct history_paths paths = {"state", "shared", "mlmake.lock"};
	struct history *h = history_open(&paths, conflict, &err);

	if (!h)
		EXPECT_STR(err.msg, "");
	return h;
}

static bool always(void *ctx, const char *instance)
{
	(void)ctx;
	(void)instance;
	return true;
}

static bool not_b(void *ctx, const char *instance)
{
	(void)ctx;
	return !streq(instance, "b");
}

static void clear_history(void)
{
	EXPECT_INT(file_remove_tree("state", &err), 0);
	EXPECT_INT(file_remove_tree("shared", &err), 0);
	EXPECT_INT(file_remove_tree("mlmake.lock", &err), 0);
}

/* A record of instance whose one parameter is value. */
static struct record simple(const char *instance, const char *value, struct record_fact f[3])
{
	struct record r = {.instance = instance, .facts = f, .n_facts = 3, .run = "r0", .started = 1, .duration = 2};

	f[0] = (struct record_fact){.kind = FACT_CMD, .name = "", .value = "run"};
	f[1] = (struct record_fact){.kind = FACT_OUTS, .name = instance, .content = content_of(CONTENT_FILE, hex_a, 1)};
	f[2] = (struct record_fact){.kind = FACT_PARAM, .name = "p", .value = value};
	record_sort(&r);
	record_key(&r, &r.key);
	return r;
}

static void add(struct history *h, const char *instance, const char *value)
{
	struct record_fact f[3];
	struct record r = simple(instance, value, f);

	EXPECT_INT(history_add(h, &r, &err), 0);
}

static void save(struct history *h)
{
	EXPECT_INT(history_save(h, always, NULL, NULL, NULL, &err), 0);
}

/* The value of p in instance's last record; "none". */
static const char *last_p(struct history *h, const char *instance)
{
	const struct record *r = history_last(h, instance);

	return r ? record_find(r, FACT_PARAM, "p")->value : "none";
}

static bool finds(struct history *h, const char *instance, const char *value)
{
	struct record_fact f[3];
	struct record r = simple(instance, value, f);
	const struct record *found = history_find(h, &r.key);

	return found && streq(record_find(found, FACT_PARAM, "p")->value, value);
}

static void history_saved(void)
{
	CLEANUP(strbuf_release) struct strbuf lock = STRBUF_INIT, again = STRBUF_INIT;
	bool conflict;
	struct history *h = open_history(&conflict);

	EXPECT(!conflict);
	EXPECT(history_crashed_run(h) == NULL);
	EXPECT_INT(history_begin_run(h, "r1", &err), 0);
	add(h, "b", "1");
	add(h, "a", "1");
	add(h, "a", "2");
	EXPECT_STR(last_p(h, "a"), "2");
	EXPECT(history_dirty(h));
	save(h);
	EXPECT(!history_dirty(h));
	EXPECT(!file_exists("state/journal"));
	history_free(h);

	h = open_history(&conflict);
	EXPECT(!history_dirty(h));
	EXPECT_STR(last_p(h, "a"), "2");
	EXPECT_STR(last_p(h, "b"), "1");
	EXPECT_STR(last_p(h, "c"), "none");
	EXPECT(finds(h, "a", "1")); /* by its key, though another followed it before the save */
	EXPECT(finds(h, "a", "2"));
	EXPECT(!finds(h, "a", "3"));
	EXPECT(history_made(h, "a") != NULL);
	EXPECT(!history_made(h, "p"));
	read_into("mlmake.lock", &lock);
	EXPECT(strstr(lock.buf, "\n[a]\n") < strstr(lock.buf, "\n[b]\n"));
	EXPECT(strstr(lock.buf, "\nrun ") == NULL);
	history_free(h);

	h = open_history(&conflict);
	EXPECT_INT(history_begin_run(h, "r2", &err), 0);
	add(h, "a", "1");
	add(h, "a", "2");
	save(h);
	read_into("mlmake.lock", &again);
	EXPECT_STR(again.buf, lock.buf);
	history_free(h);
	clear_history();
}

static void history_of_gone_instances(void)
{
	CLEANUP(strbuf_release) struct strbuf lock = STRBUF_INIT;
	bool conflict;
	struct history *h = open_history(&conflict);

	EXPECT_INT(history_begin_run(h, "r1", &err), 0);
	add(h, "a", "1");
	add(h, "b", "1");
	EXPECT_INT(history_save(h, not_b, NULL, NULL, NULL, &err), 0);
	history_free(h);
	read_into("mlmake.lock", &lock);
	EXPECT(strstr(lock.buf, "[a]") && !strstr(lock.buf, "[b]"));
	h = open_history(&conflict);
	EXPECT_STR(last_p(h, "b"), "1");
	EXPECT(history_made(h, "b") != NULL);
	history_free(h);
	clear_history();
}

/* A saved state with a=1, and a journal of a run in which a became 2, b began and ended, c began, d is being put back. */
static void crash(void)
{
	static const char *const c_paths[] = {"c1", "dir/c 2"}, *const b_paths[] = {"b"}, *const d_paths[] = {"d"},
				 *const e_paths[] = {"e"};
	bool conflict;
	struct history *h = open_history(&conflict);

	EXPECT_INT(history_begin_run(h, "r1", &err), 0);
	add(h, "a", "1");
	save(h);
	history_free(h);
	h = open_history(&conflict);
	EXPECT_INT(history_begin_run(h, "r2", &err), 0);
	add(h, "a", "2");
	EXPECT_INT(history_begin(h, "b", b_paths, 1, &err), 0);
	EXPECT_INT(history_begin(h, "c", c_paths, 2, &err), 0);
	EXPECT_INT(history_writes(h, "c", &err), 0);
	EXPECT_INT(history_begin(h, "d", d_paths, 1, &err), 0);
	EXPECT_INT(history_writes(h, "d", &err), 0);
	EXPECT_INT(history_begin(h, "e", e_paths, 1, &err), 0); /* what stands at e is still what stood there before */
	add(h, "b", "5");
	EXPECT_INT(history_back(h, "d", &err), 0);
	history_free(h);
}

static void history_replayed(void)
{
	CLEANUP(strvec_release) struct strvec instances = STRVEC_INIT, paths = STRVEC_INIT;
	bool conflict;
	struct history *h;

	crash();
	h = open_history(&conflict);
	EXPECT_STR(history_crashed_run(h), "r2");
	EXPECT_STR(last_p(h, "a"), "2");
	EXPECT_STR(last_p(h, "b"), "5");
	history_half_written(h, &instances, &paths);
	EXPECT_INT(instances.n, 1);
	EXPECT_STR(instances.v[0], "c");
	EXPECT_INT(paths.n, 2);
	EXPECT_STR(paths.v[1], "dir/c 2");
	EXPECT(history_ended(h, "b"));
	EXPECT(!history_ended(h, "c1"));
	EXPECT(!history_ended(h, "d")); /* its old output is to be put back */
	EXPECT(!history_ended(h, "e"));
	EXPECT(!history_ended(h, "never heard of"));
	EXPECT(history_dirty(h));
	EXPECT_INT(history_begin_run(h, "r3", &err), 0);
	save(h);
	history_free(h);
	h = open_history(&conflict);
	EXPECT(history_crashed_run(h) == NULL);
	EXPECT(finds(h, "a", "1"));
	EXPECT(finds(h, "a", "2"));
	EXPECT(finds(h, "b", "5"));
	history_free(h);
	clear_history();
}

/* Cut anywhere, what stands before the cut counts, and what the next run writes can be read again. */
static void journal_cut(void)
{
	CLEANUP(strbuf_release) struct strbuf whole = STRBUF_INIT;
	bool conflict;
	struct history *h;
	size_t i, record_end;

	crash();
	read_into("state/journal", &whole);
	record_end = (size_t)(strstr(whole.buf, " begin ") - whole.buf) - 16; /* where the record of a=2 has just ended */
	for (i = 0; i <= whole.len; i++) {
		EXPECT_INT(file_write("state/journal", whole.buf, i, 0644, false, &err), 0);
		h = open_history(&conflict);
		EXPECT_STR(last_p(h, "a"), i >= record_end ? "2" : "1");
		EXPECT(history_crashed_run(h) != NULL);
		EXPECT_INT(history_begin_run(h, "r9", &err), 0);
		add(h, "e", "9");
		history_free(h);
		h = open_history(&conflict);
		EXPECT_STR(history_crashed_run(h), "r9");
		EXPECT_STR(last_p(h, "e"), "9");
		EXPECT_STR(last_p(h, "a"), i >= record_end ? "2" : "1");
		history_free(h);
	}
	clear_history();
}

static void journal_damaged(void)
{
	CLEANUP(strbuf_release) struct strbuf whole = STRBUF_INIT;
	bool conflict;
	struct history *h;
	size_t i;

	crash();
	read_into("state/journal", &whole);
	for (i = 0; i < whole.len; i++) {
		whole.buf[i] ^= 1;
		EXPECT_INT(file_write("state/journal", whole.buf, whole.len, 0644, false, &err), 0);
		whole.buf[i] ^= 1;
		h = open_history(&conflict);
		EXPECT(streq(last_p(h, "a"), "2") || streq(last_p(h, "a"), "1"));
		EXPECT(streq(last_p(h, "b"), "5") || streq(last_p(h, "b"), "none"));
		history_free(h);
	}
	clear_history();
}

/* With the state lost, the lock and the records by key still say what they said. */
static void state_damaged(void)
{
	CLEANUP(strbuf_release) struct strbuf whole = STRBUF_INIT;
	bool conflict;
	struct history *h = open_history(&conflict);
	size_t i;

	EXPECT_INT(history_begin_run(h, "r1", &err), 0);
	add(h, "a", "1");
	add(h, "a", "2");
	save(h);
	history_free(h);
	read_into("state/state", &whole);
	for (i = 0; i < whole.len; i++) {
		whole.buf[i] ^= 1;
		EXPECT_INT(file_write("state/state", whole.buf, whole.len, 0644, false, &err), 0);
		whole.buf[i] ^= 1;
		h = open_history(&conflict);
		EXPECT_STR(last_p(h, "a"), "2");
		EXPECT(finds(h, "a", "1"));
		EXPECT(!conflict);
		history_free(h);
	}
	for (i = 0; i < whole.len; i++) {
		EXPECT_INT(file_write("state/state", whole.buf, i, 0644, false, &err), 0);
		h = open_history(&conflict);
		EXPECT_STR(last_p(h, "a"), "2");
		history_free(h);
	}
	clear_history();
}

/* The lock text of records as another clone would have written it. */
static void write_foreign_lock(const char *const *values, const char *before, const char *after)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	static const char *const names[] = {"a", "b"};
	struct record_fact f[3];
	size_t i;

	strbuf_addstr(&sb, "# mlmake.lock 1: what was built from what. Written by mlmake; commit it with the code.\n\n");
	for (i = 0; i < 2; i++) {
		struct record r = simple(names[i], values[i], f);

		strbuf_addstr(&sb, i ? before : "");
		record_write(&r, false, &sb);
		strbuf_addstr(&sb, i ? after : "");
	}
	put("mlmake.lock", sb.buf);
}

static void lock_of_others(void)
{
	static const char *const values[] = {"7", "8"};
	bool conflict;
	struct history *h = open_history(&conflict);

	EXPECT_INT(history_begin_run(h, "r1", &err), 0);
	add(h, "a", "1");
	save(h);
	history_free(h);
	write_foreign_lock(values, "", "");
	h = open_history(&conflict);
	EXPECT(!conflict);
	EXPECT_STR(last_p(h, "a"), "7");
	EXPECT_STR(last_p(h, "b"), "8");
	EXPECT(finds(h, "a", "7"));
	EXPECT(finds(h, "a", "1"));
	EXPECT(history_dirty(h));
	EXPECT_INT(history_begin_run(h, "r2", &err), 0);
	save(h);
	history_free(h);
	h = open_history(&conflict);
	EXPECT(!history_dirty(h));
	EXPECT_STR(last_p(h, "a"), "7");
	history_free(h);
	clear_history();
}

/* ---- merging locks ---- */

static const char hex_c[] = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

/* A block of an instance that makes NAME.out of one file and a parameter. */
static void add_block(struct strbuf *out, const char *name, const char *data, const char *data_hex, const char *param, const char *out_hex)
{
	CLEANUP(freep) char *path = xstrfmt("%s.out", name);
	struct record_fact f[4] = {{.kind = FACT_CMD, .name = "", .value = name},
				   {.kind = FACT_DATA, .name = data, .content = content_of(CONTENT_FILE, data_hex, 1)},
				   {.kind = FACT_OUTS, .name = path, .content = content_of(CONTENT_FILE, out_hex, 1)},
				   {.kind = FACT_PARAM, .name = "p", .value = param}};
	struct record r = {.instance = name, .facts = f, .n_facts = 4};

	if (!out->len)
		strbuf_addstr(out, LOCKFILE_HEAD);
	record_key(&r, &r.key);
	record_write(&r, false, out);
}

/* Merges, and says of each instance what its parameter is then, "-" if it was left out. */
static char *merged(const struct strbuf *base, const struct strbuf *ours, const struct strbuf *theirs)
{
	const struct strbuf *texts[] = {base, ours, theirs};
	struct lockfile l[4] = {LOCKFILE_INIT, LOCKFILE_INIT, LOCKFILE_INIT, LOCKFILE_INIT};
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT, said = STRBUF_INIT;
	CLEANUP(strvec_release) struct strvec left_out = STRVEC_INIT;
	size_t i;

	for (i = 0; i < 3; i++)
		EXPECT_INT(lockfile_parse(&l[i], "lock", texts[i]->buf, texts[i]->len, &err), 0);
	lockfile_merge(&l[0], &l[1], &l[2], &out, &left_out);
	EXPECT_INT(lockfile_parse(&l[3], "lock", out.buf, out.len, &err), 0);
	for (i = 0; i < 3; i++) {
		static const char *const names[] = {"a", "b", "c"};
		const struct lock_block *b = map_get(&l[3].by_instance, names[i]);

		if (b)
			strbuf_addf(&said, "%s%s ", names[i], record_find(b->record, FACT_PARAM, "p")->value);
	}
	for (i = 0; i < left_out.n; i++)
		strbuf_addf(&said, "-%s ", left_out.v[i]);
	for (i = 0; i < 4; i++)
		lockfile_release(&l[i]);
	return strbuf_detach(&said);
}

static void lock_merges(void)
{
	CLEANUP(strbuf_release) struct strbuf base = STRBUF_INIT, ours = STRBUF_INIT, theirs = STRBUF_INIT, empty = STRBUF_INIT;
	char *said;

	add_block(&base, "a", "in", hex_a, "1", hex_a);
	add_block(&base, "b", "a.out", hex_a, "1", hex_a);
	/* ours has other data, so a and b came out differently; theirs another parameter of b */
	add_block(&ours, "a", "in", hex_b, "1", hex_b);
	add_block(&ours, "b", "a.out", hex_b, "1", hex_b);
	add_block(&theirs, "a", "in", hex_a, "1", hex_a);
	add_block(&theirs, "b", "a.out", hex_a, "2", hex_c);
	said = merged(&base, &ours, &theirs);
	EXPECT_STR(said, "a1 -b ");
	free(said);
	/* theirs has that data, too, and so what holds for both */
	strbuf_clear(&theirs);
	add_block(&theirs, "a", "in", hex_b, "1", hex_b);
	add_block(&theirs, "b", "a.out", hex_b, "2", hex_c);
	said = merged(&base, &ours, &theirs);
	EXPECT_STR(said, "a1 b2 ");
	free(said);
	/* both ran a by themselves, and it came out in two ways: ours is what is there, and so is what was made of it */
	strbuf_clear(&theirs);
	add_block(&theirs, "a", "in", hex_b, "1", hex_c);
	add_block(&theirs, "b", "a.out", hex_c, "1", hex_c);
	said = merged(&base, &ours, &theirs);
	EXPECT_STR(said, "a1 b1 ");
	free(said);
	/* one that both added, and one that was removed and left alone */
	strbuf_clear(&ours);
	strbuf_clear(&theirs);
	add_block(&ours, "a", "in", hex_a, "1", hex_a);
	add_block(&ours, "c", "in", hex_a, "3", hex_a);
	add_block(&theirs, "a", "in", hex_a, "1", hex_a);
	add_block(&theirs, "b", "a.out", hex_a, "1", hex_a);
	add_block(&theirs, "c", "in", hex_a, "3", hex_a);
	said = merged(&base, &ours, &theirs);
	EXPECT_STR(said, "a1 c3 ");
	free(said);
	/* nothing in common */
	said = merged(&empty, &ours, &empty);
	EXPECT_STR(said, "a1 c3 ");
	free(said);
}

static void lock_conflicts(void)
{
	static const char *const values[] = {"7", "8"};
	bool conflict;
	struct history *h;

	write_foreign_lock(values, "<<<<<<< HEAD\n", "=======\n>>>>>>> other\n");
	h = open_history(&conflict);
	EXPECT(conflict);
	EXPECT_STR(last_p(h, "a"), "7");
	EXPECT_STR(last_p(h, "b"), "8"); /* as ours says */
	EXPECT_INT(history_begin_run(h, "r1", &err), 0);
	save(h);
	history_free(h);
	h = open_history(&conflict);
	EXPECT(!conflict);
	history_free(h);
	clear_history();
}

/* A merge that took the key of one side and a fact of the other. */
static void lock_mixed(void)
{
	static const char *const values[] = {"7", "8"};
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	bool conflict;
	struct history *h;

	write_foreign_lock(values, "", "");
	read_into("mlmake.lock", &sb);
	strstr(sb.buf, "p \"7\"")[3] = '6';
	put("mlmake.lock", sb.buf);
	h = open_history(&conflict);
	EXPECT(conflict);
	EXPECT_STR(last_p(h, "a"), "none");
	EXPECT(!finds(h, "a", "7"));
	EXPECT_STR(last_p(h, "b"), "8");
	history_free(h);
	clear_history();
}

static void lock_malformed(void)
{
	const struct history_paths paths = {"state", "shared", "mlmake.lock"};
	bool conflict;

	put("mlmake.lock", "hello\n");
	EXPECT(history_open(&paths, &conflict, &err) == NULL);
	EXPECT_INT(err.code, ERR_PARSE);
	EXPECT(strncmp(err.msg, "mlmake.lock:1: ", 15) == 0);
	err_clear(&err);
	put("mlmake.lock", "# mlmake.lock 1\n\n[a]\nkey 12\n\n");
	EXPECT(history_open(&paths, &conflict, &err) == NULL);
	EXPECT_STR(err.msg, "mlmake.lock:3: line 2 of the record of 'a' is malformed; take the committed one with "
			    "`git checkout -- mlmake.lock`, or remove it: it is written anew");
	err_clear(&err);
	clear_history();
}

/* Found by its key, a record has to say what the key says. */
static void record_tampered_with(void)
{
	bool conflict;
	struct record_fact f[3], g[3];
	struct record r = simple("b", "1", f), other = simple("b", "2", g);
	struct history *h = open_history(&conflict);

	other.key = r.key;
	EXPECT_INT(history_begin_run(h, "r1", &err), 0);
	EXPECT_INT(history_add(h, &other, &err), 0);
	add(h, "b", "3"); /* so that it is no last one */
	EXPECT_INT(history_save(h, not_b, NULL, NULL, NULL, &err), 0);
	history_free(h);
	h = open_history(&conflict);
	EXPECT(history_find(h, &r.key) == NULL);
	EXPECT(finds(h, "b", "3"));
	history_free(h);
	clear_history();
}

static int refuse(void *ctx, const struct strbuf *lock, struct err *e)
{
	(void)ctx;
	(void)lock;
	return err_set(e, ERR_IO, "no");
}

static void save_that_fails(void)
{
	bool conflict;
	struct history *h = open_history(&conflict);

	EXPECT_INT(history_begin_run(h, "r1", &err), 0);
	add(h, "a", "1");
	EXPECT_INT(history_save(h, always, NULL, refuse, NULL, &err), -1);
	err_clear(&err);
	EXPECT(file_exists("state/journal"));
	EXPECT(!file_exists("mlmake.lock"));
	history_free(h);
	h = open_history(&conflict);
	EXPECT_STR(last_p(h, "a"), "1");
	history_free(h);
	clear_history();
}

/* What file_write was writing when it was killed. */
static void save_that_was_killed(void)
{
	bool conflict;
	struct history *h;

	crash();
	put(".mlmake.lock.tmp123", "half");
	put("state/.state.tmp123", "half");
	h = open_history(&conflict);
	EXPECT_INT(history_begin_run(h, "r3", &err), 0);
	EXPECT(!file_exists(".mlmake.lock.tmp123"));
	EXPECT(!file_exists("state/.state.tmp123"));
	history_free(h);
	clear_history();
}

/* ---- decisions, in a world of words ---- */

static const char decided_text[] =
	"[project]\nparams = params.ini\n"
	"[env py]\nvars = THREADS\nprobe = python3 -VV\nlock = uv.lock\n"
	"[stage train]\ncmd = python a.py {{outs}} {{seed}}\nmatrix seed = 1\nenv = py\ndata = x.csv\ncode = a.py\nparams = eta\n"
	"outs = model\nmetrics = m.json\n";

/* path -> what it holds: any text, of which the digest is the content. "x:..." is executable; "?" is pending. */
struct fake_world {
	struct fake_disk d;
	const char *has[16][2];
	size_t n;
	bool is_stored;
	const char *probe;
	struct world w;
	struct arena arena;
	struct history *h;
	struct verdict v;
	struct decide_options opt;
};

static void hold(struct fake_world *w, const char *path, const char *text)
{
	size_t i;

	for (i = 0; i < w->n && !streq(w->has[i][0], path); i++)
		;
	w->has[i][0] = path;
	w->has[i][1] = text;
	w->n = MAX(w->n, i + 1);
}

static int world_content(void *ctx, const char *path, bool follow, struct content *out, const struct instance **maker,
			 struct err *e)
{
	struct fake_world *w = ctx;
	const char *text = NULL;
	size_t i;

	(void)follow;
	*out = (struct content){.kind = CONTENT_NONE};
	for (i = 0; i < w->n; i++)
		if (streq(w->has[i][0], path))
			text = w->has[i][1];
	if (!text)
		return 0;
	if (streq(text, "?")) {
		*maker = w->d.pl.instances[0];
		return 1;
	}
	if (streq(text, "!"))
		return err_set(e, ERR_IO, "cannot open '%s'", path);
	out->kind = text[0] == 'x' && text[1] == ':' ? CONTENT_EXEC : CONTENT_FILE;
	out->size = (int64_t)strlen(text);
	digest_bytes(text, strlen(text), &out->id);
	return 0;
}

static bool world_stored(void *ctx, const struct content *c)
{
	(void)c;
	return ((struct fake_world *)ctx)->is_stored;
}

static const char *world_probe(void *ctx, const char *cmd)
{
	EXPECT_STR(cmd, "python3 -VV");
	return ((struct fake_world *)ctx)->probe;
}

static void world_start(struct fake_world *w, const char *text, const char *params)
{
	bool conflict;

	memset(w, 0, sizeof(*w));
	fake_disk_use(&w->d, text, params, NULL);
	w->is_stored = true;
	w->probe = "3.11";
	w->w = (struct world){world_content, world_stored, world_probe, w};
	w->arena = (struct arena)ARENA_INIT;
	w->h = open_history(&conflict);
	hold(w, "x.csv", "data");
	hold(w, "a.py", "x:code");
	hold(w, "uv.lock", "lock");
}

static void world_stop(struct fake_world *w)
{
	history_free(w->h);
	arena_release(&w->arena);
	fake_disk_release(&w->d);
}

static const char *decide(struct fake_world *w)
{
	const struct instance *in = w->d.pl.instances[w->d.pl.n_instances - 1];

	if (stale_decide(in, w->h, &w->w, &w->opt, &w->arena, &w->v, &err) < 0)
		return "error";
	return stale_state_name(w->v.state);
}

/* What was decided comes true: outputs appear, and the record is kept. */
static void come_true(struct fake_world *w)
{
	hold(w, "model", "the model");
	hold(w, "m.json", "{}");
	EXPECT(stale_look(w->d.pl.instances[w->d.pl.n_instances - 1], &w->w, &w->arena, &w->v, &err) == 0);
	record_key(&w->v.now, &w->v.now.key);
	EXPECT_INT(history_begin_run(w->h, "r", &err), 0);
	EXPECT_INT(history_add(w->h, &w->v.now, &err), 0);
}

/* "param eta: 0.1 -> 0.2; data x.csv changed" */
static const char *reasons_of(const struct verdict *v)
{
	static char text[2048];
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	size_t i;

	for (i = 0; i < v->n_reasons; i++) {
		strbuf_addf(&sb, "%s%s ", i ? "; " : "", reason_kind_name(v->reasons[i].kind));
		reason_words(&v->reasons[i], &sb);
	}
	snprintf(text, sizeof(text), "%s", sb.buf);
	return text;
}

static void verdict_new_and_fresh(void)
{
	struct fake_world w;

	world_start(&w, decided_text, "eta = 0.1\n");
	EXPECT_STR(decide(&w), "stale");
	EXPECT_STR(reasons_of(&w.v), "new never built");
	EXPECT(w.v.last == NULL && w.v.found == NULL);
	come_true(&w);
	EXPECT_STR(decide(&w), "fresh");
	EXPECT_INT(w.v.n_reasons, 0);
	EXPECT(w.v.found != NULL && w.v.found == w.v.last);
	EXPECT(stale_matches(&w.v, w.v.found));
	world_stop(&w);
	clear_history();
}

static void verdict_reasons(void)
{
	struct fake_world w;

	world_start(&w, decided_text, "eta = 0.1\n");
	EXPECT_STR(decide(&w), "stale");
	come_true(&w);
	hold(&w, "x.csv", "other data");
	EXPECT_STR(decide(&w), "stale");
	EXPECT_STR(reasons_of(&w.v), "data x.csv changed");
	EXPECT_INT(w.v.reasons[0].at.line, 11);
	EXPECT(strlen(w.v.reasons[0].old) == DIGEST_HEX && !streq(w.v.reasons[0].old, w.v.reasons[0].new));
	hold(&w, "x.csv", "data");
	hold(&w, "a.py", "x:other code");
	EXPECT_STR(decide(&w), "stale");
	EXPECT_STR(reasons_of(&w.v), "code a.py changed");
	hold(&w, "a.py", "x:code");
	w.probe = "3.12";
	EXPECT_STR(decide(&w), "stale");
	EXPECT_STR(reasons_of(&w.v), "env [probe] python3 -VV: 3.11 -> 3.12");
	w.probe = "3.11";
	hold(&w, "uv.lock", "other");
	EXPECT_STR(decide(&w), "stale");
	EXPECT_STR(reasons_of(&w.v), "env uv.lock changed");
	hold(&w, "uv.lock", "lock");
	hold(&w, "model", NULL);
	w.is_stored = false;
	EXPECT_STR(decide(&w), "stale");
	EXPECT_STR(reasons_of(&w.v), "output model is missing");
	hold(&w, "model", "touched up");
	EXPECT_STR(decide(&w), "stale");
	EXPECT_STR(reasons_of(&w.v), "output model is not as it was left");
	EXPECT(strlen(w.v.reasons[0].old) == DIGEST_HEX && strlen(w.v.reasons[0].new) == DIGEST_HEX);
	hold(&w, "x.csv", "1");
	hold(&w, "a.py", "y:code");
	w.probe = NULL;
	EXPECT_STR(decide(&w), "stale");
	EXPECT_STR(reasons_of(&w.v), "code a.py changed its kind; data x.csv changed; "
				     "env [probe] python3 -VV: 3.11 -> (unset); output model is not as it was left");
	world_stop(&w);
	clear_history();
}

/* The pipeline changes around a record that was made by the first text. */
static const char *changed_to(const char *text, const char *params)
{
	static char said[2048];
	struct fake_world w;

	world_start(&w, decided_text, "eta = 0.1\n");
	EXPECT_STR(decide(&w), "stale");
	come_true(&w);
	save(w.h);
	world_stop(&w);
	world_start(&w, text, params);
	hold(&w, "model", "the model");
	hold(&w, "m.json", "{}");
	hold(&w, "y.csv", "more data");
	snprintf(said, sizeof(said), "%s: ", decide(&w));
	strncat(said, reasons_of(&w.v), sizeof(said) - strlen(said) - 1);
	world_stop(&w);
	clear_history();
	return said;
}

#define HEAD "[project]\nparams = params.ini\n"
#define ENV "[env py]\nvars = THREADS\nprobe = python3 -VV\nlock = uv.lock\n"
#define TRAIN(cmd, data, params, outs) \
	"[stage train]\ncmd = " cmd "\nmatrix seed = 1\nenv = py\ndata = " data "\ncode = a.py\nparams = " params "\n" outs "\n"
#define CMD "python a.py {{outs}} {{seed}}"
#define OUTS "outs = model\nmetrics = m.json"

static void verdict_of_edits(void)
{
	EXPECT_STR(changed_to(decided_text, "eta = 0.10\n"), "fresh: "); /* the same number */
	EXPECT_STR(changed_to(decided_text, "eta = 0.2\n"), "stale: param eta: 0.1 -> 0.2");
	EXPECT_STR(changed_to(decided_text, "eta = 0.1\nother = 1\n"), "fresh: ");
	EXPECT_STR(changed_to(HEAD ENV TRAIN("nice " CMD, "x.csv", "eta", OUTS), "eta = 0.1\n"), "stale: command the command changed");
	EXPECT_STR(changed_to(HEAD ENV TRAIN(CMD, "x.csv y.csv", "eta", OUTS), "eta = 0.1\n"), "stale: data y.csv is a new input");
	EXPECT_STR(changed_to(HEAD ENV TRAIN(CMD, "y.csv", "eta", OUTS), "eta = 0.1\n"),
		   "stale: data x.csv is no longer an input; data y.csv is a new input");
	EXPECT_STR(changed_to(HEAD ENV TRAIN(CMD, "x.csv", "eta rounds", OUTS), "eta = 0.1\nrounds = 3\n"),
		   "stale: param rounds: (unset) -> 3");
	EXPECT_STR(changed_to(HEAD ENV TRAIN(CMD, "x.csv", "eta", OUTS "\nplots = y.csv"), "eta = 0.1\n"),
		   "stale: output y.csv is a new output");
	EXPECT_STR(changed_to(HEAD ENV TRAIN(CMD, "x.csv", "eta", "outs = model"), "eta = 0.1\n"),
		   "stale: output m.json is no longer an output");
}

static void verdict_of_harmless_edits(void)
{
	EXPECT_STR(changed_to(HEAD "[stage zero]\ncmd = z\nouts = z\n" ENV
			      "[stage train]\ndesc = hello\ntimeout = 1h\nretry = 2\nuse = cpu=2 time=1m\nmetrics = m.json\nouts = model\n"
			      "params = eta\ncode = a.py\ndata = x.csv\nenv = py\nmatrix seed = 1\ncmd = " CMD "\n", "eta = 0.1\n"),
		   "fresh: ");
}

static void verdict_restorable(void)
{
	struct fake_world w;

	world_start(&w, decided_text, "eta = 0.1\n");
	EXPECT_STR(decide(&w), "stale");
	come_true(&w);
	hold(&w, "x.csv", "other");
	hold(&w, "model", "another model");
	EXPECT(stale_look(w.d.pl.instances[0], &w.w, &w.arena, &w.v, &err) == 0);
	record_key(&w.v.now, &w.v.now.key);
	EXPECT_INT(history_add(w.h, &w.v.now, &err), 0);
	EXPECT_STR(decide(&w), "fresh");
	hold(&w, "x.csv", "data"); /* back */
	EXPECT_STR(decide(&w), "restorable");
	EXPECT_STR(reasons_of(&w.v), "data x.csv changed");
	EXPECT(w.v.found && w.v.found != w.v.last);
	w.is_stored = false;
	EXPECT_STR(decide(&w), "stale");
	EXPECT(w.v.found == NULL);
	w.is_stored = true;
	w.opt.force = true;
	EXPECT_STR(decide(&w), "stale");
	EXPECT_STR(reasons_of(&w.v), "forced forced; data x.csv changed");
	w.opt.force = false;
	hold(&w, "model", "the model"); /* by hand */
	EXPECT_STR(decide(&w), "fresh");
	w.opt.force = true;
	EXPECT_STR(decide(&w), "stale");
	world_stop(&w);
	clear_history();
}

static void verdict_frozen(void)
{
	struct fake_world w;

	world_start(&w, "[stage f]\ncmd = f\nfrozen = yes\ndata = x.csv\nouts = model\n", NULL);
	EXPECT_STR(decide(&w), "frozen");
	hold(&w, "model", "any");
	w.opt.force = true;
	EXPECT_STR(decide(&w), "frozen");
	world_stop(&w);
	clear_history();
}

static void verdict_source(void)
{
	struct fake_world w;

	world_start(&w, "[source s]\ncmd = f\ndata = x.csv\nouts = model\n", NULL);
	EXPECT_STR(decide(&w), "stale");
	hold(&w, "model", "any");
	EXPECT_STR(decide(&w), "fresh"); /* fetching is asked for */
	EXPECT(w.v.found == NULL);
	w.opt.force = true;
	EXPECT_STR(decide(&w), "stale");
	world_stop(&w);
	clear_history();
}

static void verdict_pending_upstream(void)
{
	struct fake_world w;

	world_start(&w, "[stage up]\ncmd = u\nouts = x.csv y.csv\n[stage f]\ncmd = f\ndata = x.csv y.csv a.py\nouts = model\n",
		    NULL);
	hold(&w, "y.csv", "data");
	come_true(&w);
	EXPECT_STR(decide(&w), "fresh");
	hold(&w, "x.csv", "?");
	hold(&w, "y.csv", "?");
	EXPECT_STR(decide(&w), "stale");
	EXPECT(w.v.pending);
	EXPECT_STR(reasons_of(&w.v), "upstream up runs first"); /* once, and nothing of what is not known yet */
	hold(&w, "a.py", "x:new");
	EXPECT_STR(decide(&w), "stale");
	EXPECT_STR(reasons_of(&w.v), "data a.py changed; upstream up runs first");
	world_stop(&w);
	clear_history();
}

static void verdict_errors(void)
{
	struct fake_world w;

	world_start(&w, decided_text, "eta = 0.1\n");
	hold(&w, "x.csv", NULL);
	EXPECT_STR(decide(&w), "error");
	EXPECT_STR(err.msg, "mlmake.ini:11: stage 'train@1' needs 'x.csv', which is not there and no stage makes it");
	err_clear(&err);
	hold(&w, "x.csv", "!");
	EXPECT_STR(decide(&w), "error");
	EXPECT_STR(err.msg, "mlmake.ini:11: stage 'train@1': cannot open 'x.csv'");
	err_clear(&err);
	world_stop(&w);
	clear_history();
}

/* ---- the plan, on a real disk ---- */

struct project {
	struct fake_disk d;
	struct statcache *cache;
	struct gitdb *db;
	struct store *store;
	struct history *h;
	struct plan p;
	struct diags ds;
};

static void project_open(struct project *p, const char *text)
{
	static const unsigned char secret[STATCACHE_SECRET] = {1};
	bool conflict;

	memset(p, 0, sizeof(*p));
	fake_disk_use(&p->d, text, NULL, NULL);
	p->cache = statcache_open(NULL, secret, &clock_system);
	p->db = gitdb_new("shared/git");
	p->store = store_new("shared", p->db, p->cache);
	p->h = open_history(&conflict);
	p->p = (struct plan)PLAN_INIT;
}

static void project_close(struct project *p)
{
	plan_release(&p->p);
	history_free(p->h);
	store_free(p->store);
	gitdb_free(p->db);
	statcache_free(p->cache);
	diags_release(&p->ds);
	fake_disk_release(&p->d);
}

/* "a fresh, b stale" */
static const char *plan(struct project *p, const bool *force)
{
	static char text[1024];
	const struct plan_tools tools = {p->cache, p->store, p->h, NULL, NULL, 2};
	bool selected[16];
	size_t i, n = 0;
	int got;

	memset(selected, 1, sizeof(selected));
	plan_release(&p->p);
	diags_release(&p->ds);
	p->ds = (struct diags)DIAGS_INIT;
	got = plan_make(&p->p, &p->d.g, selected, force, &tools, &p->ds);
	if (got < 0)
		return "error";
	for (i = 0; i < p->d.g.n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %s", i ? ", " : "", p->d.g.nodes[i].in->name,
				      stale_state_name(p->p.verdicts[i].state));
	return text;
}

/* As if node had run now: its outputs are stored and its record kept. */
static void ran(struct project *p, const char *name)
{
	size_t node = fake_node(&p->d, name), i;
	struct record r;

	plan(p, NULL);
	r = p->p.verdicts[node].now;
	for (i = 0; i < r.n_facts; i++)
		if (fact_is_output(r.facts[i].kind))
			EXPECT_INT(store_put(p->store, r.facts[i].name, &r.facts[i].content, &err), 0);
	record_key(&r, &r.key);
	r.run = "r";
	EXPECT_INT(history_begin_run(p->h, "r", &err), 0);
	EXPECT_INT(history_add(p->h, &r, &err), 0);
}

static const char chain[] = "[stage a]\ncmd = a\ndata = raw\nouts = a.txt\n"
			    "[stage b]\ncmd = b\ndata = a.txt\nouts = b\n"
			    "[stage c]\ncmd = c\ndata = b/sub/x\nouts = c.txt\n"
			    "[stage d]\ncmd = d\ndata = c.txt\nouts = d.txt\n";

static void project_clean(struct project *p)
{
	static const char *const all[] = {"raw", "a.txt", "b", "c.txt", "d.txt"};
	size_t i;

	project_close(p);
	clear_history();
	for (i = 0; i < ARRAY_SIZE(all); i++)
		EXPECT_INT(file_remove_tree(all[i], &err), 0);
}

static void build_chain(struct project *p)
{
	put("raw", "1");
	put("a.txt", "a");
	ran(p, "a");
	put("b/sub/x", "x");
	ran(p, "b");
	put("c.txt", "c");
	ran(p, "c");
	put("d.txt", "d");
	ran(p, "d");
}

static void plan_of_chain(void)
{
	struct project p;
	bool force[4] = {false, true, false, false};

	project_open(&p, chain);
	put("raw", "1");
	EXPECT_STR(plan(&p, NULL), "a stale, b stale, c stale, d stale");
	EXPECT_INT(p.p.counts[STALE_STALE], 4);
	EXPECT_STR(reasons_of(&p.p.verdicts[1]), "new never built; upstream a runs first");
	build_chain(&p);
	EXPECT_STR(plan(&p, NULL), "a fresh, b fresh, c fresh, d fresh");
	EXPECT_INT(p.p.counts[STALE_FRESH], 4);
	EXPECT_STR(plan(&p, force), "a fresh, b stale, c stale, d stale");
	EXPECT_STR(reasons_of(&p.p.verdicts[1]), "forced forced");
	EXPECT_STR(reasons_of(&p.p.verdicts[2]), "upstream b runs first");
	put("raw", "2");
	EXPECT_STR(plan(&p, NULL), "a stale, b stale, c stale, d stale");
	project_clean(&p);
}

/* What can be put back is as good as there: what depends on it is known now, also through a directory's manifest. */
static void plan_cut_off(void)
{
	struct project p;

	project_open(&p, chain);
	build_chain(&p);
	EXPECT_INT(unlink("a.txt"), 0);
	EXPECT_STR(plan(&p, NULL), "a restorable, b fresh, c fresh, d fresh");
	EXPECT_INT(file_remove_tree("b", &err), 0);
	EXPECT_STR(plan(&p, NULL), "a restorable, b restorable, c fresh, d fresh");
	put("d.txt", "edited");
	EXPECT_STR(plan(&p, NULL), "a restorable, b restorable, c fresh, d restorable");
	EXPECT_STR(reasons_of(&p.p.verdicts[3]), "output d.txt is not as it was left");
	project_clean(&p);
}

/* Going back to old inputs: all of the old results are known by their keys. */
static void plan_back(void)
{
	struct project p;

	project_open(&p, chain);
	build_chain(&p);
	put("raw", "22");
	put("a.txt", "aa");
	ran(&p, "a");
	put("b/sub/x", "xx");
	ran(&p, "b");
	put("c.txt", "c"); /* the same bytes: nothing behind it is stale */
	ran(&p, "c");
	EXPECT_STR(plan(&p, NULL), "a fresh, b fresh, c fresh, d fresh");
	put("raw", "1");
	EXPECT_STR(plan(&p, NULL), "a restorable, b restorable, c fresh, d fresh");
	EXPECT(p.p.verdicts[2].found != p.p.verdicts[2].last); /* by an older record than its last */
	project_clean(&p);
}

static void plan_errors(void)
{
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT;
	struct project p;

	project_open(&p, "[stage a]\ncmd = a\ndata = no1\nouts = a.txt\n[stage b]\ncmd = b\ndata = a.txt no2\nouts = c.txt\n");
	EXPECT_STR(plan(&p, NULL), "error");
	diags_format(&p.ds, &said);
	EXPECT_STR(said.buf, "mlmake.ini:3: error: stage 'a' needs 'no1', which is not there and no stage makes it\n"
			     "mlmake.ini:7: error: stage 'b' needs 'no2', which is not there and no stage makes it\n");
	project_clean(&p);
}

static void plan_links_and_bits(void)
{
	struct project p;

	project_open(&p, chain);
	build_chain(&p);
	EXPECT_INT(chmod("a.txt", 0755), 0); /* content, for an output as for an input */
	EXPECT_STR(plan(&p, NULL), "a restorable, b fresh, c fresh, d fresh");
	EXPECT_INT(chmod("a.txt", 0644), 0);
	EXPECT_INT(rename("raw", "elsewhere"), 0);
	EXPECT_INT(symlink("elsewhere", "raw"), 0); /* an input may be a link */
	EXPECT_STR(plan(&p, NULL), "a fresh, b fresh, c fresh, d fresh");
	EXPECT_INT(unlink("elsewhere"), 0);
	EXPECT_STR(plan(&p, NULL), "error");
	project_clean(&p);
}

static void downstream(void)
{
	struct fake_disk d;
	size_t *nodes, n;

	fake_disk_use(&d, chain, NULL, NULL);
	plan_downstream(&d.g, 1, &nodes, &n);
	EXPECT_INT(n, 2);
	EXPECT_INT(nodes[0], 2);
	EXPECT_INT(nodes[1], 3);
	free(nodes);
	fake_disk_release(&d);
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"a record as text, and its key", record_text},
		{"code in a record and in its key", record_code},
		{"what is written is read", record_round_trip},
		{"what was absent is local, and read back", record_absent},
		{"what was accepted leads back to what was run, and to nothing else", record_accepted},
		{"each fact changes the key, and nothing else does", key_changes},
		{"a value cannot look like another fact", names_do_not_run_together},
		{"no record", record_damage},
		{"history: what is saved is known again", history_saved},
		{"history: instances that are gone leave the lock", history_of_gone_instances},
		{"history: a journal is replayed", history_replayed},
		{"history: a journal cut at any byte", journal_cut},
		{"history: a journal damaged at any byte", journal_damaged},
		{"history: a state damaged or cut at any byte", state_damaged},
		{"history: a lock that others wrote", lock_of_others},
		{"locks merge by what holds for the merged sources", lock_merges},
		{"history: a lock with conflicts", lock_conflicts},
		{"history: a lock block of two sides", lock_mixed},
		{"history: a lock that is none", lock_malformed},
		{"history: a record that was tampered with", record_tampered_with},
		{"history: a save that fails leaves the journal", save_that_fails},
		{"history: what a killed save left is removed", save_that_was_killed},
		{"never built, then fresh", verdict_new_and_fresh},
		{"every reason, with old and new", verdict_reasons},
		{"edits of the pipeline and their reasons", verdict_of_edits},
		{"edits that make nothing stale", verdict_of_harmless_edits},
		{"restorable, and not when forced or not stored", verdict_restorable},
		{"frozen", verdict_frozen},
		{"a source that is there is fresh", verdict_source},
		{"pending on what runs first", verdict_pending_upstream},
		{"inputs that cannot be had", verdict_errors},
		{"a plan of a chain", plan_of_chain},
		{"a plan sees through what can be put back", plan_cut_off},
		{"a plan of going back", plan_back},
		{"all missing inputs at once", plan_errors},
		{"executable bits and links", plan_links_and_bits},
		{"what would be stale in turn", downstream},
	};
	int got = tap_run("stale", tests, sizeof(tests) / sizeof(tests[0]));

	err_release(&err);
	return got;
}
