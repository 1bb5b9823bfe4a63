/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Paths as text, and glob patterns. Project paths are relative to the project's directory, with '/' between
 * components, without empty, "." or ".." ones. */
#ifndef UTIL_PATH_H
#define UTIL_PATH_H

#include "util/base.h"
#include "util/strbuf.h"
#include "util/strvec.h"

/* Appends path to out with empty and "." components and "x/.." removed. A path that climbs above its start keeps its
 * leading ".."; an absolute one stays absolute. "" and "." give ".". */
void path_normalize(const char *path, struct strbuf *out);
/* NULL if path (normalized) is a project path that may be written: relative, below the project, no component ".git"
 * in any spelling, no control characters, at most 4,000 bytes. Otherwise why not, as words that follow the path
 * ("leads out of the project"). */
const char *path_refusal(const char *path);
/* The same of the name of a file that git tracks, within its directory: control characters are no matter. */
const char *path_name_refusal(const char *name);
bool path_is_absolute(const char *path);
/* Is path equal to dir or below it? Both normalized. */
bool path_is_within(const char *path, const char *dir);
/* The last component; borrowed from path. */
const char *path_base(const char *path);
/* Length of the directory part without its '/', 0 if there is none. */
size_t path_dirlen(const char *path);
/* Directory part ("." if none) and base name without its last extension; owned. */
char *path_dir(const char *path);
char *path_stem(const char *path);
/* a/b joined and normalized; owned. An absolute b stands alone. */
char *path_join(const char *a, const char *b);

/* Patterns: '*' and '?' match within a component, '[a-z]' and '[!a-z]' a class, '**' as a whole component any number
 * of directories; '\' takes the next character as it is. A leading '.' of a component is matched by a '.' only. */
bool glob_is_pattern(const char *s);
bool glob_match(const char *pattern, const char *path);
/* The part of a pattern before its first component with a magic character, without the '/' ("" if none); owned. */
char *glob_fixed_dir(const char *pattern);
/* Appends the paths under root (a directory on disk; "." for here) that match, files and directories, in byte order. Symbolic
 * links are reported and not followed by '**'; ".git" is never entered. What cannot be read matches nothing. */
void glob_expand(const char *root, const char *pattern, struct strvec *out);

#endif
