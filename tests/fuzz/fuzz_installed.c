/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What files of installed distributions say: the first byte chooses which. Names come out normalized; a marker that holds holds with more
 * extras asked for, too, as long as it does not compare them with !=; and what is read twice is the same. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "env/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name)
{
	CLEANUP(strbuf_release) struct strbuf again = STRBUF_INIT;

	requirement_normalize(name, strlen(name), &again);
	if (!*name || !streq(again.buf, name))
		abort();
}

static void check_marker(const char *marker)
{
	static const struct marker_values full = {"3.11", "3.11.2", "cpython", "x86_64"}, none = {NULL, NULL, NULL, NULL};
	static const char *const extras[] = {"test", "dev"};
	enum marker_truth bare = marker_holds(marker, &full, NULL, 0), more = marker_holds(marker, &full, extras, 2);

	if (bare == MARKER_YES && more != MARKER_YES)
		abort();
	if (bare != marker_holds(marker, &full, NULL, 0))
		abort();
	(void)marker_holds(marker, &none, extras, 2);
}

static void check(const struct metadata *m)
{
	size_t i, j;

	for (i = 0; i < m->n_requires; i++) {
		check_name(m->requires[i].name);
		for (j = 0; j < m->requires[i].n_extras; j++)
			check_name(m->requires[i].extras[j]);
		if (m->requires[i].marker)
			check_marker(m->requires[i].marker);
	}
}

static void count(void *ctx, const char *path)
{
	if (!*path)
		abort();
	++*(size_t *)ctx;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP(freep) char *copy = size ? malloc(size) : NULL; /* just as long, for the sanitizers */
	CLEANUP(freep) char *dir = NULL;
	struct metadata m = {0};
	size_t n = 0;

	if (!size)
		return 0;
	memcpy(copy, data + 1, size - 1);
	switch (data[0] % 4) {
	case 0: metadata_parse(copy, size - 1, &a, &m); break;
	case 1: metadata_parse_requires(copy, size - 1, &a, &m); break;
	case 2: metadata_each_file(copy, size - 1, count, &n); break;
	default: dir = metadata_editable(copy, size - 1);
	}
	if (n > size || (dir && *dir != '/'))
		abort();
	check(&m);
	return 0;
}
