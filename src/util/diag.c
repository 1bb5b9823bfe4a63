/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "util/diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/term.h"

static bool same(const struct diag *a, const struct diag *b)
{
	if (a->level != b->level || a->line != b->line || !streq(a->msg, b->msg))
		return false;
	if (!a->file || !b->file)
		return a->file == b->file;
	return streq(a->file, b->file);
}

int diag_add(struct diags *ds, enum diag_level level, const char *file, int line, const char *fmt, ...)
{
	struct diag d = {level, file ? xstrdup(file) : NULL, line, NULL, 0};
	va_list ap;
	size_t i;

	va_start(ap, fmt);
	if (vasprintf(&d.msg, fmt, ap) < 0)
		BUG("cannot format '%s'", fmt);
	va_end(ap);
	/* Looking back a little catches repeats from matrix expansion without quadratic cost. */
	for (i = ds->n; i > 0 && ds->n - i < 64; i--) {
		if (same(&ds->v[i - 1], &d)) {
			free(d.file);
			free(d.msg);
			return -1;
		}
	}
	d.order = ds->n;
	for (i = ds->n; i > 0 && file; i--) { /* from the end: it is most often the same file */
		if (ds->v[i - 1].file && streq(ds->v[i - 1].file, file)) {
			d.order = ds->v[i - 1].order;
			break;
		}
	}
	ALLOC_GROW(ds->v, ds->n + 1, ds->cap);
	ds->v[ds->n++] = d;
	if (level == DIAG_ERROR)
		ds->errors++;
	else if (level == DIAG_WARNING)
		ds->warnings++;
	return -1;
}

static int by_place(const void *a, const void *b)
{
	const struct diag *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return strcmp(x->msg, y->msg);
}

void diags_sort(struct diags *ds)
{
	if (ds->n > 1)
		qsort(ds->v, ds->n, sizeof(*ds->v), by_place);
}

void diags_format(const struct diags *ds, struct strbuf *out)
{
	static const char *const word[] = {"note", "warning", "error"};
	size_t i;

	for (i = 0; i < ds->n; i++) {
		const struct diag *d = &ds->v[i];

		if (d->file && d->line)
			strbuf_addf(out, "%s:%d: ", d->file, d->line);
		else
			strbuf_addf(out, "%s: ", d->file ? d->file : "mlmake");
		strbuf_addf(out, "%s: ", word[d->level]);
		term_add_clean(out, d->msg, strlen(d->msg)); /* it may quote a name from the disk */
		strbuf_addch(out, '\n');
	}
}

void diags_release(struct diags *ds)
{
	size_t i;

	for (i = 0; i < ds->n; i++) {
		free(ds->v[i].file);
		free(ds->v[i].msg);
	}
	free(ds->v);
	*ds = (struct diags)DIAGS_INIT;
}
