/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "pipeline/words.h"

#include <string.h>

#include "pipeline/chars.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Takes the quotes and backslashes out of the quoted text at *s, in place. */
static char *unquote(char **s, const char **why)
{
	char *start = *s + 1, *from = start, *to = start;

	while (*from && *from != '"') {
		if (*from == '\\' && (from[1] == '"' || from[1] == '\\'))
			from++;
		*to++ = *from++;
	}
	if (!*from) {
		*why = "a '\"' without its partner";
		return NULL;
	}
	from++;
	if (*from && !is_blank(*from)) {
		*why = "text right behind a closing '\"'; quote the whole word";
		return NULL;
	}
	*s = from + (*from != '\0');
	*to = '\0';
	return start;
}

/* The end of the bare word at s; looks for magic on the way. */
static char *bare_end(char *s, struct word *w)
{
	char *close = s;

	for (;;) {
		s += char_span(s, CHAR_SHELL);
		if (!*s || is_blank(*s) || *s == '"')
			return s;
		if (s[0] == '\\' && s[1] == '{' && s[2] == '{') {
			w->tmpl = true;
			s += 3;
		} else if (s[0] == '{' && s[1] == '{' && close && (close = strstr(s, "}}"))) {
			w->tmpl = true;
			s = close + 2;
		} else {
			w->pattern |= *s == '*' || *s == '?' || *s == '[' || *s == '\\';
			w->tmpl |= s[0] == '{' && s[1] == '{';
			s++;
		}
	}
}

static int quoted_word(char **s, struct word *w, char **text, const char **why)
{
	*text = unquote(s, why);
	if (!*text)
		return -1;
	w->quoted = true;
	w->pattern = false;
	w->tmpl = strstr(*text, "{{") != NULL;
	return 1;
}

int word_next(char **s, bool attrs, struct word *w, const char **why)
{
	char *start = *s, *end;
	size_t name;

	while (is_blank(*start))
		start++;
	*s = start;
	memset(w, 0, sizeof(*w));
	if (!*start)
		return 0;
	if (*start == '"')
		return quoted_word(s, w, &w->text, why);
	end = bare_end(start, w);
	w->text = start;
	name = attrs ? char_span(start, CHAR_ATTR) : 0;
	if (name && start[name] == '=') {
		start[name] = '\0';
		w->value = start + name + 1;
		if (*end == '"' && end == w->value) {
			*s = end;
			return quoted_word(s, w, &w->value, why);
		}
	}
	if (*end == '"') {
		*why = "a '\"' in the middle of a word; quote the whole word";
		return -1;
	}
	*s = end + (*end != '\0');
	*end = '\0';
	return 1;
}
