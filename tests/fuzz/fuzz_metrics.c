/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Metrics files, the cleaning of untrusted text, and line differences. The first byte chooses the kind of file. */
#include <config.h>

#include <stdint.h>
#include <string.h>

#include "report/metrics.h"
#include "util/linediff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_clean(const char *text, size_t n)
{
	static const struct style st = {.utf8 = true};
	CLEANUP(strbuf_release) struct strbuf clean = STRBUF_INIT;
	CLEANUP(strbuf_release) struct strbuf fit = STRBUF_INIT;
	size_t i;

	term_add_clean(&clean, text, n);
	for (i = 0; i < clean.len; i++)
		if ((unsigned char)clean.buf[i] < 0x20 || clean.buf[i] == 0x7f)
			BUG("a control character got through");
	term_add_fit(&fit, clean.buf, 20, &st);
	if (term_width(fit.buf, fit.len) > 20)
		BUG("wider than it should be");
	term_cut(&clean, 0, 10, &st);
	if (term_width(clean.buf, clean.len) > 10)
		BUG("cut wider than it should be");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = {"m.json", "m.csv", "m.txt", "m.tsv", "m.yaml"};
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct metrics m = METRICS_INIT;
	const char *text = (const char *)data + 1;
	size_t half;

	if (!size)
		return 0;
	size--;
	if (metrics_parse(&m, paths[data[0] % ARRAY_SIZE(paths)], text, size, NULL) == 0 && !m.n)
		BUG("a file without values was taken");
	metrics_release(&m);
	check_clean(text, size);
	half = size / 2;
	linediff_format((struct linediff_text){text, half}, (struct linediff_text){text + half, size - half}, 20, &out);
	return 0;
}
