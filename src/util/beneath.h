/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Directories below one that is open, reached without following a symbolic link: for paths that others wrote. And a look at where links
 * lead. */
#ifndef UTIL_BENEATH_H
#define UTIL_BENEATH_H

#include "util/base.h"
#include "util/err.h"

/* Opens the directory that holds path, a project path (path_refusal() is NULL), below the directory root; with make, missing
 * directories are made. ERR_INVALID if one on the way is a link or no directory, ERR_NOTFOUND if one is missing. The caller
 * closes it. */
NODISCARD int beneath_parent(int root, const char *path, bool make, struct err *err);

/* For a user's own paths, above which links are allowed: does the directory that holds path lie in the working directory, links
 * followed? ERR_INVALID if not. Whatever is not there yet lies where it would be made. What is no
 * project path (path_refusal() is not NULL), as the state of a project, is the caller's affair. */
NODISCARD int beneath_check(const char *path, struct err *err);

#endif
