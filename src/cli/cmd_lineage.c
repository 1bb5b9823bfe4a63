/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <string.h>
#include <unistd.h>

#include "back/makers.h"
#include "cli/project.h"
#include "report/ancestry.h"
#include "util/file.h"
#include "util/path.h"

/* A word is a file, also one outside of the project, or a bare digest. */
static int digest_of(struct project *p, const char *word, struct digest *out, struct err *err)
{
	CLEANUP(freep) char *path = *word == '/' || !*p->below ? xstrdup(word) : path_join(p->below, word);
	const char *digits = word;
	struct content c;

	if (file_exists(path)) {
		if (statcache_content(p->cache, path, true, &c, err) < 0)
			return -1;
		if (c.kind == CONTENT_NONE)
			return err_set(err, ERR_NOTFOUND, "'%s' leads nowhere", word);
		*out = c.id;
		return 0;
	}
	skip_prefix(word, "sha256:", &digits);
	if (strlen(digits) == DIGEST_HEX && digest_parse(digits, out))
		return 0;
	return err_set(err, ERR_NOTFOUND, "'%s' is neither a file nor a SHA-256 of 64 digits", word);
}

/* A file within a directory that a stage makes comes from where that does. */
static bool directory_of(struct project *p, const char *word, struct digest *out, struct strbuf *name)
{
	CLEANUP(freep) char *path = *word == '/' || !*p->below ? xstrdup(word) : path_join(p->below, word);
	struct content c;
	size_t n;

	for (n = path_dirlen(path); n; n = path_dirlen(path)) {
		path[n] = '\0';
		if (!history_made(p->history, path) || statcache_content(p->cache, path, true, &c, NULL) < 0 || c.kind != CONTENT_DIR)
			continue;
		*out = c.id;
		strbuf_addstr(name, path);
		return true;
	}
	return false;
}

/* Bytes may come out more than once, as metrics do: of what stands where a stage left it, it is known which time it was. */
static bool is_in_place(struct project *p, const char *word, const struct digest *id, struct maker *out)
{
	CLEANUP(freep) char *path = path_join(*p->below ? p->below : ".", word);
	const struct record *r = history_made(p->history, path);
	size_t i;

	for (i = 0; r && i < r->n_facts; i++) {
		const struct record_fact *f = &r->facts[i];

		if (!fact_is_output(f->kind) || !streq(f->name, path) || !digest_eq(&f->content.id, id) || !r->run)
			continue;
		*out = (struct maker){MAKER_RUN, lineage_find(p->lineage, r->run, NULL), r->instance, f->name};
		return out->run != NULL;
	}
	return false;
}

/* By the run that left them there; by the bytes themselves, if a run made or read just these; by the directory in which the file stands; by any directory that any run
 * made, which may take a while. */
static struct ancestry *find(struct project *p, struct makers *made, const struct snapshot_tools *t, const char *word, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf dir = STRBUF_INIT;
	struct digest id, above;
	struct maker maker;
	struct ancestry *a;

	if (digest_of(p, word, &id, err) < 0)
		return NULL;
	a = ancestry_new(made, t, word, &id, is_in_place(p, word, &id, &maker) ? &maker : NULL, false, err);
	if (a && !ancestry_known(a) && directory_of(p, word, &above, &dir)) {
		ancestry_free(a);
		a = ancestry_new(made, t, dir.buf, &above, NULL, false, err);
	}
	if (!a || ancestry_known(a))
		return a;
	ancestry_free(a);
	return ancestry_new(made, t, word, &id, NULL, true, err);
}

static int show_all(struct project *p, const struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct snapshot_tools t = {&p->repo, p->db, p->lineage, p->store};
	struct makers *made = makers_new(&p->repo, p->db, p->lineage, p->store);
	struct json *j = json_new_map(), *list = json_new_list();
	struct style style = project_style(p, STDOUT_FILENO);
	bool all_known = true;
	int code = EXIT_DONE;
	size_t i;

	for (i = 0; i < a->words.n && code == EXIT_DONE; i++) {
		struct ancestry *an = find(p, made, &t, a->words.v[i], &err);

		if (!an) {
			code = cli_fail(EXIT_USAGE, &err);
			break;
		}
		all_known &= ancestry_known(an);
		if (args_count(a, "json"))
			json_push(list, report_ancestry_json(an));
		else
			report_ancestry(an, &style, &out);
		ancestry_free(an);
	}
	json_set_int(j, "version", 1);
	json_set(j, "files", list);
	if (code == EXIT_DONE && args_count(a, "json")) {
		code = cli_print_json(j);
		j = NULL;
	} else if (code == EXIT_DONE) {
		code = cli_print(&out);
	}
	json_free(j);
	makers_free(made);
	return code != EXIT_DONE || all_known ? code : EXIT_STAGE_FAILED;
}

static int show(struct project *p, const struct args *a)
{
	int code = project_await(p);

	return code == EXIT_DONE ? show_all(p, a) : code;
}

static int run(struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;

	if (!a->words.n) {
		err_set(&err, ERR_INVALID, "of which file? `mlmake lineage FILE`, or a SHA-256");
		return cli_fail(EXIT_USAGE, &err);
	}
	return project_read(a, show);
}

static const struct option_def options[] = {
	{0, "json", NULL, "print one JSON document"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_lineage = {
	"lineage",
	"tell which run, commit, parameters and data made a file",
	"FILE|DIGEST...",
	"By its bytes, so the file may have been renamed, copied, or taken out of the project. The same is\\n"
	"told of what it was made from, down to the raw data. Exits with 1 if nothing is known of it.",
	WORDS_FILES,
	options,
	run,
};
