/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Expressions, rules as text, and what a gate says of numbers. */
#include <config.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lifecycle/gate.h"
#include "params/metrics_file.h"
#include "pipeline/expr.h"
#include "pipeline/rules.h"
#include "tap.h"

/* The world of these tests: auc 0.83, loss 0.2, three losses, and what is not finite. */
static int values(void *ctx, const struct expr_name *name, struct expr_values *out, struct err *err)
{
	static const struct {
		const char *name;
		double v[3];
		size_t n;
	} known[] = {{"auc", {0.83, 0, 0}, 1},    {"test.loss", {0.2, 0, 0}, 1}, {"losses", {3, 1, 2}, 3},
		     {"two", {1, 2, 0}, 2},       {"nan", {NAN, 0, 0}, 1},       {"\"f1-score\"", {0.5, 0, 0}, 1},
		     {"file(\"r.json\").a", {7, 0, 0}, 1}, {"huge", {1e308, 0, 0}, 1}};
	static const double infinite = INFINITY;
	size_t i;

	(void)ctx;
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (streq(known[i].name, name->text)) {
			*out = (struct expr_values){known[i].v, known[i].n};
			return 0;
		}
	*out = (struct expr_values){&infinite, streq(name->text, "none.inf")};
	if (strncmp(name->text, "none", 4) == 0)
		return 1;
	return err_set(err, ERR_NOTFOUND, "no '%s'", name->text);
}

static const struct expr_world world = {values, NULL};

/* "yes", "no", "none", or why neither. */
static const char *holds(const char *text)
{
	static char said[512];
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	bool yes = false;
	struct expr *e;
	int got = expr_parse(text, &a, &e, &err);

	if (got == 0)
		got = expr_holds(e, &world, &yes, &err);
	snprintf(said, sizeof(said), "%s", got < 0 ? err.msg : got > 0 ? "none" : yes ? "yes" : "no");
	err_release(&err);
	arena_release(&a);
	return said;
}

static void without_values(void)
{
	EXPECT_STR(holds("auc >= none"), "none");
	EXPECT_STR(holds("auc >= 0.8 and auc >= none"), "none");
	EXPECT_STR(holds("auc >= 0.9 and auc >= none"), "no");
	EXPECT_STR(holds("auc >= none and auc >= 0.9"), "no");
	EXPECT_STR(holds("auc >= 0.8 or none > 1"), "yes");
	EXPECT_STR(holds("none > 1 or auc >= 0.9"), "none");
	EXPECT_STR(holds("not none > 1"), "none");
	EXPECT_STR(holds("not (auc >= 0.9 and none > 1)"), "yes");
	EXPECT_STR(holds("none - 0.01 <= absent"), "no 'absent'");
	EXPECT_STR(holds("none > 1 and absent > 1"), "no 'absent'");
	EXPECT_STR(holds("none > 1 / 0"), "a quotient is inf");
	EXPECT_STR(holds("none.inf > 1"), "none.inf is inf");
}

static void truths(void)
{
	EXPECT_STR(holds("auc >= 0.8"), "yes");
	EXPECT_STR(holds("auc>=.83 and auc<=0.83"), "yes");
	EXPECT_STR(holds("auc > 0.83"), "no");
	EXPECT_STR(holds("auc = 0.83"), "yes");
	EXPECT_STR(holds("auc != 0.83 or not test.loss > 1"), "yes");
	EXPECT_STR(holds("1 + 2 * 3 == 7"), "yes");
	EXPECT_STR(holds("(1 + 2) * 3 == 9 and 7 - 2 - 1 == 4 and 8 / 4 / 2 == 1"), "yes");
	EXPECT_STR(holds("-auc < - 0.8 and - -1 == +1"), "yes");
	EXPECT_STR(holds("1e-3 == 0.001 and 2E2 == 200"), "yes");
	EXPECT_STR(holds("1 == 2 and 1 == 1 or 1 == 1"), "yes"); /* and binds first */
	EXPECT_STR(holds("not 1 == 2 and 1 == 2"), "no");
	EXPECT_STR(holds("(1 == 2 or 1 == 1) and (not (1 == 2))"), "yes");
	EXPECT_STR(holds("\"f1-score\" >= 0.5 and file(\"r.json\").a = 7"), "yes");
	EXPECT_STR(holds("auc \xe2\x89\xa5 0.8"), "yes");
	EXPECT_STR(holds("android > 1"), "no 'android'"); /* a name may begin as a word does */
	EXPECT_STR(holds("notable > 1"), "no 'notable'");
}

