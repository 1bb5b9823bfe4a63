/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "params/params.h"
#include "tap.h"
#include "util/file.h"
#include "util/text.h"

/* A parsed text with all that was said about it. */
struct reading {
	struct params p;
	struct diags ds;
	struct strbuf said, text;
	int result;
};

static struct reading *parse_n(const char *name, const char *text, size_t n)
{
	struct reading *r = xcalloc(1, sizeof(*r));

	r->p = (struct params)PARAMS_INIT;
	r->said = r->text = (struct strbuf)STRBUF_INIT;
	r->result = params_parse(&r->p, name, text, n, &r->ds);
	diags_sort(&r->ds);
	diags_format(&r->ds, &r->said);
	if (r->p.root)
		param_canonical(r->p.root, &r->text);
	return r;
}

static struct reading *parse(const char *name, const char *text)
{
	return parse_n(name, text, strlen(text));
}

static void done(struct reading *r)
{
	params_release(&r->p);
	diags_release(&r->ds);
	strbuf_release(&r->said);
	strbuf_release(&r->text);
	free(r);
}

static void expect_tree_at(int line, const char *name, const char *text, const char *canonical)
{
	struct reading *r = parse(name, text);

	tap_check(r->result == 0, __FILE__, line, "%s is refused: %s", text, r->said.buf);
	tap_check_str(r->text.buf, canonical, text, __FILE__, line);
	done(r);
}

static void expect_said_at(int line, const char *name, const char *text, int result, const char *said)
{
	struct reading *r = parse(name, text);

	tap_check(r->result == result, __FILE__, line, "%s gives %d", text, r->result);
	tap_check_str(r->said.buf, said, text, __FILE__, line);
	done(r);
}

#define expect_tree(...) expect_tree_at(__LINE__, __VA_ARGS__)
#define expect_said(...) expect_said_at(__LINE__, __VA_ARGS__)

static void canonical_of(const char *text, const char *want)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct arena a = ARENA_INIT;

	param_canonical(param_of_text(&a, text), &out);
	EXPECT_STR(out.buf, want);
	arena_release(&a);
}

static void types_words(void)
{
	canonical_of("null", "null");
	canonical_of("~", "null");
	canonical_of("", "\"\"");
	canonical_of("true", "true");
	canonical_of("FALSE", "false");
	canonical_of("tRUE", "\"tRUE\"");
	canonical_of("yes", "\"yes\"");
	canonical_of("12", "12");
	canonical_of("-007", "-7");
	canonical_of("+3", "3");
	canonical_of("0x1F", "31");
	canonical_of("0o17", "15");
	canonical_of("0o18", "\"0o18\"");
	canonical_of("-0x1", "\"-0x1\"");
	canonical_of("9223372036854775807", "9223372036854775807");
	canonical_of("-9223372036854775808", "-9223372036854775808");
	canonical_of("9223372036854775808", "\"9223372036854775808\"");
	canonical_of("0.10", "0.1");
	canonical_of("1.", "1.0");
	canonical_of(".5", "0.5");
	canonical_of("1e-3", "0.001");
	canonical_of("1E5", "100000.0");
	canonical_of("-0.0", "-0.0");
	canonical_of("1e", "\"1e\"");
	canonical_of("1e+", "\"1e+\"");
	canonical_of(".", "\".\"");
	canonical_of("1.2.3", "\"1.2.3\"");
	canonical_of("-", "\"-\"");
	canonical_of("-.inf", "-inf");
	canonical_of(".NaN", "nan");
	canonical_of("nan", "\"nan\"");
	canonical_of("1e999", "inf");
	canonical_of("\"12\"", "\"12\"");
	canonical_of("\"a\\u00e9\\n\"", "\"a\xc3\xa9\\n\"");
	canonical_of("[1, \"a\", [true], {\"b\": 2, \"a\": 1.0}]", "[1,\"a\",[true],{\"a\":1.0,\"b\":2}]");
	canonical_of("[ab]", "\"[ab]\"");
	canonical_of("a ; b # c", "\"a ; b # c\"");
	canonical_of("tab\there", "\"tab\\there\"");
}

