/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "digest/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned char secret[FASTHASH_SECRET] = {1};
static volatile size_t sink;

static void use(const struct tree *t)
{
	uint32_t i, j;

	for (i = 0; i < t->n; i++) {
		sink += strlen(tree_name(t, i));
		if (t->v[i].kind == CONTENT_LINK)
			sink += strlen(tree_target(t, i));
		if (t->v[i].kind != CONTENT_DIR)
			continue;
		sink += tree_child(t, i, "name");
		for (j = 0; j < t->v[i].n; j++)
			sink += t->v[t->v[i].first + j].mode;
	}
}

/* The checksum is put right first, so that the offsets are what is tested. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *copy = malloc(size + 1);
	struct table t;
	uint32_t r;

	memcpy(copy, data, size);
	table_seal(copy, size, secret);
	if (table_open_bytes(&t, copy, size, secret)) {
		for (r = 0; r < table_count(&t); r++) {
			struct tree tree;
			bool follow;
			int64_t used;

			sink += table_find(&t, table_path(&t, r, &follow, &used), follow, secret);
			table_tree(&t, r, &tree);
			use(&tree);
		}
		sink += table_find(&t, "some/path", true, secret);
	}
	free(copy);
	return 0;
}
