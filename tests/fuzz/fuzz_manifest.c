/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "digest/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is accepted is what is written again, and every name in it may stand there. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf again = STRBUF_INIT;
	struct err err = ERR_INIT;
	struct manifest m;
	size_t i;

	if (manifest_parse(&m, (const char *)data, size, &err) == 0) {
		manifest_write(&m, &again);
		if (again.len != size || memcmp(again.buf, data, size) != 0)
			abort();
		for (i = 0; i < m.n; i++)
			if (manifest_name_refusal(m.v[i].name))
				abort();
	} else if (err.code != ERR_PARSE || m.n) {
		abort();
	}
	manifest_release(&m);
	strbuf_release(&again);
	err_release(&err);
	return 0;
}
