/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the stat cache holds of one file, link or directory, and of a directory with all below it. The same layout
 * lies in memory and in the cache's file, so that nothing is parsed. Internal to the room. */
#ifndef DIGEST_ENTRY_H
#define DIGEST_ENTRY_H

#include "digest/content.h"
#include "digest/fasthash.h"

struct stat;

struct entry {
	uint64_t dev, ino;
	int64_t size, mtime, ctime; /* of stat; nanoseconds */
	int64_t total;              /* content.size */
	uint32_t mode;
	uint8_t kind;  /* enum content_kind */
	uint8_t young; /* may have been written since without a trace in its times: not believed */
	uint8_t name_len;
	uint8_t pointer; /* of a file that was read: it is a pointer of git-lfs, as a checkout without git-lfs leaves them */
	uint32_t name;       /* where in the tree's names, NUL-terminated; a link's target and a NUL follow */
	uint32_t target_len; /* of a link */
	uint32_t first, n;   /* of a directory: its children, entries of the same tree */
	unsigned char fast[FASTHASH_LEN]; /* of a file */
	struct digest id;
};

/* A root and all below it: entry 0 is the root, the children of each directory are contiguous and sorted by name,
 * directories' children follow in the order of the directories. */
struct tree {
	uint32_t n;
	const struct entry *v;
	const char *names;
	uint64_t names_len;
};

/* A tree of its own memory, shared by counting. */
struct tree_box {
	int refs;
	struct tree t;
	struct entry *v;
	char *names;
};
struct tree_box *tree_box_new(uint32_t n, uint64_t names_len); /* v and names to be filled in */
/* A root that is no directory, or one without children: the entry alone. */
struct tree_box *tree_box_single(const struct entry *e);
struct tree_box *tree_box_hold(struct tree_box *b);
void tree_box_drop(struct tree_box *b);

void entry_of_stat(struct entry *e, const struct stat *st); /* all else is zeroed */
/* Do all that stat tells agree? */
bool entry_same_stat(const struct entry *e, const struct entry *now);
/* Could it be written once more at time t (nanoseconds) and bear the same times? 20 ms are the coarsest clock
 * tick; where both times have no fraction, the file system is taken to count in units of 2 s. */
bool entry_is_young(const struct entry *e, int64_t t);
void entry_content(const struct entry *e, struct content *out);
static inline bool entry_is_file(const struct entry *e)
{
	return e->kind == CONTENT_FILE || e->kind == CONTENT_EXEC;
}

static inline const char *tree_name(const struct tree *t, uint32_t i)
{
	return t->names + t->v[i].name;
}
static inline const char *tree_target(const struct tree *t, uint32_t i)
{
	return t->names + t->v[i].name + t->v[i].name_len + 1;
}
/* The child of directory dir called name, or UINT32_MAX. */
uint32_t tree_child(const struct tree *t, uint32_t dir, const char *name);
/* Is every offset in bounds and every entry but the root the child of exactly one directory before it? */
bool tree_is_sound(const struct tree *t);

#endif
