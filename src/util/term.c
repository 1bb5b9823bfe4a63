/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "util/term.h"

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "util/text.h"

#define NO_CHAR UINT32_MAX

bool color_choice_parse(const char *s, enum color_choice *out)
{
	static const char *const names[] = {"auto", "always", "never"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(s, names[i])) {
			*out = (enum color_choice)i;
			return true;
		}
	return false;
}

bool term_is_tty(int fd)
{
	return isatty(fd) == 1;
}

static bool dumb(void)
{
	const char *term = getenv("TERM");

	return !term || !*term || streq(term, "dumb");
}

bool term_is_live(int fd)
{
	return term_is_tty(fd) && !dumb();
}

static bool wants_color(int fd, enum color_choice color)
{
	const char *no = getenv("NO_COLOR"), *force = getenv("CLICOLOR_FORCE");

	if (color != COLOR_AUTO)
		return color == COLOR_ALWAYS;
	if (no && *no)
		return false;
	if (force && *force && !streq(force, "0"))
		return true;
	return term_is_live(fd);
}

static int size_of_env(const char *name, int otherwise)
{
	const char *s = getenv(name);
	int64_t n;

	return s && text_parse_int(s, 1, 10000, &n) ? (int)n : otherwise;
}

void term_size(int fd, int *columns, int *rows)
{
	struct winsize ws;

	if (ioctl(fd, TIOCGWINSZ, &ws) < 0)
		ws.ws_col = ws.ws_row = 0;
	*columns = ws.ws_col ? ws.ws_col : size_of_env("COLUMNS", 80);
	*rows = ws.ws_row ? ws.ws_row : size_of_env("LINES", 24);
}

struct style style_for(int fd, enum color_choice color)
{
	struct style s = {.color = wants_color(fd, color), .utf8 = streq(nl_langinfo(CODESET), "UTF-8")};
	int rows;

	if (term_is_tty(fd))
		term_size(fd, &s.width, &rows);
	return s;
}

const char *hue_on(const struct style *s, enum hue h)
{
	static const char *const on[] = {
		[HUE_BOLD] = "\033[1m",  [HUE_DIM] = "\033[2m",   [HUE_GOOD] = "\033[32m",
		[HUE_BAD] = "\033[31m",  [HUE_WARN] = "\033[33m", [HUE_INFO] = "\033[36m",
	};

	return s->color ? on[h] : "";
}

const char *hue_off(const struct style *s)
{
	return s->color ? "\033[0m" : "";
}

void hue_addf(struct strbuf *out, const struct style *s, enum hue h, const char *fmt, ...)
{
	va_list ap;

	strbuf_addstr(out, hue_on(s, h));
	va_start(ap, fmt);
	strbuf_vaddf(out, fmt, ap);
	va_end(ap);
	strbuf_addstr(out, hue_off(s));
}

/* Reads one character of s[0..n), n > 0; *c is NO_CHAR (and the length 1) if it is not UTF-8. */
static size_t decode(const char *s, size_t n, uint32_t *c)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char b = (unsigned char)*s;
	size_t want = b < 0x80 ? 1 : b < 0xc2 ? 0 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : b < 0xf5 ? 4 : 0, i;

	*c = NO_CHAR;
	if (!want || want > n)
		return 1;
	if (want == 1) {
		*c = b;
		return 1;
	}
	uint32_t value = b & (0x7fu >> want);

	for (i = 1; i < want; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 1;
		value = value << 6 | ((unsigned char)s[i] & 0x3f);
	}
	if (value < least[want] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 1;
	*c = value;
	return want;
}

/* Controls of C0 and C1, and the marks that turn or hide text. */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xe0000 && c <= 0xe007f);
}

static size_t char_width(uint32_t c)
{
	int w;

	if (c < 0x80)
		return 1;
	if (c == NO_CHAR)
		return 1;
	w = wcwidth((wchar_t)c);
	return w < 0 ? 1 : (size_t)w;
}

/* Length of the colour sequence "ESC [ digits ; ... m" at s, 0 if there is none. */
static size_t sgr_len(const char *s, size_t n)
{
	size_t i = 2;

	if (n < 3 || s[0] != '\033' || s[1] != '[')
		return 0;
	while (i < n && ((s[i] >= '0' && s[i] <= '9') || s[i] == ';'))
		i++;
	return i < n && s[i] == 'm' ? i + 1 : 0;
}

size_t term_width(const char *s, size_t n)
{
	size_t i = 0, w = 0, len;
	uint32_t c;

	while (i < n) {
		if ((len = sgr_len(s + i, n - i)) == 0) {
			len = decode(s + i, n - i, &c);
			w += char_width(c);
		}
		i += len;
	}
	return w;
}

