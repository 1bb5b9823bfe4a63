/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A project opened: pipeline, graph, and what is known of it. */
#ifndef CLI_PROJECT_H
#define CLI_PROJECT_H

#include <pthread.h>

#include "cli/command.h"
#include "code/finder.h"
#include "graph/graph.h"
#include "gitdb/gitdb.h"
#include "gitdb/repo.h"
#include "lifecycle/kind.h"
#include "lineage/lineage.h"
#include "run/probe.h"
#include "stale/plan.h"
#include "store/store.h"
#include "util/map.h"
#include "util/term.h"

struct project {
	const struct args *args;
	char *below;              /* where the user stands within the project, "" at its top */
	char *file;               /* "mlmake.ini" */
	struct repo repo;
	struct diags ds;
	pthread_t opener;         /* reads what is known while the pipeline is read */
	bool begun, opening, conflict, awaited;
	bool told;                /* has anything been said of the pipeline? */
	bool will_ask; /* what is known of environments only by asking will be asked */
	struct unchanged *unchanged; /* NULL: what the pipeline asks of the disk is not noted */
	struct err open_err;
	struct gitdb *db;         /* opened when it is needed */
	struct lineage *lineage;
	struct statcache *cache;
	struct store *store;
	struct history *history;
	struct code_book *code;     /* what code means */
	struct code_disk code_disk;
	struct code_finder *finder; /* NULL: nothing was looked for */
	struct probes probes;
	struct lifecycle lifecycle; /* what instances that are no stages depend on beside their inputs */
	struct outside outside;     /* the same, as it is asked for */
	struct pipeline pl;
	struct graph g;
	bool *selected, *named;
	struct strvec targets; /* the words behind them; none: what the pipeline says */
	struct map held;          /* see project_held */
	bool held_known;
	struct err held_err;      /* what is not told yet */
	struct map kept;          /* see project_keeps */
	bool kept_known;
	pthread_mutex_t keeping;  /* of kept, until it is known */
	bool sections_tried;      /* mlmake.ini was read for what does not need all of it (project_sections) */
	int lock_fd;
	enum color_choice color;
};

/* Finds the project (mlmake.ini here or above), enters it, and begins to open what is known (cache, store, history, probes); with
 * lock (of a build) takes the project's lock instead, and project_load or project_await begins. Returns an exit code; what is wrong has
 * been told. */
NODISCARD int project_open(struct project *p, const struct args *a, bool lock);
/* The same with lock, in two steps: between them nothing is open but p->db, and nobody is kept from anything. */
NODISCARD int project_enter(struct project *p, const struct args *a);
NODISCARD int project_lock(struct project *p);
/* Is who, "mlmake with process id 4711 ...", one that this process descends from? To wait for it would last for ever. */
bool project_runs_within(const char *who);
/* Waits until what is known is open. project_load has done so when it returns. */
NODISCARD int project_await(struct project *p);
/* The disk as the pipeline of p sees it: what mlmake made and no stage makes any more is not there for globs. */
/* Reads mlmake.ini, unless it has been, for what does not need all of it: the rest of what is wrong with it is no matter then. */
void project_sections(struct project *p);
struct pipeline_disk project_disk(struct project *p);
/* Builds the graph of the pipeline that was read, with what its code brings in. */
NODISCARD int project_graph(struct project *p, const struct pipeline_disk *disk);
/* Looks at what the machine has of the environments of the selected instances. What no build has asked yet is told, if tell. -1 if that
 * is told to be wrong. */
NODISCARD int project_look_at_environments(struct project *p, bool tell);
/* Opens the cache alone, if it is not open. */
NODISCARD int project_open_cache(struct project *p, struct err *err);
/* Reads the pipeline, builds the graph, selects the targets in words[0..n). Errors and warnings are told on standard error. */
NODISCARD int project_load(struct project *p, char *const *words, size_t n);
/* If the run before ended badly, undoes what it left half-done; to be called before project_load. Returns an exit code. */
NODISCARD int project_recover(struct project *p, const char *run_id);
/* Decides. */
NODISCARD int project_plan(struct project *p, const bool *force, struct plan *plan);
/* Those inputs of the selected instances that no stage makes and git tracks whole, as a set of paths. Asked of git once; a warning is
 * told if git cannot say, and then it holds none. Not while other threads call project_keeps. */
const struct map *project_held(struct project *p);
/* Is path, or a directory that it lies in, an input of the selected instances that is kept (pipeline/inputs.h) and that git does not hold?
 * ctx is the project. From several threads. */
bool project_keeps(void *ctx, const char *path);
/* Is instance (of ctx, a struct project) part of the pipeline as it is now? */
bool project_has(void *ctx, const char *instance);
/* Prints the diagnostics so far, sorted, on standard error, and forgets them. */
void project_tell(struct project *p);
/* Writes what is known: history if there is news, durably, and the stat cache. before_commit as in history_save; NULL: what the history
 * speaks of is made durable, and that is all. */
NODISCARD int project_save(struct project *p, int (*before_commit)(void *ctx, const struct strbuf *lock, struct err *err), void *ctx,
			   struct err *err);
/* Makes the store durable, and what else lies on the project's file system. */
NODISCARD int project_sync(struct project *p, struct err *err);
void project_close(struct project *p);
/* Opens the project for a command that only reads, calls fn with it, and closes it. Returns an exit code. */
int project_read(const struct args *a, int (*fn)(struct project *p, const struct args *a));

/* A word that names a file, as given below p->below, as a project path; other words as they are. Owned. */
char *project_target(const struct project *p, const char *word);
struct style project_style(const struct project *p, int fd);
/* Prints j, which is taken, and returns an exit code. */
int cli_print_json(struct json *j);

#endif
