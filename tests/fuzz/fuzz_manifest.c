/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "digest/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXTS 64

struct shelf {
	struct {
		struct digest id;
		struct strbuf text;
	} v[TEXTS];
	size_t n;
};

static int fetch(void *ctx, const struct digest *id, struct strbuf *out, struct err *err)
{
	struct shelf *s = ctx;
	size_t i;

	for (i = 0; i < s->n; i++)
		if (digest_eq(&s->v[i].id, id)) {
			strbuf_add(out, s->v[i].text.buf, s->v[i].text.len);
			return 0;
		}
	return err_set(err, ERR_NOTFOUND, "no such text");
}

/* What is written again is what was read. */
static int compare(void *ctx, const struct digest *id, const char *text, size_t n)
{
	struct strbuf was = STRBUF_INIT;

	if (fetch(ctx, id, &was, NULL) < 0 || was.len != n || memcmp(was.buf, text, n) != 0)
		abort();
	strbuf_release(&was);
	return 0;
}

static void check_names(const struct manifest *m)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (manifest_name_refusal(m->v[i].name) || (i && strcmp(m->v[i - 1].name, m->v[i].name) >= 0))
			abort();
}

/* What is accepted is what is written again, and every name in it may stand there. */
static void one_text(const uint8_t *data, size_t size)
{
	struct strbuf again = STRBUF_INIT;
	struct err err = ERR_INIT;
	struct manifest m;

	if (manifest_parse(&m, (const char *)data, size, &err) == 0) {
		manifest_write(&m, &again);
		if (again.len != size || memcmp(again.buf, data, size) != 0)
			abort();
		check_names(&m);
	} else if (err.code != ERR_PARSE || m.n) {
		abort();
	}
	manifest_release(&m);
	strbuf_release(&again);
	err_release(&err);
}

/* Texts with a NUL between, in which '@' and a letter stand for the id of an earlier one; the last one is read with all that it names. */
static void many_texts(const uint8_t *data, size_t size)
{
	struct shelf *s = calloc(1, sizeof(*s));
	struct err err = ERR_INIT;
	struct manifest m;
	struct digest id;
	size_t i;

	for (i = 0; i < size && s->n < TEXTS; s->n++) {
		struct strbuf *text = &s->v[s->n].text;
		char hex[DIGEST_HEX + 1];

		*text = (struct strbuf)STRBUF_INIT;
		for (; i < size && data[i]; i++) {
			if (data[i] == '@' && i + 1 < size && data[i + 1] >= 'A' && data[i + 1] < 'A' + s->n) {
				digest_hex(&s->v[data[++i] - 'A'].id, hex);
				strbuf_addstr(text, hex);
			} else {
				strbuf_addch(text, (char)data[i]);
			}
		}
		i++;
		digest_bytes(text->buf, text->len, &s->v[s->n].id);
	}
	if (s->n && manifest_load(&m, &s->v[s->n - 1].id, fetch, s, &err) == 0) {
		check_names(&m);
		manifest_emit(&m, 1, compare, s, &id);
		if (!digest_eq(&id, &s->v[s->n - 1].id))
			abort();
		manifest_release(&m);
	}
	err_release(&err);
	for (i = 0; i < s->n; i++)
		strbuf_release(&s->v[i].text);
	free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	one_text(data, size);
	many_texts(data, size);
	return 0;
}
