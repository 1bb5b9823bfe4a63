/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/statistics.h"

#include <stdlib.h>
#include <string.h>

#include "util/file.h"

#define KEPT_LIMIT ((size_t)512 << 20)
#define CHUNK ((size_t)1 << 17)

static int add_file(struct sha *sum, const char *path, char *buf, struct err *err)
{
	CLEANUP(data_file_close) struct data_file f = DATA_FILE_INIT;
	struct sha sha;
	struct digest id;
	ssize_t got;

	if (data_file_open(&f, path, err) < 0)
		return -1;
	sha_init(&sha);
	while ((got = f.src.read(f.src.ctx, buf, CHUNK, err)) > 0)
		sha_update(&sha, buf, (size_t)got);
	sha_final(&sha, &id);
	sha_update(sum, id.b, sizeof(id.b));
	return got < 0 ? -1 : 0;
}

/* What is read, and how, as one digest. */
static int digest_files(const struct statistics_files *f, const struct strvec *files, struct digest *id, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf how = STRBUF_INIT;
	CLEANUP(freep) char *buf = xmalloc(CHUNK);
	struct sha sum;
	size_t i;

	strbuf_addf(&how, "mlmake-statistics 1\n%d %d\n", f->rules->separator, f->rules->no_header);
	for (i = 0; i < f->rules->n_na; i++)
		strbuf_addf(&how, "na %s\n", f->rules->na[i]);
	for (i = 0; i < files->n; i++)
		strbuf_addf(&how, "as %d\n", check_rows_options(f->rules, files->v[i]).format);
	sha_init(&sum);
	sha_update(&sum, how.buf, how.len);
	for (i = 0; i < files->n; i++)
		if (add_file(&sum, files->v[i], buf, err) < 0)
			return -1;
	sha_final(&sum, id);
	return 0;
}

static int read_files(const struct statistics_files *f, const struct strvec *files, struct summary *s, struct err *err)
{
	const struct na_words na = {f->rules->na, f->rules->n_na};
	struct rows r = ROWS_INIT;
	struct stats st;
	size_t i;
	int got = 0;

	stats_init(&st, &na);
	for (i = 0; i < files->n && got == 0; i++) {
		CLEANUP(data_file_close) struct data_file file = DATA_FILE_INIT;
		const struct rows_options opt = check_rows_options(f->rules, files->v[i]);

		rows_release(&r);
		got = data_file_open(&file, files->v[i], err);
		if (got == 0 && (rows_begin(&r, &file.src, &opt, err) < 0 || stats_take(&st, &r, err) < 0))
			got = err_wrap(err, "%s", files->v[i]);
	}
	if (got == 0)
		summary_take(s, &st);
	stats_release(&st);
	rows_release(&r);
	return got;
}

static bool read_kept(const char *file, struct summary *s)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (file_read(file, KEPT_LIMIT, &text, NULL) == 0 && summary_parse(s, text.buf, text.len, NULL) == 0)
		return true;
	summary_release(s);
	return false;
}

int statistics_of(const struct statistics_files *f, struct summary *s, struct digest *id, struct err *err)
{
	CLEANUP(strvec_release) struct strvec files = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(freep) char *file = NULL;
	char hex[DIGEST_HEX + 1];
	struct digest is;
	size_t i;

	for (i = 0; i < f->paths->n; i++)
		if (check_files(f->paths->v[i], &files, err) < 0)
			return -1;
	if (digest_files(f, &files, &is, err) < 0)
		return -1;
	if (id)
		*id = is;
	digest_hex(&is, hex);
	if (f->shared && file_exists(f->shared)) {
		file = xstrfmt("%s/statistics/%s", f->shared, hex);
		if (read_kept(file, s))
			return 0;
	}
	if (read_files(f, &files, s, err) < 0)
		return -1;
	if (!file)
		return 0;
	summary_write(s, &text);
	/* It spares the next reading, and that is all. */
	(void)!file_write(file, text.buf, text.len, 0644, false, NULL);
	return 0;
}
