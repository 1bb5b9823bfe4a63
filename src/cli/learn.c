/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/learn.h"

#include <stdio.h>
#include <stdlib.h>

#include "remote/marks.h"
#include "store/closure.h"

#define RECORDS_LIMIT ((size_t)1 << 30)

/* What cannot be read of one run is told, and does not keep the others. */
static void learn_run(struct project *p, const struct run *r, struct strbuf *records)
{
	CLEANUP(err_release) struct err unread = ERR_INIT;
	struct tree_entry objects;
	size_t start = records->len;

	if (lineage_file(p->lineage, r, "records", RECORDS_LIMIT, records, &unread) < 0)
		strbuf_setlen(records, start);
	err_clear(&unread);
	if (lineage_entry(p->lineage, r, "objects", &objects, &unread) > 0 && closure_learn(p->store, &objects.id, &unread) < 0)
		fprintf(stderr, "mlmake: warning: small files of run %s: %s\n", r->id, unread.msg);
}

int project_learn(struct project *p, struct err *err)
{
	CLEANUP(freep) char *file = xstrfmt("%s/learnt", p->repo.shared);
	CLEANUP(marks_release) struct marks m = MARKS_INIT;
	CLEANUP(strbuf_release) struct strbuf records = STRBUF_INIT;
	CLEANUP(freep) bool *fresh = NULL;
	const struct run *runs;
	size_t n, i, learnt = 0;

	if (lineage_runs(p->lineage, &runs, &n, err) < 0)
		return -1;
	fresh = xcalloc(n + 1, sizeof(*fresh));
	marks_read(&m, file, "learnt");
	marks_compare(&m, runs, n, fresh);
	for (i = 0; i < n; i++) {
		learnt += fresh[i];
		if (fresh[i] && !runs[i].own)
			learn_run(p, &runs[i], &records);
	}
	if (!learnt)
		return 0;
	if (history_learn(p->history, records.buf, records.len, err) < 0 || store_sync(p->store, err) < 0)
		return -1;
	return marks_write(&m, runs, n, err);
}
