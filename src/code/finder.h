/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which project files a program brings in: from what its files say (code.h) and what is there.
 *
 * A Python module is looked for as CPython does it: in the directory of the script, then in the directories handed in. As nobody knows
 * where it will be run, these are followed by the project's own directory, src in it, and the directories above the script, each
 * with its src. A directory with __init__.py comes before a module, a module before a directory without one, which is looked into in
 * all places. Of programs that change sys.path all that is found counts, not only the first. `import a.b` brings in what a's
 * __init__.py, b's and so on say, `from a import *` all modules in a. What is outside of the project, and what nobody has or makes,
 * brings in nothing; that it is not there is part of the answer, and asked anew each time. */
#ifndef CODE_FINDER_H
#define CODE_FINDER_H

#include "code/book.h"
#include "util/strvec.h"

struct code_finder;

enum code_thing { THING_OTHER, THING_FILE, THING_DIR };

/* What is asked of the disk besides contents, handed in so that it can be noted. */
struct code_disk {
	/* Calls visit with each name in dir that does not begin with '.': what it is, or leads to if it is a link. None if dir cannot
	 * be read. */
	void (*list)(void *ctx, const char *dir, void (*visit)(void *to, const char *name, enum code_thing what, bool link), void *to);
	enum code_thing (*what)(void *ctx, const char *path); /* links followed */
	/* Appends the path of what path leads to, without links; false if there is nothing. */
	bool (*real)(void *ctx, const char *path, struct strbuf *out);
	void *ctx;
};
extern const struct code_disk code_disk_system;

/* cache, book and disk are borrowed. */
struct code_finder *code_finder_new(struct statcache *cache, struct code_book *book, const struct code_disk *disk);
void code_finder_free(struct code_finder *f);
/* path will be there, a file or directory that some stage makes. Before the first question. */
void code_finder_will_be(struct code_finder *f, const char *path);

struct code_found {
	const char *path; /* in the project */
	const char *by;   /* the file that brings it in, */
	int line;         /* in which line */
};
struct code_unknown {
	const char *file, *what;
	int line;
};
struct code_answer {
	const struct code_found *found; /* in the order of finding, without the program itself; no path twice */
	size_t n_found;
	const struct code_unknown *unknown; /* imports whose names only the program knows */
	size_t n_unknown;
};

/* What the file or directory at program brings in, transitively. dirs: where modules are looked for, project paths, NULL-terminated.
 * The answer lives as long as f. */
const struct code_answer *code_finder_ask(struct code_finder *f, const char *program, const char *const *dirs);
/* The files that module (dotted, as behind `python -m`) consists of, with __main__ if it is a package. */
void code_finder_module(struct code_finder *f, const char *module, const char *const *dirs, struct strvec *out);

#endif
