/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"
#include "util/arena.h"
#include "util/diag.h"
#include "util/file.h"
#include "util/ini.h"
#include "util/json.h"
#include "util/map.h"
#include "util/path.h"
#include "util/process.h"
#include "util/relay.h"
#include "util/strbuf.h"
#include "util/strvec.h"
#include "util/text.h"

static void normalizes_paths(void)
{
	static const char *const cases[][2] = {
		{"", "."}, {".", "."}, {"a", "a"}, {"./a/", "a"}, {"a//b/./c", "a/b/c"}, {"a/..", "."},
		{"a/../b", "b"}, {"..", ".."}, {"../b", "../b"}, {"a/../../b/c", "../b/c"},
		{"../../b", "../../b"}, {"../a/../b", "../b"}, {"../a/..", ".."}, {"/", "/"}, {"/..", "/"},
		{"/../a", "/a"}, {"/a/../b/", "/b"}, {"/a/..", "/"}, {"...", "..."}, {"a/.../b", "a/.../b"},
		{".a/..b", ".a/..b"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

		strbuf_addstr(&out, "x/");
		path_normalize(cases[i][0], &out);
		tap_check_str(out.buf + 2, cases[i][1], cases[i][0], __FILE__, __LINE__);
	}
}

static void refuses_paths(void)
{
	static const char *const good[] = {"a", "a/b.c", ".gitignore", ".github/x", "a..b", "..a", "git", "x.git",
					   ".gitx",
					   "\xc3\xa9", "a b", ".git-x/y", "agit~1"};
	static const char *const bad[][2] = {
		{"", "is empty"},
		{".", "is the project itself"},
		{"..", "leads out of the project"},
		{"../a", "leads out of the project"},
		{"/a", "leads out of the project"},
		{"a/../b", "is not in its shortest form"},
		{"a//b", "is not in its shortest form"},
		{"a\nb", "has a control character"},
		{".git", "lies in a git directory"},
		{"a/.GIT/b", "lies in a git directory"},
		{".Git. ./x", "lies in a git directory"},
		{"GIT~1/x", "lies in a git directory"},
		{".git::$INDEX_ALLOCATION/x", "lies in a git directory"},
		{".g\xe2\x80\x8cit/config", "lies in a git directory"},
		{"\xef\xbb\xbf.git", "lies in a git directory"},
	};
	char longest[4002];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++)
		tap_check_str(path_refusal(good[i]), NULL, good[i], __FILE__, __LINE__);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		tap_check_str(path_refusal(bad[i][0]), bad[i][1], bad[i][0], __FILE__, __LINE__);
	memset(longest, 'a', 4001);
	longest[4001] = '\0';
	EXPECT_STR(path_refusal(longest), "is too long");
	EXPECT_STR(path_refusal(longest + 1), NULL);
	EXPECT_STR(path_name_refusal("a\tb\x7f"), NULL);
	EXPECT_STR(path_name_refusal(".GIT"), "lies in a git directory");
	EXPECT_STR(path_name_refusal("a/b"), "is no name of a file");
	EXPECT_STR(path_name_refusal(".."), "is no name of a file");
}

static void takes_paths_apart(void)
{
	CLEANUP(freep) char *dir = path_dir("a/b/c.tar.gz"), *top = path_dir("/x"), *here = path_dir("x");
	CLEANUP(freep) char *stem = path_stem("a/b.x/c.tar.gz"), *dot = path_stem("a/.bashrc");
	CLEANUP(freep) char *joined = path_join("a/b", "../c"), *empty = path_join("", "c");
	CLEANUP(freep) char *alone = path_join("a", "/c");

	EXPECT_STR(dir, "a/b");
	EXPECT_STR(top, "/");
	EXPECT_STR(here, ".");
	EXPECT_STR(stem, "c.tar");
	EXPECT_STR(dot, ".bashrc");
	EXPECT_STR(joined, "a/c");
	EXPECT_STR(empty, "c");
	EXPECT_STR(alone, "/c");
	EXPECT_STR(path_base("a/b"), "b");
	EXPECT(path_is_within("a/b", "a") && path_is_within("a", "a") && !path_is_within("ab", "a"));
	EXPECT(path_is_within("a", ".") && !path_is_within("../a", ".") && !path_is_within("..", "."));
	EXPECT(path_is_within("..a", ".") && path_is_within("/a", "/") && !path_is_within("/a", "."));
}

