/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lies in the state directory and in mlmake.lock: the first byte says what the rest is taken for.
 *
 * Checksums are put right first, so that what stands behind them is what is tested. What is understood is written again and
 * must then say the same. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "digest/fasthash.h"
#include "lineage/run.h"
#include "stale/glance.h"
#include "stale/history.h"
#include "util/file.h"
#include "util/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(int got)
{
	if (got < 0)
		abort();
}

/* Each run has a directory of its own in memory, where there is one. */
static void enter(void)
{
	static char shm[] = "/dev/shm/fuzz-history-XXXXXX", tmp[] = "/tmp/fuzz-history-XXXXXX";
	static bool there;

	if (there)
		return;
	there = true;
	if (mkdtemp(shm))
		need(chdir(shm));
	else
		need(mkdtemp(tmp) ? chdir(tmp) : -1);
}

static void put(const char *path, const void *data, size_t n)
{
	need(file_write(path, data, n, 0644, false, NULL));
}

static void a_record(const char *text, size_t n)
{
	struct strbuf first = STRBUF_INIT, second = STRBUF_INIT;
	struct arena a = ARENA_INIT;
	struct record r, again;
	struct digest key, same;

	if (record_parse(text, n, &a, &r, NULL) == 0) {
		record_write(&r, true, &first);
		need(record_parse(first.buf, first.len, &a, &again, NULL));
		record_write(&again, true, &second);
		record_key(&r, &key);
		record_key(&again, &same);
		if (first.len != second.len || memcmp(first.buf, second.buf, first.len) != 0 || !digest_eq(&key, &same))
			abort();
		if (!again.n_accepted != record_take(&again, first.buf, first.len, &a))
			abort();
		record_holds(&r);
		record_strip_local(text, n, &second);
	}
	arena_release(&a);
	strbuf_release(&first);
	strbuf_release(&second);
}

static bool always(void *ctx, const char *instance)
{
	(void)ctx;
	(void)instance;
	return true;
}

/* Asks everything, saves, and asks again. What lay there may be wrong, but for the state, which only we write, it is either
 * refused or mended. */
static void use(bool trusted)
{
	const struct history_paths paths = {"state", "shared", "mlmake.lock"};
	struct strvec instances = STRVEC_INIT, files = STRVEC_INIT;
	struct record_fact f = {.kind = FACT_CMD, .name = "", .value = "c"};
	struct record r = {.instance = "fuzz", .facts = &f, .n_facts = 1};
	bool conflict;
	struct history *h = history_open(&paths, &conflict, NULL);
	size_t i;

	if (!h)
		return;
	history_made(h, "a");
	history_last(h, "a");
	history_half_written(h, &instances, &files);
	for (i = 0; i < files.n; i++)
		history_ended(h, files.v[i]);
	need(history_begin_run(h, "r", NULL));
	for (i = 0; i < instances.n; i++)
		need(history_end(h, instances.v[i], NULL));
	record_key(&r, &r.key);
	need(history_add(h, &r, NULL));
	need(history_save(h, always, NULL, NULL, NULL, NULL));
	history_free(h);
	strvec_release(&instances);
	strvec_release(&files);
	h = history_open(&paths, &conflict, NULL);
	if (!trusted && (!h || conflict || history_crashed_run(h) || history_dirty(h) || !history_last(h, "fuzz")))
		abort();
	history_free(h);
}

static void a_state(const char *text, size_t n)
{
	struct strbuf sb = STRBUF_INIT;

	strbuf_addf(&sb, "mlmake-state 1 %016llx none\n", (unsigned long long)hash_bytes(text, n));
	strbuf_add(&sb, text, n);
	put("state/state", sb.buf, sb.len);
	strbuf_release(&sb);
	use(true);
}

/* Each line gets its checksum. */
static void a_journal(const char *text, size_t n)
{
	struct strbuf sb = STRBUF_INIT;
	const char *end = text + n, *nl;

	for (; text < end; text = nl + 1) {
		nl = memchr(text, '\n', (size_t)(end - text));
		nl = nl ? nl : end;
		strbuf_addf(&sb, "%016llx ", (unsigned long long)hash_bytes(text, (size_t)(nl - text)));
		strbuf_add(&sb, text, (size_t)(nl - text));
		strbuf_addch(&sb, '\n');
		if (nl == end)
			break;
	}
	put("state/journal", sb.buf, sb.len);
	strbuf_release(&sb);
	use(false);
}

static void a_run(const char *text, size_t n)
{
	struct arena a = ARENA_INIT;
	struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
	struct run r = {.id = NULL};

	if (run_parse(text, n, &a, &r, NULL) == 0) { /* what is read is written, and that reads the same */
		run_write(&r, &once);
		if (run_parse(once.buf, once.len, &a, &r, NULL) < 0)
			abort();
		run_write(&r, &twice);
		if (once.len != twice.len || memcmp(once.buf, twice.buf, once.len) != 0)
			abort();
	}
	strbuf_release(&once);
	strbuf_release(&twice);
	arena_release(&a);
}

static void a_glob(void *ctx, const char *pattern, struct strvec *out)
{
	(void)ctx;
	if (*pattern == 'y')
		strvec_push(out, pattern);
}

static int a_text(void *ctx, const char *path, struct strbuf *out, struct err *err)
{
	(void)ctx;
	if (*path != 'y')
		return err_set(err, ERR_NOTFOUND, "no");
	strbuf_addstr(out, path);
	return 0;
}

static bool a_file(void *ctx, const char *path)
{
	(void)ctx;
	return *path == 'y';
}

static const char *a_variable(void *ctx, const char *name)
{
	(void)ctx;
	return *name == 'y' ? name : NULL;
}

/* What a glance asks, under its checksum. The cache has nothing, so it must not hold. */
static void kept_questions(const char *text, size_t n)
{
	static const unsigned char secret[STATCACHE_SECRET] = {1};
	static const struct pipeline_disk disk = {a_glob, a_text, NULL, a_file, a_variable, NULL};
	struct strbuf sb = STRBUF_INIT;
	struct glance_place at = {"state/glance", "", {"state", "shared", "mlmake.lock"}, &disk, &code_disk_system,
				  statcache_open(NULL, secret, &clock_system), 1};
	size_t fresh;

	strbuf_addf(&sb, "mlmake-glance 2 %016llx\n", (unsigned long long)fasthash_bytes64(text, n, secret));
	strbuf_add(&sb, text, n);
	put("state/glance", sb.buf, sb.len);
	if (glance_holds(&at, &fresh))
		abort();
	statcache_free(at.cache);
	strbuf_release(&sb);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text;
	size_t n = size - 1;
	char *copy;

	if (!size)
		return 0;
	enter();
	copy = malloc(n + 1); /* of its very size, so that a byte too far is noticed */
	text = memcpy(copy, data + 1, n);
	switch (*data) {
	case 'r': a_record(text, n); break;
	case 's': a_state(text, n); break;
	case 'j': a_journal(text, n); break;
	case 'l':
		put("mlmake.lock", text, n);
		use(false);
		break;
	case 'g': a_run(text, n); break;
	case 'k': kept_questions(text, n); break;
	case 'b': /* the bytes as they are, checksum and all */
		put("state/state", text, n);
		put("state/journal", text, n);
		use(true);
		break;
	default: break;
	}
	free(copy);
	need(file_remove_tree("state", NULL));
	need(file_remove_tree("shared", NULL));
	need(file_remove_tree("mlmake.lock", NULL));
	return 0;
}
