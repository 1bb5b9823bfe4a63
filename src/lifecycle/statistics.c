/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/statistics.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/file.h"

#define KEPT_LIMIT ((size_t)512 << 20)
#define CHUNK ((size_t)1 << 17)

static int digest_file(const char *path, char *buf, struct digest *id, struct err *err)
{
	CLEANUP(data_file_close) struct data_file f = DATA_FILE_INIT;
	struct sha sha;
	ssize_t got;

	if (data_file_open(&f, path, err) < 0)
		return -1;
	sha_init(&sha);
	while ((got = f.src.read(f.src.ctx, buf, CHUNK, err)) > 0)
		sha_update(&sha, buf, (size_t)got);
	sha_final(&sha, id);
	return got < 0 ? -1 : 0;
}

/* What is read, and how, as one digest. */
static void make_key(const struct statistics_files *f, const struct strvec *files, const struct digest *contents, struct digest *key)
{
	CLEANUP(strbuf_release) struct strbuf how = STRBUF_INIT;
	size_t i;

	strbuf_addf(&how, "mlmake-statistics 1\n%d %d\n", f->rules->separator, f->rules->no_header);
	for (i = 0; i < f->rules->n_na; i++)
		strbuf_addf(&how, "na %s\n", f->rules->na[i]);
	for (i = 0; i < files->n; i++) {
		strbuf_addf(&how, "as %d ", check_rows_options(f->rules, files->v[i]).format);
		strbuf_add(&how, contents[i].b, sizeof(contents[i].b));
	}
	digest_bytes(how.buf, how.len, key);
}

static int digest_files(const struct statistics_files *f, const struct strvec *files, struct digest *key, struct err *err)
{
	CLEANUP(freep) char *buf = xmalloc(CHUNK);
	struct digest *contents = xcalloc(files->n + 1, sizeof(*contents));
	size_t i;
	int got = 0;

	for (i = 0; i < files->n && got == 0; i++)
		got = digest_file(files->v[i], buf, &contents[i], err);
	if (got == 0)
		make_key(f, files, contents, key);
	free(contents);
	return got;
}

/* A file that is hashed while it is read: what is kept is of these very bytes, though somebody writes to it meanwhile. */
struct hashed {
	struct data_source *file;
	struct sha sha;
};

static ssize_t hashed_read(void *ctx, void *buf, size_t n, struct err *err)
{
	struct hashed *h = ctx;
	ssize_t got = h->file->read(h->file->ctx, buf, n, err);

	if (got > 0)
		sha_update(&h->sha, buf, (size_t)got);
	return got;
}

static int hashed_rewind(void *ctx, struct err *err)
{
	struct hashed *h = ctx;

	sha_init(&h->sha);
	return h->file->rewind(h->file->ctx, err);
}

static int read_file(const struct statistics_files *f, const char *path, struct rows *r, struct stats *st, struct digest *content,
		     struct err *err)
{
	CLEANUP(data_file_close) struct data_file file = DATA_FILE_INIT;
	struct rows_options opt = check_rows_options(f->rules, path);
	struct hashed h = {.file = &file.src};
	const struct data_source src = {hashed_read, hashed_rewind, &h};

	if (data_file_open(&file, path, err) < 0)
		return -1;
	opt.values = &st->na;
	sha_init(&h.sha);
	if (rows_begin(r, &src, &opt, err) < 0 || stats_take(st, r, err) < 0)
		return err_wrap(err, "%s", path);
	sha_final(&h.sha, content);
	return 0;
}

/* *key: of what was read. */
static int read_files(const struct statistics_files *f, const struct strvec *files, struct summary *s, struct digest *key, struct err *err)
{
	struct digest *contents = xcalloc(files->n + 1, sizeof(*contents));
	const struct na_words na = {f->rules->na, f->rules->n_na};
	struct rows r = ROWS_INIT;
	struct stats st;
	size_t i;
	int got = 0;

	stats_init(&st, &na);
	for (i = 0; i < files->n && got == 0; i++) {
		rows_release(&r);
		got = read_file(f, files->v[i], &r, &st, &contents[i], err);
	}
	if (got == 0) {
		summary_take(s, &st);
		make_key(f, files, contents, key);
	}
	free(contents);
	stats_release(&st);
	rows_release(&r);
	return got;
}