static void functions_and_lists(void)
{
	EXPECT_STR(holds("min(losses) == 1 and max(losses) == 3 and mean(losses) == 2 and sum(losses) == 6 and count(losses) == 3"), "yes");
	EXPECT_STR(holds("max(auc, 2, test.loss) == 2 and min(auc, 2) == auc and mean(1, 2, 6) == 3"), "yes");
	EXPECT_STR(holds("abs(auc - 1) < 0.2 and sqrt(9) == 3"), "yes");
	EXPECT_STR(holds("losses >= 1"), "yes"); /* each */
	EXPECT_STR(holds("losses >= 2"), "no");
	EXPECT_STR(holds("losses - losses == 0"), "yes");
	EXPECT_STR(holds("losses > two"), "3 values are compared with 2");
	EXPECT_STR(holds("losses + two > 0"), "3 values meet 2");
}

static void what_is_not_finite(void)
{
	EXPECT_STR(holds("nan < 1"), "nan is nan");
	EXPECT_STR(holds("1 == 1 or nan == 1"), "nan is nan"); /* all of it is looked at */
	EXPECT_STR(holds("auc / 0 > 1"), "a quotient is inf");
	EXPECT_STR(holds("huge * huge > 1"), "a value is inf");
	EXPECT(strstr(holds("sqrt(0 - 1) > 1"), "a value is") != NULL);
	EXPECT_STR(holds("gone > 1"), "no 'gone'");
}

static void errors_say_where(void)
{
	EXPECT_STR(holds(""), "column 1: it ends where something is expected");
	EXPECT_STR(holds("auc"), "column 1: this is a number; compare it with another, as in 'auc >= 0.8'");
	EXPECT_STR(holds("auc >="), "column 7: it ends where something is expected");
	EXPECT_STR(holds("auc >= 0.8 0.9"), "column 12: '0.9' is not expected here");
	EXPECT_STR(holds("auc >= 0.8%"), "column 11: there are no units: write 0.05 for 5%");
	EXPECT_STR(holds("auc >= 8x"), "column 8: '8x' is no number");
	EXPECT_STR(holds("auc >= 1.2.3"), "column 8: '1.2.3' is no number");
	EXPECT_STR(holds("auc >= 1e999"), "column 8: the number is too large");
	EXPECT_STR(holds("0 < auc < 1"), "column 9: comparisons do not chain; write 'a < b and b < c'");
	EXPECT_STR(holds("(auc > 1"), "column 9: ')' is expected, for the '(' in column 1");
	EXPECT_STR(holds("auc > 1 and test.loss"), "column 13: this is a number; compare it with another, as in 'auc >= 0.8'");
	EXPECT_STR(holds("1 + (auc > 1) > 2"), "column 6: a number is expected here, and this is true or false");
	EXPECT_STR(holds("meen(losses) > 1"), "column 1: there is no function 'meen'; did you mean 'mean'?");
	EXPECT_STR(holds("abs(1, 2) > 1"), "column 8: abs() takes 1 thing");
	EXPECT_STR(holds("auc. > 1"), "column 5: a name is expected at ' > 1'");
	EXPECT_STR(holds("\"auc > 1"), "column 1: the quote has no end");
	EXPECT_STR(holds("file(r) > 1"), "column 6: the name of a file in quotes is expected");
	EXPECT_STR(holds("file(\"r\") > 1"), "column 10: which value of it? write file(\"r\").NAME");
	EXPECT_STR(holds("match(\"r\") > 1"), "column 10: a pattern in quotes is expected, as in match(\"train.log\", \"loss=([0-9.]+)\")");
	EXPECT_STR(holds("auc > 1 and and"), "column 13: something to compare is missing here");
	EXPECT_STR(holds("auc $ 1"), "column 5: '$ 1' is not expected here");
}

