/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names, requirements and markers; metadata of distributions; which Python an environment has, on a disk made of names. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "env/distributions.h"
#include "tap.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/path.h"

static struct arena a;

static const char *normal(const char *name)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	requirement_normalize(name, strlen(name), &sb);
	return arena_strdup(&a, sb.buf);
}

static void names(void)
{
	EXPECT_STR(normal("Foo.Bar__baz-._x"), "foo-bar-baz-x");
	EXPECT_STR(normal("numpy"), "numpy");
	EXPECT_STR(normal("_"), "-");
	EXPECT_STR(normal(""), "");
}

/* "name[extra extra]|marker", or "none" */
static const char *parsed(const char *text)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	struct requirement r;
	size_t i;

	if (!requirement_parse(text, strlen(text), &a, &r))
		return "none";
	strbuf_addstr(&sb, r.name);
	for (i = 0; i < r.n_extras; i++)
		strbuf_addf(&sb, "%s%s", i ? " " : "[", r.extras[i]);
	if (r.n_extras)
		strbuf_addch(&sb, ']');
	strbuf_addf(&sb, "|%s", r.marker ? r.marker : "");
	return arena_strdup(&a, sb.buf);
}

static void requirements(void)
{
	EXPECT_STR(parsed("numpy"), "numpy|");
	EXPECT_STR(parsed("Scikit_Learn >=1.0, <2"), "scikit-learn|");
	EXPECT_STR(parsed("a(>=1)"), "a|");
	EXPECT_STR(parsed("a[B, c_d] ~= 1.0 ; python_version < '3.8'"), "a[b c-d]| python_version < '3.8'");
	EXPECT_STR(parsed("a @ https://x.example/a;b.zip ; os_name == 'nt'"), "a| os_name == 'nt'");
	EXPECT_STR(parsed("a @ https://x.example/a;b.zip"), "a|");
	EXPECT_STR(parsed("a;extra=='x'"), "a|extra=='x'");
	EXPECT_STR(parsed(""), "none");
	EXPECT_STR(parsed("a b"), "none");
	EXPECT_STR(parsed("a[b"), "none");
	EXPECT_STR(parsed("a[b c]"), "none");
	EXPECT_STR(parsed(">=1"), "none");
	EXPECT_STR(parsed("a[]"), "a|");
}

static int holds(const char *marker, const char *extra)
{
	static const struct marker_values v = {"3.11", "3.11.2", "cpython", "x86_64"};

	return (int)marker_holds(marker, &v, &extra, extra ? 1 : 0);
}

