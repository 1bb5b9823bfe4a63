/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a stage did with files that its section does not name, out of what was seen (sandbox/watch.h). */
#ifndef RUN_WATCHING_H
#define RUN_WATCHING_H

#include "sandbox/seen.h"
#include "stale/decide.h"
#include "util/strvec.h"

/* Project paths, in the order in which the stage came to them. */
struct undeclared {
	struct strvec read;    /* files that are there */
	struct strvec params;  /* those of them that are files of parameters */
	struct strvec listed;  /* directories; "." is the project's */
	struct strvec missing; /* looked for, never there */
	struct strvec written; /* there now, or refused */
	struct strvec changed; /* what was there before: refused to be written, replaced or removed; */
	struct strvec inputs;  /* likewise, of what it declares to read */
	struct strvec outside; /* absolute paths: refused to be written */
	bool bounded;          /* read, changed and so on were refused */
};
#define UNDECLARED_INIT \
	{STRVEC_INIT, STRVEC_INIT, STRVEC_INIT, STRVEC_INIT, STRVEC_INIT, STRVEC_INIT, STRVEC_INIT, STRVEC_INIT, false}

/* Is the command one program that soon has done what it is told to do, and looks for no other files? */
bool watching_is_plain(const struct instance *in);
/* Of a plain one: is every file that its words name declared, and there is nothing to be found by watching it? */
bool watching_is_declared(const struct instance *in);
/* Appends what needs no watching: directories among the inputs that v found, and outputs. Borrowed from in. */
void watching_skip(const struct instance *in, const struct verdict *v, struct strvec *out);
/* Appends the rules (sandbox/bounds.h) of a stage with `watch = strict`. free: paths, NULL-terminated, that it may use for what is
 * temporary; read: one more that it may read, NULL: none. */
void watching_rules(const struct pipeline *pl, const struct instance *in, const struct verdict *v, const char *read,
		    const char *const *free, struct strvec *out);
/* To be called when the stage has ended well and its outputs stand. A read of what lies in a declared directory, by its own name
 * or by that to which links lead, is declared; so is the list of a directory in which a pattern of the stage looks, or code of it
 * that Python imports lies. */
void watching_find(const struct pipeline *pl, const struct instance *in, const struct seen *s, struct undeclared *out);
/* Of one that was bounded, in any state: what it was refused. */
void watching_refused(const struct seen *s, struct undeclared *out);
void undeclared_release(struct undeclared *u);

/* Appends a sentence about what was found or refused, with what to write into mlmake.ini; nothing if nothing was found. learned: what
 * it read counts from now on. */
void watching_words(const struct stage *st, const struct undeclared *u, bool learned, struct strbuf *out);
/* Appends a sentence about what could not be seen, but for BLIND_UNWATCHED; nothing if all was. */
void watching_blind_words(const struct seen *s, struct strbuf *out);

#endif
