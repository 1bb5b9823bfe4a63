/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "sandbox/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#define ARCH_32 AUDIT_ARCH_I386
#define X32_BIT 0x40000000
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define ARCH AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCH AUDIT_ARCH_S390X
#endif

/* Where only the low half of an argument counts: that of the host's byte order. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LOW 4
#define HIGH 0
#else
#define LOW 0
#define HIGH 4
#endif

#define NO (-1)
#define CALL_BLOCK 100 /* refused */

/* Numbers of calls: here and, of x86, of 32-bit programs. */
struct call {
	int nr, nr_32;
	int shape;
	enum watch_depth depth;
	int at_flags; /* the argument that may hold AT_EMPTY_PATH: then nothing is named; -1: none */
};

static const struct call calls[] = {
#ifdef __NR_open
	{__NR_open, 5, CALL_OPEN, WATCH_OPENS, NO},
#endif
	{__NR_openat, 295, CALL_OPENAT, WATCH_OPENS, NO},
	{437, 437, CALL_OPENAT2, WATCH_OPENS, NO},
#ifdef __NR_creat
	{__NR_creat, 8, CALL_CREAT, WATCH_OPENS, NO},
#endif
	{__NR_execve, 11, CALL_RUN, WATCH_OPENS, NO},
	{__NR_execveat, 358, CALL_RUNAT, WATCH_OPENS, 4},
	{__NR_truncate, 92, CALL_TRUNCATE, WATCH_OPENS, NO},
	{NO, 193, CALL_TRUNCATE, WATCH_OPENS, NO},
#ifdef __NR_rename
	{__NR_rename, 38, CALL_RENAME, WATCH_OPENS, NO},
#endif
#ifdef __NR_renameat
	{__NR_renameat, 302, CALL_RENAMEAT, WATCH_OPENS, NO},
#endif
	{__NR_renameat2, 353, CALL_RENAMEAT, WATCH_OPENS, NO},
#ifdef __NR_link
	{__NR_link, 9, CALL_LINK, WATCH_OPENS, NO},
#endif
	{__NR_linkat, 303, CALL_LINKAT, WATCH_OPENS, 4},
#ifdef __NR_symlink
	{__NR_symlink, 83, CALL_SYMLINK, WATCH_OPENS, NO},
#endif
	{__NR_symlinkat, 304, CALL_SYMLINKAT, WATCH_OPENS, NO},
#ifdef __NR_getdents
	{__NR_getdents, 141, CALL_LIST, WATCH_OPENS, NO},
#endif
	{__NR_getdents64, 220, CALL_LIST, WATCH_OPENS, NO},
#ifdef __NR_stat
	{__NR_stat, 106, CALL_ASK, WATCH_QUESTIONS, NO},
	{__NR_lstat, 107, CALL_ASK, WATCH_QUESTIONS, NO},
	{NO, 195, CALL_ASK, WATCH_QUESTIONS, NO},
	{NO, 196, CALL_ASK, WATCH_QUESTIONS, NO},
#endif
#ifdef __NR_access
	{__NR_access, 33, CALL_ASK, WATCH_QUESTIONS, NO},
	{__NR_readlink, 85, CALL_ASK, WATCH_LOOKUPS, NO},
#endif
#ifdef __NR_newfstatat
	{__NR_newfstatat, 300, CALL_ASKAT, WATCH_QUESTIONS, 3},
#endif
	{__NR_faccessat, 307, CALL_ASKAT, WATCH_QUESTIONS, NO},
	{439, 439, CALL_ASKAT, WATCH_QUESTIONS, 3}, /* faccessat2 */
	{__NR_readlinkat, 305, CALL_ASKAT, WATCH_LOOKUPS, NO},
	{__NR_statx, 383, CALL_ASKAT, WATCH_QUESTIONS, 2},
#ifdef __NR_mkdir
	{__NR_mkdir, 39, CALL_MAKE, WATCH_CHANGES, NO},
	{__NR_mknod, 14, CALL_MAKE, WATCH_CHANGES, NO},
	{__NR_unlink, 10, CALL_REMOVE, WATCH_CHANGES, NO},
	{__NR_rmdir, 40, CALL_REMOVE, WATCH_CHANGES, NO},
#endif
	{__NR_mkdirat, 296, CALL_MAKEAT, WATCH_CHANGES, NO},
	{__NR_mknodat, 297, CALL_MAKEAT, WATCH_CHANGES, NO},
	{__NR_unlinkat, 301, CALL_REMOVEAT, WATCH_CHANGES, NO},
	{__NR_mount, 21, CALL_MOUNT, WATCH_OPENS, NO},
	{__NR_chroot, 61, CALL_MOUNT, WATCH_OPENS, NO},
	{__NR_pivot_root, 217, CALL_MOUNT, WATCH_OPENS, NO},
	{__NR_setns, 346, CALL_MOUNT, WATCH_OPENS, NO},
	{429, 429, CALL_MOUNT, WATCH_OPENS, NO}, /* move_mount */
	{__NR_open_by_handle_at, 342, CALL_MOUNT, WATCH_OPENS, NO},
	{__NR_connect, 362, CALL_CONNECT, WATCH_OPENS, NO},
	{425, 425, CALL_BLOCK, WATCH_OPENS, NO}, /* io_uring_setup */
	{426, 426, CALL_BLOCK, WATCH_OPENS, NO},
	{427, 427, CALL_BLOCK, WATCH_OPENS, NO},
};

