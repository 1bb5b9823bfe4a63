/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What two texts mean is compared; t0090 does so with CPython's help over its whole library. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "code/code.h"
#include "tap.h"
#include "util/strbuf.h"

static struct arena arena;

static struct code_facts read_as(const char *name, const char *text, size_t n)
{
	struct code_facts f;
	char *exact = malloc(n ? n : 1); /* just as long, for the sanitizers */

	memcpy(exact, text, n);
	code_read(code_language(name), exact, n, &arena, &f);
	free(exact);
	return f;
}

static bool means_the_same(const char *name, const char *a, const char *b)
{
	struct code_facts x = read_as(name, a, strlen(a)), y = read_as(name, b, strlen(b));

	return x.has_meaning && y.has_meaning && digest_eq(&x.meaning, &y.meaning);
}

static bool is_understood(const char *name, const char *text)
{
	return read_as(name, text, strlen(text)).has_meaning;
}

#define SAME(name, a, b) tap_check(means_the_same(name, a, b), __FILE__, __LINE__, "not the same: %s", #a " / " #b)
#define OTHER(name, a, b)                                                                                      \
	tap_check(!means_the_same(name, a, b), __FILE__, __LINE__, "called the same: %s", #a " / " #b)
#define RAW(name, text) tap_check(!is_understood(name, text), __FILE__, __LINE__, "understood: %s", #text)

static void says_imports(const char *name, const char *text, const char *want, const char *file, int line)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct code_facts f = read_as(name, text, strlen(text));
	size_t i;

	for (i = 0; i < f.n_imports; i++) {
		const struct code_import *im = &f.imports[i];

		strbuf_addf(&out, "%s%d:%.*s%s%s%s", i ? " " : "", im->line, im->level, "....", im->module ? im->module : "",
			    im->module && im->name ? ":" : im->how == IMPORT_UNKNOWN ? "?" : "", im->name ? im->name : "");
	}
	tap_check_str(out.buf, want, "imports", file, line);
}
#define IMPORTS(name, text, want) says_imports(name, text, want, __FILE__, __LINE__)

static void python_spacing(void)
{
	SAME("a.py", "x = 1\n", "x=1   # one\n");
	SAME("a.py", "x = 1\n", "\n\n# said\nx = 1");
	SAME("a.py", "x = 1\n", "x = \\\n 1\n");
	SAME("a.py", "f(1, 2)\n", "f(1,  # first\n\n  2)\n");
	SAME("a.py", "if x:\n    y\n    z\n", "if x:\n\ty\n\n  # c\n\tz\n");
	SAME("a.py", "if x:\n  y\n", "if x:\r\n   y\r\n");
	SAME("a.py", "x = 1 + \\\n2\n", "x = 1 + \\\r\n2\r\n");
	SAME("a.py", "x\n", "\fx\n");
	SAME("a.py", "", "# nothing\n\n");
	OTHER("a.py", "x = 1\n", "x = 2\n");
	OTHER("a.py", "a b\n", "ab\n");
	OTHER("a.py", "x = 1\ny\n", "x = 1 ;y\n");
	OTHER("a.py", "if x:\n  y\n  z\n", "if x:\n  y\nz\n");
	OTHER("a.py", "a <= b\n", "a < = b\n");
	OTHER("a.py", "x\n", "x\ny\n");
}

static void python_strings(void)
{
	OTHER("a.py", "x = 'a b'\n", "x = 'a  b'\n");
	OTHER("a.py", "'''doc\n# c\n'''\n", "'''doc\n'''\n");
	OTHER("a.py", "x = 'a'\n", "x = \"a\"\n");
	OTHER("a.py", "x = r'\\n'\n", "x = '\\n'\n");
	SAME("a.py", "x = 'it\\'s # no'  # c\n", "x = 'it\\'s # no'\n");
	SAME("a.py", "x = r'\\'  '# c\n", "x = r'\\'  '\n");
	SAME("a.py", "x = f'{a[\"b\"]}#{c!r:>{w}}{{}}'#c\n", "x = f'{a[\"b\"]}#{c!r:>{w}}{{}}'\n");
	SAME("a.py", "x = f'{\", \".join(f\"{i:02}\" for i in z)}'# c\n", "x = f'{\", \".join(f\"{i:02}\" for i in z)}'\n");
	SAME("a.py", "x = f'\\N{BULLET} {y}' # c\n", "x = f'\\N{BULLET} {y}'\n");
	OTHER("a.py", "f'{x = }'\n", "f'{x=}'\n");
	RAW("a.py", "x = f'{a['b']}'\n");        /* 3.12 */
	RAW("a.py", "x = f'{'}' + ' # '}'\n");   /* 3.12, where braces in the inner string mislead */
	RAW("a.py", "x = f'''{\n1 # c\n}'''\n"); /* 3.12 */
	RAW("a.py", "x = f'{'\n");
	RAW("a.py", "x = 'a\n");
	RAW("a.py", "x = '''a\n");
	RAW("a.py", "x = ur'a'\n");
	RAW("a.py", "x = 'a\\");
}

