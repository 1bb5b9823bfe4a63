/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store as those see it who tidy it and check it: all objects that are files, the tables, and what nobody needs.
 *
 * dir/trash/<sha256>   objects that were found to be needed by nothing; the time of the file says since when
 * dir/gc.lock          held (flock) shared by who writes, from before the first put until what it is for stands; by who collects
 *                      exclusively
 * dir/collected/       what of results was collected (store/keyed.h, kind "collected"): a text for people by SHA-256 */
#ifndef STORE_COLLECT_H
#define STORE_COLLECT_H

#include "store/keyed.h"
#include "store/store.h"

struct stored_file {
	struct digest id;
	int64_t size;
	int64_t time; /* when it was last of use, or, in trash/, since when; seconds */
	bool trashed;
	bool odd;     /* no regular file, or others than its owner may write to it */
};
struct stored_files {
	struct stored_file *v; /* by id; one in objects/ before one in trash/ */
	size_t n, cap;
	struct strvec strays;  /* names below objects/ and trash/ that no object has */
};
#define STORED_FILES_INIT {NULL, 0, 0, STRVEC_INIT}
/* Lists all. A store that is not there is empty. */
NODISCARD int stored_files_list(struct store *s, struct stored_files *out, struct err *err);
void stored_files_release(struct stored_files *f);

/* The following by who holds dir/gc.lock exclusively, which store_collecting takes: ERR_LOCKED if somebody writes and !wait. The
 * caller closes it. */
NODISCARD int store_collecting(struct store *s, bool wait, struct err *err);
NODISCARD int store_to_trash(struct store *s, const struct digest *id, struct err *err);
NODISCARD int store_remove(struct store *s, const struct digest *id, struct err *err); /* for good, without that */
NODISCARD int store_from_trash(struct store *s, const struct digest *id, struct err *err);
NODISCARD int store_empty_trash(struct store *s, const struct digest *id, struct err *err); /* removes this one for good */
/* Removes what kills left in incoming/, and from corrupt/ what is older than the time before; *n and *bytes count it. */
void store_sweep(struct store *s, int64_t before, bool dry, size_t *n, int64_t *bytes);
/* Forgets what the tables say of objects and trees that git no longer has, and collected ones that are here again. */
NODISCARD int store_prune_tables(struct store *s, struct err *err);

/* How many parts of the tables are damaged. */
size_t store_table_damage(struct store *s);
/* Is it the manifest of a directory that git holds, as far as the tables say? */
bool store_knows_dir(struct store *s, const struct digest *id);
/* How many small objects are known that the table does not have yet; store_sync enters them. */
size_t store_learnt(struct store *s);
/* From now on closure_learn looks at everything, whatever the tables know. */
void store_distrust(struct store *s);

/* Notes what was collected, before it is. keyed_item: text as store_tell_collected shall tell it. */
NODISCARD int store_note_collected(struct store *s, struct keyed_item *items, size_t n, struct err *err);
/* Appends the text of a part of c that is not here because it was collected; false if there is none. */
bool store_tell_collected(struct store *s, const struct content *c, struct strbuf *out);

/* Calls visit with every small object that the table knows; git_has: git has it, and of that size. */
int store_each_small(struct store *s, int (*visit)(void *ctx, const struct digest *id, uint64_t size, bool git_has), void *ctx);
/* Reads all of an object, wherever it lies, and changes nothing. ERR_NOTFOUND; ERR_CORRUPT. Any thread. */
NODISCARD int store_verify(struct store *s, const struct digest *id, struct err *err);
/* Is it there? Does not count as its being of use. Any thread. */
bool store_shows(struct store *s, const struct digest *id);
/* Takes what is corrupt away, as reading it would. */
void store_quarantine(struct store *s, const struct digest *id);
/* Makes its file one that nobody may write to; false if that cannot be done. */
bool store_protect(struct store *s, const struct digest *id);

/* Calls visit with the id of each object that the directory with that manifest needs, the manifest first; `dir` says that it is another manifest, into
 * which it is looked if visit returns true. missing is asked about each that is not here: 1 looks again, 0 passes over, -1 ends it. ERR_CORRUPT,
 * ERR_IO if one cannot be read. */
NODISCARD int store_walk(struct store *s, const struct digest *manifest, bool (*visit)(void *ctx, const struct digest *id, bool dir),
			 int (*missing)(void *ctx, const struct digest *id, struct err *err), void *ctx, struct err *err);

#endif
