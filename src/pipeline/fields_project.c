/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What concerns the whole: [project], [profile], parameters, [env], [remote], and the sections of later versions. */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/load.h"
#include "pipeline/words.h"
#include "util/address.h"
#include "util/path.h"
#include "util/text.h"

#define MAX_JOBS 100000

/* Appends the words of e to an array in the arena. */
static void take_words(struct load *ld, const struct section *s, struct entry *e, const char ***v, size_t *n)
{
	char *at = e->value;
	const char *why;
	struct word w;
	int got;

	while ((got = word_next(&at, false, &w, &why)) > 0) {
		*v = arena_grow(&ld->pl->arena, (void *)*v, *n, sizeof(**v));
		(*v)[(*n)++] = w.text;
	}
	if (got < 0)
		diag_error(ld->ds, s->file, e->line, "%s", why);
}

static void load_params(struct load *ld, const struct section *s, int line, const char *path)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;

	map_put(&ld->files, path, (void *)(uintptr_t)path);
	if (ld->disk->read(ld->disk->ctx, path, &text, &err) < 0) {
		diag_error(ld->ds, s->file, line, "%s", err.msg);
		ld->params_failed = true;
	} else if (text.len > MAX_FILE) {
		diag_error(ld->ds, s->file, line, "'%s' is larger than %zu MiB", path, MAX_FILE >> 20);
		ld->params_failed = true;
	} else if (params_parse(&ld->pl->params, path, text.buf, text.len, ld->ds) < 0) {
		ld->params_failed = true;
	}
}

static void add_param_files(struct load *ld, const struct section *s, struct entry *e)
{
	struct pipeline *pl = ld->pl;
	size_t i = pl->n_param_files;

	take_words(ld, s, e, &pl->param_files, &pl->n_param_files);
	for (; i < pl->n_param_files; i++) {
		strbuf_clear(&ld->path);
		path_normalize(pl->param_files[i], &ld->path);
		pl->param_files[i] = arena_strndup(&pl->arena, ld->path.buf, ld->path.len);
		load_params(ld, s, e->line, pl->param_files[i]);
	}
}

static void read_jobs(struct load *ld, const struct section *s, const struct entry *e, int64_t *jobs)
{
	if (*e->value && !text_parse_int(e->value, 1, MAX_JOBS, jobs))
		diag_error(ld->ds, s->file, e->line, "'%s' is no number of jobs; write a whole number from 1", e->value);
}

static void read_link(struct load *ld, const struct section *s, const struct entry *e, enum linking *linking)
{
	static const char *const words[] = {[LINKING_COPY] = "copy", [LINKING_HARD] = "hardlink", [LINKING_SYMBOLIC] = "symlink"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words) && !streq(e->value, words[i]); i++)
		;
	if (i < ARRAY_SIZE(words))
		*linking = (enum linking)i;
	else if (*e->value)
		diag_error(ld->ds, s->file, e->line, "'%s' is no way of putting files back; write copy, hardlink or symlink", e->value);
}

enum watching fields_watching(struct load *ld, const struct section *s, const struct entry *e, const char *value)
{
	static const char *const words[] = {
		[WATCHING_OFF] = "off", [WATCHING_WARN] = "warn", [WATCHING_LEARN] = "learn",
		[WATCHING_STRICT] = "strict"};
	size_t i;

	for (i = WATCHING_OFF; i < ARRAY_SIZE(words); i++)
		if (streq(value, words[i]))
			return (enum watching)i;
	diag_error(ld->ds, s->file, e->line, "'watch' takes off, warn, learn or strict, not '%s'", value);
	return WATCHING_UNSAID;
}

static void project_entry(struct load *ld, const struct section *s, struct entry *e)
{
	struct pipeline *pl = ld->pl;

	switch (e->key->id) {
	case K_NAME:
		if (pl->name)
			diag_error(ld->ds, s->file, e->line, "the project has the name '%s' already", pl->name);
		else if (*e->value)
			pl->name = e->value;
		break;
	case K_GOAL:
		if (!pl->goal)
			pl->goal = section_text(ld, s, K_GOAL);
		break;
	case K_PARAMS: add_param_files(ld, s, e); break;
	case K_DEFAULT: ld->default_at = (struct place){s->file, e->line}; /* fall through */
	case K_GPUS:
		take_words(ld, s, e, e->key->id == K_GPUS ? &pl->gpus : &pl->defaults,
			   e->key->id == K_GPUS ? &pl->n_gpus : &pl->n_defaults);
		break;
	case K_JOBS: read_jobs(ld, s, e, &pl->jobs); break;
	case K_LINK: read_link(ld, s, e, &pl->linking); break;
	case K_WATCH: pl->watch = *e->value ? fields_watching(ld, s, e, e->value) : WATCHING_UNSAID; break;
	default: break; /* include is done */
	}
}

