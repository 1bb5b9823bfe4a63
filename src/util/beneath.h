/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Directories below one that is open, reached without following a symbolic link: for paths that others wrote. */
#ifndef UTIL_BENEATH_H
#define UTIL_BENEATH_H

#include "util/base.h"
#include "util/err.h"

/* Opens the directory that holds path, a project path (path_refusal() is NULL), below the directory root; with make, missing
 * directories are made. ERR_INVALID if one on the way is a link or no directory, ERR_NOTFOUND if one is missing. The caller
 * closes it. */
NODISCARD int beneath_parent(int root, const char *path, bool make, struct err *err);

#endif
