/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lineage/runlog.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/file.h"
#include "util/json.h"

#define LOG_LIMIT ((size_t)1 << 30)
#define SECOND 1e9
#define LONGEST 3e9 /* seconds: a century */

void run_new_id(char out[40])
{
	time_t now = time(NULL);
	struct tm tm;
	unsigned salt = 0;
	char stamp[24] = "";

	if (getrandom(&salt, sizeof(salt), GRND_NONBLOCK) != sizeof(salt))
		salt = (unsigned)getpid();
	if (gmtime_r(&now, &tm))
		strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", &tm);
	snprintf(out, 40, "%s-%08x", stamp, salt);
}

static struct json *part_json(const struct run_part *p)
{
	struct json *j = json_new_map();
	char hex[DIGEST_HEX + 1];

	digest_hex(&p->key, hex);
	json_set_str(j, "name", p->name);
	json_set_str(j, "result", p->result);
	json_set_str(j, "key", p->has_key ? hex : NULL);
	json_set_float(j, "duration", (double)p->duration / SECOND);
	return j;
}

int runlog_append(const char *file, const struct run *r, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, time = STRBUF_INIT;
	CLEANUP(closep) int fd = -1;
	CLEANUP(json_freep) struct json *j = json_new_map();
	struct json *parts = json_new_list();
	size_t i;

	clock_iso(r->time, &time);
	json_set_str(j, "id", r->id);
	json_set_str(j, "time", time.buf);
	json_set_str(j, "source", r->source);
	json_set(j, "dirty", r->dirty < 0 ? json_new_null() : json_new_bool(r->dirty));
	json_set_str(j, "outcome", r->outcome);
	json_set_float(j, "duration", (double)r->duration / SECOND);
	json_set_float(j, "saved", (double)r->saved / SECOND);
	if (r->author)
		json_set_str(j, "author", r->author);
	if (r->because)
		json_set_str(j, "because", r->because);
	for (i = 0; i < r->n_parts; i++)
		json_push(parts, part_json(&r->parts[i]));
	json_set(j, "instances", parts);
	json_write(j, false, &text);
	strbuf_addch(&text, '\n');
	if (file_mkdirs_for(file, err) < 0)
		return -1;
	fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_errno(err, "cannot open '%s'", file);
	if (fd_write_all(fd, text.buf, text.len, err) < 0)
		return err_wrap(err, "'%s'", file);
	return 0;
}

static const char *string_of(struct arena *a, const struct json *j, const char *key)
{
	const char *s = json_str(json_get(j, key));

	return s ? arena_strdup(a, s) : NULL;
}

/* Of a number of seconds; what no run can have taken is 0. */
static int64_t nanoseconds(const struct json *j)
{
	double s = json_float(j);

	return s >= 0 && s < LONGEST ? (int64_t)(s * SECOND) : 0;
}

static int64_t time_of(const char *iso)
{
	int64_t ns;

	return iso && clock_parse_iso(iso, strlen(iso), &ns) ? ns : 0;
}

static bool read_part(struct arena *a, const struct json *j, struct run_part *p)
{
	const char *key = json_str(json_get(j, "key"));

	memset(p, 0, sizeof(*p));
	p->name = string_of(a, j, "name");
	p->result = string_of(a, j, "result");
	p->has_key = key && strlen(key) == DIGEST_HEX && digest_parse(key, &p->key);
	p->duration = nanoseconds(json_get(j, "duration"));
	return p->name && p->result;
}

static bool read_run(struct arena *a, const char *line, size_t n, struct run *r)
{
	CLEANUP(json_freep) struct json *j = json_parse(line, n, NULL, NULL);
	struct json *parts, *dirty;
	size_t i;

	if (!j || json_kind(j) != JSON_MAP)
		return false;
	memset(r, 0, sizeof(*r));
	parts = json_get(j, "instances");
	dirty = json_get(j, "dirty");
	r->id = string_of(a, j, "id");
	r->time = time_of(json_str(json_get(j, "time")));
	r->source = string_of(a, j, "source");
	r->dirty = dirty && json_kind(dirty) == JSON_BOOL ? json_bool(dirty) : -1;
	r->outcome = string_of(a, j, "outcome");
	r->author = string_of(a, j, "author");
	r->because = string_of(a, j, "because");
	r->duration = nanoseconds(json_get(j, "duration"));
	r->saved = nanoseconds(json_get(j, "saved"));
	if (!r->id || !r->outcome || !parts || json_kind(parts) != JSON_LIST)
		return false;
	r->parts = arena_alloc(a, (json_len(parts) + 1) * sizeof(*r->parts));
	for (i = 0; i < json_len(parts); i++)
		if (read_part(a, json_at(parts, i), &r->parts[r->n_parts]))
			r->n_parts++;
	return true;
}

int runlog_read(const char *file, struct arena *a, struct run **runs, size_t *n, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err failed = ERR_INIT;
	const char *p, *nl;

	*runs = NULL;
	*n = 0;
	if (file_read(file, LOG_LIMIT, &text, &failed) < 0) {
		if (failed.code != ERR_NOTFOUND)
			return err_move(err, &failed);
		err_release(&failed);
		return 0;
	}
	for (p = text.buf; (nl = strchr(p, '\n')); p = nl + 1) {
		struct run r;

		if (!read_run(a, p, (size_t)(nl - p), &r))
			continue;
		*runs = arena_grow(a, *runs, *n, sizeof(**runs));
		(*runs)[(*n)++] = r;
	}
	return 0;
}
