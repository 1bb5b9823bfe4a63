/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which variables a stage gets: a few by themselves, because programs do not work without them and results do not depend on them,
 * or because what they say is followed or recorded; some that are the same everywhere; and what is declared.
 *
 * By themselves: PATH, HOME, USER, LOGNAME, SHELL, TMPDIR; XDG_*_HOME and XDG_RUNTIME_DIR, where files of a user lie; proxies,
 * certificates, SSH_AUTH_SOCK and the like, by which others are reached; MAKEFLAGS, for the jobserver; those that choose devices and
 * numbers of threads, which belong to the machine (the run records them); PYTHONPATH, since what it brings in is found; MLMAKE_*.
 * The same everywhere: LC_ALL, TZ, TERM, PYTHONHASHSEED, PYTHONDONTWRITEBYTECODE, SOURCE_DATE_EPOCH, unless they are declared. */
#ifndef RUN_PASSING_H
#define RUN_PASSING_H

#include "graph/graph.h"
#include "util/strvec.h"

/* The environment of a stage that declares nothing, out of environ; NULL-terminated, an array of the caller's whose strings are
 * borrowed. */
char **passing_base(char *const *environment);
/* Appends what env (NULL: none) and in (NULL: nobody; then the variables of env as they are now) declare, as changes of that for
 * struct launch. */
void passing_declared(const struct env *env, const struct instance *in, struct strvec *out);
/* A number for programs that want to begin somewhere: the parameter or matrix variable `seed` of in if it is one, else one that follows
 * from the names of in's outputs. Both are part of the key. */
char *passing_seed(const struct instance *in);
/* Why in may have failed, if the end of its log names a variable that is set here and does not pass, or that is declared and not
 * set: a sentence, owned; NULL if it names none. */
char *passing_hint(const struct instance *in, const char *log);

/* The variables that choose devices and numbers of threads, NULL-terminated. */
extern const char *const passing_machine[];

#endif
