/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mlmake.ini as sections and entries with their places.
 *
 * The lines are util/ini.h's: '[type name]' opens a section, 'key = value' in column 1 is an entry, an indented line
 * goes on with the value above it. A key may repeat, which means the same as a continuation, except where one value
 * makes sense.
 *
 * Sections: [project], [env NAME], [profile NAME], [stage NAME], [source NAME], [check NAME], [gate NAME], [deploy NAME], [monitor NAME],
 * [remote NAME], [hook NAME], and one that later versions act on: [sweep NAME]. A name has letters,
 * digits, '_', '.' and '-', and begins with neither '-' nor '.'. A type and a name come once; stages and sources
 * share their names. [project] comes once a file. Its 'include = FILE...' reads further files, whose sections follow
 * those of the file that includes them; each is read once, and paths in it are relative to the project like all
 * others.
 *
 * 'cmd' and other texts keep their lines, and the blanks by which a line is indented deeper than the first indented
 * one. Lists are split at blanks (words.h). 'matrix NAME = VALUE...' and 'set KEY = VALUE' have a name behind the
 * key. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "pipeline/chars.h"
#include "pipeline/kinds.h"
#include "pipeline/load.h"
#include "pipeline/words.h"
#include "util/ini.h"
#include "util/path.h"
#include "util/text.h"

#define read_error(r, line, ...) diag_error((r)->ld->ds, (r)->file, line, __VA_ARGS__)

