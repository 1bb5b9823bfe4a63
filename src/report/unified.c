/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/unified.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTEXT 3

struct text_lines {
	const char **at; /* where each begins, and the end */
	size_t n;
	bool *marked;    /* deleted from the old text, inserted in the new */
};

struct script {
	struct text_lines old, new;
};

static void split(struct linediff_text t, struct text_lines *out)
{
	const char *p = t.s, *end = t.s + t.n;
	size_t cap = 0;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		ALLOC_GROW(out->at, out->n + 2, cap);
		out->at[out->n++] = p;
		p = nl ? nl + 1 : end;
	}
	ALLOC_GROW(out->at, out->n + 1, cap);
	out->at[out->n] = end;
	out->marked = xcalloc(out->n + 2, sizeof(*out->marked));
}

static void mark(void *ctx, char sign, size_t number, const char *s, size_t n)
{
	struct script *sc = ctx;
	struct text_lines *l = sign == '-' ? &sc->old : &sc->new;

	(void)s;
	(void)n;
	if (number >= 1 && number <= l->n)
		l->marked[number - 1] = true;
}

static void tell_line(const struct unified_sink *sink, char sign, const struct text_lines *l, size_t i)
{
	size_t n = (size_t)(l->at[i + 1] - l->at[i]);

	sink->line(sink->ctx, sign, l->at[i], n && l->at[i][n - 1] == '\n' ? n - 1 : n);
}

/* Where the next change begins, as places in both texts; false if there is none. */
static bool next_change(const struct script *sc, size_t *i, size_t *j)
{
	while (*i < sc->old.n || *j < sc->new.n) {
		if ((*i < sc->old.n && sc->old.marked[*i]) || (*j < sc->new.n && sc->new.marked[*j]))
			return true;
		++*i;
		++*j;
	}
	return false;
}

/* The end of the hunk that begins with the change at (*i, *j): behind its last change. */
static void hunk_end(const struct script *sc, size_t *i, size_t *j)
{
	for (;;) {
		size_t x, y;

		while (*i < sc->old.n && sc->old.marked[*i])
			++*i;
		while (*j < sc->new.n && sc->new.marked[*j])
			++*j;
		x = *i;
		y = *j;
		if (!next_change(sc, &x, &y) || x - *i > 2 * CONTEXT)
			return;
		*i = x;
		*j = y;
	}
}

static void tell_hunk(const struct script *sc, size_t i, size_t j, size_t end_i, size_t end_j, const struct unified_sink *sink)
{
	size_t before = MIN(i, (size_t)CONTEXT), after = MIN(sc->old.n - end_i, (size_t)CONTEXT);
	size_t n_old = end_i - i + before + after, n_new = end_j - j + before + after;
	char head[128];
	int len;

	i -= before;
	j -= before;
	len = snprintf(head, sizeof(head), "@@ -%zu,%zu +%zu,%zu @@", n_old ? i + 1 : i, n_old, n_new ? j + 1 : j, n_new);
	sink->line(sink->ctx, '@', head, (size_t)len);
	end_i += after;
	end_j += after;
	while (i < end_i || j < end_j) {
		if (i < end_i && sc->old.marked[i])
			tell_line(sink, '-', &sc->old, i++);
		else if (j < end_j && sc->new.marked[j])
			tell_line(sink, '+', &sc->new, j++);
		else if (i < end_i && j < end_j)
			tell_line(sink, ' ', &sc->old, i++), j++;
		else
			break;
	}
}

enum linediff_result unified_diff(struct linediff_text old, struct linediff_text new, const struct unified_sink *sink)
{
	struct script sc = {.old = {.at = NULL}};
	const struct linediff_sink marker = {mark, &sc};
	enum linediff_result result;
	size_t i = 0, j = 0;

	split(old, &sc.old);
	split(new, &sc.new);
	result = linediff(old, new, SIZE_MAX, &marker, NULL);
	while (result == LINEDIFF_CHANGED && next_change(&sc, &i, &j)) {
		size_t end_i = i, end_j = j;

		hunk_end(&sc, &end_i, &end_j);
		tell_hunk(&sc, i, j, end_i, end_j, sink);
		i = end_i;
		j = end_j;
	}
	free(sc.old.at);
	free(sc.new.at);
	free(sc.old.marked);
	free(sc.new.marked);
	return result;
}
