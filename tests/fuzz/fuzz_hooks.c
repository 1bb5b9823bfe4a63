/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What hooks leave: each line of the input is read as an entry of the queue and as one of the log. What is read is written as what
 * reads the same, and an entry leads nowhere but below the clone's git directory. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "lifecycle/hooklog.h"
#include "lifecycle/hookqueue.h"
#include "util/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool so)
{
	if (!so)
		abort();
}

static void try_entry(const char *line)
{
	struct strbuf text = STRBUF_INIT;
	struct hook_entry e = {0}, again = {0};

	if (hook_entry_parse(line, &e)) {
		need(!strstr(e.work, "..") || skip_prefix(e.work, "worktrees/", NULL));
		need(!*e.project || !path_refusal(e.project));
		hook_entry_text(&e, &text);
		need(hook_entry_parse(text.buf, &again));
		need(streq(e.hook, again.hook) && streq(e.project, again.project) && streq(e.commit, again.commit) && e.amid == again.amid);
	}
	hook_entry_release(&e);
	hook_entry_release(&again);
	strbuf_release(&text);
}

static void try_event(const char *line, size_t n)
{
	struct strbuf text = STRBUF_INIT;
	struct arena a = ARENA_INIT;
	struct hook_event e, again;

	if (hook_event_parse(line, n, &a, &e)) {
		hook_event_text(&e, &text);
		need(hook_event_parse(text.buf, text.len, &a, &again));
		need(streq(e.text, again.text) && e.number == again.number && e.code == again.code);
	}
	arena_release(&a);
	strbuf_release(&text);
}

/* The checksum is made right, or nothing would ever get past it. */
static void try_summed(const char *line, size_t n)
{
	struct strbuf text = STRBUF_INIT;
	struct hook_event e = {.outcome = "", .hook = "", .project = "", .ref = "", .commit = "", .tree = "", .targets = "", .run = ""};
	char *copy = xstrndup(line, n);

	e.text = copy;
	hook_event_text(&e, &text);
	try_event(text.buf, text.len);
	free(copy);
	strbuf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf text = STRBUF_INIT;
	char *line, *at;

	strbuf_add(&text, data, size);
	for (line = strtok_r(text.buf, "\n", &at); line; line = strtok_r(NULL, "\n", &at)) {
		try_entry(line);
		try_event(line, strlen(line));
		try_summed(line, strlen(line));
	}
	strbuf_release(&text);
	return 0;
}