static const struct key_info project_keys[] = {
	{"default", K_DEFAULT, WORDS}, {"goal", K_GOAL, TEXT}, {"gpus", K_GPUS, WORDS}, {"include", K_INCLUDE, WORDS},
	{"jobs", K_JOBS, ONE}, {"link", K_LINK, ONE}, {"name", K_NAME, ONE}, {"params", K_PARAMS, WORDS},
	{"watch", K_WATCH, ONE},
};
static const struct key_info env_keys[] = {
	{"lock", K_LOCK, WORDS}, {"probe", K_PROBE, TEXT}, {"run", K_RUN, ONE}, {"secret", K_SECRET, WORDS},
	{"vars", K_VARS, WORDS}, {"path", K_PATH, WORDS}, {"pass", K_PASS, WORDS}, {"inherit", K_INHERIT, ONE},
	{"interpreter", K_INTERPRETER, ONE}, {"uses", K_USES, WORDS}, {"image", K_IMAGE, ONE},
};
static const struct key_info profile_keys[] = {
	{"set", K_SET, NAMED}, {"default", K_DEFAULT, WORDS}, {"desc", K_DESC, TEXT},
};
/* The most frequent first. A source has the last two as well. */
static const struct key_info stage_keys[] = {
	{"cmd", K_CMD, TEXT}, {"data", K_DATA, WORDS}, {"outs", K_OUTS, WORDS}, {"code", K_CODE, WORDS},
	{"params", K_PARAMS, WORDS}, {"env", K_ENV, ONE}, {"metrics", K_METRICS, WORDS}, {"plots", K_PLOTS, WORDS},
	{"matrix", K_MATRIX, NAMED}, {"use", K_USE, WORDS}, {"desc", K_DESC, TEXT}, {"foreach", K_FOREACH, WORDS},
	{"after", K_AFTER, WORDS}, {"timeout", K_TIMEOUT, ONE}, {"retry", K_RETRY, ONE}, {"frozen", K_FROZEN, ONE},
	{"cache", K_CACHE, ONE}, {"vars", K_VARS, WORDS}, {"keep", K_KEEP, ONE}, {"same", K_SAME, TEXT},
	{"imports", K_IMPORTS, ONE}, {"code-exact", K_CODE_EXACT, WORDS},
	{"watch", K_WATCH, ONE},
	{"probe", K_PROBE, TEXT}, {"every", K_EVERY, ONE},
};
static const struct key_info check_keys[] = {
	{"data", K_DATA, WORDS}, {"format", K_RULE, ONE}, {"separator", K_RULE, ONE}, {"header", K_RULE, ONE}, {"na", K_RULE, WORDS},
	{"severity", K_RULE, ONE}, {"rows", K_RULE, TEXT}, {"unique", K_RULE, TEXT}, {"others", K_RULE, ONE}, {"column", K_RULE, NAMED},
	{"cmd", K_RULE_CMD, TEXT}, {"env", K_ENV, ONE}, {"code", K_CODE, WORDS}, {"params", K_PARAMS, WORDS}, {"vars", K_VARS, WORDS},
	{"after", K_AFTER, WORDS}, {"use", K_USE, WORDS}, {"timeout", K_TIMEOUT, ONE}, {"keep", K_KEEP, ONE}, {"desc", K_DESC, TEXT},
};
static const struct key_info gate_keys[] = {
	{"of", K_RULE, WORDS}, {"require", K_RULE, TEXT}, {"first", K_RULE, ONE}, {"compare", K_RULE, ONE}, {"cases", K_RULE, ONE}, {"noise", K_RULE, ONE}, {"desc", K_DESC, TEXT}, {"after", K_AFTER, WORDS},
};
static const struct key_info sweep_keys[] = {
	{"through", K_NONE, WORDS}, {"goal", K_NONE, TEXT}, {"search", K_NONE, TEXT}, {"try", K_NONE, NAMED},
	{"desc", K_NONE, TEXT},
};
static const struct key_info deploy_keys[] = {
	{"gate", K_RULE, ONE}, {"ship", K_RULE, WORDS}, {"cmd", K_RULE_CMD, TEXT}, {"health", K_RULE_CMD, TEXT},
	{"undo", K_RULE_CMD, TEXT}, {"wait", K_RULE, ONE}, {"environments", K_RULE, WORDS}, {"timeout", K_TIMEOUT, ONE},
	{"env", K_ENV, ONE}, {"after", K_AFTER, WORDS}, {"desc", K_DESC, TEXT},
};
static const struct key_info monitor_keys[] = {
	{"against", K_DATA, WORDS}, {"data", K_RULE, WORDS}, {"format", K_RULE, ONE}, {"separator", K_RULE, ONE}, {"header", K_RULE, ONE},
	{"na", K_RULE, WORDS}, {"rows", K_RULE, TEXT}, {"drift", K_RULE, TEXT}, {"correct", K_RULE, ONE}, {"actual", K_RULE, TEXT},
	{"id", K_RULE, ONE}, {"predicted", K_RULE, ONE}, {"label", K_RULE, ONE}, {"every", K_RULE, ONE}, {"then", K_RULE, TEXT},
	{"keep", K_KEEP, ONE}, {"desc", K_DESC, TEXT},
};
static const struct key_info hook_keys[] = {
	{"branch", K_BRANCH, WORDS}, {"build", K_BUILD, WORDS}, {"when-busy", K_WHEN_BUSY, ONE}, {"note", K_NOTE, ONE},
	{"notify", K_NOTIFY, TEXT}, {"unknown", K_UNKNOWN, ONE}, {"desc", K_DESC, TEXT},
};
static const struct key_info normal_keys[] = {
	{"cmd", K_CMD, TEXT}, {"timeout", K_TIMEOUT, ONE}, {"desc", K_DESC, TEXT},
};
static const struct key_info remote_keys[] = {
	{"url", K_URL, ONE}, {"lfs", K_LFS, ONE}, {"jobs", K_JOBS, ONE}, {"desc", K_DESC, TEXT},
};

static const struct section_info types[] = {
	{"stage", S_STAGE, stage_keys, ARRAY_SIZE(stage_keys) - 2},
	{"source", S_SOURCE, stage_keys, ARRAY_SIZE(stage_keys)},
	{"project", S_PROJECT, project_keys, ARRAY_SIZE(project_keys)},
	{"env", S_ENV, env_keys, ARRAY_SIZE(env_keys)},
	{"profile", S_PROFILE, profile_keys, ARRAY_SIZE(profile_keys)},
	{"check", S_KIND, check_keys, ARRAY_SIZE(check_keys), &kind_check},
	{"gate", S_KIND, gate_keys, ARRAY_SIZE(gate_keys), &kind_gate},
	{"sweep", S_OTHER, sweep_keys, ARRAY_SIZE(sweep_keys)},
	{"deploy", S_KIND, deploy_keys, ARRAY_SIZE(deploy_keys), &kind_deploy},
	{"monitor", S_KIND, monitor_keys, ARRAY_SIZE(monitor_keys), &kind_monitor},
	{"hook", S_HOOK, hook_keys, ARRAY_SIZE(hook_keys)},
	{"remote", S_REMOTE, remote_keys, ARRAY_SIZE(remote_keys)},
	{"normal", S_NORMAL, normal_keys, ARRAY_SIZE(normal_keys)},
};

