/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The runs of a project, in git: a chain of commits for each writer (a clone), refs/mlmake/log/<writer>.
 *
 * A run's commit has as parents the writer's previous run, then the commit that was built. Its tree holds
 *
 *     run            what the run did (lineage/run.h)
 *     records        the records (stale/record.h) of what ran or was restored
 *     mlmake.lock    as after the run
 *     source/        the tracked files of the whole work tree as they were when the run began, without the project's mlmake.lock
 *     artifacts/     every output that the lock names, under its path: a small file as it is; a directory as its manifest; a
 *                    large file as three lines "mlmake-object 1", "sha256 <hex>", "size <bytes>"
 *     inputs/        likewise the raw inputs that git does not track
 *     objects/       all small objects that these need: <sha256> of a file; of a directory a tree that holds `manifest`, its small
 *                    files, and the trees of the directories below
 *
 * SHARED/runs is a cache of the run texts of all chains, own and fetched: blocks of a line that says
 * commit and writer, and the text. Each writer's blocks are in order, so the last of them says how far its chain was read. Losing it costs time. */
#ifndef LINEAGE_LINEAGE_H
#define LINEAGE_LINEAGE_H

#include "digest/content.h"
#include "gitdb/pack.h"
#include "gitdb/repo.h"
#include "gitdb/tree.h"
#include "lineage/run.h"

#define LINEAGE_REFS "refs/mlmake/log/"

struct lineage;

struct lineage *lineage_new(const struct repo *repo, struct gitdb *db); /* borrowed; nothing is read yet */
void lineage_free(struct lineage *l);

/* ---- reading; nothing is written */

/* All runs of all writers, oldest first; they live as long as l. Read once. */
NODISCARD int lineage_runs(struct lineage *l, const struct run **runs, size_t *n, struct err *err);
/* The newest commit of the writer's chain that is known, be it by the cache alone; false if none is. */
bool lineage_newest(struct lineage *l, const char *writer, struct git_id *out);
/* After lineage_runs: which part of the chains could not be read, and so is not among the runs; NULL: none. */
const char *lineage_damage(const struct lineage *l);
/* The run that word names: its id, its commit, or an unambiguous beginning of either (4 characters or more). NULL and ERR_NOTFOUND, or
 * ERR_INVALID if several are meant. */
const struct run *lineage_find(struct lineage *l, const char *word, struct err *err);
/* Was r of this project with that tree (without mlmake.lock)? */
bool lineage_is_of(const struct lineage *l, const struct run *r, const struct git_id *tree);
/* The newest successful run of this project whose source was that tree (without mlmake.lock). Of several, which differ in what git does not
 * track, the newest that left the very lock (the name of its blob; NULL: not known). If there is none, the newest whose stages did well
 * and whose gate refused: what it made is that source's all the same. NULL: none. */
const struct run *lineage_built(struct lineage *l, const struct git_id *tree, const struct git_id *lock);
/* Appends a file of the run's tree ("records", "mlmake.lock", "artifacts/model.txt"). ERR_NOTFOUND, ERR_INVALID over limit bytes. */
NODISCARD int lineage_file(struct lineage *l, const struct run *r, const char *path, size_t limit, struct strbuf *out, struct err *err);
/* The entry of the run's tree at path: as tree_find. */
NODISCARD int lineage_entry(struct lineage *l, const struct run *r, const char *path, struct tree_entry *out, struct err *err);

/* The name of this clone's chain, if it has one; owned. -1: it has none yet. */
NODISCARD int lineage_own(const struct lineage *l, char **out);
/* The sources of the newest commit of this clone's chain and of HEAD (hex; may be NULL): trees that refs reach, at most 2. Returns how
 * many. */
size_t lineage_sources(struct lineage *l, const char *head, struct git_id out[2]);

/* ---- writing */

/* The name of this clone's chain, made when it is first asked for. Owned. */
NODISCARD int lineage_writer(struct lineage *l, char **out, struct err *err);

/* Appends a run to the chain: r (commit and, as long as l's runs live, writer are set) and the rest of its tree, to which `run` is added. Objects go through p;
 * make_durable finishes p and whatever must stand before the ref does. The run stands, durable, when this returns 0. */
NODISCARD int lineage_append(struct lineage *l, struct run *r, struct tree_builder *tree, struct packer *p,
			     int (*make_durable)(void *ctx, struct err *err), void *ctx, struct err *err);
/* Brings the cache up to date with all chains, as after a fetch. Losing it or failing here does no harm. */
NODISCARD int lineage_refresh(struct lineage *l, struct err *err);
/* Makes it anew from the chains. Runs that were read before are gone. */
NODISCARD int lineage_rebuild(struct lineage *l, struct err *err);

#endif