static void markers(void)
{
	static const struct { const char *marker, *extra; enum marker_truth want; } all[] = {
		{"python_version >= '3.8'", NULL, MARKER_YES},
		{"python_version < \"3.9\"", NULL, MARKER_NO}, /* as texts it would hold */
		{"'3.9' < python_version", NULL, MARKER_YES},
		{"python_version == '3.11.0'", NULL, MARKER_YES},
		{"python_version == '3.*'", NULL, MARKER_YES},
		{"python_version ~= '3.8'", NULL, MARKER_YES},
		{"python_version ~= '2.8'", NULL, MARKER_NO},
		{"python_full_version >= '3.11.10'", NULL, MARKER_NO},
		{"sys_platform == 'win32'", NULL, MARKER_NO},
		{"sys_platform in 'linux linux2'", NULL, MARKER_YES},
		{"sys_platform not in 'linux linux2'", NULL, MARKER_NO},
		{"extra == 'A_b'", "a-b", MARKER_YES},
		{"extra == 'a'", NULL, MARKER_NO},
		{"extra == 'a' and python_version < '3'", "a", MARKER_NO},
		{"os_name == 'nt' or (extra == 'a' and os_name == 'posix')", "a", MARKER_YES},
		{"os_name == 'nt' and os_name == 'nt' or os_name == 'posix'", NULL, MARKER_YES},
		{"platform_release >= '5'", NULL, MARKER_UNKNOWN},
		{"platform_release >= '5' and os_name == 'nt'", NULL, MARKER_NO},
		{"platform_release >= '5' or os_name == 'posix'", NULL, MARKER_YES},
		{"platform_release >= '5' and os_name == 'posix'", NULL, MARKER_UNKNOWN},
		{"nonsense == '1'", NULL, MARKER_UNKNOWN},
		{"os_name == 'posix' and", NULL, MARKER_UNKNOWN},
		{"os_name == 'posix", NULL, MARKER_UNKNOWN},
		{"(os_name == 'posix'", NULL, MARKER_UNKNOWN},
		{"os_name == 'posix') or os_name == 'nt'", NULL, MARKER_UNKNOWN},
		{"", NULL, MARKER_UNKNOWN},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		tap_check(holds(all[i].marker, all[i].extra) == (int)all[i].want, __FILE__, __LINE__, "%s with %s: %d", all[i].marker,
			  all[i].extra ? all[i].extra : "no extra", holds(all[i].marker, all[i].extra));
}

static void patch_not_known(void)
{
	static const struct marker_values v = {"3.11", NULL, NULL, NULL};

	EXPECT_INT(marker_holds("python_full_version < '3.11.3'", &v, NULL, 0), MARKER_UNKNOWN);
	EXPECT_INT(marker_holds("python_full_version < '3.10.3'", &v, NULL, 0), MARKER_NO);
	EXPECT_INT(marker_holds("python_full_version >= '3.9'", &v, NULL, 0), MARKER_YES);
	EXPECT_INT(marker_holds("implementation_name == 'cpython'", &v, NULL, 0), MARKER_UNKNOWN);
}

static void deep(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	strbuf_addn(&sb, '(', 100000);
	strbuf_addstr(&sb, "os_name == 'posix'");
	strbuf_addn(&sb, ')', 100000);
	EXPECT_INT(holds(sb.buf, NULL), MARKER_UNKNOWN);
}

static void heads(void)
{
	static const char text[] = "Metadata-Version: 2.1\r\nname: Foo_Bar\nVERSION: 1.0\nRequires-Dist: a\n ; python_version\n\t< '3'\n"
				   "Summary: Requires-Dist: no\nRequires-Dist: b[x]\n\nRequires-Dist: c\nName: other\n";
	struct metadata m;

	metadata_parse(text, strlen(text), &a, &m);
	EXPECT_STR(m.name, "Foo_Bar");
	EXPECT_STR(m.version, "1.0");
	EXPECT_INT(m.n_requires, 2);
	EXPECT_STR(m.requires[0].name, "a");
	EXPECT_INT(holds(m.requires[0].marker, NULL), MARKER_NO);
	EXPECT_STR(m.requires[1].name, "b");
	EXPECT(!m.wrong);
	metadata_parse("Requires-Dist: ???\n", 19, &a, &m);
	EXPECT(m.wrong);
	metadata_parse("", 0, &a, &m);
	EXPECT(!m.name && !m.n_requires);
}

static void sections(void)
{
	static const char text[] = "a>=1\n\n[test]\nb\nc ; os_name == 'nt'\n[:python_version<'3']\nd\n[dev:os_name=='posix']\ne\n# no\n";
	static const char *const want[] = {"a", "b", "c", "d", "e"};
	static const enum marker_truth bare[] = {MARKER_YES, MARKER_NO, MARKER_NO, MARKER_NO, MARKER_NO};
	static const enum marker_truth dev[] = {MARKER_YES, MARKER_NO, MARKER_NO, MARKER_NO, MARKER_YES};
	struct metadata m = {0};
	size_t i;

	metadata_parse_requires(text, strlen(text), &a, &m);
	EXPECT_INT(m.n_requires, 5);
	for (i = 0; i < m.n_requires && i < 5; i++) {
		const char *marker = m.requires[i].marker;

		EXPECT_STR(m.requires[i].name, want[i]);
		EXPECT_INT(marker ? holds(marker, NULL) : MARKER_YES, bare[i]);
		EXPECT_INT(marker ? holds(marker, "dev") : MARKER_YES, dev[i]);
	}
}

static void add_path(void *ctx, const char *path)
{
	strbuf_addf(ctx, "%s\n", path);
}

static void records(void)
{
	static const char text[] = "a/b.py,sha256=x,3\r\n\"with,comma.py\",,\n\"with \"\"quotes\"\".py\",sha256=y,1\n\n../../../bin/x,,\nlast";
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	EXPECT(metadata_each_file(text, strlen(text), add_path, &sb));
	EXPECT_STR(sb.buf, "a/b.py\nwith,comma.py\nwith \"quotes\".py\n../../../bin/x\nlast\n");
	strbuf_clear(&sb);
	EXPECT(!metadata_each_file("a.py,,\n\"b.py,,\nc.py,,\n", 22, add_path, &sb));
	EXPECT_STR(sb.buf, "a.py\n");
}

static const char *editable(const char *text)
{
	char *dir = metadata_editable(text, strlen(text));
	const char *copy = dir ? arena_strdup(&a, dir) : "none";

	free(dir);
	return copy;
}

static void editables(void)
{
	EXPECT_STR(editable("{\"url\": \"file:///home/x/a%20b\", \"dir_info\": {\"editable\": true}}"), "/home/x/a b");
	EXPECT_STR(editable("{\"url\": \"file:///home/x\", \"dir_info\": {}}"), "none");
	EXPECT_STR(editable("{\"url\": \"https://x.example\", \"dir_info\": {\"editable\": true}}"), "none");
	EXPECT_STR(editable("{\"url\": \"file:///a%00b\", \"dir_info\": {\"editable\": true}}"), "none");
	EXPECT_STR(editable("{"), "none");
}

/* ---- a small installation, on the disk of the test ---- */

static void put(const char *path, const char *text)
{
	CLEANUP(err_release) struct err err = ERR_INIT;

	if (file_write(path, text, strlen(text), 0755, false, &err) < 0)
		tap_check(false, __FILE__, __LINE__, "%s", err.msg);
}

static struct env_tools tools_new(void)
{
	static const unsigned char secret[STATCACHE_SECRET];

	return (struct env_tools){.vars = &pipeline_disk_system, .disk = &code_disk_system,
				  .cache = statcache_open(NULL, secret, &clock_system), .threads = 2};
}

/* Names and versions of what is used by those in uses, in the order of the directory, or the id of one. */
static const char *used(const struct env_tools *t, const char *uses, const char *id_of)
{
	static const struct marker_values v = {"3.11", "3.11.2", "cpython", "x86_64"};
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	static const char *const path[] = {"site"};
	struct distributions ds;
	struct requirement r;
	size_t i;

	distributions_open(&ds, path, 1, t, &a);
	if (requirement_parse(uses, strlen(uses), &a, &r) && distributions_find(&ds, r.name))
		distributions_use(&ds, distributions_find(&ds, r.name), r.extras, r.n_extras, &v);
	EXPECT_INT(distributions_digest(&ds, &err), 0);
	for (i = 0; i < ds.n; i++)
		if (ds.v[i]->used && (!id_of || streq(id_of, ds.v[i]->key)))
			strbuf_addf(&sb, "%s ", id_of ? ds.v[i]->id : ds.v[i]->key);
	distributions_release(&ds);
	return arena_strdup(&a, sb.buf);
}

static void closures(void)
{
	struct env_tools t = tools_new();
	const char *before;

	put("site/a-1.dist-info/METADATA", "Name: a\nVersion: 1\nRequires-Dist: b[x]\nRequires-Dist: e; extra == 'z'\n");
	put("site/a-1.dist-info/RECORD", "a.py,,\na-1.dist-info/METADATA,,\na-1.dist-info/RECORD,,\n__pycache__/a.pyc,,\n");
	put("site/a.py", "1");
	put("site/B-2.dist-info/METADATA", "Name: B\nVersion: 2\nRequires-Dist: a\nRequires-Dist: c; extra == 'x'\nRequires-Dist: gone\n");
	put("site/B-2.dist-info/RECORD", "b.py,,\n");
	put("site/c-3.egg-info/PKG-INFO", "Name: c\nVersion: 3\n");
	put("site/c-3.egg-info/requires.txt", "d\n[q]\ne\n");
	put("site/c-3.egg-info/top_level.txt", "cc\n");
	put("site/cc/__init__.py", "1");
	put("site/other_name-4.dist-info/METADATA", "Name: d\nVersion: 4\n");
	put("site/e-5.dist-info/METADATA", "Name: e\nVersion: 5\n");
	EXPECT_STR(used(&t, "a", NULL), "b a c other-name ");
	EXPECT_STR(used(&t, "a[z]", NULL), "b a c e other-name ");
	EXPECT_STR(used(&t, "c", NULL), "c other-name ");
	EXPECT_STR(used(&t, "absent", NULL), "");
	before = used(&t, "a", "a");
	put("site/__pycache__/a.pyc", "x");
	put("site/a-1.dist-info/INSTALLER", "x");
	EXPECT_STR(used(&t, "a", "a"), before);
	put("site/a.py", "2");
	EXPECT(!streq(used(&t, "a", "a"), before));
	before = used(&t, "c", "c");
	put("site/cc/more.py", "");
	EXPECT(!streq(used(&t, "c", "c"), before));
	put("site/a-1.dist-info/METADATA", "Name: a\nRequires-Dist: ???\n");
	EXPECT_STR(used(&t, "a", NULL), "b a c e other-name ");
	statcache_free(t.cache);
}

/* What an environment with this interpreter has: its directories below here, or why not. */
static const char *found(const struct env_tools *t, const char *exe)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(freep) char *here = getcwd(NULL, 0);
	const struct env e = {.name = "e", .interpreter = exe};
	struct interpreter py;
	const char *rest;
	size_t i;

	if (interpreter_find(&e, t, &a, &py, &err) < 0)
		return "none";
	if (!py.known)
		strbuf_addf(&sb, "ask%s ", py.ask.always ? " always" : "");
	for (i = 0; i < py.n_path; i++)
		strbuf_addf(&sb, "%s ", skip_prefix(py.path[i], here, &rest) ? rest + 1 : py.path[i]);
	return arena_strdup(&a, sb.buf);
}

