/* SPDX-License-Identifier: GPL-3.0-or-later */
/* part FILE: the sums of all products of two columns over a shard, to stdout: a line a pair i <= j, "i j sum". Integers,
 * so that the order of adding changes nothing; 10^10 rows fit. The pair 0 0 is the number of rows. */
#include "row.h"

#include <inttypes.h>
#include <stdio.h>

static int64_t sums[COLUMNS][COLUMNS];

static void add(const struct row *r)
{
	for (int i = 0; i < COLUMNS; i++)
		for (int j = i; j < COLUMNS; j++)
			sums[i][j] += (int64_t)r->v[i] * r->v[j];
}

int main(int argc, char **argv)
{
	static struct row block[4096];
	FILE *in = argc == 2 ? fopen(argv[1], "rb") : NULL;

	if (!in) {
		if (argc == 2)
			perror(argv[1]);
		else
			fprintf(stderr, "usage: part FILE\n");
		return 2;
	}
	for (size_t n; (n = fread(block, sizeof(block[0]), 4096, in)) > 0;)
		for (size_t i = 0; i < n; i++)
			add(&block[i]);
	if (ferror(in)) {
		perror(argv[1]);
		return 1;
	}
	fclose(in);
	for (int i = 0; i < COLUMNS; i++)
		for (int j = i; j < COLUMNS; j++)
			printf("%d %d %" PRId64 "\n", i, j, sums[i][j]);
	return fflush(stdout) ? 1 : 0;
}
