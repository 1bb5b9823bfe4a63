/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the readers of params only: how a file becomes a tree. */
#ifndef PARAMS_PARAMS_TREE_H
#define PARAMS_PARAMS_TREE_H

#include "params/params.h"
#include "util/map.h"

/* Trees nest this deep at most, counting the root; so recursion over them is bounded. */
#define PARAMS_MAX_DEPTH 64
#define PARAMS_MAX_FILE ((size_t)16 << 20)
#define PARAMS_MAX_ERRORS 50 /* of one file */

/* A tree under construction. Its maps are in the order of the file until build_done sorts them, so that a file of many
 * keys takes no quadratic time; the index finds a key in a map until then. */
struct build {
	struct arena *arena;
	const char *file; /* in the arena */
	struct diags *ds;
	struct map index;
	struct strbuf name; /* for looking up the index */
	struct param *root;
	size_t errors;
};
void build_init(struct build *b, struct arena *a, const char *file, struct diags *ds);
/* An error at a line; always -1. After PARAMS_MAX_ERRORS the rest is only counted. */
PRINTF(3, 4) int build_error(struct build *b, int line, const char *fmt, ...);
/* An error, and -1, if text is not UTF-8 or holds a NUL. */
NODISCARD int build_check_utf8(struct build *b, const char *text, size_t n);
/* A node of the file. size is that of struct param, or of a reader's struct that starts with one. */
struct param *build_node(struct build *b, enum param_kind kind, int line, size_t size);
struct param *build_find(struct build *b, const struct param *map, const char *key, size_t n);
/* Puts child into map under key, which must not be there yet. */
void build_put(struct build *b, struct param *map, const char *key, size_t n, struct param *child);
void build_push(struct build *b, struct param *list, struct param *item);
/* Sorts the maps, puts the tree over what is in p and releases all but the arena. -1 if there were errors. */
NODISCARD int build_done(struct build *b, struct params *p);

/* Reads the types of YAML 1.2's core schema (null, true, 12, 0x1f, 1e3, .inf, ...) into *out's kind and value; false,
 * with *out as it was, if s is but a string. An integer beyond 64 bits is a string too: a float would lose digits. */
bool param_core_scalar(const char *s, size_t n, struct param *out);
/* Fills *out (kind and value) with what s is in an INI file. False, and a string, if it looks like a quoted string or a
 * list and is malformed; *why then says how. */
bool param_read_text(struct arena *a, const char *s, struct param *out, const char **why);
/* Fills *out from JSON. False if it nests deeper than depth levels or holds a NUL character. */
bool param_of_json(struct arena *a, const struct json *j, int depth, struct param *out);
/* The place of key in a sorted map: its index, or where it belongs and false. */
bool param_search(const struct param *map, const char *key, size_t n, size_t *at);

/* The readers. Errors go to b. */
void params_read_ini(struct build *b, const char *text, size_t n);
void params_read_json(struct build *b, const char *text, size_t n);
void params_read_toml(struct build *b, const char *text, size_t n);
void params_read_yaml(struct build *b, const char *text, size_t n);

#endif