static void python_comments_that_count(void)
{
	OTHER("a.py", "#!/usr/bin/python3 -O\nx\n", "#!/usr/bin/python3\nx\n");
	SAME("a.py", "x\n#!/usr/bin/python3 -O\n", "x\n");
	OTHER("a.py", "# coding: utf-8\nx\n", "x\n");
	RAW("a.py", "# coding: latin-1\nx = '\xe4'\n");
	RAW("a.py", "#\n# vim: fileencoding=shift_jis :\nx\n");
	OTHER("a.py", "x = []  # type: list\n", "x = []\n");
	OTHER("a.py", "x = []  # type: list\n", "x = []\n# type: list\n");
	OTHER("a.py", "f(a,  # type: int\n b)\n", "f(a,\n # type: int\n b)\n");
	OTHER("a.py", "# cython: boundscheck=False\nx\n", "# cython: boundscheck=True\nx\n");
	OTHER("a.py", "# /// script\n# dependencies = [\"a\"]\n# ///\nx\n", "# /// script\n# dependencies = [\"b\"]\n# ///\nx\n");
	SAME("a.py", "# // script\n# dependencies = [\"a\"]\nx\n", "# // script\nx\n");
	OTHER("a.py", "\xef\xbb\xbfx\n", "x\n");
}

static void python_not_understood(void)
{
	RAW("a.py", "x = 1if y else 2\n");
	RAW("a.py", "0x1for x in y\n");
	RAW("a.py", "if x:\n    y\n  z\n");
	RAW("a.py", "if x:\n\ty\n        z\n"); /* the same by eights, not by ones */
	RAW("a.py", "f(1]\n");
	RAW("a.py", "f(1\n");
	RAW("a.py", ")\n");
	RAW("a.py", "x = $y\n");
	RAW("a.py", "x <> y\n");
	RAW("a.py", "# c\rx = 1\n"); /* x = 1 is no part of the comment */
	RAW("a.py", "x = 1\\ \n");
	RAW("a.py", "\\\nx\n");
	RAW("a.py", "x = '\xff'\n");
}

static void python_imports(void)
{
	IMPORTS("a.py", "import a, b.c as d, e\n", "1:a 1:b.c 1:e");
	IMPORTS("a.py", "from a import (b,\n c as d,)\n", "1:a:b 1:a:c");
	IMPORTS("a.py", "from . import x\nfrom ...y.z import *\n", "1:.:x 2:...y.z:*");
	IMPORTS("a.py", "def f():\n    try: import a\n    except E: from b import c\n", "2:a 3:b:c");
	IMPORTS("a.py", "x = 1; import a\n\nimport \\\n  b\n", "1:a 3:b");
	IMPORTS("a.py", "def f():\n yield from x\nraise a from b\n", "");
	IMPORTS("a.py", "'import a'\n# import b\nimport c\nimport c\n", "3:c");
	IMPORTS("a.py", "importlib.import_module('a.b')\n__import__('c')\nimport_module('.d', p)\n", "1:a.b 2:c 3:.d");
	IMPORTS("a.py", "import_module(name)\n\nimport_module('a' + b)\n", "1:?import_module");
	IMPORTS("a.py", "f = importlib.import_module\n", "1:?import_module");
	IMPORTS("a.py", "runpy.run_path('b.py')\nself.run_path(x)\nrunpy.run_path(x)\n", "1:b.py 3:?run_path");
	/* of a text that is not understood, and with nothing invented from what is one import */
	IMPORTS("a.py", "from a import b\nx = f'{a['b']}'\nif x: import c\n", "1:a:b 3:c");
	IMPORTS("a.py", "x = '\xff'\nfrom .m import (n,\n o)\n", "2:.m:n 2:.m:o");
	EXPECT(read_as("a.py", "import sys\nsys.path.append('..')\n", 33).moves_path);
	EXPECT(!read_as("a.py", "import os\nos.path.join(a)\n", 27).moves_path);
}

