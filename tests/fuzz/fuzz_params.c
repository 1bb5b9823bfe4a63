/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parameter files. The first byte chooses the format, the rest is the file. What is accepted must be found again by its
 * keys, and must read the same after a way through JSON. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "params/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_there(void *ctx, const char *full_key, const struct param *leaf)
{
	CLEANUP(strbuf_release) struct strbuf plain = STRBUF_INIT;

	param_plain(leaf, &plain);
	if (*full_key && !params_get(ctx, full_key))
		BUG("'%s' is visited and cannot be got", full_key);
}

/* Appends p's tree as JSON, and its canonical text. */
static void write(const struct params *p, struct strbuf *json, struct strbuf *canonical)
{
	struct json *j = param_json(p->root);

	json_write(j, false, json);
	json_free(j);
	param_canonical(p->root, canonical);
}

/* Infinities and bytes that are no UTF-8 change on the first way through JSON, nothing on the second. */
static void check_way_through_json(const struct params *p)
{
	CLEANUP(strbuf_release) struct strbuf first = STRBUF_INIT, second = STRBUF_INIT;
	CLEANUP(strbuf_release) struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
	struct params q = PARAMS_INIT, r = PARAMS_INIT;
	struct diags ds = DIAGS_INIT;

	write(p, &first, &a);
	strbuf_clear(&a);
	if (params_parse(&q, "q.json", first.buf, first.len, &ds) == 0) {
		write(&q, &second, &a);
		if (params_parse(&r, "r.json", second.buf, second.len, &ds) < 0)
			BUG("our own JSON is refused: %s", ds.v[0].msg);
		strbuf_clear(&first);
		write(&r, &first, &b);
		if (!streq(a.buf, b.buf))
			BUG("%s became %s", a.buf, b.buf);
	}
	diags_release(&ds);
	params_release(&q);
	params_release(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"p.ini", "p.toml", "p.json", "p.yaml"};
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT;
	struct params p = PARAMS_INIT;
	struct diags ds = DIAGS_INIT;
	int result;

	if (size == 0)
		return 0;
	result = params_parse(&p, names[data[0] & 3], (const char *)data + 1, size - 1, &ds);
	diags_format(&ds, &said);
	if ((result < 0) != (ds.errors > 0))
		BUG("%d with %zu errors", result, ds.errors);
	params_each(&p, "", is_there, &p);
	check_way_through_json(&p);
	if (params_set(&p, "a.b.c", "[1, \"x\"]", data[0] & 4, NULL) == 0 && !params_get(&p, "a.b.c"))
		BUG("what was set is not there");
	diags_release(&ds);
	params_release(&p);
	return 0;
}
