/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What watching costs: runs a command N times under each of the depths by turns, and prints the least and the median time on processors of
 * each with their ratio to the unwatched, and what was seen.
 *
 *     watch N COMMAND [ARGUMENT...]
 *
 * The last is as `watch = strict` is: the command may read what is in the directory, and write to out/ there and to /tmp.
 *
 * From the build directory: cc -O2 -D_GNU_SOURCE -I. -ISRCDIR/src -o watch SRCDIR/bench/watch.c libmlmake.a -lxxhash -lpthread -lm */
#include <config.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/bounds.h"
#include "sandbox/confine.h"
#include "sandbox/watch.h"

#define DEPTHS 5
#define N_RULES 3

static char *rules[N_RULES];

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Time on processors, ours and that of what we ran: other work on the machine does not count. */
static double now(void)
{
	struct rusage self, children;

	getrusage(RUSAGE_SELF, &self);
	getrusage(RUSAGE_CHILDREN, &children);
	return seconds(self.ru_utime) + seconds(self.ru_stime) + seconds(children.ru_utime) + seconds(children.ru_stime);
}

static int enter(const struct watch *w, enum watch_depth depth, int id, const struct filter *f, int confined)
{
	int error = confined < 0 ? 0 : confine_enter(confined);

	return error || depth == WATCH_NOTHING ? error : watch_enter(w, id, f);
}

static double run(struct watch *w, enum watch_depth depth, char **argv, struct seen *seen)
{
	static struct filter f;
	static int id;
	double from = now();
	bool bounded = depth == WATCH_CHANGES;
	int status, confined = bounded ? confine_make(rules[0] + 1, rules, N_RULES) : -1;
	pid_t pid;

	if (bounded && confined < 0)
		exit(77);
	if (depth != WATCH_NOTHING) {
		if (!filter_make(&f, depth, NULL))
			exit(77);
		watch_begin(w, ++id, NULL, 0, bounded ? rules : NULL, bounded ? N_RULES : 0);
	}
	pid = fork();
	if (pid == 0) {
		int error = enter(w, depth, id, &f, confined);

		if (error) {
			fprintf(stderr, "watch: %s\n", strerror(error));
			_exit(77);
		}
		execvp(argv[0], argv);
		_exit(127);
	}
	closep(&confined);
	waitpid(pid, &status, 0);
	if (status)
		exit(1);
	from = now() - from;
	if (depth != WATCH_NOTHING)
		watch_end(w, id, seen);
	return from;
}

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int main(int argc, char **argv)
{
	static const char *const names[DEPTHS] = {"unwatched", "opens", "questions", "lookups", "strict"};
	size_t n = argc > 2 ? (size_t)atoi(argv[1]) : 0, i, d;
	double *t[DEPTHS], least = 0, median = 0;
	struct seen seen[DEPTHS] = {SEEN_INIT, SEEN_INIT, SEEN_INIT, SEEN_INIT, SEEN_INIT};
	char *cwd = getcwd(NULL, 0);
	struct watch *w = watch_new(cwd, NULL);

	if (!n || !w)
		return 2;
	rules[0] = xstrfmt("%c%s", BOUNDS_READ, cwd);
	rules[1] = xstrfmt("%c%s/out", BOUNDS_WRITE, cwd);
	rules[2] = xstrfmt("%c/tmp", BOUNDS_FREE);
	for (d = 0; d < DEPTHS; d++)
		t[d] = xcalloc(n, sizeof(double));
	for (i = 0; i < n; i++)
		for (d = 0; d < DEPTHS; d++) {
			seen_release(&seen[d]);
			t[d][i] = run(w, (enum watch_depth)d, argv + 2, &seen[d]);
		}
	for (d = 0; d < DEPTHS; d++) {
		qsort(t[d], n, sizeof(double), ascending);
		if (d == 0) {
			least = t[0][0];
			median = t[0][n / 2];
		}
		printf("%-10s least %9.3f ms (%.3f)   median %9.3f ms (%.3f)   %zu paths\n", names[d], t[d][0] * 1e3, t[d][0] / least,
		       t[d][n / 2] * 1e3, t[d][n / 2] / median, seen[d].n);
	}
	if (getenv("SHOW"))
		for (i = 0; i < seen[3].n; i++)
			printf("%02x %s\n", seen[3].v[i]->flags, seen[3].v[i]->path);
	return 0;
}