#define NB(cells, kernel) "{\"cells\": [" cells "], \"metadata\": {\"kernelspec\": {\"name\": \"" kernel "\", \"language\": \"python\"}, \
\"x\": 1}, \"nbformat\": 4, \"nbformat_minor\": 5}"
#define CELL(source, rest) "{\"cell_type\": \"code\", " rest "\"source\": " source "}"

static void notebooks(void)
{
	static const char plain[] = NB(CELL("\"import a\\nx = 1\"", ""), "python3");

	SAME("a.ipynb", plain, NB(CELL("[\"import a\\n\", \"# c\\n\", \"x=1\"]", "\"execution_count\": 7, \"outputs\": [{\"a\": 1.5}], "), "python3"));
	SAME("a.ipynb", plain, NB("{\"cell_type\": \"markdown\", \"source\": \"hello\"}, " CELL("\"import a\\nx = 1\"", "\"id\": \"k\", \"metadata\": {\"s\": []}, "), "python3"));
	OTHER("a.ipynb", plain, NB(CELL("\"import a\\nx = 2\"", ""), "python3"));
	OTHER("a.ipynb", plain, NB(CELL("\"import a\"", "") ", " CELL("\"x = 1\"", ""), "python3"));
	OTHER("a.ipynb", plain, NB(CELL("\"import a\\nx = 1\"", ""), "python2"));
	OTHER("a.ipynb", plain, NB(CELL("\"import a\\nx = 1\"", "\"metadata\": {\"tags\": [\"parameters\"]}, "), "python3"));
	OTHER("a.ipynb", NB(CELL("\"!ls  a\\nx\"", ""), "p"), NB(CELL("\"!ls a\\nx\"", ""), "p"));
	SAME("a.ipynb", NB(CELL("\"%timeit f( )\\nx  = 1\"", ""), "p"), NB(CELL("\"%timeit f( )\\nx = 1 # c\"", ""), "p"));
	OTHER("a.ipynb", NB(CELL("\"x = %sql a  b\"", ""), "p"), NB(CELL("\"x = %sql a b\"", ""), "p"));
	OTHER("a.ipynb", NB(CELL("\"%%bash\\n# a\"", ""), "p"), NB(CELL("\"%%bash\\n# b\"", ""), "p"));
	SAME("a.ipynb", NB(CELL("\"a?\"", "") "," CELL("\"x # c\"", ""), "p"), NB(CELL("\"a?\"", "") "," CELL("\"x\"", ""), "p"));
	IMPORTS("a.ipynb", NB(CELL("\"x\"", "") "," CELL("\"%run b.py\\nimport a\"", ""), "p"), "2:b.py 2:a");
	IMPORTS("a.ipynb", NB(CELL("\"import a\\na?\"", ""), "p"), "1:a");
	RAW("a.ipynb", "not JSON\n");
	RAW("a.ipynb", "{\"cells\": 1}");
	RAW("a.ipynb", "{\"cells\": [], \"cells\": [], \"nbformat\": 4}");
	RAW("a.ipynb", NB("{\"cell_type\": \"code\", \"source\": [1]}", "p"));
	RAW("a.ipynb", "{\"worksheets\": [], \"nbformat\": 3}");
}

