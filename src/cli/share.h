/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What push, pull, `status --remote` and `build --pull` have in common: a remote of the project, and what is wanted of it. */
#ifndef CLI_SHARE_H
#define CLI_SHARE_H

#include "cli/project.h"
#include "remote/marks.h"
#include "remote/remote.h"
#include "remote/wanted.h"

struct share {
	struct project *p;
	const struct remote_section *section;
	struct address address;
	struct remote_here here;
	char *writer;
	struct remote *remote;
	struct remote_watch watch;
	struct progress_line {
		int64_t shown; /* when, by the clock's tick */
		bool live, quiet, any;
		const char *remote;
	} line;
};
#define SHARE_INIT {.address = ADDRESS_INIT}

/* Reads mlmake.ini for its remotes alone: what else is wrong with it is no matter here. Chooses the one that --remote names, or the
 * first. Returns an exit code; what is wrong has been told. */
NODISCARD int share_choose(struct share *s, struct project *p);
/* Connects. write: the place is made if it is not there. */
NODISCARD int share_open(struct share *s, bool write, struct err *err);
void share_release(struct share *s);
/* Ends the line that shows progress. */
void share_end_line(struct share *s);

/* What words mean; hit[i] is set for each that meant something. */
struct share_words {
	char *const *v; /* none: all is meant */
	size_t n;
	bool *hit;      /* may be NULL */
};
/* Adds what the lock in text[0..n), called name, says, as far as words mean it: artifacts, and inputs that the store holds or may hold.
 * optional: nobody misses the artifacts either. */
NODISCARD int share_want_lock(struct project *p, struct wanted *w, const char *name, const struct strbuf *text,
			      const struct share_words *words, bool optional, struct err *err);
/* The same of the lock in the work tree; without one nothing is wanted. */
NODISCARD int share_want_here(struct project *p, struct wanted *w, const struct share_words *words, struct err *err);

#define SHARE_RACES 3 /* so often it is tried again when somebody else is faster */
/* Brings the chains here up to those there; records and small files of the runs that came count here from then on. */
NODISCARD int share_pull_lineage(struct share *s, struct chains *out, struct err *err);

/* What is remembered of this remote under a word ("pushed"). */
void share_read_marks(const struct share *s, const char *what, struct marks *m);
/* All runs, and which of them m does not cover (owned; NULL and err if they cannot be read). */
bool *share_fresh_runs(struct share *s, const struct marks *m, const struct run **runs, size_t *n, struct err *err);

#endif
