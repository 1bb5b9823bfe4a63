/* SPDX-License-Identifier: GPL-3.0-or-later */
/* timeit [-n RUNS] [-w WARMUPS] -- NAME DIR PREPARE COMMAND [ARG...] [-- NAME DIR ...]
 *
 * Times commands that do the same work, in turn: every round runs each of them once, and begins with another one, so
 * that what else the machine does falls on all alike. PREPARE is a line for sh that runs before each run, untimed; it
 * may be empty. DIR is where both run. A NAME that begins with '@' tells its own time: its output ends with a line
 * "ms NUMBER".
 *
 * For each command a line with tabs: name, median, least and most milliseconds from before the start until it was
 * waited for, the largest resident set in KiB (its own or that of a child it waited for), runs. A command that fails is
 * run no more: its output goes to stderr, its line is "name failed", and timeit exits 1. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct peer {
	const char *name, *dir;
	char *prepare, **argv;
	bool tells, failed;
	double *ms;
	int n;
	long rss;
};

static int log_fd; /* output of the command under way */

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "timeit: %s: %s\n", what, strerror(errno));
	exit(2);
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* Starts argv in dir with its output in the log; a pid, or -1 with errno. */
static pid_t start(char *const *argv, const char *dir)
{
	posix_spawn_file_actions_t fa;
	pid_t pid = -1;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addchdir_np(&fa, dir);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, log_fd, 1);
	posix_spawn_file_actions_adddup2(&fa, log_fd, 2);
	errno = posix_spawnp(&pid, argv[0], &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	return errno ? -1 : pid;
}

static void log_clear(void)
{
	if (ftruncate(log_fd, 0) < 0 || lseek(log_fd, 0, SEEK_SET) < 0)
		die("log");
}

/* The last bytes of the log as a string of at most size - 1. */
static void log_tail(char *buf, size_t size)
{
	off_t end = lseek(log_fd, 0, SEEK_END);
	off_t from = end > (off_t)size - 1 ? end - (off_t)size + 1 : 0;
	ssize_t n = pread(log_fd, buf, size - 1, from);

	buf[n > 0 ? n : 0] = '\0';
}

static void fail(struct peer *p, const char *why)
{
	char tail[4096];

	log_tail(tail, sizeof(tail));
	fprintf(stderr, "timeit: %s in %s: %s\n%s", p->name, p->dir, why, tail);
	p->failed = true;
}

static bool prepare(struct peer *p)
{
	char sh[] = "sh", option[] = "-ec", *argv[] = {sh, option, p->prepare, NULL};
	int status;
	pid_t pid;

	if (!*p->prepare)
		return true;
	log_clear();
	pid = start(argv, p->dir);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		die("sh");
	if (status)
		fail(p, "its preparation failed");
	return !status;
}

/* The time that the command told; -1 if it did not. */
static double told(void)
{
	char tail[256];
	char *at = NULL;

	log_tail(tail, sizeof(tail));
	for (char *s = tail; (s = strstr(s, "ms ")); s++)
		at = s;
	return at ? strtod(at + 3, NULL) : -1;
}

static void run(struct peer *p, bool counts)
{
	struct rusage ru;
	int status;

	if (p->failed || !prepare(p))
		return;
	log_clear();

	double t0 = now_ms();
	pid_t pid = start(p->argv, p->dir);

	if (pid < 0) {
		fail(p, strerror(errno));
		return;
	}
	while (wait4(pid, &status, 0, &ru) < 0)
		if (errno != EINTR)
			die("wait4");

	double ms = now_ms() - t0;

	if (status) {
		fail(p, WIFEXITED(status) ? "it exited with a failure" : "it was killed");
		return;
	}
	if (p->tells && (ms = told()) < 0)
		fail(p, "it told no time");
	if (!counts || p->failed)
		return;
	p->ms[p->n++] = ms;
	if (ru.ru_maxrss > p->rss)
		p->rss = ru.ru_maxrss;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print(struct peer *p)
{
	int n = p->n;

	if (p->failed || !n) {
		printf("%s\tfailed\n", p->name);
		return;
	}
	qsort(p->ms, (size_t)n, sizeof(p->ms[0]), by_value);
	printf("%s\t%.3f\t%.3f\t%.3f\t%ld\t%d\n", p->name, (p->ms[(n - 1) / 2] + p->ms[n / 2]) / 2, p->ms[0],
	       p->ms[n - 1], p->rss, n);
}

/* argv[i] is the "--" before a command; the index of the next one, or argc. */
static int parse(struct peer *p, char **argv, int i, int argc, int runs)
{
	int end = ++i;

	while (end < argc && strcmp(argv[end], "--") != 0)
		end++;
	if (end - i < 4) {
		fprintf(stderr, "timeit: -- needs NAME DIR PREPARE COMMAND\n");
		exit(2);
	}
	*p = (struct peer){.name = argv[i], .dir = argv[i + 1], .prepare = argv[i + 2], .argv = argv + i + 3};
	p->tells = p->name[0] == '@';
	p->name += p->tells;
	p->ms = calloc((size_t)runs, sizeof(p->ms[0]));
	if (!p->ms)
		die("memory");
	if (end < argc)
		argv[end] = NULL;
	return end;
}

int main(int argc, char **argv)
{
	int runs = 9, warmups = 1, n = 0, opt;
	struct peer *peers = calloc((size_t)argc, sizeof(*peers));
	bool failed = false;

	while ((opt = getopt(argc, argv, "+n:w:")) != -1) {
		if (opt == 'n')
			runs = atoi(optarg);
		else if (opt == 'w')
			warmups = atoi(optarg);
		else
			return 2;
	}
	if (!peers || runs < 1 || optind < 2 || optind >= argc || strcmp(argv[optind - 1], "--") != 0) {
		fprintf(stderr, "usage: timeit [-n RUNS] [-w WARMUPS] -- NAME DIR PREPARE COMMAND [ARG...] [-- ...]\n");
		return 2;
	}
	for (int i = optind - 1; i < argc;)
		i = parse(&peers[n++], argv, i, argc, runs);
	log_fd = memfd_create("timeit", MFD_CLOEXEC);
	if (log_fd < 0)
		die("memfd_create");
	for (int round = -warmups; round < runs; round++)
		for (int k = 0; k < n; k++)
			run(&peers[(k + round + warmups) % n], round >= 0);
	for (int i = 0; i < n; i++) {
		print(&peers[i]);
		failed |= peers[i].failed;
		free(peers[i].ms);
	}
	free(peers);
	return failed;
}
