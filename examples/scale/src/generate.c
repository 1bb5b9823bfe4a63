/* SPDX-License-Identifier: GPL-3.0-or-later */
/* generate ROWS SHARDS SHARD SEED: writes one shard of the rows to stdout. A row depends on its number and the seed alone,
 * so that all shards together are the same rows however many there are. */
#include "row.h"

#include <stdio.h>
#include <stdlib.h>

/* What the model must find: v[7] is their product with v[0..6], and noise. */
static const int32_t truth[TARGET] = {250, 3, -2, 7, 0, 1, -5};

/* The splitmix64 generator: steps *state, returns 64 well-mixed bits of it. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static int32_t between(uint64_t *state, int32_t low, int32_t high)
{
	return low + (int32_t)(next_random(state) % (uint64_t)(high - low + 1));
}

static struct row make_row(uint64_t number, uint64_t seed)
{
	uint64_t state = next_random(&seed) ^ number * 0xd1342543de82ef95u;
	struct row r = {{1}};

	for (int i = 1; i < TARGET; i++)
		r.v[i] = between(&state, -1000, 1000);
	for (int i = 0; i < TARGET; i++)
		r.v[TARGET] += truth[i] * r.v[i];
	r.v[TARGET] += between(&state, -500, 500);
	return r;
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: generate ROWS SHARDS SHARD SEED\n");
		return 2;
	}
	uint64_t rows = strtoull(argv[1], NULL, 10), shards = strtoull(argv[2], NULL, 10);
	uint64_t shard = strtoull(argv[3], NULL, 10), seed = strtoull(argv[4], NULL, 10);

	if (shard >= shards) {
		fprintf(stderr, "generate: no shard %s among %s, the first is 0\n", argv[3], argv[2]);
		return 2;
	}
	for (uint64_t i = rows * shard / shards; i < rows * (shard + 1) / shards; i++) {
		struct row r = make_row(i, seed);

		fwrite(&r, sizeof(r), 1, stdout);
	}
	if (fflush(stdout) || ferror(stdout)) {
		perror("generate");
		return 1;
	}
	return 0;
}