/* Nothing that nests can be nested without end. */
static void deep_nesting(void)
{
	CLEANUP(strbuf_release) struct strbuf deep = STRBUF_INIT;

	strbuf_addn(&deep, '(', 5000);
	EXPECT_STR(holds(deep.buf), "column 101: nested more than 100 deep");
	strbuf_clear(&deep);
	strbuf_addn(&deep, '-', 5000);
	EXPECT(strstr(holds(deep.buf), "nested more than 100 deep") != NULL);
	strbuf_clear(&deep);
	while (deep.len < 4000)
		strbuf_addstr(&deep, "not ");
	EXPECT(strstr(holds(deep.buf), "nested more than 100 deep") != NULL);
	strbuf_clear(&deep);
	strbuf_addstr(&deep, "1");
	while (deep.len < 4000)
		strbuf_addstr(&deep, " + 1"); /* long is not deep */
	strbuf_addstr(&deep, " == 1001");
	EXPECT_STR(holds(deep.buf), "yes");
}

static enum expr_slope slope(const char *text)
{
	struct arena a = ARENA_INIT;
	enum expr_slope s = EXPR_UNKNOWN;
	struct expr *e;

	if (expr_parse(text, &a, &e, NULL) == 0)
		s = expr_slope(e, "b.x");
	arena_release(&a);
	return s;
}

static void slopes(void)
{
	EXPECT_INT(slope("auc >= b.x - 0.01"), EXPR_HARDER);
	EXPECT_INT(slope("loss <= 1.1 * b.x"), EXPR_EASIER);
	EXPECT_INT(slope("b.x - auc <= 0.01"), EXPR_HARDER);
	EXPECT_INT(slope("auc - b.x >= -0.01"), EXPR_HARDER);
	EXPECT_INT(slope("not auc < b.x * -2"), EXPR_EASIER);
	EXPECT_INT(slope("auc > b.x / 2 and 1 < 2"), EXPR_HARDER);
	EXPECT_INT(slope("auc > min(b.x, 3) + max(b.x)"), EXPR_HARDER);
	EXPECT_INT(slope("auc > 1"), EXPR_FLAT);
	EXPECT_INT(slope("auc > count(b.x)"), EXPR_FLAT);
	EXPECT_INT(slope("auc > b.x or auc < b.x"), EXPR_UNKNOWN);
	EXPECT_INT(slope("abs(b.x) > 1"), EXPR_UNKNOWN);
	EXPECT_INT(slope("auc = b.x"), EXPR_UNKNOWN);
	EXPECT_INT(slope("auc > b.x * loss"), EXPR_UNKNOWN);
	EXPECT_INT(slope("auc > 1 / b.x"), EXPR_UNKNOWN);
}

static void rules_as_text(void)
{
	struct arena a = ARENA_INIT;
	struct strbuf out = STRBUF_INIT;
	const struct rule *r = rules_read("of = a b\ncolumn tenure = int 0..120\ncmd = one\n = two = 2\n = three\nbad\nrequire = x = 1", &a), *at;

	EXPECT_STR(rule_find(r, "of")->value, "a b");
	EXPECT_STR(rule_find(r, "column")->arg, "tenure");
	EXPECT_STR(rule_find(r, "column")->value, "int 0..120");
	EXPECT_STR(rule_text(rule_find(r, "cmd"), &a), "one\ntwo = 2\nthree");
	EXPECT_STR(rule_find(r, "require")->value, "x = 1");
	EXPECT(rule_find(r, "bad") == NULL && rules_read("", &a) == NULL && rules_read(" = x\n", &a) == NULL);
	for (at = r; at; at = at->next)
		rule_write(at, &out);
	EXPECT_STR(out.buf, "of = a b\ncolumn tenure = int 0..120\ncmd = one\n = two = 2\n = three\nrequire = x = 1\n");
	strbuf_release(&out);
	arena_release(&a);
}