static void reads_ini(void)
{
	expect_tree("p.ini", "", "{}");
	expect_tree("p.ini", "\xef\xbb\xbf" "b = 2\r\na = x=y\r\n", "{\"a\":\"x=y\",\"b\":2}");
	expect_tree("p.cfg", "; c\n# d\n[train]\nlr = 0.10\nname = a ; b # c\n[train.net]\nw=3\n",
		    "{\"train\":{\"lr\":0.1,\"name\":\"a ; b # c\",\"net\":{\"w\":3}}}");
	expect_tree("p.ini", "train.lr = 1\n[train]\ndepth = 2\nnet.width = 4\n",
		    "{\"train\":{\"depth\":2,\"lr\":1,\"net\":{\"width\":4}}}");
	expect_tree("p.ini", "l = [1,\n  # not this\n  2,\n\n  3]\nm = 1\n", "{\"l\":[1,2,3],\"m\":1}");
	expect_tree("p.ini", "a:b = 1\n[x y]\nk:1 = 2\n[e]\n", "{\"a:b\":1,\"e\":{},\"x y\":{\"k:1\":2}}");
	expect_tree("p.ini", "[a]\nx=1\n[b]\n[a]\ny=2\n", "{\"a\":{\"x\":1,\"y\":2},\"b\":{}}");
}

static void reports_all_errors_of_an_ini(void)
{
	expect_said("p.ini", "lr = 1\nlr = 2\n", -1,
		    "p.ini:2: error: 'lr' is set a second time; the first is in line 1\n");
	expect_said("p.ini", "a = 1\n[a]\nb = 2\n[c\nd = 1\n[a.b]\n[]\nnonsense\n= 3\n[x] y\n", -1,
		    "p.ini:2: error: 'a' is a value since line 1 and cannot be a section too\n"
		    "p.ini:4: error: a section that starts with '[' lacks its ']'\n"
		    "p.ini:6: error: 'a' is a value since line 1 and cannot be a section too\n"
		    "p.ini:7: error: a section without a name\n"
		    "p.ini:8: error: neither 'key = value' nor '[section]'; "
		    "a comment starts with '#' or ';' in column 1\n"
		    "p.ini:9: error: no key before the '='\n"
		    "p.ini:10: error: text after the ']' of a section; a comment needs a line of its own\n");
	expect_said("p.ini", "[t]\n  lr = 1\nk = 1\n  m = 2\na..b = 1\n", -1,
		    "p.ini:2: error: an indented line continues a value, and there is none above; "
		    "keys and sections start in column 1\n"
		    "p.ini:4: error: an indented line goes on with the value of 'k', which only a list can; "
		    "start keys in column 1\n"
		    "p.ini:5: error: 'a..b' has an empty part\n");
	expect_said("p.ini", "l = [a]\n", -1,
		    "p.ini:1: error: 'l': a list is written as in JSON, like [1, 2] or [\"a\", \"b\"]; put a string "
		    "that looks like a list in double quotes\n");
	expect_said("p.txt", "", -1,
		    "p.txt: error: cannot tell the format of parameters by this name; "
		    "end it with .ini, .yaml, .json or .toml\n");
}

static void keeps_what_is_good_beside_errors(void)
{
	struct reading *r = parse("p.ini", "a = 1\nb\nc = 3\n");

	EXPECT_INT(r->result, -1);
	EXPECT_STR(r->text.buf, "{\"a\":1,\"c\":3}");
	done(r);
	r = parse_n("p.ini", "a = 1\0\nc = 3\n", 13);
	EXPECT_STR(r->said.buf, "p.ini:1: error: the line has a NUL byte; is this a text file?\n");
	EXPECT_STR(r->text.buf, "{\"c\":3}");
	done(r);
}

static void reads_json_with_lines(void)
{
	const char *text = "{\n \"a\": {\"x\": [1,\n2, \"q\\\"]}\\\\\"],\n  \"y\": 1.50},\n \"b\":\n null }\n";
	struct reading *r = parse("p.json", text);

	EXPECT_STR(r->text.buf, "{\"a\":{\"x\":[1,2,\"q\\\"]}\\\\\"],\"y\":1.5},\"b\":null}");
	EXPECT_INT(params_get(&r->p, "a.x")->line, 2);
	EXPECT_INT(params_get(&r->p, "a.x")->list.v[1]->line, 3);
	EXPECT_INT(params_get(&r->p, "a.y")->line, 4);
	EXPECT_INT(params_get(&r->p, "b")->line, 6);
	EXPECT_STR(params_get(&r->p, "b")->file, "p.json");
	done(r);
	expect_tree("p.json", "{\"n\": 9007199254740993}", "{\"n\":9007199254740993}");
	r = parse("p.json", "{\n\"a\": 1,\n\"a\": 2}");
	EXPECT_INT(r->result, -1);
	EXPECT(strstr(r->said.buf, "p.json:3: error: "));
	done(r);
	expect_said("p.json", "[1]", -1,
		    "p.json:1: error: parameters in JSON are one object: {\"name\": value, ...}\n");
}