struct writer {
	struct filter *f;
	size_t n;
};

static void put(struct writer *w, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	if (w->n == ARRAY_SIZE(w->f->code))
		BUG("the filter does not fit");
	w->f->code[w->n++] = (struct sock_filter){code, yes, no, k};
}

static void load(struct writer *w, size_t offset)
{
	put(w, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void answer(struct writer *w, uint32_t action)
{
	put(w, BPF_RET | BPF_K, action, 0, 0);
}

/* Each call is a piece of its own, jumped over if the number in the accumulator is another. */
static void put_call(struct writer *w, const struct call *c, int nr, const char *free_run)
{
	const size_t arg = offsetof(struct seccomp_data, args);
	const uint64_t name = (uint64_t)(uintptr_t)free_run;

	if (c->shape == CALL_BLOCK) {
		put(w, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1);
		answer(w, SECCOMP_RET_ERRNO | ENOSYS);
	} else if (c->shape == CALL_RUN && free_run) {
		put(w, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 6);
		load(w, arg + LOW);
		put(w, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)name, 0, 3);
		load(w, arg + HIGH);
		put(w, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(name >> 32), 0, 1);
		answer(w, SECCOMP_RET_ALLOW);
		answer(w, SECCOMP_RET_USER_NOTIF);
	} else if (c->at_flags >= 0) {
		put(w, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 4);
		load(w, arg + (size_t)c->at_flags * 8 + LOW);
		put(w, BPF_JMP | BPF_JSET | BPF_K, AT_EMPTY_PATH, 0, 1);
		answer(w, c->shape == CALL_LINKAT ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW);
		answer(w, SECCOMP_RET_USER_NOTIF);
	} else {
		put(w, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1);
		answer(w, SECCOMP_RET_USER_NOTIF);
	}
}

struct numbered {
	int nr;
	const struct call *call;
};

static int by_number(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;

	return x->nr < y->nr ? -1 : x->nr > y->nr;
}

/* A search by halves: the kernel tries each filter with all numbers when it takes it, to know those that always pass, so its
 * length matters more than how often it is asked. */
static void put_search(struct writer *w, const struct numbered *v, size_t n, const char *free_run)
{
	size_t jump;

	if (n == 1) {
		put_call(w, v->call, v->nr, free_run);
		answer(w, SECCOMP_RET_ALLOW);
		return;
	}
	jump = w->n;
	put(w, BPF_JMP | BPF_JGE | BPF_K, (uint32_t)v[n / 2].nr, 0, 0);
	put_search(w, v, n / 2, free_run);
	if (w->n - jump - 1 > UINT8_MAX)
		BUG("half of the filter is too long");
	w->f->code[jump].jt = (uint8_t)(w->n - jump - 1);
	put_search(w, v + n / 2, n - n / 2, free_run);
}

static void put_calls(struct writer *w, enum watch_depth depth, const char *free_run)
{
	struct numbered v[ARRAY_SIZE(calls)];
	size_t n = 0, i;

	load(w, offsetof(struct seccomp_data, nr));
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		if (calls[i].nr != NO && calls[i].depth <= depth)
			v[n++] = (struct numbered){calls[i].nr, &calls[i]};
	}
	qsort(v, n, sizeof(*v), by_number);
	put_search(w, v, n, free_run);
}

