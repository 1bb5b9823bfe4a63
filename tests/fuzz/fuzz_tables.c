/* SPDX-License-Identifier: GPL-3.0-or-later */
/* By the first byte: rules of checks and monitors; statistics that are kept, which read back as they were written; the answer of a command; a line of
 * the history of a monitor; a table of which statistics are taken. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "lifecycle/monitorlog.h"
#include "lifecycle/check.h"
#include "pipeline/monitor_rules.h"
#include "slow_rows.h"
#include "util/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool so)
{
	if (!so)
		abort();
}

static void forget(void *ctx, int line, const char *message)
{
	(void)line;
	*(size_t *)ctx += strlen(message);
}

static void rules(const char *text)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct check_rules c;
	struct monitor_rules m;
	size_t told = 0;
	int got = check_rules_read(rules_read(text, &a), &a, &c, forget, &told);

	need((got < 0) == (told > 0));
	need(got < 0 || check_reads_table(&c) || c.cmd);
	told = 0;
	got = monitor_rules_read(rules_read(text, &a), &a, &m, forget, &told);
	need((got < 0) == (told > 0));
}

static void kept(const char *text, size_t n)
{
	CLEANUP(summary_release) struct summary s = SUMMARY_INIT, again = SUMMARY_INIT;
	CLEANUP(strbuf_release) struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
	enum drift_measure m;
	struct drift d;
	size_t i;

	if (summary_parse(&s, text, n, NULL) < 0)
		return;
	summary_write(&s, &once);
	need(summary_parse(&again, once.buf, once.len, NULL) == 0);
	summary_write(&again, &twice);
	need(once.len == twice.len && memcmp(once.buf, twice.buf, once.len) == 0);
	for (i = 0; i < s.n; i++) {
		json_free(summary_column_json(&s.columns[i]));
		for (m = 0; m < DRIFT_MEASURES; m++)
			(void)!drift_between(m, &s.columns[i], &s.columns[(i + 1) % s.n], &d, NULL);
	}
}

static void answer(const char *text, size_t n)
{
	CLEANUP(check_result_release) struct check_result r = CHECK_RESULT_INIT;
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct check_rules none = {.cmd = "x"};

	if (check_read_answer(text, n, 0, &none, &r, NULL) == 0) {
		json_free(check_json(&r));
		check_write(&r, &out);
		check_summary(&r, &out);
	}
}

static void history(const char *text, size_t n)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
	struct monitor_entry e;

	strbuf_addf(&line, "%016llx ", (unsigned long long)hash_bytes(text, n));
	strbuf_add(&line, text, n);
	if (monitor_entry_parse(line.buf, line.len, &e))
		json_free(e.json);
	if (monitor_entry_parse(text, n, &e))
		json_free(e.json);
}

static void table(const char *text, size_t n, struct summary *out, size_t step)
{
	struct slow_pieces p = {text, n, 0, step, 0};
	const struct data_source src = {slow_read, slow_rewind, &p};
	struct rows_options opt = {.format = n / 2 % 2 ? ROWS_JSON : ROWS_SEPARATED, .separator = ',', .no_header = n % 2};
	struct rows r = ROWS_INIT;
	struct stats st;

	stats_init(&st, NULL);
	opt.ahead = step > 0;
	opt.piece = step ? 64 : 0;
	opt.values = step ? &st.na : NULL;
	if (rows_begin(&r, &src, &opt, NULL) == 0 && stats_take(&st, &r, NULL) == 0)
		summary_take(out, &st);
	stats_release(&st);
	rows_release(&r);
}

/* The same with the check sum of what is behind the first line, which nobody hits by chance. */
static void kept_sound(const char *text, size_t n)
{
	CLEANUP(strbuf_release) struct strbuf sound = STRBUF_INIT;
	const char *nl = memchr(text, '\n', n);

	if (!nl)
		return;
	n -= (size_t)(++nl - text);
	strbuf_addf(&sound, "mlmake-statistics 3 %016llx\n", (unsigned long long)hash_bytes(nl, n));
	strbuf_add(&sound, nl, n);
	kept(sound.buf, sound.len);
}

static void statistics(const char *text, size_t n)
{
	CLEANUP(summary_release) struct summary whole = SUMMARY_INIT, pieces = SUMMARY_INIT;
	CLEANUP(strbuf_release) struct strbuf one = STRBUF_INIT, two = STRBUF_INIT;

	table(text, n, &whole, 0);
	table(text, n, &pieces, 5);
	summary_write(&whole, &one);
	summary_write(&pieces, &two);
	need(one.len == two.len && memcmp(one.buf, two.buf, one.len) == 0);
	kept(one.buf, one.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	CLEANUP(freep) char *copy = NULL;

	if (!size || size > 65536)
		return 0;
	switch (*data) {
	case 'r':
		copy = xstrndup(text, size - 1);
		rules(copy);
		break;
	case 'k':
		kept(text, size - 1);
		kept_sound(text, size - 1);
		break;
	case 'a': answer(text, size - 1); break;
	case 'h': history(text, size - 1); break;
	default: statistics(text, size - 1); break;
	}
	return 0;
}