static void reads_yaml(void)
{
	expect_tree("p.yaml", "", "{}");
	expect_tree("p.yaml", "# nothing\n", "{}");
	expect_tree("p.yml", "train:\n  lr: 0.10\n  name: 'x'\n  n: ~\n  e:\n  l: [1, a, 2.5]\n",
		    "{\"train\":{\"e\":null,\"l\":[1,\"a\",2.5],\"lr\":0.1,\"n\":null,\"name\":\"x\"}}");
	expect_tree("p.yaml", "b: &b {x: 1, y: 2}\nc:\n  <<: *b\n  y: 3\nd: {<<: [{x: 5}, *b]}\n",
		    "{\"b\":{\"x\":1,\"y\":2},\"c\":{\"x\":1,\"y\":3},\"d\":{\"x\":5,\"y\":2}}");
	expect_tree("p.yaml", "a: &x 1\nb: *x\nc: &x 2\nd: *x\n", "{\"a\":1,\"b\":1,\"c\":2,\"d\":2}");
	expect_tree("p.yaml", "a: !!str 12\nb: \"12\"\nc: !!float 1\nd: ! 12\n1: x\n",
		    "{\"1\":\"x\",\"a\":\"12\",\"b\":\"12\",\"c\":1.0,\"d\":\"12\"}");
	expect_tree("p.yaml", "n: 333333333333333330000000000\n", "{\"n\":\"333333333333333330000000000\"}");
	expect_tree("p.yaml", "t: |\n  a\n  b\n", "{\"t\":\"a\\nb\\n\"}");
	expect_said("p.yaml", "a: 1\nb: 2\na: 3\n", -1,
		    "p.yaml:3: error: 'a' is set a second time; the first is in line 1\n");
	expect_said("p.yaml", "a: !env X\nb: *no\n[1]: 2\n", -1,
		    "p.yaml:1: error: the tag '!env' is not understood; parameters are plain data\n"
		    "p.yaml:2: error: no anchor '&no' stands before this alias\n"
		    "p.yaml:3: error: a key of a parameter has to be plain text\n");
	expect_said("p.yaml", "%\xff\xff\xff\x04", -1,
		    "p.yaml:1: error: the file is not UTF-8 text, which it has to be\n");
	expect_said("p.yaml", "- 1\n", -1, "p.yaml:1: error: parameters in YAML are one map: name: value\n");
	expect_said("p.yaml", "a: 1\n---\nb: 2\n", -1,
		    "p.yaml: error: the file has more than one YAML document ('---')\n");
}

static void warns_where_yaml_11_differs(void)
{
	static const char *const differ[] = {"on", "yes", "Off", "1e-3", "1.5e3", "0o17", "1:30", "010", "1_000",
					     "0b11", "190:20:30.15", "08"};
	static const char *const agree[] = {"true", "1", "0", "-7", "07", "0x1f", "1.5", "1.5e+3", "1.", ".5", ".inf",
					    "~", "abc", "\"on\"", "'1:30'", "y", "1.0e-3", "a:b", "12:99"};
	char text[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(differ) + ARRAY_SIZE(agree); i++) {
		bool warns = i < ARRAY_SIZE(differ);
		const char *s = warns ? differ[i] : agree[i - ARRAY_SIZE(differ)];
		struct reading *r;

		snprintf(text, sizeof(text), "a: 1\nk: %s\n", s);
		r = parse("p.yaml", text);
		tap_check(r->ds.warnings == warns && r->ds.errors == 0, __FILE__, __LINE__, "%s: %s", s, r->said.buf);
		tap_check(!warns || strstr(r->said.buf, "p.yaml:2: warning: "), __FILE__, __LINE__, "%s", r->said.buf);
		done(r);
	}
}

