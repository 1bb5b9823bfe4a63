/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the machine needs at the least, and data to measure it on. lstat, xxh3, sha256 and columns print "ms NUMBER", their own time.
 *
 *   floor lstat DIR NAMES     two threads lstat all files of DIR that the file NAMES lists, one a line
 *   floor xxh3 FILE           XXH3-128 of a file, by one thread, by read(2)
 *   floor sha256 FILE         SHA-256 of a file, likewise, by libcrypto
 *   floor columns FILE        splits a table at its commas and has strtod read what begins like a number, by one thread
 *   floor table FILE BYTES    makes a table: numbers with few and many digits, dates, texts with and without quotes, missing values
 *   floor files DIR N BYTES   makes N different files of BYTES in DIR, 1,000 to a subdirectory; prints their names
 *   floor fill FILE BYTES     makes a file of pseudo-random bytes, different each time, in place of what FILE was
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>
#if __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h> /* as mlmake does */
#endif

#define BLOCK ((size_t)1 << 20)

static unsigned char block[BLOCK];

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int open_or_die(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0666);

	if (fd < 0)
		die(path);
	return fd;
}

struct half {
	int dir;
	char **names;
	size_t n;
};

static void *stat_half(void *arg)
{
	const struct half *h = arg;
	struct stat st;

	for (size_t i = 0; i < h->n; i++)
		if (fstatat(h->dir, h->names[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			die(h->names[i]);
	return NULL;
}

static char **read_names(const char *path, size_t *n)
{
	FILE *in = fopen(path, "re");
	char **names = NULL, *line = NULL;
	size_t size = 0, room = 0;
	ssize_t len;

	if (!in)
		die(path);
	while ((len = getline(&line, &size, in)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		if (*n == room && !(names = realloc(names, (room = room ? room * 2 : 1024) * sizeof(*names))))
			die("memory");
		names[(*n)++] = line;
		line = NULL;
		size = 0;
	}
	free(line);
	fclose(in);
	return names;
}

static void cmd_lstat(const char *dir, const char *list)
{
	struct half first = {.dir = open_or_die(dir, O_RDONLY | O_DIRECTORY)}, second = first;
	size_t n = 0;
	char **names = read_names(list, &n);
	pthread_t other;
	double t0 = now_ms();

	first.names = names;
	first.n = n / 2;
	second.names = names + first.n;
	second.n = n - first.n;
	if (pthread_create(&other, NULL, stat_half, &second) != 0)
		die("pthread_create");
	stat_half(&first);
	pthread_join(other, NULL);
	printf("%zu files\nms %.3f\n", n, now_ms() - t0);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
	close(first.dir);
}

/* Calls add with each block of the file. */
static void each_block(const char *path, void (*add)(void *ctx, size_t n), void *ctx)
{
	int fd = open_or_die(path, O_RDONLY);
	ssize_t n;

	while ((n = read(fd, block, BLOCK)) > 0)
		add(ctx, (size_t)n);
	if (n < 0)
		die(path);
	close(fd);
}

static void add_xxh3(void *ctx, size_t n)
{
	XXH3_128bits_update(ctx, block, n);
}

static void cmd_xxh3(const char *path)
{
	double t0 = now_ms();
	XXH3_state_t *state = XXH3_createState();

	XXH3_128bits_reset(state);
	each_block(path, add_xxh3, state);

	XXH128_hash_t h = XXH3_128bits_digest(state);

	XXH3_freeState(state);
	printf("%016" PRIx64 "%016" PRIx64 "\nms %.3f\n", (uint64_t)h.high64, (uint64_t)h.low64, now_ms() - t0);
}

static void add_sha256(void *ctx, size_t n)
{
	EVP_DigestUpdate(ctx, block, n);
}

static void cmd_sha256(const char *path)
{
	double t0 = now_ms();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char out[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
	each_block(path, add_sha256, ctx);
	EVP_DigestFinal_ex(ctx, out, &n);
	EVP_MD_CTX_free(ctx);
	for (unsigned int i = 0; i < n; i++)
		printf("%02x", out[i]);
	printf("\nms %.3f\n", now_ms() - t0);
}

static void scramble(uint64_t *state, size_t n)
{
	for (size_t i = 0; i < n; i += sizeof(*state)) {
		*state ^= *state << 13;
		*state ^= *state >> 7;
		*state ^= *state << 17;
		memcpy(block + i, state, sizeof(*state));
	}
}

/* What stands at path is removed first: the new file is another inode. */
static void write_random(const char *path, uint64_t seed, size_t bytes)
{
	uint64_t state = seed | 1;
	int fd;

	if (unlink(path) < 0 && errno != ENOENT)
		die(path);
	fd = open_or_die(path, O_WRONLY | O_CREAT | O_EXCL);
	while (bytes > 0) {
		size_t n = bytes < BLOCK ? bytes : BLOCK;

		scramble(&state, n);
		if (write(fd, block, n) != (ssize_t)n)
			die(path);
		bytes -= n;
	}
	close(fd);
}

static void cmd_files(const char *dir, size_t n, size_t bytes)
{
	char path[64];

	if ((mkdir(dir, 0777) < 0 && errno != EEXIST) || chdir(dir) < 0)
		die(dir);
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%05zu", i / 1000);
		if (i % 1000 == 0 && mkdir(path, 0777) < 0)
			die(path);
		snprintf(path, sizeof(path), "%05zu/%08zu.dat", i / 1000, i);
		write_random(path, (i + 1) * UINT64_C(0x9e3779b97f4a7c15), bytes);
		puts(path);
	}
}

static void cmd_fill(const char *path, size_t bytes)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		die("getrandom");
	write_random(path, seed, bytes);
}

static uint64_t draw(uint64_t *state, uint64_t n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (*state >> 16) % n;
}

static void cmd_table(const char *path, size_t bytes)
{
	static const char *const cities[] = {"Berlin", "Hamburg", "Paris", "Lyon", "Rome", "Milan", "New York", "Boston"};
	FILE *f = fopen(path, "we");
	uint64_t s = 88172645463325252;
	long written;
	size_t row;

	if (!f)
		die(path);
	written = fprintf(f, "id,time,sensor,x,y,price,count,city,note,code\n");
	for (row = 1; (size_t)written < bytes; row++) {
		written += fprintf(f, "%zu,20%02u-%02u-%02u,%u,", row, (unsigned)draw(&s, 25), (unsigned)draw(&s, 12) + 1, (unsigned)draw(&s, 28) + 1,
				   (unsigned)draw(&s, 5000));
		written += draw(&s, 50) ? fprintf(f, "%.15g,", (double)draw(&s, UINT64_C(1) << 48) / 281474976710656.0) : fprintf(f, ",");
		written += fprintf(f, "%.6f,%.2f,", (double)draw(&s, 200000000) / 1e6 - 100, (double)draw(&s, 1000000) / 100);
		written += draw(&s, 20) ? fprintf(f, "%u,", (unsigned)draw(&s, 100)) : fprintf(f, ",");
		written += fprintf(f, "%s,", cities[draw(&s, 8)]);
		written += draw(&s, 4) ? fprintf(f, "note %u,", (unsigned)draw(&s, 100000)) : fprintf(f, "\"said \"\"no\"\", left\",");
		written += fprintf(f, "AB-%04u\n", (unsigned)draw(&s, 10000));
	}
	if (fclose(f))
		die(path);
}

static void cmd_columns(const char *path)
{
	double t0 = now_ms(), sum = 0;
	FILE *f = fopen(path, "re");
	char *row = NULL, *at, *end;
	size_t room = 0, fields = 0;
	ssize_t n;

	if (!f)
		die(path);
	while ((n = getline(&row, &room, f)) > 0)
		for (at = row; at; at = end ? end + 1 : NULL, fields++) {
			end = memchr(at, ',', (size_t)(row + n - at));
			if ((*at >= '0' && *at <= '9') || *at == '-')
				sum += strtod(at, NULL);
		}
	free(row);
	fclose(f);
	printf("%zu fields, %g\nms %.3f\n", fields, sum, now_ms() - t0);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 4 && !strcmp(what, "lstat"))
		cmd_lstat(argv[2], argv[3]);
	else if (argc == 3 && !strcmp(what, "xxh3"))
		cmd_xxh3(argv[2]);
	else if (argc == 3 && !strcmp(what, "sha256"))
		cmd_sha256(argv[2]);
	else if (argc == 3 && !strcmp(what, "columns"))
		cmd_columns(argv[2]);
	else if (argc == 4 && !strcmp(what, "table"))
		cmd_table(argv[2], strtoull(argv[3], NULL, 10));
	else if (argc == 5 && !strcmp(what, "files"))
		cmd_files(argv[2], strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
	else if (argc == 4 && !strcmp(what, "fill"))
		cmd_fill(argv[2], strtoull(argv[3], NULL, 10));
	else {
		fprintf(stderr, "usage: floor lstat DIR NAMES | xxh3 FILE | sha256 FILE | columns FILE | "
				"table FILE BYTES | files DIR N BYTES | fill FILE BYTES\n");
		return 2;
	}
	return 0;
}
