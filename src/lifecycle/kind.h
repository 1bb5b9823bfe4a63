/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is no stage and has an instance beside those of stages: checks, gates, deploys.
 *
 * A section becomes an instance in five steps, and a kind has a say in each:
 *
 *   read      pipeline/read.c: the keys of the section's type. Its instance is named "gate:NAME".
 *   load      pipeline/kinds.h: struct kind checks the rules and names what they read: inputs, from which edges follow.
 *   decide    The rules are the command in the key; contents of inputs count as those of a stage; and performer.values adds what it
 *             depends on beside them, as facts "value NAME" of its record. So `why` shows which rule, which input and which value is
 *             another one. An instance without outputs is fresh if there is a record of its key.
 *   perform   The build writes the facts as a task (run/task.h) and starts `mlmake perform` on it through its launcher: log, crash, time
 *             limit and memory are those of a stage. It calls performer.perform, which sees nothing but the task and what lc opens.
 *   end       Passed: the record is written. Refused or failed: it is not, so the next build performs it again; what comes after it does not
 *             run. A build with nothing worse than refusals ends with 3. */
#ifndef LIFECYCLE_KIND_H
#define LIFECYCLE_KIND_H

#include "gitdb/gitdb.h"
#include "gitdb/repo.h"
#include "lineage/lineage.h"
#include "stale/decide.h"
#include "store/store.h"
#include "util/strvec.h"

/* What is at hand. Opened when it is needed; borrowed, all but what is private. */
struct lifecycle {
	const struct repo *repo;
	struct gitdb *db;
	struct lineage *lineage;
	struct store *store;
	struct statcache *cache;   /* of the store; for who performs */
	const struct pipeline *pl; /* NULL for who performs */
	struct past_memory *memory; /* private: past.c */
};
void lifecycle_release(struct lifecycle *lc); /* what is private */

/* An instance to be performed. */
struct task {
	const char *file;         /* run/task.h */
	const char *name;         /* "gate:release" */
	const char *rules;        /* pipeline/rules.h */
	const struct record *now; /* its facts: inputs with their contents, parameters, values */
};

enum performed { PERFORMED_PASSED, PERFORMED_REFUSED, PERFORMED_FAILED };

struct performer {
	/* See struct outside (stale/decide.h). NULL: it depends on nothing else. */
	int (*values)(struct lifecycle *lc, const struct instance *in, const struct record *now,
		      void (*add)(void *to, const char *name, const char *value), void *to, struct err *err);
	/* See struct outside. NULL: its values follow from its inputs. */
	bool (*settles)(const struct instance *in);
	/* Does it, and tells on standard output what is for its log. *message: why it failed or refuses; notes: what is worth
	 * telling in any case. -1 and err count as failed. Runs in the project's directory in a process of its own. */
	int (*perform)(struct lifecycle *lc, const struct task *t, enum performed *how, struct strbuf *message, struct strvec *notes,
		       struct err *err);
	/* See struct outside. NULL: its record says whether it is fresh. */
	bool (*live)(struct lifecycle *lc, const struct instance *in, const struct record *now, struct strbuf *there);
};

extern const struct performer performer_check, performer_gate, performer_monitor, performer_rescore, performer_deploy;

/* For plans and builds: ctx is lc, which is to live as long. */
struct outside lifecycle_outside(struct lifecycle *lc);
/* Performs the task in file: an exit status as in run/task.h. -1 if it cannot be read, or what is to be said not written. */
NODISCARD int lifecycle_perform(struct lifecycle *lc, const char *file, struct err *err);

/* Appends the bytes of a file of at most limit: what lies at path if it is that content, else from the store. ERR_INVALID if it is no file or
 * larger, ERR_NOTFOUND if nobody has it. */
NODISCARD int lifecycle_bytes(struct lifecycle *lc, const char *path, const struct content *c, size_t limit, struct strbuf *out,
			      struct err *err);

#endif
