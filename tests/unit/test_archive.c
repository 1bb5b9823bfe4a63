/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "tap.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "stale/archive.h"
#include "util/file.h"

static struct digest key(int n)
{
	struct digest d = {{0}};

	d.b[0] = (unsigned char)(n * 37);
	d.b[31] = (unsigned char)n;
	return d;
}

static void add(struct archive *a, const char *run, int from, int to, const char *word)
{
	struct archive_item items[64];
	char texts[64][32];
	int i, n = 0;

	for (i = from; i < to; i++, n++) {
		snprintf(texts[n], sizeof(texts[n]), "%s %d\n", word, i);
		items[n] = (struct archive_item){key(i), texts[n], strlen(texts[n]), 0};
	}
	EXPECT_INT(archive_add(a, run, items, (size_t)n, NULL), 0);
}

/* "WORD N" if it is there, "-" if not. */
static const char *found(struct archive *a, int n)
{
	static char out[64];
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct digest k = key(n);

	if (!archive_find(a, &k, &text))
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
	struct archive *a = archive_new("one");

	EXPECT_STR(found(a, 1), "-");
	add(a, "20260101T000000-00000001", 0, 50, "first");
	EXPECT_STR(found(a, 0), "first 0");
	EXPECT_STR(found(a, 49), "first 49");
	EXPECT_STR(found(a, 50), "-");
	archive_free(a);
	a = archive_new("one");
	EXPECT_STR(found(a, 17), "first 17");
	archive_free(a);
}

static void newest_counts(void)
{
	struct archive *a = archive_new("two");

	add(a, "20260102T000000-00000001", 0, 10, "later");
	add(a, "20260101T000000-00000002", 5, 15, "earlier");
	EXPECT_STR(found(a, 4), "later 4");
	EXPECT_STR(found(a, 7), "later 7");
	EXPECT_STR(found(a, 12), "earlier 12");
	archive_free(a);
}

static void merging(void)
{
	struct archive *a = archive_new("many");
	char run[32], want[32];
	int i;

	for (i = 0; i < 100; i++) {
		snprintf(run, sizeof(run), "20260101T%06d-00000001", i);
		add(a, run, i, i + 1, "run");
		if (i % 10 == 0) { /* the same key again and again: the last one counts */
			snprintf(run, sizeof(run), "20260101T%06d-00000002", i);
			snprintf(want, sizeof(want), "round%d", i);
			add(a, run, 200, 201, want);
		}
	}
	EXPECT(files_in("many") <= 33);
	for (i = 0; i < 100; i++) {
		snprintf(want, sizeof(want), "run %d", i);
		EXPECT_STR(found(a, i), want);
	}
	EXPECT_STR(found(a, 200), "round90 200");
	archive_free(a);
}

/* Whatever byte is wrong, a text that is found is the one that was added. */
static void damage(void)
{
	CLEANUP(strbuf_release) struct strbuf whole = STRBUF_INIT;
	struct archive *a = archive_new("bad");
	const char *file = "bad/20260101T000000-00000001", *got;
	size_t i;

	add(a, "20260101T000000-00000001", 0, 3, "x");
	archive_free(a);
	EXPECT_INT(file_read(file, 4096, &whole, NULL), 0);
	for (i = 0; i < 2 * whole.len; i++) {
		bool cut = i >= whole.len;
		size_t at = i % whole.len;

		whole.buf[at] ^= (char)(cut ? 0 : 0x41);
		EXPECT_INT(file_write(file, whole.buf, cut ? at : whole.len, 0644, false, NULL), 0);
		whole.buf[at] ^= (char)(cut ? 0 : 0x41);
		a = archive_new("bad");
		got = found(a, 1);
		EXPECT(streq(got, "-") || streq(got, "x 1"));
		archive_free(a);
	}
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"what was added is found", add_and_find},
		{"of two records of one key the newer one counts", newest_counts},
		{"many runs become few files", merging},
		{"damage is absence", damage},
	};

	return tap_run("archive", tests, ARRAY_SIZE(tests));
}
