/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A check as an instance: what it reads follows from its inputs, so nothing from outside counts. */
#include <config.h>

#include "lifecycle/check.h"

#include <stdio.h>

#include "lifecycle/kind.h"

static void note_problem(void *ctx, int line, const char *message)
{
	(void)line;
	if (!*(const char **)ctx)
		*(const char **)ctx = xstrdup(message);
}

/* Warnings are told as notes; the first error is the message. */
static void tell(const struct check_result *r, struct strbuf *message, struct strvec *notes)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t i;

	check_write(r, &text);
	fwrite(text.buf, 1, text.len, stdout);
	strbuf_clear(&text);
	check_summary(r, &text);
	printf("%s\n", text.buf);
	for (i = 0; i < r->n; i++) {
		const struct finding *f = &r->v[i];
		const struct check_example *e = f->n_examples ? &f->examples[0] : NULL;

		if (f->warn)
			strvec_pushf(notes, "%s: %s", f->rule, f->message);
		else if (!message->len && e && e->file && e->line)
			strbuf_addf(message, "%s: %s, %s:%llu", f->rule, f->message, e->file, (unsigned long long)e->line);
		else if (!message->len)
			strbuf_addf(message, "%s: %s", f->rule, f->message);
	}
	if (r->errors > 1)
		strbuf_addf(message, "; and %zu more", r->errors - 1);
}

static int perform(struct lifecycle *lc, const struct task *t, enum performed *how, struct strbuf *message, struct strvec *notes,
		   struct err *err)
{
	CLEANUP(check_result_release) struct check_result r = CHECK_RESULT_INIT;
	CLEANUP(strvec_release) struct strvec paths = STRVEC_INIT;
	CLEANUP(freep) char *wrong = NULL;
	struct check_rules rules;
	size_t i;

	if (check_rules_read(rules_read(t->rules, &r.arena), &r.arena, &rules, note_problem, &wrong) < 0)
		return err_set(err, ERR_INVALID, "%s", wrong);
	for (i = 0; i < t->now->n_facts; i++)
		if (t->now->facts[i].kind == FACT_DATA)
			strvec_push(&paths, t->now->facts[i].name);
	if (check_reads_table(&rules) && check_data(&rules, &paths, lc->repo->state, &r, err) < 0)
		return -1;
	if (rules.cmd && check_command(&rules, &r, err) < 0)
		return -1;
	tell(&r, message, notes);
	*how = r.errors ? PERFORMED_FAILED : PERFORMED_PASSED;
	return 0;
}

const struct performer performer_check = {.perform = perform};
