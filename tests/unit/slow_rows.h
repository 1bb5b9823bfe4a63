/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Separated text byte by byte, as data/rows.h says it is to be understood; for comparison. */
#ifndef SLOW_ROWS_H
#define SLOW_ROWS_H

#include <string.h>

#include "data/rows.h"

/* A text that is handed out in small pieces, of other sizes each time; whole if step is 0. */
struct slow_pieces {
	const char *s;
	size_t n, at, step, turn;
};

static inline ssize_t slow_read(void *ctx, void *buf, size_t n, struct err *err)
{
	struct slow_pieces *p = ctx;
	size_t take = MIN(n, p->n - p->at);

	(void)err;
	p->turn++;
	if (p->step)
		take = MIN(take, 1 + p->turn % p->step);
	memcpy(buf, p->s + p->at, take);
	p->at += take;
	return (ssize_t)take;
}

static inline int slow_rewind(void *ctx, struct err *err)
{
	(void)err;
	((struct slow_pieces *)ctx)->at = 0;
	return 0;
}

/* All of s[0..n) as text: "LINE:" then a field each in brackets, '!' behind what is broken, a newline. */
static inline void slow_rows(const char *s, size_t n, char sep, struct strbuf *out)
{
	size_t i = n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0 ? 3 : 0, line = 1;

	while (i < n) {
		strbuf_addf(out, "%zu:", line);
		for (;;) {
			CLEANUP(strbuf_release) struct strbuf f = STRBUF_INIT;
			size_t from = i;
			bool quoted = i < n && s[i] == '"', broken = false;

			if (quoted) {
				for (i++; i < n && !(s[i] == '"' && !(i + 1 < n && s[i + 1] == '"')); i++) {
					line += s[i] == '\n';
					strbuf_addch(&f, s[i]);
					i += s[i] == '"';
				}
				broken = i >= n;
				i += i < n;
			}
			while (i < n && s[i] != sep && s[i] != '\n') {
				bool cr = s[i] == '\r' && (i + 1 == n || s[i + 1] == '\n');

				broken |= quoted && !cr;
				if (!quoted && !cr)
					strbuf_addch(&f, s[i]);
				i++;
			}
			if (broken) {
				size_t end = i;

				if (end > from && s[end - 1] == '\r' && (end == n || s[end] == '\n'))
					end--;
				strbuf_clear(&f);
				strbuf_add(&f, s + from, end - from);
			}
			strbuf_addch(out, '[');
			strbuf_add(out, f.buf, f.len);
			strbuf_addstr(out, broken ? "]!" : "]");
			if (i >= n || s[i] == '\n')
				break;
			i++;
		}
		strbuf_addch(out, '\n');
		line += i < n;
		i++;
	}
}

/* The same by rows.h, read by a thread where step is not 0; false if it ended with an error. *flags: all that was flagged. */
static inline bool fast_rows(const char *s, size_t n, char sep, size_t step, unsigned *flags, struct strbuf *out)
{
	struct slow_pieces p = {s, n, 0, step, 0};
	const struct data_source src = {slow_read, slow_rewind, &p};
	const struct rows_options opt = {.format = ROWS_SEPARATED, .separator = sep, .raw = true, .ahead = step > 0, .piece = step ? 64 : 0};
	CLEANUP(rows_release) struct rows r = ROWS_INIT;
	size_t i;
	int got = rows_begin(&r, &src, &opt, NULL);

	*flags = 0;
	while (got >= 0 && (got = rows_next(&r, NULL)) > 0) {
		strbuf_addf(out, "%zu:", (size_t)r.line);
		for (i = 0; i < r.n_fields; i++) {
			struct field f = rows_field(&r, i);
			bool quoted = f.kind != FIELD_QUOTED && f.n && *f.s == '"';

			strbuf_addch(out, '[');
			strbuf_add(out, f.s, f.n);
			strbuf_addstr(out, quoted ? "]!" : "]");
		}
		strbuf_addch(out, '\n');
		*flags |= r.flags;
	}
	return got == 0;
}

#endif
