/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The seccomp filter that makes the kernel tell of calls that name files, and what these calls are.
 *
 * The calls go on as they were made (SECCOMP_USER_NOTIF_FLAG_CONTINUE), and a program that changes a name in its memory while the
 * kernel reads it can hide. io_uring is refused with ENOSYS, since what goes through it is seen by
 * nobody; programs fall back to ordinary calls. */
#ifndef SANDBOX_FILTER_H
#define SANDBOX_FILTER_H

#include <linux/filter.h>

#include "util/base.h"

enum watch_depth {
	WATCH_NOTHING,
	WATCH_OPENS,   /* what is opened, listed, run, renamed, linked */
	WATCH_QUESTIONS, /* and what is asked for by stat and access: what was looked for and not found */
	WATCH_LOOKUPS, /* and by readlink, of which linkers and realpath make many */
	WATCH_CHANGES, /* and directories that are made, and what is removed */
};

/* How a call names files. */
enum call_shape {
	CALL_NONE,
	CALL_OPEN,      /* path, flags */
	CALL_OPENAT,    /* dir, path, flags */
	CALL_OPENAT2,   /* dir, path, how */
	CALL_CREAT,     /* path */
	CALL_RUN,       /* path */
	CALL_RUNAT,     /* dir, path, -, -, flags */
	CALL_TRUNCATE,  /* path */
	CALL_RENAME,    /* path, path */
	CALL_RENAMEAT,  /* dir, path, dir, path */
	CALL_LINK,      /* path, path */
	CALL_LINKAT,    /* dir, path, dir, path */
	CALL_SYMLINK,   /* text, path */
	CALL_SYMLINKAT, /* text, dir, path */
	CALL_LIST,      /* descriptor */
	CALL_ASK,       /* path */
	CALL_ASKAT,     /* dir, path */
	CALL_MAKE,      /* path */
	CALL_MAKEAT,    /* dir, path */
	CALL_REMOVE,    /* path */
	CALL_REMOVEAT,  /* dir, path */
	CALL_MOUNT,     /* anything that changes what names mean */
	CALL_CONNECT,   /* socket, address, length */
};

struct filter {
	struct sock_filter code[512];
	struct sock_fprog prog;
};

/* Makes the filter. free_run: the address of the name that the stage's shell is started by, which is not told of: the process
 * that would hear of it waits until the shell runs. Returns false on machines whose calls are not known here. */
NODISCARD bool filter_make(struct filter *f, enum watch_depth depth, const char *free_run);
/* Puts the calling thread under it for good, and all that it starts. Returns the descriptor on which the kernel tells, or
 * -errno. Without the privilege to do so otherwise it takes away from all of them the possibility to gain privileges
 * (PR_SET_NO_NEW_PRIVS), and *no_new_privs says so. Safe after vfork. */
NODISCARD int filter_install(const struct filter *f, bool *no_new_privs);

/* What the call nr of the machine arch (AUDIT_ARCH_*) is. */
enum call_shape filter_shape(uint32_t arch, int nr);

#endif