#ifdef ARCH_32
/* 32-bit programs are rare, and a second search would make every stage slower to start: all their calls are told of, but for the
 * most frequent ones that name nothing. */
static void put_32(struct writer *w)
{
	static const uint8_t frequent[] = {3 /* read */, 4 /* write */, 6 /* close */, 45 /* brk */, 91 /* munmap */, 140 /* _llseek */,
					   146 /* writev */, 192 /* mmap2 */, 197 /* fstat64 */, 240 /* futex */};
	size_t i;

	put(w, BPF_JMP | BPF_JEQ | BPF_K, ARCH_32, 0, (uint8_t)(1 + 2 * ARRAY_SIZE(frequent) + 4));
	load(w, offsetof(struct seccomp_data, nr));
	for (i = 0; i < ARRAY_SIZE(frequent); i++) {
		put(w, BPF_JMP | BPF_JEQ | BPF_K, frequent[i], 0, 1);
		answer(w, SECCOMP_RET_ALLOW);
	}
	put(w, BPF_JMP | BPF_JGE | BPF_K, 425, 0, 2); /* io_uring: 425 to 427 */
	put(w, BPF_JMP | BPF_JGT | BPF_K, 427, 1, 0);
	answer(w, SECCOMP_RET_ERRNO | ENOSYS);
	answer(w, SECCOMP_RET_USER_NOTIF);
}
#endif

#ifdef ARCH
bool filter_make(struct filter *f, enum watch_depth depth, const char *free_run)
{
	struct writer w = {f, 0};
	size_t jump;

	load(&w, offsetof(struct seccomp_data, arch));
	jump = w.n;
	put(&w, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	put(&w, BPF_JMP | BPF_JA, 0, 0, 0); /* to what follows the native part */
#ifdef X32_BIT
	load(&w, offsetof(struct seccomp_data, nr));
	put(&w, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
	answer(&w, SECCOMP_RET_ERRNO | ENOSYS); /* as where x32 is not switched on */
#endif
	put_calls(&w, depth, free_run);
	f->code[jump + 1].k = (uint32_t)(w.n - jump - 2);
#ifdef ARCH_32
	put_32(&w);
#endif
	answer(&w, SECCOMP_RET_ALLOW);
	f->prog = (struct sock_fprog){(unsigned short)w.n, f->code};
	return true;
}

enum call_shape filter_shape(uint32_t arch, int nr)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		if (arch == ARCH && calls[i].nr == nr)
			return (enum call_shape)calls[i].shape;
#ifdef ARCH_32
		if (arch == ARCH_32 && calls[i].nr_32 == nr)
			return (enum call_shape)calls[i].shape;
#endif
	}
	return CALL_NONE;
}
#else
bool filter_make(struct filter *f, enum watch_depth depth, const char *free_run)
{
	return f && depth == WATCH_NOTHING && !free_run;
}

enum call_shape filter_shape(uint32_t arch, int nr)
{
	return arch && nr ? CALL_NONE : CALL_NONE;
}
#endif

static int install(const struct filter *f)
{
	const unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	long fd = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &f->prog);

	if (fd < 0 && errno == EINVAL)
		fd = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &f->prog);
	return fd < 0 ? -errno : (int)fd;
}

int filter_install(const struct filter *f, bool *no_new_privs)
{
	int fd = install(f);

	if (fd == -EACCES) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			return -errno;
		fd = install(f);
	}
	*no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	return fd;
}