/* What a gate with these rules and values says: a line for each requirement, with doubts and problems. */
static const char *judge(const char *rules, const struct record_fact *values_, size_t n)
{
	static struct strbuf out = STRBUF_INIT;
	struct record_fact facts[8] = {{.kind = FACT_CMD, .name = "", .value = rules}};
	struct record r = {.instance = "gate:g", .facts = facts, .n_facts = n + 1};
	struct gate_report g = GATE_REPORT_INIT;
	struct err err = ERR_INIT;
	size_t i;

	memcpy(facts + 1, values_, n * sizeof(*values_));
	record_sort(&r);
	strbuf_clear(&out);
	if (gate_judge(&r, &g, &err) < 0)
		strbuf_addstr(&out, err.msg);
	for (i = 0; i < g.n; i++) {
		strbuf_addstr(&out, g.v[i].holds ? "ok " : "no ");
		gate_line_words(&g.v[i], &out);
		strbuf_addf(&out, "%s%s\n", g.v[i].doubt ? " | " : "", g.v[i].doubt ? g.v[i].doubt : "");
	}
	if (g.problem)
		strbuf_addf(&out, "%s\n", g.problem);
	gate_report_release(&g);
	err_release(&err);
	return out.buf;
}

#define VALUE(n, v) {.kind = FACT_VALUE, .name = n, .value = v}

static void judging(void)
{
	static const struct record_fact f[] = {VALUE("auc", "0.83"), VALUE("production.auc", "none: nothing yet"), VALUE("f1 of a@1", "0.5"),
					       VALUE("f1 of a@2", "0.4"), VALUE("f", "missing: gone"), VALUE("n", "nan")};

	EXPECT_STR(judge("require = auc >= 0.8\nrequire = auc > production.auc", f, 6),
		   "ok auc >= 0.8: 0.83 >= 0.8 holds\n"
		   "no auc > production.auc: nothing yet; `first = pass` lets the first one through\n");
	EXPECT_STR(judge("require = auc > production.auc\nfirst = pass", f, 6), "ok auc > production.auc: nothing yet\n");
	EXPECT_STR(judge("require = f1 >= 0.5\nrequire = mean(f1) < 0.46", f, 6),
		   "no f1 >= 0.5: 0.4 >= 0.5 does not hold (a@2)\n"
		   "ok mean(f1) < 0.46: 0.45 < 0.46 holds\n");
	EXPECT_STR(judge("require = auc + 0.2 - 0.03 >= 1\nrequire = auc > 0.83\nrequire = f1 * 0 + 0.1 + 0.2 > 0.3", f, 6),
		   "ok auc + 0.2 - 0.03 >= 1: 1 >= 1 holds\n"
		   "no auc > 0.83: 0.83 > 0.83 does not hold\n"
		   "ok f1 * 0 + 0.1 + 0.2 > 0.3: 0.30000000000000004 > 0.29999999999999999 holds (a@1)\n");
	EXPECT_STR(judge("require = f > 1\nrequire = n > 1\nrequire = other > 1\nfirst = pass", f, 6),
		   "no f > 1: gone\nno n > 1: n is nan\nno other > 1: other is not known\n");
	EXPECT_STR(judge("of = a", f, 6), "'gate:g' requires nothing");
}