/* One file being read, and the files that include it. */
struct reader {
	struct load *ld;
	const char *file;
	const struct reader *above;
	int depth;
	struct section *sec;     /* NULL: before any, or in one that is not known */
	struct section *project; /* of this file */
	struct entry *last;      /* NULL: the last key was not known */
	bool in_section;
	size_t base;             /* indentation of the first continuation of the last entry, 0: none yet */
};

static const struct section_info *find_type(const char *name, size_t n)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (strncmp(types[i].name, name, n) == 0 && !types[i].name[n])
			return &types[i];
	return NULL;
}

static void unknown_type(struct reader *r, int line, const char *header, size_t n)
{
	CLEANUP(freep) char *name = xstrndup(header, n);
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(name);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		nearest_offer(&near, types[i].name);
	nearest_hint(&near, &hint);
	read_error(r, line, "unknown section [%s]%s", header, hint.buf);
}

static bool is_good_name(const char *s)
{
	return *s && *s != '-' && *s != '.' && s[char_span(s, CHAR_NAME)] == '\0';
}

static void doubled(struct reader *r, const struct section *s, const char *file, int line)
{
	if (s->info->kind == S_PROJECT)
		read_error(r, s->line, "a second [project]; the first is on line %d", line);
	else
		read_error(r, s->line, "a second '%s'; [%s %s] stands at %s:%d; give it another name", s->name,
			   s->info->name, s->name, file, line);
}

static void add_stage(struct reader *r, struct section *s)
{
	struct pipeline *pl = r->ld->pl;
	struct proto *p = arena_calloc(&pl->arena, sizeof(*p)), *old;

	p->st.name = s->info->of ? arena_fmt(&pl->arena, "%s:%s", s->info->name, s->name) : s->name;
	p->st.kind = s->info->of ? s->info->of->stage : STAGE_COMMAND;
	p->st.is_source = s->info->kind == S_SOURCE;
	p->st.at = (struct place){s->file, s->line};
	p->sec = s;
	p->st.pl = pl;
	p->keep = true;
	p->items_tail = &p->items;
	old = map_put(&pl->stage_by_name, p->st.name, p);
	if (old) {
		map_put(&pl->stage_by_name, p->st.name, old);
		doubled(r, s, old->st.at.file, old->st.at.line);
		return;
	}
	p->number = pl->n_stages;
	pl->stages = arena_grow(&pl->arena, pl->stages, pl->n_stages, sizeof(*pl->stages));
	pl->stages[pl->n_stages++] = &p->st;
}

/* False if there is one already. */
static bool add_other(struct reader *r, struct section *s)
{
	struct arena *a = &r->ld->pl->arena;
	struct section *old = r->project;

	if (s->info->kind == S_PROJECT)
		r->project = old ? old : s;
	else
		old = map_put(&r->ld->headers, arena_fmt(a, "%s %s", s->info->name, s->name), s);
	if (old)
		doubled(r, s, old->file, old->line);
	return !old;
}

static bool check_name(struct reader *r, const struct section *s)
{
	if (s->info->kind == S_PROJECT && *s->name)
		read_error(r, s->line, "[project] has no name; write 'name = %s' below it", s->name);
	else if (s->info->kind == S_PROJECT || is_good_name(s->name) || (s->info->kind == S_NORMAL && *s->name))
		return true; /* of [normal] it is a pattern */
	else if (*s->name)
		read_error(r, s->line, "'%s' is no name: use letters, digits, '_', '.' and '-', and begin with none of "
			   "the last two", s->name);
	else
		read_error(r, s->line, "a section without a name");
	return false;
}

