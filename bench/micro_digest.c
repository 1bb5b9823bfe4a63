/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times the stat cache against its floors, in the same run: lstat by two threads, XXH3 and SHA-256 over a cached file.
 *
 *     micro_digest DIR [FILES] [MIB]     DIR is made, filled and left; FILES 100000, MIB 1024 */
#include <config.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "digest/fasthash.h"
#include "digest/statcache.h"
#include "util/file.h"
#include "util/pool.h"

#define ROUNDS 7

static const unsigned char secret[STATCACHE_SECRET] = {1, 2, 3};
static size_t n_files = 100000;
static char (*paths)[32];

static double now(void)
{
	return (double)clock_tick(&clock_system) / 1e6;
}

static void need(int ok, const char *what)
{
	if (!ok) {
		perror(what);
		exit(1);
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v)
{
	qsort(v, ROUNDS, sizeof(*v), by_value);
	return v[ROUNDS / 2];
}

static void stat_one(void *ctx, size_t i)
{
	struct stat st;

	(void)ctx;
	need(lstat(paths[i], &st) == 0, "lstat");
}

static int top;
static void stat_below(void *ctx, size_t i)
{
	struct stat st;

	(void)ctx;
	need(fstatat(top, strrchr(paths[i], '/') + 1, &st, AT_SYMLINK_NOFOLLOW) == 0, "fstatat");
}

static void make_files(void)
{
	size_t i;

	need(mkdir("many", 0777) == 0, "mkdir");
	for (i = 0; i < n_files; i++) {
		char text[64];
		int n = snprintf(text, sizeof(text), "file %zu\n", i);
		int fd = open(paths[i], O_WRONLY | O_CREAT, 0666);

		need(fd >= 0 && write(fd, text, (size_t)n) == n && close(fd) == 0, paths[i]);
	}
}

static void make_large(const char *name, size_t mib)
{
	CLEANUP(freep) unsigned char *buf = xmalloc(1 << 20);
	int fd = open(name, O_WRONLY | O_CREAT, 0666);
	size_t i, j;

	need(fd >= 0, name);
	for (i = 0; i < mib; i++) {
		for (j = 0; j < 1 << 20; j++)
			buf[j] = (unsigned char)(j * 31 + i * 7 + (j >> 8));
		need(write(fd, buf, 1 << 20) == 1 << 20, name);
	}
	need(close(fd) == 0, name);
}

/* In a child, as a process of its own: opens the cache, asks, saves. Milliseconds; *rss in KiB. */
static double ask(size_t n, bool directory, bool save, long *rss)
{
	struct content_query *q;
	double begin = now(), ms;
	struct rusage ru;
	int pipefd[2], status;
	pid_t child;
	size_t i;

	need(pipe(pipefd) == 0, "pipe");
	child = fork();
	need(child >= 0, "fork");
	if (child == 0) {
		struct statcache *sc;
		double opened;

		free(directory ? paths : NULL);
		begin = now();
		sc = statcache_open(directory ? "cache-directory" : "cache-paths", secret, &clock_system);
		q = calloc(n, sizeof(*q));
		for (i = 0; i < n; i++)
			q[i].path = directory ? "many" : paths[i];
		opened = now() - begin;
		statcache_query(sc, q, n, 2);
		if (getenv("VERBOSE"))
			fprintf(stderr, "open %.1f query %.1f\n", opened, now() - begin - opened);
		for (i = 0; i < n; i++)
			if (q[i].failed || q[i].content.kind == CONTENT_NONE)
				fprintf(stderr, "%s: %s\n", q[i].path, q[i].err.msg ? q[i].err.msg : "absent");
		if (save && statcache_save(sc, NULL) < 0)
			fprintf(stderr, "cannot save\n");
		ms = now() - begin;
		need(write(pipefd[1], &ms, sizeof(ms)) == sizeof(ms), "write");
		_exit(0);
	}
	need(read(pipefd[0], &ms, sizeof(ms)) == sizeof(ms), "read");
	close(pipefd[0]);
	close(pipefd[1]);
	need(wait4(child, &status, 0, &ru) == child && status == 0, "wait");
	*rss = ru.ru_maxrss;
	return ms;
}

static void many(void)
{
	double floor_paths[ROUNDS], floor_dir[ROUNDS], dir[ROUNDS], each[ROUNDS];
	size_t few = n_files / 5, i;
	long rss, rss_dir = 0;

	printf("cold: %zu files of a directory %.1f ms\n", n_files, ask(1, true, true, &rss));
	ask(1, true, true, &rss);
	ask(few, false, true, &rss);
	ask(few, false, true, &rss);
	need((top = open("many", O_PATH)) >= 0, "many");
	for (i = 0; i < ROUNDS; i++) {
		double begin = now();

		pool_for(n_files, 512, 2, stat_below, NULL);
		floor_dir[i] = now() - begin;
		begin = now();
		pool_for(few, 64, 2, stat_one, NULL);
		floor_paths[i] = now() - begin;
		dir[i] = ask(1, true, true, &rss_dir);
		each[i] = ask(few, false, true, &rss);
	}
	printf("unchanged directory of %zu: %.1f ms, floor (fstatat, 2 threads) %.1f ms, ratio %.2f, %.1f MiB\n", n_files,
	       median(dir), median(floor_dir), median(dir) / median(floor_dir), (double)rss_dir / 1024);
	printf("unchanged %zu paths: %.1f ms, floor (lstat, 2 threads) %.1f ms, ratio %.2f, %.1f MiB\n", few, median(each),
	       median(floor_paths), median(each) / median(floor_paths), (double)rss / 1024);
}

static double read_floor(const char *name, bool sha)
{
	static unsigned char buf[256 * 1024];
	unsigned char fast[FASTHASH_LEN];
	struct fasthash f;
	struct digest id;
	struct sha s;
	double begin = now();
	int fd = open(name, O_RDONLY);
	ssize_t n;

	fasthash_init(&f, secret);
	sha_init(&s);
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		if (sha)
			sha_update(&s, buf, (size_t)n);
		else
			fasthash_update(&f, buf, (size_t)n);
	}
	fasthash_final(&f, fast);
	sha_final(&s, &id);
	close(fd);
	return now() - begin;
}

