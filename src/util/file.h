/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files: whole reads, atomic writes, trees removed and moved, locks. Relative paths are relative to the working directory. */
#ifndef UTIL_FILE_H
#define UTIL_FILE_H

#include "util/base.h"
#include "util/err.h"
#include "util/strbuf.h"

struct stat;

/* Appends the whole file to out. ERR_NOTFOUND if absent; ERR_INVALID if it is larger than limit bytes or no regular file. */
NODISCARD int file_read(const char *path, size_t limit, struct strbuf *out, struct err *err);
NODISCARD int fd_write_all(int fd, const void *data, size_t n, struct err *err);
/* Writes path anew: a temporary file beside it, fsync if durable, rename; missing directories are made. After a crash
 * the old or the new content stands, whole. */
NODISCARD int file_write(const char *path, const void *data, size_t n, mode_t mode, bool durable, struct err *err);
/* Removes the temporary files that file_write left beside path when it was killed. Nobody may be writing path. */
NODISCARD int file_sweep(const char *path, struct err *err);
/* Removes what stands beside path under names that begin with prefix. */
NODISCARD int file_sweep_prefix(const char *path, const char *prefix, struct err *err);
NODISCARD int file_sync_dir(const char *dir, struct err *err);
NODISCARD int file_mkdirs(const char *dir, struct err *err);        /* like mkdir -p */
NODISCARD int file_mkdirs_for(const char *path, struct err *err);   /* the directories above path */
/* Removes path, whatever it is, with all below it; symbolic links are not followed. Absent is done. */
NODISCARD int file_remove_tree(const char *path, struct err *err);
/* The same of name in the directory at; -1 and errno. */
NODISCARD int file_remove_at(int at, const char *name);
/* Renames from to to (which must not exist), making directories above it; copies and removes across file systems, where a
 * kill leaves from or to whole. */
NODISCARD int file_move(const char *from, const char *to, struct err *err);
/* Copies a file, symbolic link or directory with its modes; to must not exist. */
NODISCARD int file_copy_tree(const char *from, const char *to, struct err *err);
bool file_exists(const char *path); /* a dangling symbolic link exists too */
/* Removes empty directories upwards from path's directory, up to but not including stop. */
void file_prune_dirs(const char *path, const char *stop);

/* Takes an advisory lock (flock) on path, which is created 0644 if missing; the descriptor is close-on-exec. Returns it, or
 * -1: ERR_LOCKED if !wait and somebody holds it. Closing it lets go. */
NODISCARD int file_lock(const char *path, bool exclusive, bool wait, struct err *err);

#endif