static void matches_globs(void)
{
	static const struct {
		const char *pattern, *path;
		bool want;
	} cases[] = {
		{"a*c", "abc", true}, {"a*c", "a/c", false}, {"*", "a", true}, {"*", "", false},
		{"*", ".a", false}, {".*", ".a", true}, {"a?c", "abc", true}, {"a?c", "ac", false},
		{"?", "/", false}, {"[a-c]x", "bx", true}, {"[!a-c]x", "bx", false}, {"[!a-c]x", "dx", true},
		{"[]a]", "]", true}, {"[a-]", "-", true}, {"[ab", "[ab", true}, {"[.]a", ".a", false},
		{"\\*", "*", true}, {"\\*", "a", false}, {"\\.a", ".a", true}, {"a/*.csv", "a/b.csv", true},
		{"a/*.csv", "a/b/c.csv", false}, {"**", "a", true}, {"**", "a/b/c", true},
		{"**", "a/.b", false}, {"**/c", "c", true}, {"**/c", "a/b/c", true}, {"**/c", ".a/c", false},
		{"a/**", "a", false}, {"a/**", "a/b", true}, {"a/**/b", "a/b", true},
		{"a/**/b", "a/x/y/b", true}, {"a/**/b", "a/x/y/c", false}, {"a/**/.h/b", "a/x/.h/b", true},
		{"**/a/**/b", "x/a/y/a/z/b", true}, {"a**b", "axxb", true}, {"a**b", "a/b", false},
		{"*a*b*c*", "xxaxxbxxcxx", true}, {"*a*b*c*", "xxaxxcxxbxx", false}, {"a", "a/b", false},
		{"a/b", "a", false},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		tap_check(glob_match(cases[i].pattern, cases[i].path) == cases[i].want, __FILE__, __LINE__, "%s on %s",
			  cases[i].pattern, cases[i].path);
	EXPECT(glob_is_pattern("a[b]") && !glob_is_pattern("a.b-c"));
}

static void touch(const char *path)
{
	EXPECT_INT(file_write(path, "", 0, 0644, false, NULL), 0);
}

static void expands_at(int line, const char *root, const char *pattern, const char *want)
{
	CLEANUP(strvec_release) struct strvec found = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf got = STRBUF_INIT;
	size_t i;

	glob_expand(root, pattern, &found);
	for (i = 0; i < found.n; i++)
		strbuf_addf(&got, "%s%s", i ? " " : "", found.v[i]);
	tap_check_str(got.buf, want, pattern, __FILE__, line);
}

static void expands_globs(void)
{
	CLEANUP(strbuf_release) struct strbuf abs = STRBUF_INIT, want = STRBUF_INIT;

	touch("g/a/2.csv");
	touch("g/a/10.csv");
	touch("g/a/.hidden.csv");
	touch("g/b/c/3.csv");
	touch("g/.git/4.csv");
	touch("g/.venv/5.csv");
	EXPECT_INT(symlink("a", "g/link"), 0);
	expands_at(__LINE__, ".", "g/a/*.csv", "g/a/10.csv g/a/2.csv");
	expands_at(__LINE__, "g", "*/*.csv", "a/10.csv a/2.csv link/10.csv link/2.csv");
	expands_at(__LINE__, "g", "**/*.csv", "a/10.csv a/2.csv b/c/3.csv");
	expands_at(__LINE__, "g", "*", "a b link");
	expands_at(__LINE__, "g", "b/**", "b/c b/c/3.csv");
	expands_at(__LINE__, "g", "**/.venv/*", ".venv/5.csv");
	expands_at(__LINE__, "g", ".*/*", ".venv/5.csv");
	expands_at(__LINE__, "g", "none/*", "");
	expands_at(__LINE__, "g", "a/2.cs[v]", "a/2.csv");
	expands_at(__LINE__, "g", "a/\\2.csv", "a/2.csv");
	expands_at(__LINE__, "g/a", "../b/*/3*", "../b/c/3.csv");
	strbuf_addf(&abs, "%s/g/b/*/*", tap_dir());
	strbuf_addf(&want, "%s/g/b/c/3.csv", tap_dir());
	expands_at(__LINE__, "nowhere", abs.buf, want.buf);
	expands_at(__LINE__, ".", "/et[c]", "/etc");
}

static void durations_at(int line, const char *s, int64_t want)
{
	int64_t ns = -1;

	tap_check(text_parse_duration(s, &ns) == (want >= 0) && ns == want, __FILE__, line, "'%s' is %jd", s,
		  (intmax_t)ns);
}

static void reads_durations(void)
{
	const int64_t s = 1000000000;

	durations_at(__LINE__, "90", 90 * s);
	durations_at(__LINE__, "0", 0);
	durations_at(__LINE__, "1.5s", 3 * s / 2);
	durations_at(__LINE__, "250ms", s / 4);
	durations_at(__LINE__, "1h30m", 5400 * s);
	durations_at(__LINE__, "2d", 172800 * s);
	durations_at(__LINE__, "1w", 604800 * s);
	durations_at(__LINE__, "1h30", -1);
	durations_at(__LINE__, "", -1);
	durations_at(__LINE__, "-1s", -1);
	durations_at(__LINE__, "1x", -1);
	durations_at(__LINE__, "1 s", -1);
	durations_at(__LINE__, "0x10", -1);
	durations_at(__LINE__, "1e3s", -1);
	durations_at(__LINE__, "1.2.3s", -1);
	durations_at(__LINE__, "99999999999999999999d", -1);
}

static void sizes_at(int line, const char *s, int64_t want)
{
	int64_t n = -1;

	tap_check(text_parse_size(s, &n) == (want >= 0) && n == want, __FILE__, line, "'%s' is %jd", s, (intmax_t)n);
}

static void reads_sizes_and_numbers(void)
{
	int64_t n = 0;

	sizes_at(__LINE__, "512", 512);
	sizes_at(__LINE__, "64K", 65536);
	sizes_at(__LINE__, "2G", INT64_C(2147483648));
	sizes_at(__LINE__, "1.5GiB", INT64_C(1610612736));
	sizes_at(__LINE__, "3MB", 3145728);
	sizes_at(__LINE__, "7B", 7);
	sizes_at(__LINE__, "1E", INT64_C(1152921504606846976));
	sizes_at(__LINE__, "1e3", -1);
	sizes_at(__LINE__, "9E", -1);
	sizes_at(__LINE__, "", -1);
	sizes_at(__LINE__, "-1", -1);
	sizes_at(__LINE__, "1X", -1);
	sizes_at(__LINE__, "1KK", -1);
	EXPECT(text_parse_int("-12", -20, 0, &n) && n == -12);
	EXPECT(text_parse_int("9223372036854775807", 0, INT64_MAX, &n) && n == INT64_MAX);
	EXPECT(!text_parse_int("9223372036854775808", 0, INT64_MAX, &n));
	EXPECT(!text_parse_int("5", 6, 9, &n) && !text_parse_int("", 0, 9, &n) && !text_parse_int(" 1", 0, 9, &n));
	EXPECT(!text_parse_int("1x", 0, 9, &n) && !text_parse_int("+1", 0, 9, &n) && !text_parse_int("--1", -9, 9, &n));
}

static void writes_durations_and_sizes(void)
{
	static const struct {
		int64_t ns;
		const char *want;
	} durations[] = {
		{0, "0.00s"},
		{240000000, "0.24s"},
		{9994000000, "9.99s"},
		{9996000000, "10.0s"},
		{12340000000, "12.3s"},
		{59960000000, "1m00s"},
		{245000000000, "4m05s"},
		{7380000000000, "2h03m"},
		{INT64_C(273600000000000), "3d04h"},
	};
	static const struct {
		int64_t n;
		const char *want;
	} sizes[] = {
		{0, "0 B"}, {1023, "1023 B"}, {1024, "1.0 KiB"}, {1572864, "1.5 MiB"}, {10239, "10 KiB"},
		{1048575, "1.0 MiB"}, {104857600, "100 MiB"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(durations); i++) {
		CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

		text_add_duration(&out, durations[i].ns);
		EXPECT_STR(out.buf, durations[i].want);
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

		text_add_size(&out, sizes[i].n);
		EXPECT_STR(out.buf, sizes[i].want);
	}
}

static void writes_shortest_numbers(void)
{
	static const struct {
		double x;
		const char *want;
	} cases[] = {{0, "0.0"},         {-0.0, "-0.0"},    {1, "1.0"},         {0.1, "0.1"},       {1e20, "1e+20"},
		     {1.0 / 3, "0.3333333333333333"},      {5e-324, "5e-324"}, {1e-7, "1e-07"},    {INFINITY, "inf"},
		     {-INFINITY, "-inf"}, {NAN, "nan"},     {123456.75, "123456.75"},
		     {0.1 + 0.2, "0.30000000000000004"}};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

		text_add_double(&out, cases[i].x);
		EXPECT_STR(out.buf, cases[i].want);
	}
}

static bool unescapes(const char *s)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

	return text_unescape(&out, s, s + strlen(s));
}

