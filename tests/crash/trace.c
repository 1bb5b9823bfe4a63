/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct call {
	long nr;
	const char *name;
	int flags_arg; /* writes only if this argument has O_CREAT; -1: always */
};
#define CALL(name) {SYS_##name, #name, -1}

static const struct call calls[] = {
#ifdef SYS_open
	{SYS_open, "open", 1},
	CALL(creat),
	CALL(rename),
	CALL(link),
	CALL(symlink),
	CALL(unlink),
	CALL(mkdir),
	CALL(rmdir),
	CALL(chmod),
#endif
	{SYS_openat, "openat", 2},
	CALL(openat2),
	CALL(write),
	CALL(writev),
	CALL(pwrite64),
	CALL(sendmsg),
	CALL(sendto),
	CALL(copy_file_range),
	CALL(ftruncate),
	CALL(fallocate),
	CALL(renameat),
	CALL(renameat2),
	CALL(linkat),
	CALL(symlinkat),
	CALL(unlinkat),
	CALL(mkdirat),
	CALL(fchmod),
	CALL(fchmodat),
	CALL(utimensat),
	CALL(fsync),
	CALL(fdatasync),
	CALL(syncfs),
	CALL(msync),
};

static const char *writes(const struct __ptrace_syscall_info *info)
{
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if ((uint64_t)calls[i].nr == info->entry.nr &&
		    (calls[i].flags_arg < 0 || (info->entry.args[calls[i].flags_arg] & O_CREAT)))
			return calls[i].name;
	return NULL;
}

static void become(struct trace *t, const char *output)
{
	int out = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0644), in = open("/dev/null", O_RDONLY);

	if (out < 0 || in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(99);
	close(out);
	close(in);
	setpgid(0, 0);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(98);
	raise(SIGSTOP);
	execv(t->argv[0], t->argv);
	_exit(97);
}

/* The process that a thread belongs to. */
static pid_t process_of(pid_t tid)
{
	char path[64], line[256];
	pid_t pid = tid;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/status", (long)tid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "Tgid:", 5) == 0)
			pid = (pid_t)strtol(line + 5, NULL, 10);
	if (f)
		fclose(f);
	return pid;
}

static bool runs(pid_t tid, const char *program)
{
	char path[64], exe[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%ld/exe", (long)tid);
	n = readlink(path, exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	return strcmp(exe, program) == 0;
}

static void at_call(struct trace *t, pid_t tid, pid_t pid)
{
	struct __ptrace_syscall_info info;
	const char *name;

	memset(&info, 0, sizeof(info)); /* valgrind does not know that the kernel fills it */
	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, (void *)sizeof(info), &info) < 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY || !(name = writes(&info)))
		return;
	if ((t->children && !runs(tid, t->children)) || ++t->writes != t->stop_at)
		return;
	t->call = name;
	t->hit(t->children ? process_of(tid) : pid);
}

/* One stop of one of its threads; whatever signal came is handed on. */
static void at_stop(struct trace *t, pid_t tid, pid_t pid, int status)
{
	int sig = WSTOPSIG(status), pass = 0;

	if (sig == (SIGTRAP | 0x80))
		at_call(t, tid, pid);
	else if (sig != SIGTRAP && sig != SIGSTOP)
		pass = sig;
	ptrace(PTRACE_SYSCALL, tid, NULL, (void *)(intptr_t)pass); /* fails for one that was killed: its end is reported */
}

int trace_run(struct trace *t, const char *output)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL |
			     (t->children ? PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK : 0);
	pid_t pid = fork(), tid;
	int status;

	t->writes = 0;
	t->call = NULL;
	if (pid == 0)
		become(t, output);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)options) < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		return -1;
	}
	ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	for (;;) {
		tid = waitpid(-1, &status, __WALL);
		if (tid < 0 && errno == EINTR)
			continue;
		if (tid < 0)
			return t->children && errno == ECHILD ? 0 : -1;
		if (WIFSTOPPED(status)) {
			at_stop(t, tid, pid, status);
		} else if (tid == pid) {
			t->status = status;
			if (!t->children)
				return 0;
		}
	}
}

void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(99);
}

int shell(const char *cmd)
{
	return system(cmd); /* NOLINT: the words are all ours */
}

void must(const char *cmd)
{
	if (shell(cmd) != 0)
		die(cmd);
}

void kill_it(pid_t pid)
{
	kill(pid, SIGKILL);
}