static void other_languages(void)
{
	SAME("a.R", "x <- 1\n", "# c\nx <- 1\n\n");
	OTHER("a.R", "x <- 1\n", "x <-  1\n");
	OTHER("a.R", "x <- '\n# a\n'\n", "x <- '\n# b\n'\n");
	OTHER("a.R", "#' @export\nx\n", "x\n");
	RAW("a.R", "x <- r\"(# a)\"\n");
	IMPORTS("a.R", "source('lib/a.R'); source(\"b.R\")\n# source('c.R')\nsource(f)\n", "1:lib/a.R 1:b.R 3:?source");
	SAME("a.sh", "#!/bin/sh\nx=1\n", "#!/bin/sh\n\n  # c\nx=1\n");
	OTHER("a.sh", "#!/bin/sh\nx\n", "#!/bin/bash\nx\n");
	OTHER("a.sh", "awk '\n# a\n' b\n", "awk '\n# b\n' b\n");
	OTHER("a.sh", "echo \\\n# a\n", "echo \\\n# b\n");
	RAW("a.sh", "cat << END\n# a\nEND\n");
	RAW("a.sh", "sed -n 's/^# //p' \"$0\"\n");
	RAW("a.sh", "x=$'\\''\n# a\n");
	IMPORTS("a.sh", "set -e\n. lib/a.sh\nsource \"b.sh\" && . \"$d/c.sh\"\n./run x\n", "2:lib/a.sh 3:b.sh 3:?source");
	IMPORTS("a.c", "#include <stdio.h>\n # include \"a.h\"\n", "2:a.h");
	RAW("a.c", "int x;\n");
	SAME("a.sql", "select 1;\n", "-- c\nselect 1;\n");
	OTHER("a.sql", "select '\n-- a\n';\n", "select '\n-- b\n';\n");
	OTHER("a.sql", "select /*\n-- a\n*/ 1;\n", "select /*\n-- b\n*/ 1;\n");
	OTHER("a.sql", "-- :id\nselect 1;\n", "select 1;\n");
	RAW("a.sql", "-- {{ ref('x') }}\nselect $$a$$;\n");
	SAME("a.json", "{\"a\": [1.0, 2]}\n", "{ \"a\":[1.0,2] }");
	OTHER("a.json", "{\"a\": 1.0}", "{\"a\": 1.00}");
	OTHER("a.json", "{\"a\": \"b c\"}", "{\"a\": \"b  c\"}");
	OTHER("a.json", "{\"a\": 1, \"b\": 2}", "{\"b\": 2, \"a\": 1}");
	RAW("a.json", "{\"a\": 1, \"a\": 1}");
	RAW("a.txt", "x\n");
}

static char *many(const char *what, size_t times)
{
	struct strbuf sb = STRBUF_INIT;

	while (times--)
		strbuf_addstr(&sb, what);
	return strbuf_detach(&sb);
}

static void bad_input(void)
{
	static const char *const parts[] = {"(", "f'{", "if x:\n", "import ", "from a import (", "'", "\\\n", "\t", "{\"a\":", "import_module(",
					    "[[", "$(", "\"$(", "# type: \n", "x\n", " "};
	static const char *const names[] = {"a.py", "a.ipynb", "a.R", "a.sh", "a.c", "a.json", "a.sql"};
	char noise[4096];
	unsigned x = 1;
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		CLEANUP(freep) char *text = many(parts[i], 100000);

		for (k = 0; k < ARRAY_SIZE(names); k++)
			read_as(names[k], text, strlen(text));
	}
	for (i = 0; i < sizeof(noise); i++)
		noise[i] = (char)((x = x * 1103515245 + 12345) >> 16);
	for (k = 0; k < ARRAY_SIZE(names); k++)
		EXPECT(!read_as(names[k], noise, sizeof(noise)).has_meaning);
	{
		CLEANUP(freep) char *large = many("x = 1 ; ", CODE_LIMIT / 8 + 1);

		EXPECT(!is_understood("a.py", large));
		large[CODE_LIMIT - 1] = '\0';
		EXPECT(is_understood("a.py", large));
	}
	{
		CLEANUP(freep) char *deep = many("(", 201);

		RAW("a.py", deep);
	}
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"Python: spacing, comments and joined lines", python_spacing},
		{"Python: strings", python_strings},
		{"Python: comments that count", python_comments_that_count},
		{"Python: what is not understood", python_not_understood},
		{"Python: imports", python_imports},
		{"notebooks", notebooks},
		{"R, shell, C, SQL, JSON", other_languages},
		{"bad input", bad_input},
	};
	int result = tap_run("code", tests, ARRAY_SIZE(tests));

	arena_release(&arena);
	return result;
}
