/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A command that names what another stage makes, in a stage that does not declare it, most likely reads it: then its result
 * is called fresh though what it read has changed, and the two may run in any order. */
#include <config.h>

#include <string.h>

#include "pipeline/load.h"
#include "util/path.h"

static bool is_declared(const struct instance *in, const char *path)
{
	size_t i;

	for (i = 0; i < in->n_inputs; i++)
		if (path_is_within(path, in->inputs[i].path) || path_is_within(in->inputs[i].path, path))
			return true;
	return false;
}

/* A word as it is written, whose templates are not filled in: those of files are declared. One that does not look like a
 * path may mean anything. */
static bool warn_of_word(struct load *ld, const struct proto *p, int line, const char *word, size_t n)
{
	const struct instance *in = ld->pl->instances[p->st.first], *maker;

	if (memchr(word, '{', n) || (!memchr(word, '.', n) && !memchr(word, '/', n)))
		return false;
	strbuf_clear(&ld->word);
	strbuf_add(&ld->word, word, n);
	strbuf_clear(&ld->path);
	path_normalize(ld->word.buf, &ld->path);
	maker = made_holding(&ld->pl->instance_by_output, ld->path.buf);
	if (!maker || maker->stage == &p->st || is_declared(in, ld->path.buf))
		return false;
	diag_warn(ld->ds, p->sec->file, line, "the command of '%s' names '%s', which '%s' makes; if it reads that, list it "
		     "under 'data'", p->st.name, ld->path.buf, maker->name);
	return true;
}

void warn_of_undeclared(struct load *ld, const struct proto *p)
{
	static const char ends[] = " \t\n|&;()<>\"'`$=,:";
	const struct entry *e;
	const char *s;
	size_t n;

	if (!p->st.n || !ld->pl->instance_by_output.n)
		return;
	for (e = p->sec->first; e; e = e->next) {
		if (e->key->id != K_CMD)
			continue;
		for (s = e->value + strspn(e->value, ends); *s; s += n, s += strspn(s, ends)) {
			n = strcspn(s, ends);
			if (warn_of_word(ld, p, e->line, s, n))
				break;
		}
	}
}