/* Each level names the one below ten times: 10^30 values. */
static void refuses_a_yaml_bomb(void)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct reading *r;
	int i, k;

	strbuf_addstr(&text, "a0: &a0 x\n");
	for (i = 1; i < 30; i++) {
		strbuf_addf(&text, "a%d: &a%d [", i, i);
		for (k = 0; k < 10; k++)
			strbuf_addf(&text, "%s*a%d", k ? ", " : "", i - 1);
		strbuf_addstr(&text, "]\n");
	}
	r = parse_n("p.yaml", text.buf, text.len);
	EXPECT_INT(r->result, -1);
	EXPECT(strstr(r->said.buf, "unfold to more than a million values"));
	done(r);
	strbuf_clear(&text);
	for (i = 0; i <= 20000; i++)
		strbuf_addf(&text, "a%d: &a%d 1\n", i, i);
	expect_said("p.yaml", text.buf, -1,
		    "p.yaml: error: a file of parameters is limited to 20000 anchors ('&name')\n");
	expect_said("p.yaml", "a: &a [*a]\n", -1,
		    "p.yaml:1: error: parameters nest deeper than 64 levels, or an alias stands in its own anchor\n");
}

static void reads_toml(void)
{
	expect_tree("p.toml", "", "{}");
	expect_tree("p.toml", "a = 1_000 # c\nb.c = 0xff\nb.d=0o17\nb.e = 0b101\n\"x y\" = 'C:\\a'\n",
		    "{\"a\":1000,\"b\":{\"c\":255,\"d\":15,\"e\":5},\"x y\":\"C:\\\\a\"}");
	expect_tree("p.toml", "f = [1.0, 1e3, -0.0, 5e+22, inf, -inf, nan, 1_0.2_5]\n",
		    "{\"f\":[1.0,1000.0,-0.0,5e+22,inf,-inf,nan,10.25]}");
	expect_tree("p.toml", "s = \"\"\"\na\\\n   b\"\"\"\"\nt = '''\nx\\'''\nu = \"\\u00e9\\U0001F600\"\n",
		    "{\"s\":\"ab\\\"\",\"t\":\"x\\\\\",\"u\":\"\xc3\xa9\xf0\x9f\x98\x80\"}");
	expect_tree("p.toml", "[[p]]\nn=1\n[[p.q]]\n[[p]]\nn=2\n[p.r]\nz={a=1,b.c=[1,\n2,\n]}\n",
		    "{\"p\":[{\"n\":1,\"q\":[{}]},{\"n\":2,\"r\":{\"z\":{\"a\":1,\"b\":{\"c\":[1,2]}}}}]}");
	expect_tree("p.toml", "d = 1979-05-27\nt = 07:32:00\no = 1979-05-27 00:32:00.5-07:00\n",
		    "{\"d\":\"1979-05-27\",\"o\":\"1979-05-27 00:32:00.5-07:00\",\"t\":\"07:32:00\"}");
	expect_tree("p.toml", "[x.y.z]\n[x]\nk = true\n", "{\"x\":{\"k\":true,\"y\":{\"z\":{}}}}");
}

static void reports_all_errors_of_a_toml(void)
{
	expect_said("p.toml", "a = 1\na = 2\n[t]\nb = 01\nc = [1,\n 2 3,\n 4]\nd = \"x\ne = 1 2\n[t]\na = 1\n", -1,
		    "p.toml:2: error: 'a' is set a second time; the first is in line 1\n"
		    "p.toml:4: error: '01' is no value; a string needs \"quotes\"\n"
		    "p.toml:6: error: an array (from line 5) wants ',' or ']' here\n"
		    "p.toml:8: error: a string without its closing quote\n"
		    "p.toml:9: error: text after the end of a line's value or header\n"
		    "p.toml:10: error: 't' is defined a second time; the first is in line 3\n");
	expect_said("p.toml", "a.b = 1\n[a]\nc = 2\n", -1,
		    "p.toml:2: error: 'a' is defined a second time; the first is in line 1\n");
	expect_said("p.toml", "i = 9223372036854775808\n", -1,
		    "p.toml:1: error: '9223372036854775808' does not fit 64 bits\n");
	expect_said("p.toml", "a = {x = 1}\na.y = 2\n", -1,
		    "p.toml:2: error: 'a' is complete since line 1 and takes no more keys here\n");
	/* no beginning of a character, and more like it behind it */
	expect_said("p.toml", "k = \x96\x96\x96\x96\x96\x96\x96\x96\x96\x96\x96\x96\x96\x96\x96\x96\x96\x96\x96\x96 and so on\n", -1,
		    "p.toml:1: error: the file is not UTF-8 text, which it has to be\n");
	expect_said("p.yaml", "%\xf5\x96\x96\x96\x96\x96\x96\x96\x96\x96 and so on\n", -1,
		    "p.yaml:1: error: the file is not UTF-8 text, which it has to be\n");
	expect_said("p.toml", "k = \xff\n", -1, "p.toml:1: error: the file is not UTF-8 text, which it has to be\n");
	expect_said("p.toml", "k = \"\\u0000\"\n", -1, "p.toml:1: error: a parameter cannot hold a NUL character\n");
	expect_said("p.toml", "d = 2023-02-29\n", -1,
		    "p.toml:1: error: '2023-02-29' is no value; a string needs \"quotes\"\n");
	expect_said("p.toml", "k =", -1, "p.toml:1: error: a value is missing\n");
}

