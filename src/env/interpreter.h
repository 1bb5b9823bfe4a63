/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which Python an environment has, and where that looks for distributions, without starting it.
 *
 * It is found as the shell finds it, and its directories as site.py finds them: pyvenv.cfg, the directory of lib/pythonX.Y, Debian's
 * dist-packages, the user's own, *.pth. Where that does not tell for certain (a wrapper, a .pth that runs code, a sitecustomize), the
 * interpreter has to be asked; the answer is good as long as all that was looked at is as it was, and only then if the interpreter is a
 * program and no script. */
#ifndef ENV_INTERPRETER_H
#define ENV_INTERPRETER_H

#include "code/finder.h"
#include "digest/statcache.h"
#include "pipeline/pipeline.h"

/* How the machine is seen. What decides is asked through these, so that it can be noted and asked again. */
struct env_tools {
	const struct pipeline_disk *vars; /* getenv */
	const struct code_disk *disk;
	struct statcache *cache;
	int threads;
	const char *home; /* of a copy of a project: the project itself, for what the copy lacks; NULL: this is none */
	/* What a question of this key was answered last: its stamp, a line end, and what was printed. NULL: nothing. */
	const char *(*answer)(void *ctx, const char *key);
	void *answer_ctx;
};

struct interpreter {
	const char *version;        /* "3.11.7" or "3.11"; NULL: not known */
	const char *implementation; /* "cpython"; NULL: not known */
	const char *file;           /* the program itself; NULL: none here */
	const char *shared;         /* the library that it consists of besides; NULL: none */
	const char **path;          /* where distributions are, in order */
	size_t n_path;
	bool known;                 /* else a question stands in ask */
	struct env_question ask;    /* key NULL: none, now or later */
};

/* Finds that of e. What out points to lives in a. ERR_NOTFOUND if there is none. */
NODISCARD int interpreter_find(const struct env *e, const struct env_tools *t, struct arena *a, struct interpreter *out, struct err *err);

/* The text of a file that counts. -1 if it cannot be read. */
NODISCARD int interpreter_read(const struct env_tools *t, const char *path, struct strbuf *out, struct err *err);

#endif