static void escapes_and_back(void)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT, back = STRBUF_INIT;
	const char text[] = "a\n\t\r\\\"\x01\x7f\xc3\xa9\0z";

	text_add_escaped(&out, text, sizeof(text) - 1, true);
	EXPECT_STR(out.buf, "a\\n\\t\\r\\\\\\\"\\x01\\x7f\xc3\xa9\\x00z");
	EXPECT(text_unescape(&back, out.buf, out.buf + out.len));
	EXPECT(back.len == sizeof(text) - 1 && memcmp(back.buf, text, back.len) == 0);
	EXPECT(!unescapes("\\"));
	EXPECT(!unescapes("\\q"));
	EXPECT(!unescapes("\\x1"));
}

static const char *nearest_of(const char *word)
{
	static const char *const names[] = {"data", "metrics", "params", "code", "outs", "train.sgd.eta"};
	struct nearest n = NEAREST_INIT(word);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		nearest_offer(&n, names[i]);
	return n.best;
}

static void finds_the_nearest(void)
{
	char very_long[100];

	memset(very_long, 'a', sizeof(very_long) - 1);
	very_long[sizeof(very_long) - 1] = '\0';
	EXPECT_STR(nearest_of("dta"), "data");
	EXPECT_STR(nearest_of("metircs"), "metrics");
	EXPECT_STR(nearest_of("PARAM"), "params");
	EXPECT_STR(nearest_of("x"), NULL);
	EXPECT_STR(nearest_of("eta"), "train.sgd.eta");
	EXPECT_STR(nearest_of("sgd.eta"), "train.sgd.eta");
	EXPECT_STR(nearest_of("xgd.eta"), NULL);
	EXPECT_STR(nearest_of("nothing like"), NULL);
	EXPECT_STR(nearest_of(very_long), NULL);
}