static void nested(struct strbuf *out, const char *open, size_t n, const char *inner, const char *close)
{
	size_t i;

	for (i = 0; i < n; i++)
		strbuf_addstr(out, open);
	strbuf_addstr(out, inner);
	for (i = 0; i < n; i++)
		strbuf_addstr(out, close);
}

static void limits_depth(void)
{
	static const struct {
		const char *name, *open, *inner, *close;
	} forms[] = {{"p.json", "{\"a\":", "1", "}"}, {"p.yaml", "{a: ", "1", "}"}, {"p.toml", "a.", "a = 1", ""},
		     {"p.ini", "a.", "a = 1", ""},    {"p.yaml", "k: [[", "", "]]"}};
	size_t i, depth;

	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		for (depth = 20; depth <= 100000; depth *= 70) {
			CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
			struct reading *r;

			nested(&text, forms[i].open, i == 4 ? 1 : depth, forms[i].inner, forms[i].close);
			r = parse_n(forms[i].name, text.buf, text.len);
			tap_check(r->result == (depth > 64 && i != 4 ? -1 : 0), __FILE__, __LINE__,
				  "%s at depth %zu: %s", forms[i].name, depth, r->said.buf);
			done(r);
		}
	}
}

static void write_text(const char *path, const char *text)
{
	EXPECT_INT(file_write(path, text, strlen(text), 0644, false, NULL), 0);
}

static void lays_files_over_each_other(void)
{
	struct params p = PARAMS_INIT;
	struct diags ds = DIAGS_INIT;
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

	write_text("base.ini", "z = 1\n[a]\nx = 1\ny = [1, 2]\n");
	write_text("over.json", "{\"a\": {\"y\": [3], \"w\": {}}, \"m\": 0}");
	EXPECT_INT(params_load(&p, "base.ini", &ds), 0);
	EXPECT_INT(params_load(&p, "over.json", &ds), 0);
	param_canonical(p.root, &out);
	EXPECT_STR(out.buf, "{\"a\":{\"w\":{},\"x\":1,\"y\":[3]},\"m\":0,\"z\":1}");
	EXPECT_STR(params_get(&p, "a.x")->file, "base.ini");
	EXPECT_STR(params_get(&p, "a.y")->file, "over.json");
	EXPECT_INT(params_load(&p, "absent.ini", &ds), -1);
	EXPECT_INT(ds.errors, 1);
	EXPECT_STR(ds.v[0].file, "absent.ini");
	diags_release(&ds);
	params_release(&p);
}

static void gets_by_dotted_key(void)
{
	struct reading *r = parse("p.json", "{\"a\": {\"b.c\": {\"d\": 1}, \"b\": 2, \"bb\": 3}, "
				  "\"a.b\": {\"x\": 4}, \"\": 5}");

	EXPECT_INT(params_get(&r->p, "a.b.c.d")->i, 1);
	EXPECT_INT(params_get(&r->p, "a.b")->i, 2);
	EXPECT_INT(params_get(&r->p, "a.bb")->i, 3);
	EXPECT_INT(params_get(&r->p, "a.b.x")->i, 4);
	EXPECT_INT(params_get(&r->p, "a")->kind, PARAM_MAP);
	EXPECT(!params_get(&r->p, "a."));
	EXPECT(!params_get(&r->p, "a.bbb"));
	EXPECT(!params_get(&r->p, "a.b.c.d.e"));
	EXPECT(!params_get(&r->p, "."));
	EXPECT(!params_get(&(struct params)PARAMS_INIT, "a"));
	done(r);
}

static void note_leaf(void *ctx, const char *full_key, const struct param *leaf)
{
	struct strbuf *out = ctx;

	strbuf_addf(out, "%s=", full_key);
	param_canonical(leaf, out);
	strbuf_addch(out, ' ');
}

