/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "remote/marks.h"

#include <stdlib.h>
#include <string.h>

#include "util/file.h"

#define LINE1 "mlmake-marks 1 "
#define FILE_LIMIT ((size_t)16 << 20)

/* "<writer> <commit>" */
static void take_line(struct marks *m, char *line)
{
	char *blank = strchr(line, ' ');
	struct git_id id;

	if (!blank || strlen(blank + 1) != GIT_ID_HEX || !git_id_parse(blank + 1, &id))
		return;
	*blank = '\0';
	strvec_push(&m->writers, line);
	free(map_put(&m->tips, m->writers.v[m->writers.n - 1], xstrdup(blank + 1)));
}

void marks_read(struct marks *m, const char *file, const char *about)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *rest;
	size_t n;

	*m = (struct marks){.file = xstrdup(file), .about = xstrdup(about), .tips = MAP_INIT, .writers = STRVEC_INIT};
	if (file_read(file, FILE_LIMIT, &text, NULL) < 0 || !skip_prefix(text.buf, LINE1, &rest))
		return;
	n = strcspn(rest, "\n");
	if (strlen(about) != n || strncmp(rest, about, n) != 0)
		return;
	for (rest += n; *rest == '\n'; rest += n) {
		CLEANUP(freep) char *line = NULL;

		n = strcspn(++rest, "\n");
		line = xstrndup(rest, n);
		take_line(m, line);
	}
}

void marks_release(struct marks *m)
{
	struct map_slot *s;
	size_t i = 0;

	while ((s = map_next(&m->tips, &i)))
		free(s->value);
	map_release(&m->tips);
	strvec_release(&m->writers);
	free(m->file);
	free(m->about);
}

void marks_forget(struct marks *m, const char *writer)
{
	size_t i;

	for (i = 0; i < m->writers.n; i++)
		if (streq(m->writers.v[i], writer))
			free(map_put(&m->tips, m->writers.v[i], xstrdup(""))); /* no commit */
}

void marks_compare(const struct marks *m, const struct run *runs, size_t n, bool *fresh)
{
	struct map covered = MAP_INIT; /* writers whose mark was found */
	size_t i;

	for (i = n; i-- > 0;) { /* back from the newest: before the mark all is covered */
		const char *mark = map_get(&m->tips, runs[i].writer);
		char hex[GIT_ID_HEX + 1];

		git_id_hex(&runs[i].commit, hex);
		if (mark && streq(mark, hex))
			map_put(&covered, runs[i].writer, &covered);
		fresh[i] = !map_get(&covered, runs[i].writer);
	}
	map_release(&covered);
}

int marks_write(const struct marks *m, const struct run *runs, size_t n, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct map seen = MAP_INIT;
	size_t i;

	strbuf_addf(&text, LINE1 "%s", m->about);
	for (i = n; i-- > 0;) {
		char hex[GIT_ID_HEX + 1];

		if (map_get(&seen, runs[i].writer))
			continue;
		map_put(&seen, runs[i].writer, &seen);
		git_id_hex(&runs[i].commit, hex);
		strbuf_addf(&text, "\n%s %s", runs[i].writer, hex);
	}
	map_release(&seen);
	strbuf_addch(&text, '\n');
	return file_write(m->file, text.buf, text.len, 0644, false, err);
}