static void apply_profile(struct load *ld, const struct section *s)
{
	bool first_default = true;
	struct entry *e;

	for (e = s->first; e; e = e->next) {
		CLEANUP(err_release) struct err err = ERR_INIT;

		if (e->key->id == K_DEFAULT) {
			if (first_default)
				ld->pl->n_defaults = 0;
			first_default = false;
			ld->default_at = (struct place){s->file, e->line};
			take_words(ld, s, e, &ld->pl->defaults, &ld->pl->n_defaults);
		}
		if (e->key->id != K_SET)
			continue;
		if (e->more)
			diag_error(ld->ds, s->file, e->line, "'set %s' takes one line", e->arg);
		else if (params_set(&ld->pl->params, e->arg, e->value, true, &err) < 0 && !ld->params_failed)
			diag_error(ld->ds, s->file, e->line, "%s", err.msg);
	}
}

static void find_profile(struct load *ld)
{
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(ld->opt->profile);
	const struct section *s;

	for (s = ld->sections; s; s = s->next) {
		if (s->info->kind != S_PROFILE)
			continue;
		if (streq(s->name, ld->opt->profile)) {
			apply_profile(ld, s);
			return;
		}
		nearest_offer(&near, s->name);
	}
	nearest_hint(&near, &hint);
	diag_error(ld->ds, ld->pl->file, 0, "there is no [profile %s]%s", ld->opt->profile, hint.buf);
}

static void override(struct load *ld, const char *text)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	const char *eq = strchr(text, '=');
	CLEANUP(freep) char *name = xstrndup(text, eq ? (size_t)(eq - text) : strlen(text));

	if (!eq || eq == text)
		diag_error(ld->ds, NULL, 0, "'%s' is not NAME=VALUE", text);
	else if (params_set(&ld->pl->params, name, eq + 1, true, &err) < 0 && !ld->params_failed)
		diag_error(ld->ds, NULL, 0, "%s", err.msg);
}

/* What counts cannot be what never does. */
static void refuse_both(struct load *ld, const struct env *env, const char *key, const char *const *patterns, size_t n)
{
	size_t i, j;

	for (i = 0; i < env->n_vars; i++)
		for (j = 0; j < n; j++)
			if (glob_match(patterns[j], env->vars[i]))
				place_error(ld, env->at, "'%s' stands under 'vars', so that its value counts, and under '%s'", env->vars[i], key);
}

/* A file is an input like others, and a stage may make it; anything else is a name (env/image.h). */
static void set_image(struct load *ld, struct env *env, const char *value)
{
	env->image_file = skip_prefix(value, "./", NULL) || skip_prefix(value, "../", NULL) || *value == '/' || ends_with(value, ".sif") ||
			  ends_with(value, ".tar") || ends_with(value, ".img") || ends_with(value, ".sqsh");
	env->image = *value ? value : NULL;
	if (!env->image_file)
		return;
	strbuf_clear(&ld->path);
	path_normalize(value, &ld->path);
	env->image = env->image_reference = arena_strndup(&ld->pl->arena, ld->path.buf, ld->path.len);
}

static void set_env_fields(struct load *ld, const struct section *s, struct env *env)
{
	struct entry *e;
	size_t i;

	for (e = s->first; e; e = e->next) {
		switch (e->key->id) {
		case K_RUN: env->run = *e->value ? e->value : NULL; break;
		case K_LOCK: take_words(ld, s, e, &env->locks, &env->n_locks); break;
		case K_VARS: take_words(ld, s, e, &env->vars, &env->n_vars); break;
		case K_PATH: take_words(ld, s, e, &env->paths, &env->n_paths); break;
		case K_PASS: take_words(ld, s, e, &env->passes, &env->n_passes); break;
		case K_SECRET: take_words(ld, s, e, &env->secrets, &env->n_secrets); break;
		case K_INTERPRETER: env->interpreter = *e->value ? e->value : NULL; break;
		case K_IMAGE: set_image(ld, env, e->value); break;
		case K_USES:
			if (!env->uses_at.file)
				env->uses_at = (struct place){s->file, e->line};
			take_words(ld, s, e, &env->uses, &env->n_uses);
			break;
		case K_INHERIT:
			if (!fields_yes(e->value, &env->inherits))
				diag_error(ld->ds, s->file, e->line, "'inherit' takes yes or no, not '%s'", e->value);
			break;
		default:
			if (!*e->value)
				break;
			env->probes = arena_grow(&ld->pl->arena, env->probes, env->n_probes, sizeof(*env->probes));
			env->probes[env->n_probes++] = e->value;
		}
	}
	refuse_both(ld, env, "pass", env->passes, env->n_passes);
	refuse_both(ld, env, "secret", env->secrets, env->n_secrets);
	for (i = 0; i < env->n_locks; i++) {
		strbuf_clear(&ld->path);
		path_normalize(env->locks[i], &ld->path);
		env->locks[i] = arena_strndup(&ld->pl->arena, ld->path.buf, ld->path.len);
	}
}

