/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A command that judges, and what it answers. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "lifecycle/check.h"
#include "util/process.h"
#include "util/text.h"

#define ANSWER_LIMIT ((size_t)8 << 20)
#define MOST_FINDINGS 1000
#define MOST_TEXT 1000

struct answer {
	const struct check_rules *rules;
	struct check_result *out;
};

/* A text of a JSON value, for people. */
static const char *text_of(struct answer *an, const struct json *j)
{
	CLEANUP(strbuf_release) struct strbuf raw = STRBUF_INIT, sb = STRBUF_INIT;

	if (!j || json_kind(j) == JSON_NULL_KIND)
		return NULL;
	if (json_kind(j) == JSON_STR)
		strbuf_addstr(&raw, json_str(j));
	else
		json_write(j, false, &raw);
	text_add_escaped(&sb, raw.buf, MIN(raw.len, (size_t)MOST_TEXT), false);
	return arena_strndup(&an->out->arena, sb.buf, sb.len);
}

static uint64_t count_of(const struct json *j)
{
	int64_t n = j ? json_kind(j) == JSON_FLOAT ? (int64_t)MAX(MIN(json_float(j), 9e15), 0) : json_int(j) : 0;

	return n > 0 ? (uint64_t)n : 0;
}

static struct finding *add(struct answer *an, const char *rule, const char *message, bool warn)
{
	struct check_result *out = an->out;
	struct finding *f;

	out->v = arena_grow(&out->arena, out->v, out->n, sizeof(*out->v));
	f = &out->v[out->n++];
	*f = (struct finding){.rule = rule ? rule : "cmd", .message = message ? message : "it is not as it should be",
			      .warn = warn || an->rules->warn};
	out->errors += !f->warn;
	return f;
}

static void add_example(struct answer *an, struct finding *f, const struct json *e)
{
	struct check_example *to;

	if (f->n_examples == CHECK_EXAMPLES)
		return;
	to = &f->examples[f->n_examples++];
	if (json_kind(e) == JSON_MAP)
		*to = (struct check_example){text_of(an, json_get(e, "file")), count_of(json_get(e, "line")), text_of(an, json_get(e, "value"))};
	else
		*to = (struct check_example){NULL, 0, text_of(an, e)};
}

static void add_examples(struct answer *an, struct finding *f, const struct json *list)
{
	size_t i;

	for (i = 0; list && i < json_len(list) && json_kind(list) == JSON_LIST; i++)
		add_example(an, f, json_at(list, i));
}

static void read_finding(struct answer *an, const struct json *j)
{
	const char *severity = json_str(json_get(j, "severity"));
	struct finding *f = add(an, text_of(an, json_get(j, "rule")), text_of(an, json_get(j, "message")),
				severity && streq(severity, "warn"));

	f->column = text_of(an, json_get(j, "column"));
	f->count = count_of(json_get(j, "count"));
	f->of = count_of(json_get(j, "of"));
	add_examples(an, f, json_get(j, "examples"));
}

/* A result as Great Expectations prints it: what was expected, of which column, and what was there. */
static void read_expectation(struct answer *an, const struct json *j)
{
	const struct json *config = json_get(j, "expectation_config"), *result = json_get(j, "result"), *kwargs;
	const char *type, *column;
	struct finding *f;

	if (!json_get(j, "success") || json_bool(json_get(j, "success")))
		return;
	type = config ? text_of(an, json_get(config, "expectation_type") ? json_get(config, "expectation_type") : json_get(config, "type")) : NULL;
	kwargs = config ? json_get(config, "kwargs") : NULL;
	column = kwargs ? text_of(an, json_get(kwargs, "column")) : NULL;
	f = add(an, type, column ? arena_fmt(&an->out->arena, "column %s is not as expected", column) : "not as expected", false);
	f->column = column;
	if (!result)
		return;
	f->count = count_of(json_get(result, "unexpected_count"));
	f->of = count_of(json_get(result, "element_count"));
	if (f->count && f->of)
		f->message = arena_fmt(&an->out->arena, "%s: %llu of %llu values", f->message, (unsigned long long)f->count,
				       (unsigned long long)f->of);
	add_examples(an, f, json_get(result, "partial_unexpected_list"));
}

static bool is_blank(const char *s, size_t n)
{
	while (n && strchr(" \t\r\n", s[n - 1]) && s[n - 1])
		n--;
	return !n;
}

int check_read_answer(const char *text, size_t n, int status, const struct check_rules *rules, struct check_result *out, struct err *err)
{
	struct answer an = {rules, out};
	CLEANUP(json_freep) struct json *j = NULL;
	const struct json *passed, *list;
	size_t i, had = out->errors;
	bool expectations;

	if (is_blank(text, n)) {
		if (status)
			add(&an, NULL, arena_fmt(&out->arena, "the command exited with %d and printed nothing", status), false);
		return 0;
	}
	j = json_parse(text, n, NULL, err);
	if (!j)
		return err_wrap(err, "what the command printed is no JSON");
	passed = json_get(j, "passed");
	expectations = !passed && json_get(j, "success");
	passed = passed ? passed : json_get(j, "success");
	if (!passed || json_kind(passed) != JSON_BOOL)
		return err_set(err, ERR_PARSE, "what the command printed has no \"passed\": true or false");
	list = json_get(j, expectations ? "results" : "findings");
	for (i = 0; list && i < json_len(list) && i < MOST_FINDINGS; i++)
		(expectations ? read_expectation : read_finding)(&an, json_at(list, i));
	if (out->errors == had && (status || !json_bool(passed)))
		add(&an, NULL, status ? arena_fmt(&out->arena, "the command exited with %d", status) : "the command says that it did not pass",
		    false);
	return 0;
}

int check_command(const struct check_rules *rules, struct check_result *out, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, errors = STRBUF_INIT;
	const struct process_start how = {.argv = &argv};
	int status;

	strvec_push(&argv, "sh");
	strvec_push(&argv, "-euc");
	strvec_push(&argv, rules->cmd);
	status = process_run(&how, NULL, 0, ANSWER_LIMIT, &text, &errors, err);
	fwrite(errors.buf, 1, errors.len, stderr);
	if (status < 0)
		return err_wrap(err, "the command");
	return check_read_answer(text.buf, text.len, status, rules, out, err);
}
