/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values put into a shell command so that the shell sees exactly them, also where the command's author has already
 * opened quotes. */
#ifndef PIPELINE_SHQUOTE_H
#define PIPELINE_SHQUOTE_H

#include "util/strbuf.h"

/* Where in a command we stand. Zero is its beginning. */
struct shquote {
	char quote;   /* '\'', '"' or 0 */
	char last;    /* the character before, 0 at the beginning */
	bool subst;   /* a $( or ` inside of "" */
	bool comment; /* behind a '#', to the end of the line */
	bool here;    /* a here-document was announced: what follows the line is not shell any more, or is again */
	bool murky;   /* behind that line */
};

/* Passes over literal text of the command. */
void shquote_scan(struct shquote *q, const char *s, size_t n);
/* Is value the same for the shell whether quoted or not? */
bool shquote_is_plain(const char *value);
/* Appends value, quoted for where we stand. -1 (nothing appended) if that cannot be done safely: *why says where we
 * are. */
int shquote_add(struct shquote *q, const char *value, struct strbuf *out, const char **why);
/* Appends the value that the shell variable name will have, as one word. -1 as shquote_add. */
int shquote_add_variable(struct shquote *q, const char *name, struct strbuf *out, const char **why);

#endif