static void quotes_for_the_shell(void)
{
	static const char *const cases[][2] = {
		{"a/b-c.1", "a/b-c.1"}, {"", "''"}, {"a b", "'a b'"}, {"it's", "'it'\\''s'"}, {"$x", "'$x'"},
		{"a\nb", "'a\nb'"}, {"*", "'*'"}, {"~", "'~'"}, {"\xc3\xa9", "'\xc3\xa9'"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

		strbuf_add_shell(&out, cases[i][0]);
		EXPECT_STR(out.buf, cases[i][1]);
	}
}

static void grows_strings(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	CLEANUP(freep) char *owned = NULL;
	int i;

	EXPECT_STR(sb.buf, "");
	strbuf_clear(&sb);
	for (i = 0; i < 1000; i++)
		strbuf_addch(&sb, 'x');
	EXPECT_INT(sb.len, 1000);
	strbuf_setlen(&sb, 2);
	strbuf_addu(&sb, UINT64_MAX);
	strbuf_addf(&sb, "%s", " \n");
	strbuf_trim(&sb);
	EXPECT_STR(sb.buf, "xx18446744073709551615");
	strbuf_add(&sb, "\0", 1);
	strbuf_trim(&sb);
	EXPECT_INT(sb.len, 23);
	owned = strbuf_detach(&sb);
	EXPECT_STR(owned, "xx18446744073709551615");
	EXPECT_INT(sb.len, 0);
}

static void maps_strings(void)
{
	struct map m = MAP_INIT;
	struct map_slot *s;
	char keys[1000][8];
	size_t i, seen = 0;

	EXPECT(!map_get(&m, "a"));
	for (i = 0; i < 1000; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
		EXPECT(!map_put(&m, keys[i], keys[i]));
	}
	EXPECT(map_put(&m, "k7", keys[8]) == keys[7]);
	EXPECT(map_get(&m, "k7") == keys[8]);
	EXPECT(map_getn(&m, "k123456", 4) == keys[123]);
	EXPECT(!map_get(&m, "k1000"));
	for (i = 0; (s = map_next(&m, &i));)
		seen++;
	EXPECT_INT(seen, 1000);
	map_release(&m);
}

static void shares_an_arena(void)
{
	struct arena a = ARENA_INIT;
	size_t *numbers = NULL, i;
	char *big;

	for (i = 0; i < 5000; i++) {
		numbers = arena_grow(&a, numbers, i, sizeof(*numbers));
		numbers[i] = i;
	}
	EXPECT(numbers[0] == 0 && numbers[4999] == 4999);
	EXPECT_STR(arena_fmt(&a, "%s-%d", "x", 7), "x-7");
	EXPECT_STR(arena_strndup(&a, "abc", 2), "ab");
	EXPECT_INT((uintptr_t)arena_alloc(&a, 1) % 16, 0);
	big = arena_calloc(&a, 1000000);
	EXPECT(big[0] == 0 && big[999999] == 0);
	arena_release(&a);
}

static void keeps_json(void)
{
	const char *text = "{\"b\":[1,-2.5,0.1,true,null,\"x\\u0001\\\"\\\\\\n\\u00e9\"],\"a\":{},\"l\":[]}";
	CLEANUP(json_freep) struct json *j = json_parse(text, strlen(text), NULL, NULL), *bad = NULL;
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT, pretty = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	int line = 0;

	json_set_str(j, "s", "bad \xff utf-8");
	json_write(j, false, &out);
	EXPECT_STR(out.buf, "{\"b\":[1,-2.5,0.1,true,null,\"x\\u0001\\\"\\\\\\n\xc3\xa9\"],\"a\":{},\"l\":[],"
			    "\"s\":\"bad \xef\xbf\xbd utf-8\"}");
	EXPECT_INT(json_int(json_at(json_get(j, "b"), 0)), 1);
	EXPECT(json_get(j, "none") == NULL && json_at(json_get(j, "b"), 9) == NULL);
	bad = json_parse("{\"a\": 1,\n\"a\": 2}", 16, &line, &err);
	EXPECT(!bad);
	EXPECT_INT(line, 2);
	EXPECT_INT(err.code, ERR_PARSE);
	bad = json_parse("{\"a\": [1, {\"b\": 0.5}]}", 22, NULL, NULL);
	json_write(bad, true, &pretty);
	EXPECT_STR(pretty.buf, "{\n  \"a\": [\n    1,\n    {\n      \"b\": 0.5\n    }\n  ]\n}\n");
}

static void sorts_diagnostics(void)
{
	struct diags ds = DIAGS_INIT;
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	int i;

	for (i = 100; i > 0; i--)
		diag_error(&ds, "first", i, "x");
	diag_error(&ds, "second", 9, "y");
	diag_warn(&ds, "second", 3, "z");
	diag_error(&ds, "second", 9, "y");
	diag_error(&ds, NULL, 0, "w");
	EXPECT_INT(ds.errors, 102);
	EXPECT_INT(ds.warnings, 1);
	diags_sort(&ds);
	EXPECT_INT(ds.v[0].line, 1);
	EXPECT_INT(ds.v[99].line, 100);
	diags_format(&ds, &out);
	EXPECT(ends_with(out.buf, "first:100: error: x\nsecond:3: warning: z\nsecond:9: error: y\nmlmake: error: w\n"));
	diags_release(&ds);
}

static void note_section(void *ctx, int line, const char *header)
{
	strbuf_addf(ctx, "%d[%s] ", line, header);
}

static void note_entry(void *ctx, const struct ini_line *ln)
{
	strbuf_addf(ctx, "%d%s%s=<%s>%zu ", ln->line, ln->continuation ? "+" : ":", ln->key, ln->value, ln->indent);
}

static void ini_at(int line, const char *text, const char *want, const char *want_said)
{
	CLEANUP(strbuf_release) struct strbuf got = STRBUF_INIT, said = STRBUF_INIT;
	struct ini_handler h = {note_section, note_entry, &got};
	struct diags ds = DIAGS_INIT;
	int result = ini_read("f", text, strlen(text), &h, &ds);

	diags_format(&ds, &said);
	tap_check(result == (*want_said ? -1 : 0), __FILE__, line, "%s gives %d", text, result);
	tap_check_str(got.buf, want, text, __FILE__, line);
	tap_check_str(said.buf, want_said, text, __FILE__, line);
	diags_release(&ds);
}

static void reads_ini_lines(void)
{
	ini_at(__LINE__, "", "", "");
	ini_at(__LINE__, "a=1", "1:a=<1>0 ", "");
	ini_at(__LINE__, "\xef\xbb\xbf[s t]\r\n cmd\r\n", "1[s t] ",
	       "f:2: error: an indented line continues a value, and there is none above; keys and sections start in column 1\n");
	ini_at(__LINE__, "[stage a]b]\ncmd = x ; y # z = \"q\"\n\n\t  k = v\n#no\n;no\n  # yes\nlast =\n",
	       "1[stage a]b] 2:cmd=<x ; y # z = \"q\">0 4+cmd=<k = v>3 7+cmd=<# yes>2 8:last=<>0 ", "");
	ini_at(__LINE__, "params.yaml:train.lr = 1\n[ empty ]\n[x]\n",
	       "1:params.yaml:train.lr=<1>0 2[empty] 3[x] ", "");
	ini_at(__LINE__, "[a\nk = 1\n  more\n[b]\nm = 2\n", "4[b] 5:m=<2>0 ",
	       "f:1: error: a section that starts with '[' lacks its ']'\n");
	ini_at(__LINE__, "k\n  x\n", "",
	       "f:1: error: neither 'key = value' nor '[section]'; a comment starts with '#' or ';' in column 1\n"
	       "f:2: error: an indented line continues a value, and there is none above; keys and sections start in column 1\n");
}

static void keeps_long_ini_lines(void)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, got = STRBUF_INIT;
	struct ini_handler h = {note_section, note_entry, &got};
	struct diags ds = DIAGS_INIT;

	strbuf_addch(&text, '[');
	strbuf_addn(&text, 's', 5000);
	strbuf_addstr(&text, "]\n");
	strbuf_addn(&text, 'k', 5000);
	strbuf_addstr(&text, " = ");
	strbuf_addn(&text, 'v', 500000);
	strbuf_addstr(&text, "\n ");
	strbuf_addn(&text, 'c', 500000);
	EXPECT_INT(ini_read("f", text.buf, text.len, &h, &ds), 0);
	EXPECT_INT(got.len, 5000 + 4 + 5000 + 500000 + 7 + 5000 + 500000 + 7);
	strbuf_addn(&text, 'c', INI_LINE_LIMIT);
	EXPECT_INT(ini_read("f", text.buf, text.len, &h, &ds), -1);
	EXPECT_STR(ds.v[0].msg, "the line is longer than 1 MiB");
	EXPECT_INT(ds.v[0].line, 3);
	diags_release(&ds);
}