static void on_section(void *ctx, int line, const char *header)
{
	struct reader *r = ctx;
	struct arena *a = &r->ld->pl->arena;
	size_t n = strcspn(header, " \t");
	const struct section_info *info = find_type(header, n);
	struct section *s;

	r->in_section = true;
	r->sec = NULL;
	r->last = NULL;
	if (!info) {
		unknown_type(r, line, header, n);
		return;
	}
	s = r->sec = arena_calloc(a, sizeof(*s));
	s->info = info;
	s->name = arena_strdup(a, header + n + strspn(header + n, " \t"));
	s->file = r->file;
	s->line = line;
	if (!check_name(r, s))
		return;
	if (info->kind == S_STAGE || info->kind == S_SOURCE || info->kind == S_KIND) {
		add_stage(r, s);
	} else if (add_other(r, s)) {
		*r->ld->sections_tail = s;
		r->ld->sections_tail = &s->next;
	}
}

static void describe(const struct section *s, struct strbuf *out)
{
	strbuf_addf(out, *s->name ? "[%s %s]" : "[%s%s]", s->info->name, s->name);
}

static void unknown_key(struct reader *r, const struct ini_line *ln)
{
	CLEANUP(strbuf_release) struct strbuf msg = STRBUF_INIT;
	const struct section_info *info = r->sec->info;
	struct nearest near = NEAREST_INIT(ln->key);
	size_t i;

	strbuf_addf(&msg, "unknown key '%s' in ", ln->key);
	describe(r->sec, &msg);
	for (i = 0; i < info->n_keys && load_may_hint(r->ld); i++)
		nearest_offer(&near, info->keys[i].name);
	nearest_hint(&near, &msg);
	read_error(r, ln->line, "%s", msg.buf);
}

static const struct key_info *find_key(const struct section_info *info, const char *key, size_t n)
{
	size_t i;

	for (i = 0; i < info->n_keys; i++) {
		const char *name = info->keys[i].name;

		if (name[0] == key[0] && strncmp(name, key, n) == 0 && !name[n])
			return &info->keys[i];
	}
	return NULL;
}

static void twice(struct reader *r, const struct key_info *key, int line)
{
	uint32_t bit = UINT32_C(1) << (key - r->sec->info->keys);
	const struct entry *e = r->sec->first;

	if (key->shape != ONE || !(r->sec->seen & bit)) {
		r->sec->seen |= bit;
		return;
	}
	if (r->sec->doubled & bit)
		return;
	r->sec->doubled |= bit;
	while (e && e->key != key)
		e = e->next;
	read_error(r, line, "'%s' takes one value and has one on line %d already", key->name, e ? e->line : 0);
}

static struct entry *add_entry(struct reader *r, const struct key_info *key, const char *arg, const struct ini_line *ln)
{
	struct arena *a = &r->ld->pl->arena;
	size_t extra = 0, n = strlen(ln->value);
	struct entry *e;

	if (ln->continuation && key->shape == TEXT) {
		if (!r->base)
			r->base = ln->indent;
		extra = ln->indent > r->base ? ln->indent - r->base : 0;
	}
	e = arena_alloc(a, MAX(sizeof(*e), offsetof(struct entry, value) + extra + n + 1));
	*e = (struct entry){.key = key, .arg = arg, .line = ln->line, .more = ln->continuation};
	memset(e->value, ' ', extra);
	memcpy(e->value + extra, ln->value, n + 1);
	if (r->sec->last)
		r->sec->last->next = e;
	else
		r->sec->first = e;
	r->sec->last = e;
	return e;
}

static void on_new_key(struct reader *r, const struct ini_line *ln)
{
	size_t n = strcspn(ln->key, " \t");
	const char *arg = ln->key + n + strspn(ln->key + n, " \t");
	const struct key_info *key = find_key(r->sec->info, ln->key, n);

	r->last = NULL;
	r->base = 0;
	if (!key || (*arg && key->shape != NAMED)) {
		unknown_key(r, ln);
		return;
	}
	if (key->shape == NAMED && !*arg) {
		read_error(r, ln->line, "'%s' needs a name: write '%s NAME = ...'", key->name, key->name);
		return;
	}
	if (key->shape == ONE && !*ln->value)
		read_error(r, ln->line, "'%s' has no value", key->name);
	twice(r, key, ln->line);
	r->last = add_entry(r, key, *arg ? arena_strdup(&r->ld->pl->arena, arg) : NULL, ln);
}

