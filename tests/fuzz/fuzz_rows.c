/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A table, read in one piece and in small ones, against a reader that goes byte by byte; and the same bytes as JSON Lines. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "slow_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool so)
{
	if (!so)
		abort();
}

/* All fields as one text. */
static void json_rows(const char *s, size_t n, size_t step, struct strbuf *out)
{
	struct slow_pieces p = {s, n, 0, step, 0};
	const struct data_source src = {slow_read, slow_rewind, &p};
	const struct rows_options opt = {.format = ROWS_JSON, .limit = 4096, .ahead = step > 0, .piece = step ? 64 : 0};
	CLEANUP(rows_release) struct rows r = ROWS_INIT;
	size_t i;
	int got = rows_begin(&r, &src, &opt, NULL);

	while (got >= 0 && (got = rows_next(&r, NULL)) > 0) {
		strbuf_addf(out, "%zu %u %s\n", (size_t)r.line, r.flags, r.why ? r.why : "");
		for (i = 0; i < r.n_fields; i++) {
			struct field f = rows_field(&r, i);

			strbuf_addf(out, "%s %d ", r.names.v[i], f.kind);
			strbuf_add(out, f.s ? f.s : "", f.s ? f.n : 0);
		}
	}
	strbuf_addf(out, "%d", got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(strbuf_release) struct strbuf want = STRBUF_INIT, got = STRBUF_INIT, small = STRBUF_INIT, json = STRBUF_INIT,
					       slow = STRBUF_INIT;
	const char *s = (const char *)data;
	unsigned flags, again;

	if (size > 100000 || (size >= 2 && (memcmp(s, "\xff\xfe", 2) == 0 || memcmp(s, "\xfe\xff", 2) == 0)))
		return 0;
	slow_rows(s, size, ',', &want);
	need(fast_rows(s, size, ',', 0, &flags, &got) && fast_rows(s, size, ',', 3, &again, &small));
	need(got.len == want.len && memcmp(got.buf, want.buf, got.len) == 0);
	need(small.len == want.len && memcmp(small.buf, want.buf, got.len) == 0 && flags == again);
	json_rows(s, size, 0, &json);
	json_rows(s, size, 3, &slow);
	need(json.len == slow.len && memcmp(json.buf, slow.buf, json.len) == 0);
	return 0;
}