/* Runs sh -c script with input, and env on top of ours. */
static int sh(const char *script, const char *input, size_t n, char *const *env, struct strbuf *out, struct strbuf *errors,
	      struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	struct process_start how = {.argv = &argv, .env = env};

	strvec_push(&argv, "sh");
	strvec_push(&argv, "-c");
	strvec_push(&argv, script);
	return process_run(&how, input, n, (size_t)1 << 24, out, errors, err);
}

static void runs_programs(void)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT, errors = STRBUF_INIT, big = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(strvec_release) struct strvec nobody = STRVEC_INIT;
	struct process_start how = {.argv = &nobody};
	char given[] = "GIVEN=by us";
	char *env[] = {given, NULL};

	signal(SIGPIPE, SIG_IGN);
	setenv("GIT_DIR", "/elsewhere", 1);
	setenv("GIT_CONFIG_COUNT", "0", 1);
	setenv("GIVEN", "by the world", 1);
	EXPECT_INT(sh("cat; echo $GIVEN $LC_ALL ${GIT_DIR-none} $GIT_CONFIG_COUNT; echo oh >&2; exit 3", "in\n", 3, env, &out,
		      &errors, &err), 3);
	EXPECT_STR(out.buf, "in\nby us C none 0\n");
	EXPECT_STR(errors.buf, "oh\n");
	strbuf_addn(&big, 'x', 3000000); /* more than pipes hold, both ways at once */
	strbuf_clear(&out);
	EXPECT_INT(sh("cat", big.buf, big.len, NULL, &out, NULL, &err), 0);
	EXPECT_INT(out.len, big.len);
	EXPECT_INT(sh("exec <&-; sleep 0; exit 5", big.buf, big.len, NULL, &out, NULL, &err), 5); /* it does not read */
	EXPECT_INT(sh("kill -9 $$", NULL, 0, NULL, &out, NULL, &err), 128 + 9);
	EXPECT_INT(sh("yes", NULL, 0, NULL, &out, NULL, &err), -1);
	EXPECT_INT(err.code, ERR_INVALID);
	err_clear(&err);
	strvec_push(&nobody, "no-such-program-of-mlmake");
	EXPECT_INT(process_run(&how, NULL, 0, 100, &out, NULL, &err), -1);
	EXPECT_INT(err.code, ERR_NOTFOUND);
	EXPECT_STR(err.msg, "'no-such-program-of-mlmake' is not installed");
	unsetenv("GIT_DIR");
	unsetenv("GIT_CONFIG_COUNT");
	unsetenv("GIVEN");
}

