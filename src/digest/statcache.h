/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The contents of paths, remembered by what stat says of them so that unchanged files are not read again.
 *
 * An entry is believed if size, mtime, ctime, inode, device and mode are as they were and the file was not written
 * within the file system's timestamp granularity of being looked at. If they are not, the file is read and its
 * XXH3-128, keyed with a secret of this clone, compared: if equal the SHA-256 stands, otherwise both are computed
 * in one pass. Losing the cache costs time and nothing else; a damaged one counts as lost. All calls but open,
 * save and free may be made from several threads at once. */
#ifndef DIGEST_STATCACHE_H
#define DIGEST_STATCACHE_H

#include "digest/content.h"
#include "util/clock.h"
#include "util/err.h"

#define STATCACHE_SECRET 192

struct statcache;

/* Reads the secret at path, or makes it (getrandom, mode 0600, whole or not at all, also when two race). */
NODISCARD int statcache_secret(const char *path, unsigned char secret[STATCACHE_SECRET], struct err *err);

/* file: where the cache lies; NULL keeps none. Paths given later are relative to the working directory. Never
 * fails for what stands in the file. */
struct statcache *statcache_open(const char *file, const unsigned char secret[STATCACHE_SECRET],
				 const struct clock *clock);

/* Looks already at the files that were asked for in earlier runs, until *stop (changed by another thread) says that nobody
 * waits any longer: while the pipeline is read, nobody knows yet which will be asked for, and mostly it will be the same. The first
 * statcache_query uses what was seen, and forgets it. Nothing else may be called meanwhile. */
void statcache_look_ahead(struct statcache *sc, const bool *stop);
/* As statcache_content, not following links, of something that the first statcache_query will ask for as well: a file that is as it was is
 * not looked at again then. From one thread. After that query it is statcache_content. */
NODISCARD int statcache_glance(struct statcache *sc, const char *path, struct content *out, struct err *err);
/* Forgets what was seen, because files were changed since. */
void statcache_look_afresh(struct statcache *sc);

/* From now on a symbolic link that leads to an object of the store in dir, as store_place makes them (PLACE_SYMLINK), counts as that file,
 * and what was remembered of the file counts no more when the object was written to. */
void statcache_see_through(struct statcache *sc, const char *dir);
/* A descriptor to read from what stands there, in the directory at; no other link is followed. -1 and errno as openat with O_NOFOLLOW. */
NODISCARD int statcache_openat(struct statcache *sc, int at, const char *name);

/* One question and its answer. */
struct content_query {
	const char *path;
	bool follow; /* a symbolic link at path itself is followed (inputs), or is the content (outputs) */
	struct content content; /* answer; CONTENT_NONE if absent */
	int failed;             /* answer: -1 if err is set */
	struct err err;         /* owned by the asker */
};
/* Answers all, the reading spread over threads (also within one directory). ERR_INVALID for sockets, FIFOs, devices and
 * names that no manifest can hold, ERR_MOVED for a file that keeps changing while it is read. */
void statcache_query(struct statcache *sc, struct content_query *q, size_t n, int threads);
/* One question. */
NODISCARD int statcache_content(struct statcache *sc, const char *path, bool follow, struct content *out,
				struct err *err);
/* Is the file, link or directory at path certainly still what the cache says it is, by stat alone? For checks that
 * must not read. */
bool statcache_unmoved(struct statcache *sc, const char *path, bool follow, const struct content *was);

/* For those who read or write files themselves and so know more than the cache: what they hand in spares a reading. */
struct stat;
struct manifest;
struct twins;
const unsigned char *statcache_key(const struct statcache *sc); /* the secret, for digest/fasthash.h */
/* The regular file whose fstat is *st, taken at or after the time before (of the cache's clock), holds this content. */
void statcache_teach(struct statcache *sc, int64_t before, const struct stat *st, const struct digest *id,
		     const unsigned char fast[16]);
/* The same of the file at path, remembered as if path had been asked for. */
void statcache_teach_path(struct statcache *sc, const char *path, int64_t before, const struct stat *st, const struct digest *id,
			  const unsigned char fast[16]);