/* Length of the escape sequence at s (ESC is s[0]): control sequences, strings up to BEL or ST, two-byte ones. */
static size_t escape_len(const char *s, size_t n)
{
	size_t i = 2;

	if (n < 2)
		return n;
	if (s[1] == '[') {
		while (i < n && (unsigned char)s[i] >= 0x20 && (unsigned char)s[i] < 0x40)
			i++;
		return i < n && (unsigned char)s[i] >= 0x40 && (unsigned char)s[i] < 0x7f ? i + 1 : i;
	}
	if (strchr("]PX^_", s[1])) {
		while (i < n && s[i] != '\a' && s[i] != '\033' && s[i] != '\n')
			i++;
		if (i < n && s[i] == '\a')
			return i + 1;
		return i + 1 < n && s[i] == '\033' && s[i + 1] == '\\' ? i + 2 : i;
	}
	return (unsigned char)s[1] >= 0x20 && (unsigned char)s[1] < 0x7f ? 2 : 1;
}

/* How much of s[0..n) is printable ASCII, which nearly all is. */
static size_t plain_len(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] >= ' ' && s[i] <= '~')
		i++;
	return i;
}

void term_add_clean(struct strbuf *out, const char *s, size_t n)
{
	size_t i = 0, start = out->len, len;
	uint32_t c;

	while (n && (s[n - 1] == '\r' || s[n - 1] == '\n'))
		n--;
	while (i < n) {
		len = plain_len(s + i, n - i);
		if (len) {
			strbuf_add(out, s + i, len);
			i += len;
			continue;
		}
		len = decode(s + i, n - i, &c);
		if (c == '\033')
			len = escape_len(s + i, n - i);
		else if (c == '\r' && (i + 1 >= n || s[i + 1] != '\n'))
			strbuf_setlen(out, start);
		else if (c == '\t' || c == '\n')
			strbuf_addch(out, ' ');
		else if (c == NO_CHAR)
			strbuf_addch(out, '?');
		else if (!is_control(c))
			strbuf_add(out, s + i, len);
		i += len;
	}
}

void term_add_lines(struct strbuf *out, const char *prefix, const char *s, size_t n)
{
	while (n) {
		const char *nl = memchr(s, '\n', n);
		size_t len = nl ? (size_t)(nl - s) : n;

		strbuf_addstr(out, prefix);
		term_add_clean(out, s, len);
		strbuf_addch(out, '\n');
		len += nl != NULL;
		s += len;
		n -= len;
	}
}

/* The longest beginning of s[0..n) that takes at most width columns. */
static size_t head_within(const char *s, size_t n, size_t width)
{
	size_t i = 0, len;
	uint32_t c;

	while (i < n) {
		len = decode(s + i, n - i, &c);
		if (char_width(c) > width)
			break;
		width -= char_width(c);
		i += len;
	}
	return i;
}

/* Where the longest end of s[0..n) within width columns begins. */
static size_t tail_within(const char *s, size_t n, size_t width)
{
	size_t i = 0, total = term_width(s, n), len;
	uint32_t c;

	while (i < n && total > width) {
		len = decode(s + i, n - i, &c);
		total -= char_width(c);
		i += len;
	}
	while (i < n && decode(s + i, n - i, &c) && c != NO_CHAR && char_width(c) == 0)
		i += decode(s + i, n - i, &c);
	return i;
}

void term_add_fit(struct strbuf *out, const char *s, size_t width, const struct style *st)
{
	CLEANUP(strbuf_release) struct strbuf clean = STRBUF_INIT;
	const char *dots = st->utf8 ? "…" : "...";
	size_t dots_width = st->utf8 ? 1 : 3, room;

	term_add_clean(&clean, s, strlen(s));
	if (!width || term_width(clean.buf, clean.len) <= width) {
		strbuf_add(out, clean.buf, clean.len);
		return;
	}
	if (width <= dots_width + 1) {
		strbuf_add(out, clean.buf, head_within(clean.buf, clean.len, width));
		return;
	}
	room = width - dots_width;
	strbuf_add(out, clean.buf, head_within(clean.buf, clean.len, room / 2));
	strbuf_addstr(out, dots);
	strbuf_addstr(out, clean.buf + tail_within(clean.buf, clean.len, room - room / 2));
}

void term_add_cell(struct strbuf *out, const char *s, size_t width, const struct style *st)
{
	size_t start = out->len, used;

	term_add_fit(out, s, width, st);
	used = term_width(out->buf + start, out->len - start);
	if (used < width)
		strbuf_addn(out, ' ', width - used);
}

void term_cut(struct strbuf *line, size_t from, size_t width, const struct style *st)
{
	CLEANUP(strbuf_release) struct strbuf kept = STRBUF_INIT;
	size_t dots_width = st->utf8 ? 1 : 3, i = from, len, used = 0;
	bool full = false;
	uint32_t c;

	if (!width || term_width(line->buf + from, line->len - from) <= width)
		return;
	if (width < dots_width + 2)
		dots_width = 0;
	while (i < line->len) {
		if ((len = sgr_len(line->buf + i, line->len - i))) {
			strbuf_add(&kept, line->buf + i, len);
		} else {
			len = decode(line->buf + i, line->len - i, &c);
			if (!full && used + char_width(c) > width - dots_width) {
				full = true;
				strbuf_addstr(&kept, !dots_width ? "" : st->utf8 ? "…" : "...");
			}
			if (!full) {
				strbuf_add(&kept, line->buf + i, len);
				used += char_width(c);
			}
		}
		i += len;
	}
	strbuf_setlen(line, from);
	strbuf_add(line, kept.buf, kept.len);
}
