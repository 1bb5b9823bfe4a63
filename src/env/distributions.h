/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Python distributions that are installed in some directories: their names and versions, what they require, and what they are by
 * content.
 *
 * By content a distribution is the files that its RECORD lists, as they are on disk, whatever the RECORD says of them: names and bytes;
 * and the modules that lie beside its own and that no RECORD lists.
 * Left out is what differs from one installation to the next and does nothing: byte code, notes of installers, scripts that begin
 * with the path of an interpreter. Without RECORD it is what lies under the names in top_level.txt. An editable one is the files of
 * its directory, or of those in there that it adds to the path, unless it is in the project or holds it: then what is imported of it is an
 * input anyway. */
#ifndef ENV_DISTRIBUTIONS_H
#define ENV_DISTRIBUTIONS_H

#include "env/interpreter.h"
#include "env/metadata.h"
#include "util/map.h"

struct dist_file {
	const char *path; /* on disk */
	const char *name; /* in what is digested */
	bool counts;
	struct content content; /* NONE: it is not there */
};

struct distribution {
	const char *key;  /* its name, normalized */
	const char *info; /* the .dist-info or .egg-info */
	const char *dir;  /* where that lies */
	bool egg, single; /* .egg-info; a file, not a directory */
	struct distribution *twin; /* another of the same name in the same directory: nobody knows which is in use */
	struct metadata meta;
	bool was_read;
	/* How it is used. */
	bool used, dirty;
	const char **extras;
	size_t n_extras;
	struct dist_file *files; /* of one that is used */
	size_t n_files;
	char id[DIGEST_HEX + 1];
};

struct distributions {
	const struct env_tools *tools;
	struct arena *arena;
	struct distribution **v;
	size_t n;
	struct map by_key; /* the first of each */
	struct map names;  /* directory -> struct strvec of the files in it */
	struct map claimed; /* paths that a RECORD lists, and the directories that these lie in; once somebody asks */
	bool all_read, claims_known;
	struct err err;    /* the first thing that could not be read */
};

/* Those in path[0..n), the first of a name in the first directory. What they are lives in a. */
void distributions_open(struct distributions *ds, const char *const *path, size_t n, const struct env_tools *t, struct arena *a);
void distributions_release(struct distributions *ds);

struct distribution *distributions_find(struct distributions *ds, const char *key); /* NULL: not installed */
/* Reads what it says of itself, once. */
const struct metadata *distribution_read(struct distributions *ds, struct distribution *d);
/* Marks all, or d with these extras, and what they require, as used. */
void distributions_use_all(struct distributions *ds);
void distributions_use(struct distributions *ds, struct distribution *d, const char *const *extras, size_t n, const struct marker_values *v);
/* Looks at the files of all that are used, and sets their ids. -1 if something cannot be read. */
NODISCARD int distributions_digest(struct distributions *ds, struct err *err);

#endif
