/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The stat cache's file: read where it lies, written anew. Internal to the room. */
#ifndef DIGEST_TABLE_H
#define DIGEST_TABLE_H

#include "digest/entry.h"
#include "util/err.h"

struct table_head;
struct table_root;

struct table {
	void *map; /* NULL: there is none */
	size_t len;
	const struct table_head *head;
	const struct entry *entries;
	const struct table_root *roots;
	const uint32_t *slots;
	const char *names;
};
#define TABLE_INIT {NULL, 0, NULL, NULL, NULL, NULL, NULL}

/* Maps the table at path. False, and an empty table, for anything but a sound one written under this secret. */
bool table_open(struct table *t, const char *path, const unsigned char secret[FASTHASH_SECRET]);
/* The same of bytes at hand, which are borrowed and aligned for uint64_t. */
bool table_open_bytes(struct table *t, const void *bytes, size_t n, const unsigned char secret[FASTHASH_SECRET]);
void table_close(struct table *t);

uint32_t table_count(const struct table *t);
uint64_t table_checksum(const struct table *t); /* of all that it holds */
/* A path as it was asked for: its number, or UINT32_MAX. */
uint32_t table_find(const struct table *t, const char *path, bool follow, const unsigned char secret[FASTHASH_SECRET]);
void table_tree(const struct table *t, uint32_t root, struct tree *out); /* borrowed from t */
const char *table_path(const struct table *t, uint32_t root, bool *follow, int64_t *used);

/* What a table is written from. */
struct table_item {
	const char *path;
	bool follow;
	int64_t used; /* seconds since 1970 when it was last asked for */
	struct tree tree;
};
/* Writes the items to path: a temporary file beside it, rename. If the machine dies soon after, it may be damaged, and so lost. */
NODISCARD int table_write(const char *path, const struct table_item *v, size_t n,
			  const unsigned char secret[FASTHASH_SECRET], struct err *err);
/* For tests: the checksum of n bytes put where it belongs, so that only soundness is left to refuse them. */
void table_seal(void *bytes, size_t n, const unsigned char secret[FASTHASH_SECRET]);

#endif
