/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A tag of the registry: the input is its name, a line, and its text. What reads is written and reads as the same again. The whole is read
 * as what a kill left of a deploy, too. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "lifecycle/release.h"
#include "lifecycle/shipping.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool so)
{
	if (!so)
		abort();
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? streq(a, b) : a == b;
}

static bool read_both(const char *name, const char *text, size_t n, struct arena *a, struct release *r)
{
	return release_parse_name(name, "", a, r) && release_parse(text, n, a, r, NULL) == 0;
}

static void write_and_read(const struct release *r, struct arena *a)
{
	struct strbuf text = STRBUF_INIT;
	char *name = release_tag_name(r, "");
	struct release again;

	release_write(r, "", &text);
	need(read_both(name, text.buf, text.len, a, &again));
	need(again.kind == r->kind && same_text(again.version, r->version) && same_text(again.run, r->run));
	need(again.n_ships == r->n_ships && (!r->n_ships || release_ships_same(&again, r)));
	need(same_text(again.because, r->because) && same_text(again.how, r->how));
	strbuf_release(&text);
	free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf text = STRBUF_INIT;
	struct arena a = ARENA_INIT;
	struct shipping left;
	struct release r;
	char *nl;

	strbuf_add(&text, data, size);
	if (shipping_parse(text.buf, text.len, &a, &left, NULL) == 0)
		need(left.name && left.environment && left.version);
	nl = strchr(text.buf, '\n');
	if (nl) {
		*nl = '\0';
		if (read_both(text.buf, nl + 1, text.len - (size_t)(nl + 1 - text.buf), &a, &r) && r.who)
			write_and_read(&r, &a);
	}
	arena_release(&a);
	strbuf_release(&text);
	return 0;
}