static void on_entry(void *ctx, const struct ini_line *ln)
{
	struct reader *r = ctx;

	if (!r->sec) {
		if (!r->in_section && !ln->continuation)
			read_error(r, ln->line, "'%s' stands before any section; put [project] above it", ln->key);
		return;
	}
	if (!ln->continuation) {
		on_new_key(r, ln);
	} else if (r->last && r->last->key->shape == ONE) {
		read_error(r, ln->line, "'%s' takes one value on one line", r->last->key->name);
	} else if (r->last) {
		add_entry(r, r->last->key, r->last->arg, ln);
	}
}

static void read_file(struct load *ld, const char *file, const struct reader *above, int line);

static void include(struct reader *r, struct entry *e)
{
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT;
	char *s = e->value;
	const char *why;
	struct word w;
	int got;

	while ((got = word_next(&s, false, &w, &why)) > 0) {
		const struct reader *up;

		strbuf_clear(&path);
		path_normalize(w.text, &path);
		for (up = r; up && !streq(up->file, path.buf); up = up->above)
			;
		if (up)
			read_error(r, e->line, "'%s' includes itself%s%s", path.buf, up == r ? "" : " by way of ",
				   up == r ? "" : r->file);
		else if (r->depth >= MAX_INCLUDE_DEPTH)
			read_error(r, e->line, "'%s' is included more than %d files deep", path.buf,
				   MAX_INCLUDE_DEPTH);
		else if (!map_get(&r->ld->files, path.buf))
			read_file(r->ld, arena_strdup(&r->ld->pl->arena, path.buf), r, e->line);
	}
	if (got < 0)
		read_error(r, e->line, "%s", why);
}

static size_t count_headers(const char *s, size_t n)
{
	const char *end = s + n;
	size_t count = 0;

	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));

		count += *s == '[';
		s = nl ? nl + 1 : end;
	}
	return count;
}

static void read_file(struct load *ld, const char *file, const struct reader *above, int line)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct reader r = {.ld = ld, .file = file, .above = above, .depth = above ? above->depth + 1 : 0};
	const struct ini_handler h = {on_section, on_entry, &r};
	struct entry *e;
	bool failed;

	map_put(&ld->files, file, (void *)(uintptr_t)file);
	failed = ld->disk->read(ld->disk->ctx, file, &text, &err) < 0;
	if (!failed && text.len > MAX_FILE)
		failed = err_set(&err, ERR_INVALID, "'%s' is larger than %zu MiB", file, MAX_FILE >> 20) < 0;
	if (failed) {
		diag_error(ld->ds, above ? above->file : file, line, "%s", err.msg);
		return;
	}
	map_reserve(&ld->pl->stage_by_name, ld->pl->stage_by_name.n + count_headers(text.buf, text.len));
	/* What is wrong is in ds, and the rest of the file is worth checking all the same. */
	(void)!ini_read(file, text.buf, text.len, &h, ld->ds);
	for (e = r.project ? r.project->first : NULL; e; e = e->next)
		if (e->key->id == K_INCLUDE)
			include(&r, e);
}

void read_sections(struct load *ld)
{
	ld->sections_tail = &ld->sections;
	read_file(ld, ld->pl->file, NULL, 0);
}

const char *section_text(struct load *ld, const struct section *s, enum key_id id)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	const struct entry *e, *only = NULL;
	size_t n = 0;

	for (e = s->first; e; e = e->next) {
		if (e->key->id != id || !*e->value)
			continue;
		only = e;
		if (n++)
			strbuf_addch(&sb, '\n');
		strbuf_addstr(&sb, e->value);
	}
	if (n < 2)
		return only ? only->value : NULL;
	return arena_strndup(&ld->pl->arena, sb.buf, sb.len);
}
