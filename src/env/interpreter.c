/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An interpreter answers with lines, the first of which is "python 1":
 *
 *     version 3.11.7
 *     implementation cpython
 *     executable /usr/bin/python3          sys.executable
 *     path /usr/lib/python3/dist-packages  an entry of sys.path, in order */
#include <config.h>

#include "env/interpreter.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/file.h"
#include "util/path.h"
#include "util/text.h"

#define TEXT_LIMIT ((size_t)64 << 20)
#define SCAN_LIMIT ((size_t)16 << 20) /* of a program in which the version is looked for */

#define SCRIPT                                                                                                          \
	"import sys; print(\"python 1\"); print(\"version\", \"%d.%d.%d\" % sys.version_info[:3]); "                     \
	"print(\"implementation\", sys.implementation.name); print(\"executable\", sys.executable); "                    \
	"[print(\"path\", p) for p in sys.path if p]"

struct finding {
	const struct env *e;
	const struct env_tools *t;
	struct arena *a;
	struct interpreter *out;
	const char *exe;     /* as it is found, links and all */
	const char *minor;   /* "3.11" */
	const char *prefix;  /* of the virtual environment, or base */
	const char *base;    /* where the interpreter was installed */
	bool venv, system_site;
	bool must_ask;
	bool lost;           /* there may be more to look at than is known */
	struct strbuf stamp; /* all that was looked at */
};

/* ---- questions to the machine ---- */

static enum code_thing what(const struct finding *f, const char *path)
{
	return f->t->disk->what(f->t->disk->ctx, path);
}

static const char *variable(const struct finding *f, const char *name)
{
	const char *value = f->t->vars->getenv(f->t->vars->ctx, name);

	return value && *value ? value : NULL;
}

static const char *real(const struct finding *f, const char *path)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

	return f->t->disk->real(f->t->disk->ctx, path, &out) ? arena_strndup(f->a, out.buf, out.len) : NULL;
}

static const char *joined(const struct finding *f, const char *dir, const char *name)
{
	CLEANUP(freep) char *path = path_join(dir, name);

	return arena_strdup(f->a, path);
}

static const char *dir_of(const struct finding *f, const char *path)
{
	CLEANUP(freep) char *dir = path_dir(path);

	return arena_strdup(f->a, dir);
}

int interpreter_read(const struct env_tools *t, const char *path, struct strbuf *out, struct err *err)
{
	struct content c;

	if (statcache_content(t->cache, path, true, &c, err) < 0)
		return -1;
	return file_read(path, TEXT_LIMIT, out, err);
}

/* ---- which ---- */

static bool is_declared(const struct env *e, const char *name)
{
	size_t i;

	if (e->inherits)
		return true;
	for (i = 0; i < e->n_vars; i++)
		if (streq(e->vars[i], name))
			return true;
	for (i = 0; i < e->n_passes; i++)
		if (glob_match(e->passes[i], name))
			return true;
	for (i = 0; i < e->n_secrets; i++)
		if (glob_match(e->secrets[i], name))
			return true;
	return false;
}

static const char *in_path(const struct finding *f, const char *word)
{
	const char *s = variable(f, "PATH");

	while (s && *s) {
		size_t n = strcspn(s, ":");
		CLEANUP(freep) char *dir = n ? xstrndup(s, n) : xstrdup(".");
		const char *path = joined(f, dir, word);

		if (what(f, path) == THING_FILE && access(path, X_OK) == 0)
			return path;
		s += n + (s[n] == ':');
	}
	return NULL;
}

static const char *named(const struct finding *f, const char *path)
{
	const char *home;

	if (what(f, path) == THING_FILE)
		return path;
	home = f->t->home && !path_is_absolute(path) ? joined(f, f->t->home, path) : NULL;
	return home && what(f, home) == THING_FILE ? home : NULL;
}

/* The file; NULL and no error: only by asking through `run`. */
static int find_exe(struct finding *f, struct err *err)
{
	const char *word = f->e->interpreter, *run = f->e->run;

	if (!word && run && (streq(run, "uv run") || skip_prefix(run, "uv run ", NULL)))
		f->exe = named(f, ".venv/bin/python3");
	if (f->exe || (!word && run))
		return 0;
	if (!word) {
		f->exe = in_path(f, "python3");
		if (!f->exe)
			f->exe = in_path(f, word = "python");
	} else {
		f->exe = strchr(word, '/') ? named(f, word) : in_path(f, word);
	}
	if (f->exe)
		return 0;
	return err_set(err, ERR_NOTFOUND, "there is no interpreter '%s'%s", word, f->e->interpreter ? "" : "; name it: `interpreter = PATH`");
}

/* ---- where it was installed ---- */