struct taker {
	size_t n, fails_at;
	bool wrong;
};

/* Chunk i has i % 100 + 1 bytes, all of the value i. */
static int take_numbered(void *ctx, const void *data, size_t n)
{
	struct taker *t = ctx;
	const unsigned char *b = data;
	size_t i;

	t->wrong |= n != t->n % 100 + 1;
	for (i = 0; i < n; i++)
		t->wrong |= b[i] != (unsigned char)t->n;
	return ++t->n == t->fails_at ? EIO : 0;
}

static void relays_chunks(void)
{
	static const size_t counts[] = {0, 1, 7, 8, 9, 15, 16, 17, 1000};
	struct relay *all[9] = {0};
	struct taker t = {0, 0, false};
	size_t i, j, pushed = 0;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		struct relay *r = relay_new(take_numbered, &t);

		t = (struct taker){0, 0, false};
		for (j = 0; j < counts[i]; j++) {
			memset(relay_room(r), (int)(unsigned char)j, j % 100 + 1);
			EXPECT(relay_push(r, j % 100 + 1));
		}
		EXPECT_INT(relay_end(r), 0);
		EXPECT_INT(t.n, (intmax_t)counts[i]);
		EXPECT(!t.wrong);
	}
	t = (struct taker){0, 20, false};
	all[0] = relay_new(take_numbered, &t);
	do
		memset(relay_room(all[0]), (int)(unsigned char)pushed, pushed % 100 + 1);
	while (relay_push(all[0], pushed % 100 + 1) && ++pushed < 1000);
	EXPECT_INT(relay_end(all[0]), EIO);
	EXPECT(t.n == 20 && !t.wrong && pushed < 1000);
	for (i = 0; i < 8; i++)
		EXPECT((all[i] = relay_new(take_numbered, &t)) != NULL);
	EXPECT(!relay_new(take_numbered, &t)); /* there are enough */
	EXPECT_INT(relay_end(all[7]), 0);
	EXPECT((all[7] = relay_new(take_numbered, &t)) != NULL);
	for (i = 0; i < 8; i++)
		EXPECT_INT(relay_end(all[i]), 0);
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"normalizes paths", normalizes_paths},
		{"refuses paths", refuses_paths},
		{"takes paths apart", takes_paths_apart},
		{"matches globs", matches_globs},
		{"expands globs", expands_globs},
		{"reads durations", reads_durations},
		{"reads sizes and numbers", reads_sizes_and_numbers},
		{"writes durations and sizes", writes_durations_and_sizes},
		{"writes shortest numbers", writes_shortest_numbers},
		{"escapes and back", escapes_and_back},
		{"finds the nearest", finds_the_nearest},
		{"quotes for the shell", quotes_for_the_shell},
		{"grows strings", grows_strings},
		{"maps strings", maps_strings},
		{"shares an arena", shares_an_arena},
		{"keeps JSON", keeps_json},
		{"sorts diagnostics", sorts_diagnostics},
		{"reads INI lines", reads_ini_lines},
		{"keeps long INI lines", keeps_long_ini_lines},
		{"runs programs", runs_programs},
		{"relays chunks to a second thread", relays_chunks},
	};

	return tap_run("util", tests, ARRAY_SIZE(tests));
}
