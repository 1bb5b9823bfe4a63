/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parameters: typed trees read from INI, YAML, JSON or TOML, named by dotted keys.
 *
 * A scalar compares by its canonical text: null, true, false; an integer in decimal; a float in the shortest form that
 * reads back the same, always with '.', 'e', "inf" or "nan" in it (0.10 and 0.1 are equal, 1 and 1.0 are not); a string
 * as a JSON string. A list is [a,b], a map {"k":v,...} in byte order of keys. A tree nests 64 levels at most, and a
 * file has 16 MiB at most. */
#ifndef PARAMS_PARAMS_H
#define PARAMS_PARAMS_H

#include "util/arena.h"
#include "util/base.h"
#include "util/diag.h"
#include "util/json.h"
#include "util/strbuf.h"

enum param_kind { PARAM_NULL, PARAM_BOOL, PARAM_INT, PARAM_FLOAT, PARAM_STR, PARAM_LIST, PARAM_MAP };

struct param {
	enum param_kind kind;
	union {
		bool b;
		int64_t i;
		double f;
		const char *s;
		struct {
			struct param **v; /* items; of a map in byte order of key */
			size_t n;
		} list;
	};
	const char *key;  /* within the map above it; NULL for list items and the root */
	const char *file; /* where it was written, e.g. "params.ini"; NULL: command line or profile */
	int line;
};

struct params {
	struct arena arena;
	struct param *root; /* a map; NULL while nothing is loaded */
};
#define PARAMS_INIT {ARENA_INIT, NULL}

/* Reads path by its extension (.ini .cfg .yaml .yml .json .toml) and lays it over what is there: maps are merged,
 * anything else replaced. Every error of the file goes to ds; -1 if there was one, and then what could be read in spite
 * of it is there.
 *
 * INI: [section] and [a.b] open maps, and a dotted key goes into one; values are typed as in YAML 1.2 core (integers,
 * floats, true and false, null and ~), but nothing is an empty string; "quoted" is a string and [1, 2] a list, both
 * as in JSON, and a list may go on over indented lines. An integer beyond 64 bits is a string in INI and YAML, an
 * error in JSON and TOML. YAML: '<<' and aliases are followed; a plain scalar that YAML 1.1 readers take for another
 * type (on, yes, 1e-3, 0o17, 1:30) is warned about, dates are not. TOML: dates and times are strings. */
NODISCARD int params_load(struct params *p, const char *path, struct diags *ds);
/* The same from text; name is used in messages and for the extension. */
NODISCARD int params_parse(struct params *p, const char *name, const char *text, size_t n, struct diags *ds);
/* Sets key (dotted) to the value that text is in an INI file. -1 with ERR_INVALID if key crosses a scalar, names a map,
 * has an empty part, or (if it must exist) is not there: with "did you mean"; or if text is a malformed list or quoted
 * string. A parameter got before keeps its old value. */
NODISCARD int params_set(struct params *p, const char *key, const char *text, bool must_exist, struct err *err);

/* The parameter at a dotted key, or NULL. A key in a map that itself contains dots is found too; where two ways lead to
 * one, the way of the shorter first key is taken. Allocates nothing. */
const struct param *params_get(const struct params *p, const char *key);
/* Calls fn for each scalar or list at or below the parameter key ("" for all), in byte order of full key. An empty map
 * has none. full_key lives until fn returns. */
void params_each(const struct params *p, const char *key,
		 void (*fn)(void *ctx, const char *full_key, const struct param *leaf), void *ctx);
/* Offers all keys to n, for "did you mean". The best lives in the arena of p. */
struct nearest;
void params_offer(const struct params *p, struct nearest *n);

void param_canonical(const struct param *pa, struct strbuf *out);
/* As it stands in a command: a string as it is, other scalars canonical, lists joined by ' '. */
void param_plain(const struct param *pa, struct strbuf *out);
/* JSON has no infinities: they become the strings "inf", "-inf" and "nan". */
struct json *param_json(const struct param *pa);
/* A document with only the given dotted keys, nested. */
struct json *params_json(const struct params *p, char *const *keys, size_t n);
/* What s is as a value in an INI file; a malformed list or quoted string is a string as it stands. Lives in a. */
struct param *param_of_text(struct arena *a, const char *s);
void params_release(struct params *p);

#endif