static void add_env(struct load *ld, const struct section *s)
{
	struct pipeline *pl = ld->pl;
	struct env *env = arena_calloc(&pl->arena, sizeof(*env));

	env->name = s->name;
	env->at = (struct place){s->file, s->line};
	set_env_fields(ld, s, env);
	env->inherits |= ld->opt->inherit;
	map_put(&ld->envs, env->name, env);
	pl->envs = arena_grow(&pl->arena, pl->envs, pl->n_envs, sizeof(*pl->envs));
	pl->envs[pl->n_envs++] = env;
}

static void add_remote(struct load *ld, const struct section *s)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct address address = ADDRESS_INIT;
	struct remote_section r = {.name = s->name, .at = {s->file, s->line}};
	struct pipeline *pl = ld->pl;
	int line = s->line;
	struct entry *e;

	for (e = s->first; e; e = e->next) {
		switch (e->key->id) {
		case K_URL:
			r.url = e->value;
			line = e->line;
			break;
		case K_LFS: r.lfs = e->value; break;
		case K_JOBS: read_jobs(ld, s, e, &r.jobs); break;
		default: break;
		}
	}
	if (!r.url || !*r.url)
		diag_error(ld->ds, s->file, s->line, "[remote %s] has no url; write 'url = DIRECTORY', 'url = HOST:PATH' or another "
			   "of mlmake.ini(5)", s->name);
	else if (address_parse(&address, r.url, r.lfs, &err) < 0)
		diag_error(ld->ds, s->file, line, "%s", err.msg);
	if (address.secrets.n)
		diag_warn(ld->ds, s->file, line, "the url of [remote %s] holds a password, which all who have the project can read; "
			  "a credential helper of git's or the configuration of rclone keep it apart", s->name);
	address_release(&address);
	pl->remotes = arena_grow(&pl->arena, pl->remotes, pl->n_remotes, sizeof(*pl->remotes));
	pl->remotes[pl->n_remotes++] = r;
}

static void read_yes(struct load *ld, const struct section *s, const struct entry *e, const char *yes, const char *no, bool *out)
{
	*out = streq(e->value, yes);
	if (!*out && *e->value && !streq(e->value, no))
		diag_error(ld->ds, s->file, e->line, "'%s' takes %s or %s, not '%s'", e->key->name, yes, no, e->value);
}

static void read_when_busy(struct load *ld, const struct section *s, const struct entry *e, enum when_busy *out)
{
	static const char *const words[] = {[BUSY_FINISH] = "finish", [BUSY_CANCEL] = "cancel", [BUSY_QUEUE] = "queue"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(e->value, words[i])) {
			*out = (enum when_busy)i;
			return;
		}
	diag_error(ld->ds, s->file, e->line, "'when-busy' takes finish, cancel or queue, not '%s'", e->value);
}

int pipeline_hook_name(const char *name, struct err *err)
{
	static const char *const names[] = {HOOK_NAMES};
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(name);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (streq(name, names[i]))
			return 0;
		nearest_offer(&near, names[i]);
	}
	nearest_hint(&near, &hint);
	return err_set(err, ERR_INVALID, "git has no hook '%s' that builds could follow%s", name, hint.buf);
}

void pipeline_hook_branches(const struct hook_section *h, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < h->n_branches; i++)
		strbuf_addf(out, "%s%s", i ? " " : "", h->branches[i]);
}

static void check_hook_name(struct load *ld, const struct section *s)
{
	CLEANUP(err_release) struct err err = ERR_INIT;

	if (pipeline_hook_name(s->name, &err) < 0)
		diag_error(ld->ds, s->file, s->line, "%s", err.msg);
}

static void add_hook(struct load *ld, const struct section *s)
{
	struct hook_section h = {.name = s->name, .at = {s->file, s->line}};
	struct pipeline *pl = ld->pl;
	struct entry *e;

	check_hook_name(ld, s);
	for (e = s->first; e; e = e->next) {
		switch (e->key->id) {
		case K_BRANCH: take_words(ld, s, e, &h.branches, &h.n_branches); break;
		case K_BUILD: take_words(ld, s, e, &h.build, &h.n_build); break;
		case K_WHEN_BUSY: read_when_busy(ld, s, e, &h.when_busy); break;
		case K_NOTE: read_yes(ld, s, e, "yes", "no", &h.note); break;
		case K_UNKNOWN: read_yes(ld, s, e, "pass", "hold", &h.pass_unknown); break;
		default: break;
		}
	}
	h.notify = section_text(ld, s, K_NOTIFY);
	pl->hooks = arena_grow(&pl->arena, pl->hooks, pl->n_hooks, sizeof(*pl->hooks));
	pl->hooks[pl->n_hooks++] = h;
}