/* Its time says when it was last of use: gc_do of upkeep/gc.h removes what has not been for long. */
static bool read_kept(const char *file, struct summary *s)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (file_read(file, KEPT_LIMIT, &text, NULL) == 0 && summary_parse(s, text.buf, text.len, NULL) == 0) {
		utimensat(AT_FDCWD, file, NULL, 0);
		return true;
	}
	summary_release(s);
	return false;
}

/* Where the statistics of this key are kept; NULL: nowhere. Owned. */
static char *kept_file(const struct statistics_files *f, const struct digest *key)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(key, hex);
	return f->shared && file_exists(f->shared) ? xstrfmt("%s/statistics/%s", f->shared, hex) : NULL;
}

struct lacking {
	const char *path;
	struct strvec *out;
};

static void note_lack(void *ctx, const char *words)
{
	struct lacking *l = ctx;

	strvec_pushf(l->out, "%s:1: %s; the first of them is looked at alone", l->path, words);
}

static int look_at_header(const struct statistics_files *f, const char *path, struct strvec *out, struct err *err)
{
	CLEANUP(data_file_close) struct data_file file = DATA_FILE_INIT;
	const struct rows_options opt = check_rows_options(f->rules, path);
	struct lacking l = {path, out};
	struct rows r = ROWS_INIT;
	int got = data_file_open(&file, path, err);

	if (got == 0 && rows_begin(&r, &file.src, &opt, err) < 0)
		got = err_wrap(err, "%s", path);
	if (got == 0)
		check_header(&r.names, note_lack, &l);
	rows_release(&r);
	return got;
}

int statistics_lack(const struct statistics_files *f, struct strvec *out, struct err *err)
{
	CLEANUP(strvec_release) struct strvec files = STRVEC_INIT;
	size_t i;

	for (i = 0; i < f->paths->n; i++)
		if (check_files(f->paths->v[i], &files, err) < 0)
			return -1;
	for (i = 0; i < files.n; i++)
		if (look_at_header(f, files.v[i], out, err) < 0)
			return -1;
	return 0;
}

/* Is there anything that the digests of files could be looked up in? */
static bool is_any_kept(const struct statistics_files *f)
{
	CLEANUP(freep) char *dir = f->shared ? xstrfmt("%s/statistics", f->shared) : NULL;

	return dir && file_exists(dir);
}

bool statistics_kept(const struct statistics_files *f, const struct digest *contents, struct summary *s)
{
	CLEANUP(freep) char *file = NULL;
	struct digest key;

	make_key(f, f->paths, contents, &key);
	file = kept_file(f, &key);
	return file && read_kept(file, s);
}

int statistics_of(const struct statistics_files *f, struct summary *s, struct digest *id, struct err *err)
{
	CLEANUP(strvec_release) struct strvec files = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(freep) char *file = NULL;
	struct digest is;
	size_t i;

	for (i = 0; i < f->paths->n; i++)
		if (check_files(f->paths->v[i], &files, err) < 0)
			return -1;
	if (is_any_kept(f)) {
		if (digest_files(f, &files, &is, err) < 0)
			return -1;
		file = kept_file(f, &is);
		if (file && read_kept(file, s)) {
			if (id)
				*id = is;
			return 0;
		}
	}
	if (read_files(f, &files, s, &is, err) < 0)
		return -1;
	if (id)
		*id = is;
	free(file);
	file = kept_file(f, &is);
	if (!file)
		return 0;
	summary_write(s, &text);
	/* It spares the next reading, and that is all. */
	(void)!file_write(file, text.buf, text.len, 0644, false, NULL);
	return 0;
}