/* With 100 cases, of which 80 are right, the standard error is 0.04: 1.96 of them are 0.0784. Of two such models, sqrt(2) as much: 0.111. */
static void noise(void)
{
	static const struct record_fact f[] = {VALUE("acc", "0.8"), VALUE("production.acc", "0.8"), VALUE("rows", "100"), VALUE("ms", "50")};

	EXPECT_STR(judge("cases = rows\nrequire = acc >= 0.7217\nrequire = acc >= 0.7215", f, 4),
		   "ok acc >= 0.7217: 0.8 >= 0.7217 holds | the margin of 0.0783 is within the noise of 100 cases, +-0.078\n"
		   "ok acc >= 0.7215: 0.8 >= 0.7215 holds\n");
	EXPECT_STR(judge("cases = rows\nrequire = acc + 0.05 >= production.acc - 0.05", f, 4),
		   "ok acc + 0.05 >= production.acc - 0.05: 0.85 >= 0.75 holds | the margin of 0.1 is within the noise of 100 cases, +-0.11\n");
	EXPECT_STR(judge("cases = rows\nrequire = ms < 51", f, 4), "ok ms < 51: 50 < 51 holds\n"); /* no proportion */
	EXPECT_STR(judge("noise = 0.02\nrequire = acc >= 0.81", f, 4),
		   "no acc >= 0.81: 0.8 >= 0.81 does not hold | the margin of -0.01 is within the noise of +-0.02\n");
	EXPECT_STR(judge("cases = gone\nrequire = acc >= 0.79", f, 4), "ok acc >= 0.79: 0.8 >= 0.79 holds\ncases = gone: gone is not known\n");
}

static const char *metric(const char *path, const char *text, const char *name)
{
	static char said[200];
	struct metrics m = METRICS_INIT;
	struct err err = ERR_INIT;
	const struct metric *found;

	if (metrics_parse(&m, path, text, strlen(text), &err) < 0)
		snprintf(said, sizeof(said), "%s", err.msg);
	else if ((found = metrics_find(&m, name)))
		snprintf(said, sizeof(said), "%s%s", found->is_number ? "" : "text ", found->text);
	else
		snprintf(said, sizeof(said), "nothing");
	err_release(&err);
	metrics_release(&m);
	return said;
}

static void formats(void)
{
	EXPECT_STR(metric("m.yaml", "test:\n  auc: 0.83\n  by: [1, 2.5]\nname: x\n", "test.auc"), "0.83");
	EXPECT_STR(metric("m.yml", "test:\n  by: [1, 2.5]\n", "test.by.1"), "2.5");
	EXPECT_STR(metric("m.yaml", "a: .nan\nb: .inf\n", "a"), "nan");
	EXPECT_STR(metric("m.yaml", "a: yes\n", "a"), "text yes");
	EXPECT(strspn(metric("m.yaml", "a: [1\n", "a"), "0123456789") > 0); /* a line, and what is wrong there */
	EXPECT_STR(metric("m.yaml", "# no more\n", "a"), "it holds no values");
	EXPECT_STR(metric("m.json", "{\"a b\": {\"c\": 1e3}}", "a b.c"), "1000.0");
	EXPECT_STR(metric("m.csv", "auc,\"f1, macro\"\n0.8,0.7\n", "f1, macro"), "0.7");
	EXPECT_STR(metric("m.txt", "auc=0.8\nloss: 2\n", "loss"), "2");
}

static const char *match(const char *text, const char *pattern)
{
	static char said[200];
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	const char *found;

	snprintf(said, sizeof(said), "%s", metrics_last_match(text, strlen(text), pattern, &a, &found, &err) < 0 ? err.msg : found);
	err_release(&err);
	arena_release(&a);
	return said;
}

static void logs(void)
{
	EXPECT_STR(match("loss=3\nloss=2.5\nend", "loss=([0-9.]+)"), "2.5");
	EXPECT_STR(match("epoch 3 0.5\nepoch 4 0.25", "[0-9.]+$"), "0.25");
	EXPECT_STR(match("a\nb", "^b$"), "b");
	EXPECT_STR(match("a\nb", "c"), "no line matches 'c'");
	EXPECT(strstr(match("a", "(a"), "'(a' is no regular expression") != NULL);
	EXPECT_STR(match("", "x"), "no line matches 'x'");
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"what holds", truths},
		{"what is not there yet", without_values},
		{"functions, and several values", functions_and_lists},
		{"what is not finite holds nowhere", what_is_not_finite},
		{"errors say where", errors_say_where},
		{"deep nesting", deep_nesting},
		{"in which direction it gets harder", slopes},
		{"rules as text", rules_as_text},
		{"judging", judging},
		{"noise", noise},
		{"formats of metrics", formats},
		{"logs", logs},
	};

	return tap_run("gate", tests, ARRAY_SIZE(tests));
}