#define NORMAL_TIMEOUT INT64_C(60000000000)

static void add_normal(struct load *ld, const struct section *s)
{
	struct pipeline *pl = ld->pl;
	struct normal n = {s->name, section_text(ld, s, K_CMD), NORMAL_TIMEOUT, {s->file, s->line}};
	const struct entry *e;

	for (e = s->first; e; e = e->next)
		if (e->key->id == K_TIMEOUT && (!text_parse_duration(e->value, &n.timeout) || n.timeout <= 0))
			diag_error(ld->ds, s->file, e->line, "'%s' is no duration; write one like 30s", e->value);
	if (!n.cmd)
		diag_error(ld->ds, s->file, s->line, "[normal %s] has no cmd", s->name);
	pl->normals = arena_grow(&pl->arena, pl->normals, pl->n_normals, sizeof(*pl->normals));
	pl->normals[pl->n_normals++] = n;
}

static void add_other(struct load *ld, const struct section *s)
{
	struct pipeline *pl = ld->pl;

	diag_warn(ld->ds, s->file, s->line, "[%s %s] is read and does nothing yet", s->info->name, s->name);
	pl->others = arena_grow(&pl->arena, pl->others, pl->n_others, sizeof(*pl->others));
	pl->others[pl->n_others++] = (struct other_section){s->info->name, s->name, {s->file, s->line}};
}

static void name_after_directory(struct pipeline *pl)
{
	CLEANUP(freep) char *cwd = getcwd(NULL, 0);

	pl->name = arena_strdup(&pl->arena, cwd && cwd[1] ? path_base(cwd) : "project");
}

void fields_project(struct load *ld)
{
	const struct section *s;
	struct entry *e;
	size_t i;

	for (s = ld->sections; s; s = s->next)
		for (e = s->first; s->info->kind == S_PROJECT && e; e = e->next)
			project_entry(ld, s, e);
	if (!ld->pl->name)
		name_after_directory(ld->pl);
	if (ld->opt->profile)
		find_profile(ld);
	for (i = 0; i < ld->opt->n_overrides; i++)
		override(ld, ld->opt->overrides[i]);
	for (s = ld->sections; s; s = s->next) {
		if (s->info->kind == S_ENV)
			add_env(ld, s);
		else if (s->info->kind == S_REMOTE)
			add_remote(ld, s);
		else if (s->info->kind == S_HOOK)
			add_hook(ld, s);
		else if (s->info->kind == S_NORMAL)
			add_normal(ld, s);
		else if (s->info->kind == S_OTHER)
			add_other(ld, s);
	}
}

static void keep_target(struct load *ld, const char *target)
{
	struct pipeline *pl = ld->pl;

	pl->defaults = arena_grow(&pl->arena, pl->defaults, pl->n_defaults, sizeof(*pl->defaults));
	pl->defaults[pl->n_defaults++] = target;
}

static void check_target(struct load *ld, const char *target)
{
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(target);
	const struct pipeline *pl = ld->pl;
	const struct stage *meant = pipeline_short_name(pl, target);
	size_t i;

	if (meant) {
		keep_target(ld, meant->name);
		return;
	}
	if (glob_is_pattern(target) || map_get(&pl->stage_by_name, target) || map_get(&pl->instance_by_name, target) ||
	    pipeline_maker(pl, target)) {
		keep_target(ld, target);
		return;
	}
	for (i = 0; i < pl->n_stages && load_may_hint(ld); i++)
		nearest_offer(&near, pl->stages[i]->name);
	nearest_hint(&near, &hint);
	place_error(ld, ld->default_at, "'default' names '%s', which is neither a stage nor made by one%s",
		   target, hint.buf);
}

void fields_defaults(struct load *ld)
{
	const char **targets = ld->pl->defaults;
	size_t n = ld->pl->n_defaults, i;

	ld->pl->defaults = NULL;
	ld->pl->n_defaults = 0;
	for (i = 0; i < n; i++) {
		const char *colon = strchr(targets[i], ':');
		struct section *s = NULL;

		if (colon) {
			strbuf_clear(&ld->word);
			strbuf_addf(&ld->word, "%.*s %s", (int)(colon - targets[i]), targets[i], colon + 1);
			s = map_get(&ld->headers, ld->word.buf);
		}
		if (!s || s->info->kind != S_OTHER)
			check_target(ld, targets[i]);
		else
			place_warn(ld, ld->default_at, "'default' leaves out '%s', which does nothing yet",
				  targets[i]);
	}
}
