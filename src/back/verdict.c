/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "back/verdict.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/file.h"
#include "util/hash.h"
#include "util/strbuf.h"

#define LIMIT ((size_t)1 << 30)
#define SUM_LEN 17 /* with the blank behind it */

static void add_line(struct strbuf *out, const char *run_id, int64_t now, const struct verdict_fact *f)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
	char hex[DIGEST_HEX + 1];

	digest_hex(&f->key, hex);
	strbuf_addf(&line, "%s %s %s %jd", hex, f->same ? "same" : "differs", run_id, (intmax_t)now);
	strbuf_addf(out, "%016llx %s\n", (unsigned long long)hash_bytes(line.buf, line.len), line.buf);
}

int verdicts_add(const char *shared, const char *run_id, int64_t now, const struct verdict_fact *v, size_t n, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(freep) char *file = xstrfmt("%s/verdicts", shared);
	CLEANUP(closep) int fd = -1;
	size_t i;

	if (!n)
		return 0;
	for (i = 0; i < n; i++)
		add_line(&text, run_id, now, &v[i]);
	if (file_mkdirs_for(file, err) < 0)
		return -1;
	fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_errno(err, "cannot open '%s'", file);
	if (fd_write_all(fd, text.buf, text.len, err) < 0)
		return err_wrap(err, "'%s'", file);
	return fsync(fd) < 0 ? err_errno(err, "cannot sync '%s'", file) : 0;
}

/* Of a line without its newline. */
static void count_line(const char *p, const char *end, const char *key, struct verdict_count *out)
{
	char word[8], *sum_end;
	intmax_t when;

	if (end - p < SUM_LEN + DIGEST_HEX || memcmp(p + SUM_LEN, key, DIGEST_HEX) != 0)
		return;
	if (strtoull(p, &sum_end, 16) != hash_bytes(p + SUM_LEN, (size_t)(end - p - SUM_LEN)) || sum_end != p + SUM_LEN - 1)
		return;
	if (sscanf(p + SUM_LEN + DIGEST_HEX, " %7s %*s %jd", word, &when) != 2)
		return;
	if (streq(word, "same"))
		out->same++;
	else
		out->differs++;
	out->last = MAX(out->last, (int64_t)when);
}

int verdicts_find(const char *shared, const struct digest *key, struct verdict_count *out, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(freep) char *file = xstrfmt("%s/verdicts", shared);
	char hex[DIGEST_HEX + 1];
	const char *p, *nl;

	memset(out, 0, sizeof(*out));
	if (!file_exists(file))
		return 0;
	if (file_read(file, LIMIT, &text, err) < 0)
		return -1;
	digest_hex(key, hex);
	for (p = text.buf; (nl = strchr(p, '\n')); p = nl + 1)
		count_line(p, nl, hex, out);
	return 0;
}
