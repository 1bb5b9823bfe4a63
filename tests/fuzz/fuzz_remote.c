/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What remotes say, and how their places are written. The first byte chooses the reader. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "remote/transport.h"
#include "util/strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEX "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_tips(const struct tips *t)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		check(writer_is_good(t->v[i].writer) && !strpbrk(t->v[i].writer, "/. \n"));
		check(!t->v[i].id || commit_is_good(t->v[i].id));
		check(tips_find(t, t->v[i].writer) == &t->v[i]);
	}
}

static void read_tips(const char *text)
{
	CLEANUP(tips_release) struct tips t = TIPS_INIT;
	CLEANUP(freep) char *refused = NULL;

	tips_parse(text, &t);
	check_tips(&t);
	tips_pushed(text, &t, &refused);
	tips_sort(&t);
}

static void note(void *ctx, size_t i, int64_t n)
{
	check(i < *(size_t *)ctx && n >= 0);
}

static void read_listing(const char *text, size_t n)
{
	struct payload v[2];
	size_t count = 2;

	check(digest_parse(HEX, &v[0].id));
	memset(&v[1].id, 0xff, sizeof(v[1].id));
	listing_parse(text, n, v, 2, note, &count);
}

static void read_bundles(const char *text)
{
	struct bundles b = BUNDLES_INIT;
	size_t i;

	bundles_parse(text, &b);
	for (i = 0; i < b.n; i++)
		check(writer_is_good(b.v[i].writer) && commit_is_good(b.v[i].to) && b.v[i].length > 0 && b.v[i].size > 0 &&
		      (strcmp(b.v[i].from, "0") == 0 || commit_is_good(b.v[i].from)));
	bundles_release(&b);
}

static void read_kept(const char *text)
{
	struct payload *v = NULL;
	size_t n = 0, cap = 0, i;

	kept_parse(text, &v, &n, &cap);
	for (i = 0; i < n; i++)
		check(v[i].size >= 0);
	payloads_sort(v, n);
	free(v);
	check(answer_size(text, HEX) >= -2);
	check(lfs_said(text, HEX) == PAYLOAD_UNKNOWN || strstr(text, HEX));
}

/* A secret is not shown, and nothing that a program would take for an option is a host. */
static void read_address(const char *text, const char *lfs)
{
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT;
	struct err err = ERR_INIT;
	struct address a;

	if (address_parse(&a, text, lfs, &err) == 0) {
		check(a.shown && *text != '-');
		check(a.kind == ADDRESS_LFS || !a.host || *a.host != '-');
		check(a.kind != ADDRESS_SSH || (a.host && a.path && a.git && !strchr(a.path, '\n')));
		check(a.kind != ADDRESS_LFS || strstr(a.git, "::") != strchr(a.git, ':') || strstr(a.git, "://") || *a.git == '[');
		strbuf_addstr(&said, text);
		address_redact(&a, &said);
	} else {
		check(err.msg != NULL);
	}
	address_release(&a);
	err_release(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(freep) char *text = NULL;

	if (!size)
		return 0;
	text = xstrndup((const char *)data + 1, size - 1);
	switch (data[0] % 6) {
	case 0: read_tips(text); break;
	case 1: read_listing((const char *)data + 1, size - 1); break;
	case 2: read_bundles(text); break;
	case 3: read_kept(text); break;
	case 4: read_address(text, NULL); break;
	default: read_address(text, "yes");
	}
	return 0;
}
