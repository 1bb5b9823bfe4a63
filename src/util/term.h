/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an output can show: colour, UTF-8, columns; and text made safe and fitting for it.
 *
 * UTF-8 is what nl_langinfo(CODESET) says, so main calls setlocale(LC_CTYPE, "") first (not LC_ALL: numbers keep their
 * point). Widths come from wcwidth. */
#ifndef UTIL_TERM_H
#define UTIL_TERM_H

#include "util/base.h"
#include "util/strbuf.h"

struct style {
	bool color, utf8;
	int width; /* columns; 0: no limit */
};

enum color_choice { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
/* "auto", "always", "never"; false for anything else. */
bool color_choice_parse(const char *s, enum color_choice *out);

/* The style of what is written to fd. Auto: NO_COLOR (not empty) says no, CLICOLOR_FORCE (not 0) yes, else a
 * terminal that is not TERM=dumb. The width is that of the terminal, 0 if fd is none. */
struct style style_for(int fd, enum color_choice color);
bool term_is_tty(int fd);
/* A terminal whose cursor can be moved. */
bool term_is_live(int fd);
/* Asks the terminal, then COLUMNS and LINES; 80 and 24 if nobody knows. They may have changed since the last call. */
void term_size(int fd, int *columns, int *rows);

enum hue { HUE_BOLD, HUE_DIM, HUE_GOOD, HUE_BAD, HUE_WARN, HUE_INFO };
/* The sequences that begin and end a hue; "" without colour. */
const char *hue_on(const struct style *s, enum hue h);
const char *hue_off(const struct style *s);
PRINTF(4, 5) void hue_addf(struct strbuf *out, const struct style *s, enum hue h, const char *fmt, ...);

/* Columns that s[0..n) takes; colour sequences take none. */
size_t term_width(const char *s, size_t n);
/* Appends s[0..n) as one line that moves no cursor: escape sequences and control characters are dropped, tabs and
 * newlines become a blank, marks that reorder text are dropped, bytes that are not UTF-8 become '?'. Of a line that
 * a progress bar wrote over itself with '\r', the last state counts. */
void term_add_clean(struct strbuf *out, const char *s, size_t n);
/* Appends every line of s[0..n), clean, each between prefix and a newline. */
void term_add_lines(struct strbuf *out, const char *prefix, const char *s, size_t n);
/* Appends s, clean, in at most width columns (0: no limit): what is too much is left out of the middle. */
void term_add_fit(struct strbuf *out, const char *s, size_t width, const struct style *st);
/* As term_add_fit, filled up with blanks to width. */
void term_add_cell(struct strbuf *out, const char *s, size_t width, const struct style *st);
/* Cuts what stands in line from byte `from` on to width columns (0: no limit), keeping colour sequences. */
void term_cut(struct strbuf *line, size_t from, size_t width, const struct style *st);

#endif