static void visits_in_byte_order_of_full_key(void)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	const char *text = "[a]\nz = 1\nb = [1, 2]\n[a-b]\nc = x\n[a.m]\nn = 2\n[e]\n";
	struct reading *r = parse("p.ini", text);

	params_each(&r->p, "", note_leaf, &out);
	EXPECT_STR(out.buf, "a-b.c=\"x\" a.b=[1,2] a.m.n=2 a.z=1 ");
	strbuf_clear(&out);
	params_each(&r->p, "a.m", note_leaf, &out);
	params_each(&r->p, "a.z", note_leaf, &out);
	params_each(&r->p, "nothing", note_leaf, &out);
	EXPECT_STR(out.buf, "a.m.n=2 a.z=1 ");
	done(r);
}

static void sets(void)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct reading *r = parse("p.ini", "top = 1\n[train]\neta = 0.1\n");

	EXPECT_INT(params_set(&r->p, "train.eta", "0.5", true, &err), 0);
	EXPECT_INT(params_set(&r->p, "train.list", "[1, 2]", false, &err), 0);
	EXPECT_INT(params_set(&r->p, "new.deep.key", "x", false, &err), 0);
	EXPECT_INT(params_set(&r->p, "top", "\"2\"", true, &err), 0);
	param_canonical(r->p.root, &out);
	EXPECT_STR(out.buf,
		   "{\"new\":{\"deep\":{\"key\":\"x\"}},\"top\":\"2\",\"train\":{\"eta\":0.5,\"list\":[1,2]}}");
	EXPECT(params_get(&r->p, "train.eta")->file == NULL);
	EXPECT_INT(params_set(&r->p, "train.etta", "1", true, &err), -1);
	EXPECT_INT(err.code, ERR_INVALID);
	EXPECT_STR(err.msg, "no parameter 'train.etta'; did you mean 'train.eta'?");
	EXPECT_INT(params_set(&r->p, "top.x", "1", false, &err), -1);
	EXPECT_STR(err.msg, "cannot set 'top.x': 'top' is a value, not a section");
	EXPECT_INT(params_set(&r->p, "train", "1", true, &err), -1);
	EXPECT_INT(params_set(&r->p, "a..b", "1", false, &err), -1);
	EXPECT_INT(params_set(&r->p, "train.eta", "[x]", true, &err), -1);
	done(r);
}

static void writes_plain_and_json(void)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	char train_lr[] = "train.lr", a_b[] = "a.b", absent[] = "absent.x", m[] = "m", inf[] = "inf";
	char *keys[] = {train_lr, a_b, absent, m, inf};
	struct reading *r = parse("p.toml", "m=[\"a b\",1,2.50]\n\"a.b\"=1\ninf=inf\n[train]\nlr=0.10\nd=3\n");
	struct json *j = params_json(&r->p, keys, ARRAY_SIZE(keys));

	json_write(j, false, &out);
	EXPECT_STR(out.buf, "{\"train\":{\"lr\":0.1},\"a.b\":1,\"m\":[\"a b\",1,2.5],\"inf\":\"inf\"}");
	json_free(j);
	strbuf_clear(&out);
	param_plain(params_get(&r->p, "m"), &out);
	EXPECT_STR(out.buf, "a b 1 2.5");
	done(r);
}

/* The keys of a hostile file come in the worst order; this takes minutes if it is quadratic. */
static void sorts_many_keys(void)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct reading *r;
	int i;

	for (i = 300000; i > 0; i--)
		strbuf_addf(&text, "k%06d = %d\n", i, i);
	r = parse_n("p.ini", text.buf, text.len);
	EXPECT_INT(r->result, 0);
	EXPECT_INT(params_get(&r->p, "k012345")->i, 12345);
	done(r);
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"types words", types_words},
		{"reads INI", reads_ini},
		{"reports all errors of an INI file", reports_all_errors_of_an_ini},
		{"keeps what is good beside errors", keeps_what_is_good_beside_errors},
		{"reads JSON with lines", reads_json_with_lines},
		{"reads YAML", reads_yaml},
		{"warns where YAML 1.1 differs", warns_where_yaml_11_differs},
		{"refuses a YAML bomb", refuses_a_yaml_bomb},
		{"reads TOML", reads_toml},
		{"reports all errors of a TOML file", reports_all_errors_of_a_toml},
		{"limits depth", limits_depth},
		{"lays files over each other", lays_files_over_each_other},
		{"gets by dotted key", gets_by_dotted_key},
		{"visits in byte order of full key", visits_in_byte_order_of_full_key},
		{"sets", sets},
		{"writes plain text and JSON", writes_plain_and_json},
		{"sorts many keys", sorts_many_keys},
	};

	return tap_run("params", tests, ARRAY_SIZE(tests));
}
