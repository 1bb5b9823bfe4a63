/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Merging locks: the input is three of them, divided by lines "=\n". What comes out is a lock of blocks that some side had, and
 * it merges with itself to itself. Then the whole is read as a lock with conflicts. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "stale/lockfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool so)
{
	if (!so)
		abort();
}

static bool parse(struct lockfile *l, const struct strbuf *text)
{
	return lockfile_parse(l, "lock", text->buf, text->len, NULL) == 0;
}

static void merge_three(struct lockfile l[3])
{
	struct strbuf out = STRBUF_INIT, again = STRBUF_INIT;
	struct strvec left_out = STRVEC_INIT;
	struct lockfile merged = LOCKFILE_INIT;
	struct map_slot *s;
	size_t i = 0;

	lockfile_merge(&l[0], &l[1], &l[2], &out, &left_out);
	need(parse(&merged, &out));
	while ((s = map_next(&merged.by_instance, &i)))
		need(map_get(&l[1].by_instance, s->key) || map_get(&l[2].by_instance, s->key));
	for (i = 0; i < left_out.n; i++)
		need(!map_get(&merged.by_instance, left_out.v[i]));
	strvec_release(&left_out);
	left_out = (struct strvec)STRVEC_INIT;
	lockfile_merge(&l[0], &merged, &merged, &again, &left_out);
	need(again.len == out.len && memcmp(again.buf, out.buf, out.len) == 0 && !left_out.n);
	strvec_release(&left_out);
	lockfile_release(&merged);
	strbuf_release(&out);
	strbuf_release(&again);
}

static int count(void *ctx, const struct lock_block *b, struct err *err)
{
	size_t *n = ctx;

	(void)err;
	*n += b->holds;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf text[3] = {STRBUF_INIT, STRBUF_INIT, STRBUF_INIT}, all = STRBUF_INIT;
	struct strbuf ours = STRBUF_INIT, theirs = STRBUF_INIT;
	struct lockfile l[3] = {LOCKFILE_INIT, LOCKFILE_INIT, LOCKFILE_INIT};
	struct arena a = ARENA_INIT;
	const char *p, *end;
	size_t i = 0, n = 0;

	strbuf_add(&all, data, size);
	for (p = all.buf, end = p + size; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((nl ? nl + 1 : end) - p);

		if (len == 2 && *p == '=' && i < 2)
			i++;
		else
			strbuf_add(&text[i], p, len);
		p += len;
	}
	if (parse(&l[0], &text[0]) && parse(&l[1], &text[1]) && parse(&l[2], &text[2]))
		merge_three(l);
	if (lockfile_sides(&all, &ours, &theirs)) {
		need(lockfile_read("lock", ours.buf, ours.len, true, &a, count, &n, NULL) == 0);
		need(lockfile_read("lock", theirs.buf, theirs.len, true, &a, count, &n, NULL) == 0);
	}
	for (i = 0; i < 3; i++) {
		lockfile_release(&l[i]);
		strbuf_release(&text[i]);
	}
	arena_release(&a);
	strbuf_release(&all);
	strbuf_release(&ours);
	strbuf_release(&theirs);
	return 0;
}