/* "3.11" in text[0..n) that goes on as a version does; NULL if it is none. */
static const char *minor_of(const struct finding *f, const char *s)
{
	size_t n = strspn(s, "0123456789"), m;

	if (!n || s[n] != '.')
		return NULL;
	m = strspn(s + n + 1, "0123456789");
	return m ? arena_strndup(f->a, s, n + 1 + m) : NULL;
}

static void take_setting(struct finding *f, char *line, const char **home, const char **version)
{
	char *eq = strchr(line, '='), *value;

	if (!eq)
		return;
	value = eq + 1 + strspn(eq + 1, " \t");
	value[strcspn(value, "\r")] = '\0';
	while (eq > line && (eq[-1] == ' ' || eq[-1] == '\t'))
		eq--;
	*eq = '\0';
	if (streq(line, "home"))
		*home = arena_strdup(f->a, value);
	else if (streq(line, "version") || streq(line, "version_info"))
		*version = arena_strdup(f->a, value);
	else if (streq(line, "include-system-site-packages"))
		f->system_site = streq(value, "true");
}

/* Is exe that of a virtual environment? */
static int look_for_venv(struct finding *f, const char **home, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *bin = dir_of(f, f->exe), *prefix = dir_of(f, bin), *cfg = joined(f, prefix, "pyvenv.cfg"), *version = NULL;
	char *s, *nl;

	if (what(f, cfg) != THING_FILE)
		return 0;
	if (interpreter_read(f->t, cfg, &text, err) < 0)
		return -1;
	strbuf_addf(&f->stamp, "cfg %s\n", text.buf);
	f->venv = true;
	f->prefix = prefix;
	for (s = text.buf; *s; s = nl) {
		nl = s + strcspn(s, "\n");
		if (*nl)
			*nl++ = '\0';
		take_setting(f, s, home, &version);
	}
	if (version)
		f->minor = minor_of(f, version);
	return 0;
}

static bool is_elf(const char *path)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char head[4];

	return fd >= 0 && read(fd, head, 4) == 4 && memcmp(head, "\177ELF", 4) == 0;
}

static int find_base(struct finding *f, struct err *err)
{
	const char *home = NULL, *file = real(f, f->exe), *digits, *by_name = NULL;
	struct content c;

	if (look_for_venv(f, &home, err) < 0)
		return -1;
	if (!file || statcache_content(f->t->cache, file, true, &c, err) < 0)
		return err_set(err, ERR_NOTFOUND, "the interpreter '%s' cannot be read", f->exe);
	f->out->file = file;
	if (skip_prefix(path_base(file), "python", &digits))
		by_name = minor_of(f, digits);
	if (by_name)
		f->minor = by_name;
	f->base = dir_of(f, home ? home : dir_of(f, file));
	if (home)
		f->base = real(f, f->base);
	if (!f->venv)
		f->prefix = f->base;
	f->lost = !is_elf(file) || !f->minor || !f->base;
	return 0;
}

/* prefix/before3.11after */
static const char *lib(const struct finding *f, const char *prefix, const char *before, const char *after)
{
	CLEANUP(freep) char *below = xstrfmt("%s%s%s", before, f->minor, after);

	return joined(f, prefix, below);
}

/* ---- its version ---- */

/* In a program's data the version stands between NULs: "3.11.7". */
static const char *scan(const struct finding *f, const char *file)
{
	CLEANUP(strbuf_release) struct strbuf data = STRBUF_INIT, start = STRBUF_INIT;
	const char *s, *end, *found = NULL;

	if (file_read(file, SCAN_LIMIT, &data, NULL) < 0)
		return NULL;
	strbuf_addch(&start, '\0');
	strbuf_addf(&start, "%s.", f->minor);
	end = data.buf + data.len;
	for (s = data.buf; (s = memmem(s, (size_t)(end - s), start.buf, start.len)); s++) {
		const char *text = s + 1, *patch = s + start.len;
		size_t n = strspn(patch, "0123456789"), m = n + strspn(patch + n, "abcrdev0123456789+");

		if (!n || patch + m >= end || patch[m] != '\0')
			continue;
		if (found && !streq(found, text))
			return NULL;
		found = arena_strdup(f->a, text);
	}
	return found;
}

static void find_version(struct finding *f)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *header = joined(f, f->base, arena_fmt(f->a, "include/python%s/patchlevel.h", f->minor)), *s;
	const char *shared = joined(f, f->base, arena_fmt(f->a, "lib/libpython%s.so.1.0", f->minor));

	if (what(f, shared) == THING_FILE)
		f->out->shared = shared;
	f->out->implementation = "cpython";
	f->out->version = f->minor;
	if (what(f, header) == THING_FILE && interpreter_read(f->t, header, &text, NULL) == 0 &&
	    (s = strstr(text.buf, "#define PY_VERSION")) && (s = strchr(s, '"')))
		s = arena_strndup(f->a, s + 1, strcspn(s + 1, "\"\n"));
	else
		s = scan(f, f->out->shared ? f->out->shared : f->out->file);
	if (s && skip_prefix(s, f->minor, NULL))
		f->out->version = s;
}