static void large(size_t mib)
{
	double fast[ROUNDS], sha[ROUNDS], touched[ROUNDS], fresh[ROUNDS];
	size_t i;

	make_large("large", mib);
	for (i = 0; i < ROUNDS; i++) {
		struct statcache *sc = statcache_open(NULL, secret, &clock_system);
		struct content c;
		double begin;

		fast[i] = read_floor("large", false);
		sha[i] = read_floor("large", true);
		begin = now();
		need(statcache_content(sc, "large", true, &c, NULL) == 0, "large");
		fresh[i] = now() - begin;
		need(utimensat(AT_FDCWD, "large", NULL, 0) == 0, "touch");
		begin = now();
		need(statcache_content(sc, "large", true, &c, NULL) == 0, "large");
		touched[i] = now() - begin;
		statcache_free(sc);
	}
	printf("touched %zu MiB: %.0f ms, floor (XXH3) %.0f ms, ratio %.2f\n", mib, median(touched), median(fast),
	       median(touched) / median(fast));
	printf("new %zu MiB: %.0f ms, floor (SHA-256) %.0f ms, ratio %.2f\n", mib, median(fresh), median(sha),
	       median(fresh) / median(sha));
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc < 2) {
		fprintf(stderr, "usage: micro_digest DIR [FILES] [MIB]\n");
		return 2;
	}
	if (argc > 2)
		n_files = strtoul(argv[2], NULL, 10);
	need(mkdir(argv[1], 0777) == 0 && chdir(argv[1]) == 0, argv[1]);
	paths = xcalloc(n_files, sizeof(*paths));
	for (i = 0; i < n_files; i++)
		snprintf(paths[i], sizeof(paths[i]), "many/f%06zu", i);
	make_files();
	many();
	large(argc > 3 ? strtoul(argv[3], NULL, 10) : 1024);
	return 0;
}