#define ELF "\177ELF"

static void interpreters(void)
{
	struct env_tools t = tools_new();
	CLEANUP(freep) char *here = getcwd(NULL, 0);
	CLEANUP(freep) char *cfg = xstrfmt("home = %s/py/bin\nversion = 3.11.2\ninclude-system-site-packages = false\n", here);

	unsetenv("PYTHONPATH");
	setenv("HOME", here, 1);
	put("py/bin/python3.11", ELF);
	put("py/lib/python3.11/os.py", "");
	put("py/lib/python3.11/site-packages/x.pth", "# no\n../added\n");
	put("py/lib/python3.11/added/y", "");
	EXPECT_STR(found(&t, "py/bin/python3.11"), "py/lib/python3.11 py/lib/python3.11/site-packages py/lib/python3.11/added ");
	EXPECT_STR(found(&t, "py/bin/python3.12"), "none");
	put(".local/lib/python3.11/site-packages/z", "");
	EXPECT_STR(found(&t, "py/bin/python3.11"),
		   "py/lib/python3.11 .local/lib/python3.11/site-packages py/lib/python3.11/site-packages py/lib/python3.11/added ");
	put("venv/pyvenv.cfg", cfg);
	put("venv/lib/python3.11/site-packages/z", "");
	EXPECT_INT(mkdir("venv/bin", 0755), 0);
	EXPECT_INT(symlink("../../py/bin/python3.11", "venv/bin/python3"), 0);
	EXPECT_STR(found(&t, "venv/bin/python3"), "py/lib/python3.11 venv/lib/python3.11/site-packages ");
	put("venv/lib/python3.11/site-packages/run.pth", "import sys; sys.path.append('x')\n");
	EXPECT_STR(found(&t, "venv/bin/python3"), "ask py/lib/python3.11 venv/lib/python3.11/site-packages ");
	EXPECT_INT(unlink("venv/lib/python3.11/site-packages/run.pth"), 0);
	put("venv/lib/python3.11/site-packages/sitecustomize.py", "");
	EXPECT_STR(found(&t, "venv/bin/python3"), "ask py/lib/python3.11 venv/lib/python3.11/site-packages ");
	put("wrapper", "#!/bin/sh\n");
	EXPECT_STR(found(&t, "./wrapper"), "ask always ");
	EXPECT_INT(unlink("py/lib/python3.11/os.py"), 0);
	EXPECT_STR(found(&t, "py/bin/python3.11"), "ask always ");
	statcache_free(t.cache);
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"names are normalized as by PEP 503", names},
		{"requirements", requirements},
		{"markers hold, do not, or nobody can say", markers},
		{"a version of which the last number is not known", patch_not_known},
		{"markers nested too deep", deep},
		{"the head of METADATA", heads},
		{"the sections of requires.txt", sections},
		{"the paths of RECORD", records},
		{"the directory of an editable install", editables},
		{"what is used with what it requires, and what it is", closures},
		{"where an interpreter looks, and when it has to be asked", interpreters},
	};
	int status = tap_run("env", tests, ARRAY_SIZE(tests));

	arena_release(&a);
	return status;
}