int64_t statcache_now(const struct statcache *sc);
/* The XXH3 of the file that was at path when it was last asked for so, if it held was. False if the cache does not know. */
bool statcache_fast(struct statcache *sc, const char *path, bool follow, const struct content *was, unsigned char fast[16]);
/* Calls visit with each directory at or below path and its manifest (to take entries from, if it likes), as they
 * were when path was last asked for so (follow), those below before those above. Stops at the first that returns -1 and
 * returns it; 1 if the cache does not hold the directory was at path. */
NODISCARD int statcache_manifests(struct statcache *sc, const char *path, bool follow, const struct content *was,
				  int (*visit)(void *ctx, const char *dir, const struct manifest *m), void *ctx);
/* Does a file whose stat is *st certainly hold was, because the one at below ("sub/name") in the directory path did when path was last asked
 * for (links not followed), and is the same by stat? Wherever it lies now. */
bool statcache_is_below(struct statcache *sc, const char *path, const char *below, const struct stat *st, const struct content *was);
/* A number that changes when a file at or below path is written to or replaced, though it holds the same again: of the inodes
 * and the times of writing as they were when path was last asked for. 0 if the cache does not hold was at path. */
uint64_t statcache_written(struct statcache *sc, const char *path, bool follow, const struct content *was);

/* The path of a file at or below path, links followed, that was a pointer of git-lfs when path was last asked for; NULL if there was none.
 * Owned. */
char *statcache_pointer(struct statcache *sc, const char *path);

/* Calls visit with the path of each link below path, as it was when path was last asked for, that leads out of the directory:
 * whoever follows it reads what the directory's digest does not cover. Not with a link to a directory that holds path
 * itself, and not with links in the directories that are led to. Stops at the first -1 and returns it. Visits nothing if
 * the cache does not hold the directory was at path. */
NODISCARD int statcache_links_out(struct statcache *sc, const char *path, const struct content *was,
				  int (*visit)(void *ctx, const char *link), void *ctx);

/* Somebody who wants the bytes of files that have to be digested, so that nobody has to read them once more. Called from several threads at
 * once. */
struct statcache_taker {
	/* The regular file open at fd, of so many bytes, called path, is about to be digested. NULL: its bytes are not wanted. */
	void *(*begin)(void *ctx, const char *path, int fd, int64_t size);
	int (*take)(void *taking, const void *data, size_t n); /* returns 0 */
	/* The digests of all that was taken; NULL if the file could not be read or changed meanwhile. Releases taking. */
	void (*end)(void *taking, const struct twins *twins);
	void *ctx;
};
/* t (borrowed; NULL: nobody) is asked from now on. No other call may be under way. */
void statcache_hand_to(struct statcache *sc, const struct statcache_taker *t);
/* Did earlier runs see a file of exactly that size? */
bool statcache_knew_size(const struct statcache *sc, int64_t size);

/* Bytes and files read since open, for reports: read at all, and of these hashed with SHA-256. */
struct statcache_counts {
	uint64_t files_looked_at, bytes_read, bytes_hashed;
};
void statcache_counts(struct statcache *sc, struct statcache_counts *out);

/* All that was asked for since open and written down by statcache_save, as a line for statcache_as_marked. False, and nothing
 * appended, if answers were given that such marks cannot stand for: that nothing is there, that a path holds something else than
 * before, what lies behind a link in a directory, or a file that was written a moment ago. */
bool statcache_mark(struct statcache *sc, struct strbuf *marks);
/* Would all that was marked be answered as it was then? False too for marks of another cache, or if it would have to be saved now. Before any
 * other question; if false, the first statcache_query uses what was seen. */
bool statcache_as_marked(struct statcache *sc, const char *marks, int threads);

/* Writes the cache if anything in it changed; young entries of small files are looked at once more so that they can be
 * believed next time. Paths not asked for in a long time are dropped. */
NODISCARD int statcache_save(struct statcache *sc, struct err *err);
void statcache_free(struct statcache *sc);

#endif