/* ---- where it looks ---- */

static void add_dir(struct finding *f, const char *dir)
{
	struct interpreter *o = f->out;
	size_t i;

	for (i = 0; i < o->n_path; i++)
		if (streq(o->path[i], dir))
			return;
	if (what(f, dir) != THING_DIR)
		return;
	o->path = arena_grow(f->a, (void *)o->path, o->n_path, sizeof(*o->path));
	o->path[o->n_path++] = dir;
}

static void add_list(struct finding *f, const char *s)
{
	while (s && *s) {
		size_t n = strcspn(s, ":");

		if (n)
			add_dir(f, arena_strndup(f->a, s, n));
		s += n + (s[n] == ':');
	}
}

/* What these run changes nothing about where distributions are. */
static bool is_known_to_be_harmless(const char *pth)
{
	return streq(pth, "distutils-precedence.pth") || streq(pth, "_virtualenv.pth") || skip_prefix(pth, "__editable__", NULL);
}

static void read_pth(struct finding *f, const char *dir, const char *name)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *path = joined(f, dir, name);
	char *s, *nl, *end;

	if (interpreter_read(f->t, path, &text, NULL) < 0) {
		f->must_ask = true;
		return;
	}
	strbuf_addf(&f->stamp, "pth %s %zu ", path, text.len);
	strbuf_add(&f->stamp, text.buf, text.len);
	for (s = text.buf; *s; s = nl) {
		nl = s + strcspn(s, "\n");
		for (end = nl; end > s && strchr(" \t\r", end[-1]); end--)
			;
		if (*nl)
			nl++;
		if (end == s || *s == '#')
			continue;
		if (skip_prefix(s, "import ", NULL) || skip_prefix(s, "import\t", NULL))
			f->must_ask |= !is_known_to_be_harmless(name);
		else
			add_dir(f, joined(f, dir, arena_strndup(f->a, s, (size_t)(end - s))));
	}
}

static void take_pth(void *to, const char *name, enum code_thing thing, bool link)
{
	(void)link;
	if (thing == THING_FILE && ends_with(name, ".pth"))
		strvec_push(to, name);
}

/* As site.addsitedir. */
static void add_site(struct finding *f, const char *dir)
{
	CLEANUP(strvec_release) struct strvec names = STRVEC_INIT;
	size_t i, before = f->out->n_path;

	add_dir(f, dir);
	if (f->out->n_path == before)
		return;
	f->t->disk->list(f->t->disk->ctx, dir, take_pth, &names);
	strvec_sort(&names);
	for (i = 0; i < names.n; i++)
		read_pth(f, dir, names.v[i]);
}

static void add_prefix(struct finding *f, const char *prefix)
{
	const char *plain = lib(f, prefix, "lib/python", "/site-packages"), *wide = lib(f, prefix, "lib64/python", "/site-packages");
	const char *a, *b;

	add_site(f, plain);
	a = what(f, wide) == THING_DIR ? real(f, wide) : NULL;
	b = a ? real(f, plain) : NULL;
	if (a && !(b && streq(a, b)))
		add_site(f, wide);
}

/* What came with the interpreter, and what was put beside. Debian moves it. */
static void add_base(struct finding *f)
{
	if (!streq(f->base, "/usr")) {
		add_prefix(f, f->base);
		return;
	}
	f->lost |= what(f, "/usr/lib/python3/dist-packages") != THING_DIR;
	add_site(f, lib(f, "/usr/local", "lib/python", "/dist-packages"));
	add_site(f, "/usr/lib/python3/dist-packages");
	add_site(f, lib(f, "/usr", "lib/python", "/dist-packages"));
}

static void add_users(struct finding *f)
{
	const char *home = variable(f, "HOME");

	if (home)
		add_site(f, lib(f, home, ".local/lib/python", "/site-packages"));
}

/* Code that runs at each start, and may do anything. Debian's own, beside the standard library, does nothing of the kind. */
static void look_for_customize(struct finding *f, const char *own)
{
	static const char *const names[] = {"sitecustomize", "usercustomize"};
	size_t i, j;

	for (i = 0; i < f->out->n_path; i++)
		for (j = 0; j < ARRAY_SIZE(names) && !(streq(f->base, "/usr") && streq(f->out->path[i], own)); j++) {
			const char *module = joined(f, f->out->path[i], arena_fmt(f->a, "%s.py", names[j]));
			const char *package = joined(f, f->out->path[i], names[j]);

			f->must_ask |= what(f, module) == THING_FILE || what(f, package) == THING_DIR;
		}
}

