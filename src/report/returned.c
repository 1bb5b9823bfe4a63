/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/returned.h"

#include <string.h>

#include "util/text.h"

#define PATH_COLUMNS 32

static const char *result_word(enum putback_result r, bool dry)
{
	static const char *const words[] = {"there", "missing", "refused", "would go", "restored"};

	return r == PUTBACK_WANTED && !dry ? "pending" : words[r];
}

static const char *json_word(enum putback_result r)
{
	static const char *const words[] = {"there", "missing", "refused", "wanted", "restored"};

	return words[r];
}

static enum hue result_hue(enum putback_result r)
{
	return r == PUTBACK_MISSING || r == PUTBACK_REFUSED ? HUE_BAD : r == PUTBACK_THERE ? HUE_DIM : HUE_GOOD;
}

static void add_item(const struct putback_item *it, const struct origin *o, bool dry, const struct style *s, struct strbuf *out)
{
	const struct record_fact *f = it->a->fact;
	char hex[DIGEST_HEX + 1];

	strbuf_addf(out, "%s%-9s%s", hue_on(s, result_hue(it->result)), result_word(it->result, dry), hue_off(s));
	term_add_clean(out, f->name, strlen(f->name));
	strbuf_addn(out, ' ', strlen(f->name) < PATH_COLUMNS ? PATH_COLUMNS - strlen(f->name) : 2);
	term_add_clean(out, it->a->record->instance, strlen(it->a->record->instance));
	if (it->result == PUTBACK_MISSING) {
		digest_hex(&f->content.id, hex);
		strbuf_addf(out, "\n         sha256 %s, ", hex);
		text_add_size(out, f->content.size);
		strbuf_addstr(out, ": `mlmake reproduce ");
		term_add_clean(out, o->word, strlen(o->word));
		strbuf_addstr(out, " --stage ");
		term_add_clean(out, it->a->record->instance, strlen(it->a->record->instance));
		strbuf_addstr(out, "` makes it anew");
	}
	if (it->note) {
		strbuf_addstr(out, "\n         ");
		term_add_clean(out, it->note, strlen(it->note));
	}
	strbuf_addch(out, '\n');
}

static void add_count(struct strbuf *out, size_t n, const char *one, const char *many, const char **comma)
{
	if (!n)
		return;
	strbuf_addf(out, "%s%zu %s", *comma, n, n == 1 ? one : many);
	*comma = ", ";
}

void report_returned(const struct putback *p, const struct origin *o, bool dry, bool verbose, const struct style *s,
		     struct strbuf *out)
{
	const char *comma = "";
	size_t i;

	for (i = 0; i < p->n; i++)
		if (verbose || p->items[i].result != PUTBACK_THERE)
			add_item(&p->items[i], o, dry, s, out);
	strbuf_addf(out, "%s: ", o->name);
	add_count(out, p->counts[PUTBACK_DONE], "artifact put back", "artifacts put back", &comma);
	add_count(out, p->counts[PUTBACK_WANTED], dry ? "artifact would be put back" : "artifact not put back",
		  dry ? "artifacts would be put back" : "artifacts not put back", &comma);
	add_count(out, p->counts[PUTBACK_THERE], "was there already", "were there already", &comma);
	add_count(out, p->counts[PUTBACK_MISSING], "is missing", "are missing", &comma);
	add_count(out, p->counts[PUTBACK_REFUSED], "was refused", "were refused", &comma);
	if (!*comma)
		strbuf_addstr(out, "no artifacts");
	strbuf_addch(out, '\n');
}

static struct json *item_json(const struct putback_item *it)
{
	const struct record_fact *f = it->a->fact;
	struct json *j = json_new_map();
	char hex[DIGEST_HEX + 1];

	digest_hex(&f->content.id, hex);
	json_set_str(j, "path", f->name);
	json_set_str(j, "instance", it->a->record->instance);
	json_set_str(j, "result", json_word(it->result));
	json_set_str(j, "sha256", hex);
	json_set_int(j, "size", f->content.size);
	json_set_str(j, "note", it->note);
	return j;
}

struct json *report_returned_json(const struct putback *p, const struct origin *o, bool dry)
{
	struct json *j = json_new_map(), *list = json_new_list(), *counts = json_new_map();
	char hex[GIT_ID_HEX + 1];
	size_t i;

	git_id_hex(&o->source, hex);
	json_set_int(j, "version", 1);
	json_set_str(j, "name", o->name);
	json_set_str(j, "run", o->run);
	json_set_str(j, "commit", o->has_source ? hex : NULL);
	json_set_bool(j, "dry", dry);
	for (i = 0; i < ARRAY_SIZE(p->counts); i++)
		json_set_int(counts, json_word((enum putback_result)i), (int64_t)p->counts[i]);
	json_set(j, "counts", counts);
	for (i = 0; i < p->n; i++)
		json_push(list, item_json(&p->items[i]));
	json_set(j, "artifacts", list);
	return j;
}
