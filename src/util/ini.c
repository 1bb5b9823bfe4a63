/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only file that knows inih. inih cuts long names, splits at ':', drops what follows ';' and takes a bad header for
 * nothing, some of it depending on how the library was built. So it is handed one harmless stand-in for each line
 * ("[s]", "k=v" or nothing), and whatever it calls back for is taken from the line itself. */
#include <config.h>

#include "util/ini.h"

#include <ini.h>
#include <limits.h>
#include <string.h>

#include "util/strbuf.h"

enum kind { NOTHING, SECTION, ENTRY, CONTINUATION };

struct reader {
	const char *name, *at, *end;
	const struct ini_handler *h;
	struct diags *ds;
	struct strbuf text; /* the line */
	struct strbuf key;  /* of the last entry */
	struct ini_line line;
	int number;
	bool lost; /* below a bad header */
	bool orphaned; /* below an indented line that continues nothing; one error is enough for all of them */
	bool failed;
};

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t\r\f\v");
}

static bool fail(struct reader *r, const char *what)
{
	diag_error(r->ds, r->name, r->number, "%s", what);
	r->failed = true;
	return false;
}

/* Puts the next line into r->text, without its end and blanks before that. False if there is nothing to read in it. */
static bool next_line(struct reader *r)
{
	const char *line = r->at, *nl = memchr(line, '\n', (size_t)(r->end - line));
	size_t n = (size_t)((nl ? nl : r->end) - line);

	r->at += n + (nl != NULL);
	if (r->number < INT_MAX)
		r->number++;
	if (n > INI_LINE_LIMIT)
		return fail(r, "the line is longer than 1 MiB");
	if (memchr(line, '\0', n))
		return fail(r, "the line has a NUL byte; is this a text file?");
	strbuf_clear(&r->text);
	strbuf_add(&r->text, line, n);
	strbuf_trim(&r->text);
	return r->text.len > 0;
}

static enum kind read_header(struct reader *r)
{
	char *s = r->text.buf, *last = s + r->text.len - 1;

	strbuf_clear(&r->key);
	r->orphaned = false;
	r->lost = true;
	if (*last != ']') {
		fail(r, strchr(s, ']') ? "text after the ']' of a section; a comment needs a line of its own"
				       : "a section that starts with '[' lacks its ']'");
		return NOTHING;
	}
	strbuf_setlen(&r->text, r->text.len - 1);
	strbuf_trim(&r->text);
	r->line.value = skip_blanks(s + 1);
	if (!*r->line.value) {
		fail(r, "a section without a name");
		return NOTHING;
	}
	r->lost = false;
	return SECTION;
}

static enum kind read_continuation(struct reader *r, const char *first)
{
	if (r->lost)
		return NOTHING;
	if (!r->key.len) {
		if (r->orphaned)
			return NOTHING;
		r->orphaned = true;
		fail(r, "an indented line continues a value, and there is none above; keys and sections start in column 1");
		return NOTHING;
	}
	r->line.value = first;
	r->line.indent = (size_t)(first - r->text.buf);
	r->line.continuation = true;
	return CONTINUATION;
}

static enum kind read_entry(struct reader *r)
{
	char *s = r->text.buf, *eq = strchr(s, '=');

	strbuf_clear(&r->key);
	r->orphaned = false;
	if (!eq || eq == s)
		fail(r, eq ? "no key before the '='"
			   : "neither 'key = value' nor '[section]'; a comment starts with '#' or ';' in column 1");
	if (!eq || eq == s || r->lost)
		return NOTHING;
	strbuf_add(&r->key, s, (size_t)(eq - s));
	strbuf_trim(&r->key);
	r->line.value = skip_blanks(eq + 1);
	return ENTRY;
}

static enum kind read_line(struct reader *r)
{
	const char *s, *first;

	if (!next_line(r))
		return NOTHING;
	s = r->text.buf;
	first = skip_blanks(s);
	r->line = (struct ini_line){r->number, NULL, NULL, 0, false};
	if (*s == ';' || *s == '#')
		return NOTHING;
	if (first > s)
		return read_continuation(r, first);
	return *s == '[' ? read_header(r) : read_entry(r);
}

/* inih's reader. A section is reported here, since inih is silent about one without entries. */
static char *feed(char *buf, int size, void *ctx)
{
	static const char *const stand_in[] = {"\n", "[s]\n", "k=v\n", "k=v\n"};
	struct reader *r = ctx;
	enum kind kind;

	if (r->at >= r->end || size < 8)
		return NULL;
	kind = read_line(r);
	if (kind == SECTION && r->h->section)
		r->h->section(r->h->ctx, r->number, r->line.value);
	return strcpy(buf, stand_in[kind]);
}

#if INI_HANDLER_LINENO
static int deliver(void *ctx, const char *section, const char *name, const char *value, int line)
#else
static int deliver(void *ctx, const char *section, const char *name, const char *value)
#endif
{
	struct reader *r = ctx;

#if INI_HANDLER_LINENO
	(void)line;
#endif
	(void)section;
	if (!name || !value) /* as some builds announce a section */
		return 1;
	r->line.key = r->key.buf;
	r->h->entry(r->h->ctx, &r->line);
	return 1;
}

int ini_read(const char *name, const char *text, size_t n, const struct ini_handler *h, struct diags *ds)
{
	struct reader r = {.name = name, .at = text, .end = text + n, .h = h, .ds = ds,
			   .text = STRBUF_INIT, .key = STRBUF_INIT};

	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		r.at += 3;
	if (n && ini_parse_stream(feed, &r, deliver, &r) != 0)
		fail(&r, "the INI library stopped reading here");
	strbuf_release(&r.text);
	strbuf_release(&r.key);
	return r.failed ? -1 : 0;
}