static void look_for_variables(struct finding *f)
{
	static const char *const names[] = {"PYTHONHOME", "PYTHONUSERBASE", "PYTHONNOUSERSITE", "PYTHONPLATLIBDIR"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (is_declared(f->e, names[i]) && variable(f, names[i])) {
			strbuf_addf(&f->stamp, "%s=%s\n", names[i], variable(f, names[i]));
			f->must_ask = true;
		}
}

static void add_own(struct finding *f)
{
	size_t i;

	for (i = 0; i < f->e->n_paths; i++)
		add_dir(f, f->e->paths[i]);
}

static void find_path(struct finding *f)
{
	const char *stdlib = lib(f, f->base, "lib/python", "");

	f->lost = what(f, joined(f, stdlib, "os.py")) != THING_FILE;
	if (f->lost)
		return;
	add_own(f);
	add_list(f, variable(f, "PYTHONPATH"));
	add_dir(f, stdlib);
	if (f->venv)
		add_prefix(f, f->prefix);
	if (!f->venv || f->system_site) {
		add_users(f);
		add_base(f);
	}
	look_for_customize(f, stdlib);
	look_for_variables(f);
	find_version(f);
}

/* ---- asking ---- */

static bool take_line(struct finding *f, char *line, bool first)
{
	struct interpreter *o = f->out;
	const char *rest;

	if (first)
		return streq(line, "python 1");
	if (skip_prefix(line, "version ", &rest))
		o->version = arena_strdup(f->a, rest);
	else if (skip_prefix(line, "implementation ", &rest))
		o->implementation = arena_strdup(f->a, rest);
	else if (skip_prefix(line, "executable ", &rest))
		o->file = *rest && what(f, rest) == THING_FILE ? real(f, rest) : NULL;
	else if (skip_prefix(line, "path ", &rest) && path_is_absolute(rest))
		add_dir(f, arena_strdup(f->a, rest));
	return true;
}

static bool take_answer(struct finding *f, const char *answer)
{
	CLEANUP(freep) char *text = xstrdup(answer);
	bool first = true;
	char *s, *nl;

	f->out->path = NULL;
	f->out->n_path = 0;
	add_own(f);
	for (s = text; *s; s = nl, first = false) {
		nl = s + strcspn(s, "\n");
		if (*nl)
			*nl++ = '\0';
		if (!take_line(f, s, first))
			return false;
	}
	return !first && f->out->version;
}

/* The question, and what it was answered, if all is as it was then. */
static void ask(struct finding *f)
{
	struct env_question *q = &f->out->ask;
	CLEANUP(strbuf_release) struct strbuf cmd = STRBUF_INIT;
	char hex[DIGEST_HEX + 1] = "";
	const char *answer, *rest;
	struct content c;
	struct digest d;

	strbuf_add_shell(&cmd, f->exe ? f->exe : "python3");
	strbuf_addstr(&cmd, " -c '" SCRIPT "'");
	q->cmd = arena_strdup(f->a, cmd.buf);
	q->bare = f->exe != NULL;
	q->key = f->exe ? arena_fmt(f->a, "[python] %s", f->exe) : arena_fmt(f->a, "[python] run %s", f->e->run);
	q->always = f->lost;
	if (!q->always) {
		(void)!statcache_content(f->t->cache, f->out->file, true, &c, NULL);
		digest_hex(&c.id, hex);
		strbuf_addf(&f->stamp, "exe %s\npath %s\n", hex, variable(f, "PYTHONPATH") ? variable(f, "PYTHONPATH") : "");
		digest_bytes(f->stamp.buf, f->stamp.len, &d);
		digest_hex(&d, hex);
	}
	q->stamp = arena_strdup(f->a, hex);
	answer = f->t->answer ? f->t->answer(f->t->answer_ctx, q->key) : NULL;
	q->answered = f->out->known = answer && skip_prefix(answer, hex, &rest) && *rest == '\n' && take_answer(f, rest + 1);
}

int interpreter_find(const struct env *e, const struct env_tools *t, struct arena *a, struct interpreter *out, struct err *err)
{
	struct finding f = {.e = e, .t = t, .a = a, .out = out, .stamp = STRBUF_INIT};
	int got;

	memset(out, 0, sizeof(*out));
	got = find_exe(&f, err);
	if (got == 0 && f.exe)
		got = find_base(&f, err);
	if (got == 0 && f.exe && !f.lost)
		find_path(&f);
	f.lost |= !f.exe;
	out->known = !f.must_ask && !f.lost;
	if (got == 0 && !out->known)
		ask(&f);
	strbuf_release(&f.stamp);
	return got;
}
