/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A check as an instance: what it reads follows from its inputs, so nothing from outside counts. */
#include <config.h>

#include "lifecycle/check.h"

#include <stdio.h>
#include <sys/stat.h>

#include "lifecycle/kind.h"
#include "util/path.h"

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

/* A link in a directory that is an input leads to what counts beside it (stale/decide.c), and is read with the directory. */
static bool is_link_within(const struct record *now, const struct record_fact *f)
{
	struct stat st;
	size_t i;

	for (i = 0; i < now->n_facts; i++) {
		const struct record_fact *dir = &now->facts[i];

		if (dir->kind == FACT_DATA && dir != f && dir->content.kind == CONTENT_DIR && path_is_within(f->name, dir->name))
			return lstat(f->name, &st) == 0 && S_ISLNK(st.st_mode);
	}
	return false;
}

void check_inputs(const struct record *now, struct strvec *out)
{
	size_t i;

	for (i = 0; i < now->n_facts; i++)
		if (now->facts[i].kind == FACT_DATA && !is_link_within(now, &now->facts[i]))
			strvec_push(out, now->facts[i].name);
}

static int perform(struct lifecycle *lc, const struct task *t, enum performed *how, struct strbuf *message, struct strvec *notes,
		   struct err *err)
{
	CLEANUP(check_result_release) struct check_result r = CHECK_RESULT_INIT;
	CLEANUP(strvec_release) struct strvec paths = STRVEC_INIT;
	CLEANUP(freep) char *wrong = NULL;
	struct check_rules rules;

	if (check_rules_read(rules_read(t->rules, &r.arena), &r.arena, &rules, note_problem, &wrong) < 0)
		return err_set(err, ERR_INVALID, "%s", wrong);
	check_inputs(t->now, &paths);
	if (check_reads_table(&rules) && check_data(&rules, &paths, lc->repo->state, &r, err) < 0)
		return -1;
	if (rules.cmd && check_command(&rules, &r, err) < 0)
		return -1;
	tell(&r, message, notes);
	*how = r.errors ? PERFORMED_FAILED : PERFORMED_PASSED;
	return 0;
}

const struct performer performer_check = {.perform = perform};
