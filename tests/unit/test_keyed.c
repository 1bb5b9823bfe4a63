/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "tap.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "store/keyed.h"
#include "util/file.h"

static struct digest key(int n)
{
	struct digest d = {{0}};

	d.b[0] = (unsigned char)(n * 37);
	d.b[31] = (unsigned char)n;
	return d;
}

static void add(struct keyed *k, const char *run, int from, int to, const char *word)
{
	struct keyed_item items[64];
	char texts[64][32];
	int i, n = 0;

	for (i = from; i < to; i++, n++) {
		snprintf(texts[n], sizeof(texts[n]), "%s %d\n", word, i);
		items[n] = (struct keyed_item){key(i), texts[n], strlen(texts[n]), 0};
	}
	EXPECT_INT(keyed_add(k, run, items, (size_t)n, NULL), 0);
}

/* "WORD N" if it is there, "-" if not. */
static const char *found(struct keyed *k, int n)
{
	static char out[64];
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct digest d = key(n);

	if (!keyed_find(k, &d, &text))
		return "-";
	strbuf_trim(&text);
	snprintf(out, sizeof(out), "%.60s", text.buf);
	return out;
}

static int files_in(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

static void add_and_find(void)
{
	struct keyed *k = keyed_new("one", "records");

	EXPECT_STR(found(k, 1), "-");
	add(k, "20260101T000000-00000001", 0, 50, "first");
	EXPECT_STR(found(k, 0), "first 0");
	EXPECT_STR(found(k, 49), "first 49");
	EXPECT_STR(found(k, 50), "-");
	keyed_free(k);
	k = keyed_new("one", "records");
	EXPECT_STR(found(k, 17), "first 17");
	keyed_free(k);
}

static void newest_counts(void)
{
	struct keyed *k = keyed_new("two", "records");

	add(k, "20260102T000000-00000001", 0, 10, "later");
	add(k, "20260101T000000-00000002", 5, 15, "earlier");
	EXPECT_STR(found(k, 4), "later 4");
	EXPECT_STR(found(k, 7), "later 7");
	EXPECT_STR(found(k, 12), "earlier 12");
	keyed_free(k);
}

static void merging(void)
{
	struct keyed *k = keyed_new("many", "records");
	char run[32], want[32];
	int i;

	for (i = 0; i < 100; i++) {
		snprintf(run, sizeof(run), "20260101T%06d-00000001", i);
		add(k, run, i, i + 1, "run");
		if (i % 10 == 0) { /* the same key again and again: the last one counts */
			snprintf(run, sizeof(run), "20260101T%06d-00000002", i);
			snprintf(want, sizeof(want), "round%d", i);
			add(k, run, 200, 201, want);
		}
	}
	EXPECT(files_in("many") <= 33);
	for (i = 0; i < 100; i++) {
		snprintf(want, sizeof(want), "run %d", i);
		EXPECT_STR(found(k, i), want);
	}
	EXPECT_STR(found(k, 200), "round90 200");
	keyed_free(k);
}

/* Whatever byte is wrong, a text that is found is the one that was added. */
static void damage(void)
{
	CLEANUP(strbuf_release) struct strbuf whole = STRBUF_INIT;
	struct keyed *k = keyed_new("bad", "records");
	const char *file = "bad/20260101T000000-00000001", *got;
	size_t i;

	add(k, "20260101T000000-00000001", 0, 3, "x");
	keyed_free(k);
	EXPECT_INT(file_read(file, 4096, &whole, NULL), 0);
	for (i = 0; i < 2 * whole.len; i++) {
		bool cut = i >= whole.len;
		size_t at = i % whole.len;

		whole.buf[at] ^= (char)(cut ? 0 : 0x41);
		EXPECT_INT(file_write(file, whole.buf, cut ? at : whole.len, 0644, false, NULL), 0);
		whole.buf[at] ^= (char)(cut ? 0 : 0x41);
		k = keyed_new("bad", "records");
		got = found(k, 1);
		EXPECT(streq(got, "-") || streq(got, "x 1"));
		keyed_free(k);
	}
}

/* Keys spread as digests are, in numbers that the steps of a search have to get right. */
static void every_key(void)
{
	static const int sizes[] = {1, 2, 3, 5, 9, 100, 3000};
	size_t s;
	int i;

	for (s = 0; s < ARRAY_SIZE(sizes); s++) {
		CLEANUP(freep) struct keyed_item *items = xcalloc((size_t)sizes[s], sizeof(*items));
		struct keyed *k = keyed_new("every", "records");
		struct digest d;
		int wrong = 0;

		EXPECT_INT(file_remove_tree("every", NULL), 0);
		for (i = 0; i < sizes[s]; i++) {
			items[i] = (struct keyed_item){.text = "x", .len = 1};
			digest_bytes(&i, sizeof(i), &items[i].key);
		}
		EXPECT_INT(keyed_add(k, "20260101T000000-1", items, (size_t)sizes[s], NULL), 0);
		for (i = -sizes[s]; i < sizes[s]; i++) {
			digest_bytes(&i, sizeof(i), &d);
			wrong += keyed_has(k, &d) != (i >= 0);
		}
		EXPECT_INT(wrong, 0);
		keyed_free(k);
	}
}

static int count(void *ctx, const struct digest *key, const char *text, size_t len)
{
	(void)key;
	*(int *)ctx += len == 8 && memcmp(text, "later ", 6) == 0 ? 100 : 1;
	return 0;
}

static bool drop_even(void *ctx, const struct digest *key, const char *text, size_t len)
{
	(void)ctx;
	(void)text;
	(void)len;
	return key->b[31] % 2 == 0;
}

static void visit_and_prune(void)
{
	struct keyed *k = keyed_new("prune", "records"), *other = keyed_new("prune", "records");
	int n = 0;

	EXPECT_INT(keyed_prune(k, drop_even, NULL, NULL), 0);
	add(k, "20260101T000000-00000001", 0, 10, "sooner");
	add(k, "20260102T000000-00000001", 5, 10, "later");
	EXPECT_INT(keyed_visit(k, count, &n), 0);
	EXPECT_INT(n, 505);
	EXPECT_STR(found(other, 6), "later 6");
	EXPECT_INT(keyed_prune(k, drop_even, NULL, NULL), 0);
	EXPECT_INT(files_in("prune"), 1);
	EXPECT_STR(found(k, 6), "-");
	EXPECT_STR(found(k, 7), "later 7");
	EXPECT_STR(found(k, 3), "sooner 3");
	EXPECT_STR(found(other, 6), "later 6"); /* it has the files that it saw */
	keyed_refresh(other);
	EXPECT_STR(found(other, 6), "-");
	EXPECT_STR(found(other, 7), "later 7");
	keyed_free(k);
	keyed_free(other);
}

static void kinds(void)
{
	struct keyed *k = keyed_new("kinds", "records"), *other = keyed_new("kinds", "small");

	add(k, "20260101T000000-00000001", 0, 10, "x");
	EXPECT_STR(found(k, 3), "x 3");
	EXPECT_STR(found(other, 3), "-");
	keyed_free(k);
	keyed_free(other);
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"what was added is found", add_and_find},
		{"of two records of one key the newer one counts", newest_counts},
		{"many runs become few files", merging},
		{"damage is absence", damage},
		{"every key is found and no other", every_key},
		{"all are visited, some are dropped", visit_and_prune},
		{"a table of another kind holds nothing", kinds},
	};

	return tap_run("keyed", tests, ARRAY_SIZE(tests));
}
