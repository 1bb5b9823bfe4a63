/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An error: a code for the program, a message for the person. Lower case, no full stop, what failed first,
 * names in single quotes, and what to do next where there is something to do. */
#ifndef UTIL_ERR_H
#define UTIL_ERR_H

#include "util/base.h"

enum err_code {
	ERR_NONE = 0,
	ERR_IO,       /* the system said no */
	ERR_NOTFOUND, /* it is not there */
	ERR_PARSE,    /* a file does not follow its format */
	ERR_INVALID,  /* well-formed and wrong: an option, a pipeline */
	ERR_CORRUPT,  /* bytes do not hash to their name */
	ERR_LOCKED,   /* somebody else holds it */
	ERR_MOVED,    /* it changed while it was read */
	ERR_FAILED,   /* a stage failed */
	ERR_STOPPED,  /* a signal asked to stop */
	ERR_KILLED,   /* somebody killed a process that is part of us */
};

struct err {
	enum err_code code;
	char *msg; /* owned */
};
#define ERR_INIT {ERR_NONE, NULL}

/* Sets code and message; always returns -1. err may be NULL. */
PRINTF(3, 4) int err_set(struct err *err, enum err_code code, const char *fmt, ...);
/* As err_set, with ": strerror(errno)" behind. */
PRINTF(2, 3) int err_errno(struct err *err, const char *fmt, ...);
/* Puts "what: " before the message; always returns -1. */
PRINTF(2, 3) int err_wrap(struct err *err, const char *fmt, ...);
/* The same with a file, of a message that may begin with a place in it, "12: ..." or "1:38: ...": "m.json:1:38: ...". */
int err_wrap_file(struct err *err, const char *file);
/* Moves from into to (which is released first); always returns -1. */
int err_move(struct err *to, struct err *from);
void err_clear(struct err *err);
void err_release(struct err *err);

#endif
