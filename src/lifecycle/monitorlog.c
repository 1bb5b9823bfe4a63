/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/monitorlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/file.h"
#include "util/hash.h"
#include "util/text.h"

#define HASH 16
#define LOG_LIMIT ((size_t)64 << 20)
#define LOG_LARGE ((off_t)8 << 20)
#define MOST_DOUBLINGS 5

static char *file_of(const struct repo *repo, const char *name, const char *ext)
{
	CLEANUP(freep) char *prefix = xstrdup(repo->prefix ? repo->prefix : "");
	const char *plain = name;
	size_t i;

	skip_prefix(name, "monitor:", &plain);
	for (i = 0; prefix[i]; i++)
		prefix[i] = prefix[i] == '/' ? '+' : prefix[i];
	return xstrfmt("%s/monitor/%s%s%s%s", repo->shared, prefix, *prefix ? "+" : "", plain, ext);
}

int monitor_log_lock(const struct repo *repo, const char *name, struct err *err)
{
	CLEANUP(freep) char *file = file_of(repo, name, ".lock");

	if (file_mkdirs_for(file, err) < 0)
		return -1;
	return file_lock(file, true, false, err);
}

bool monitor_entry_parse(const char *line, size_t n, struct monitor_entry *e)
{
	char want[HASH + 1];
	const struct json *action, *status;
	const char *outcome;
	struct json *j;
	int i;

	if (n < HASH + 2 || line[HASH] != ' ')
		return false;
	snprintf(want, sizeof(want), "%016llx", (unsigned long long)hash_bytes(line + HASH + 1, n - HASH - 1));
	if (memcmp(want, line, HASH) != 0)
		return false;
	j = json_parse(line + HASH + 1, n - HASH - 1, NULL, NULL);
	outcome = j ? json_str(json_get(j, "outcome")) : NULL;
	*e = (struct monitor_entry){.outcome = MONITOR_UNKNOWN, .json = j};
	if (!outcome) {
		json_free(j);
		return false;
	}
	e->when = json_int(json_get(j, "ns"));
	for (i = MONITOR_CALM; i <= MONITOR_UNKNOWN; i++)
		if (streq(outcome, monitor_outcome_name((enum monitor_outcome)i)))
			e->outcome = (enum monitor_outcome)i;
	action = json_get(j, "action");
	e->acted = action && json_kind(action) == JSON_MAP;
	status = e->acted ? json_get(action, "exit") : NULL;
	e->exit = status && json_kind(status) == JSON_INT ? (int)json_int(status) : -1;
	return true;
}

static void add_lines(struct monitor_log *log, const char *s, size_t n)
{
	const char *end = s + n, *nl;

	for (; s < end; s = nl + 1) {
		struct monitor_entry e;

		nl = memchr(s, '\n', (size_t)(end - s));
		nl = nl ? nl : end;
		if (nl == s)
			continue;
		if (!monitor_entry_parse(s, (size_t)(nl - s), &e)) {
			log->damaged++;
			continue;
		}
		ALLOC_GROW(log->v, log->n + 1, log->cap);
		log->v[log->n++] = e;
	}
}

int monitor_log_read(struct monitor_log *log, const struct repo *repo, const char *name, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(err_release) struct err why = ERR_INIT;

	log->file = file_of(repo, name, "");
	if (file_read(log->file, LOG_LIMIT, &text, &why) < 0)
		return why.code == ERR_NOTFOUND ? 0 : err_move(err, &why);
	add_lines(log, text.buf, text.len);
	return 0;
}

/* The younger half of what counts, written anew. */
static int shorten(struct monitor_log *log, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf all = STRBUF_INIT, line = STRBUF_INIT;
	size_t i;

	for (i = log->n / 2; i < log->n; i++) {
		strbuf_clear(&line);
		json_write(log->v[i].json, false, &line);
		strbuf_addf(&all, "%016llx %s\n", (unsigned long long)hash_bytes(line.buf, line.len), line.buf);
	}
	return file_write(log->file, all.buf, all.len, 0644, true, err);
}

static bool is_torn(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char last = '\n';

	return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

static int append(const char *file, const struct strbuf *json, bool *large, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
	CLEANUP(closep) int fd = -1;

	if (file_mkdirs_for(file, err) < 0)
		return -1;
	fd = open(file, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_errno(err, "cannot write '%s'", file);
	strbuf_addf(&line, "%s%016llx ", is_torn(fd) ? "\n" : "", (unsigned long long)hash_bytes(json->buf, json->len));
	strbuf_add(&line, json->buf, json->len);
	strbuf_addch(&line, '\n');
	if (fd_write_all(fd, line.buf, line.len, err) < 0)
		return err_wrap(err, "'%s'", file);
	if (fdatasync(fd) < 0)
		return err_errno(err, "cannot write '%s'", file);
	*large = lseek(fd, 0, SEEK_END) > LOG_LARGE;
	return 0;
}

int monitor_log_append(struct monitor_log *log, struct json *j, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, line = STRBUF_INIT;
	bool large = false;

	json_write(j, false, &text);
	json_free(j);
	if (append(log->file, &text, &large, err) < 0)
		return -1;
	strbuf_addf(&line, "%016llx %s", (unsigned long long)hash_bytes(text.buf, text.len), text.buf);
	add_lines(log, line.buf, line.len);
	return large ? shorten(log, err) : 0;
}

void monitor_log_release(struct monitor_log *log)
{
	size_t i;

	for (i = 0; i < log->n; i++)
		json_free(log->v[i].json);
	free(log->v);
	free(log->file);
	*log = (struct monitor_log)MONITOR_LOG_INIT;
}

/* ---- deciding ---- */

/* The time from entry i until now, of which steps backwards are none. */
static int64_t since(const struct monitor_log *log, size_t i, int64_t now)
{
	int64_t sum = 0;

	for (; i + 1 < log->n; i++)
		sum += MAX(log->v[i + 1].when - log->v[i].when, INT64_C(0));
	return sum + MAX(now - log->v[log->n - 1].when, INT64_C(0));
}

bool monitor_log_ended(const struct monitor_log *log, size_t i)
{
	return log->v[i].acted && log->v[i].exit < 0 && i + 1 < log->n && log->v[i + 1].acted && log->v[i + 1].exit >= 0;
}

static const struct monitor_entry *last_action(const struct monitor_log *log, size_t *at, int *failures)
{
	const struct monitor_entry *last = NULL;
	size_t i;

	*failures = 0;
	for (i = log->n; i-- > 0;) {
		const struct monitor_entry *e = &log->v[i];

		if (!e->acted || monitor_log_ended(log, i))
			continue;
		if (!last) {
			last = e;
			*at = i;
		}
		if (e->exit == 0)
			break;
		++*failures;
	}
	return last;
}

static int64_t streak_of(const struct monitor_log *log)
{
	int64_t streak = 0;
	size_t i;

	for (i = log->n; i-- > 0 && !log->v[i].acted && log->v[i].outcome != MONITOR_CALM;)
		streak += log->v[i].outcome == MONITOR_DRIFT;
	return streak;
}

struct monitor_decision monitor_decide(const struct monitor_log *log, const struct monitor_rules *rules, enum monitor_outcome outcome,
				       int64_t now)
{
	struct monitor_decision d = {false, NULL, streak_of(log) + (outcome == MONITOR_DRIFT)};
	CLEANUP(strbuf_release) struct strbuf left = STRBUF_INIT;
	int failures;
	size_t at = 0;
	int64_t wait, passed;

	if (!rules->retrain || outcome != MONITOR_DRIFT)
		return d;
	if (d.streak < rules->after) {
		d.waits = xstrfmt("%lld of %lld looks in a row found drift", (long long)d.streak, (long long)rules->after);
		return d;
	}
	if (last_action(log, &at, &failures)) {
		wait = MIN(rules->cooldown, INT64_MAX >> MOST_DOUBLINGS) << MIN(failures, MOST_DOUBLINGS);
		passed = since(log, at, now);
		if (passed < wait) {
			text_add_duration(&left, wait - passed);
			d.waits = xstrfmt("cooldown: %s to go%s", left.buf, failures ? ", longer each time that retraining fails" : "");
			return d;
		}
	}
	d.act = true;
	return d;
}

bool monitor_is_due(const struct monitor_log *log, const struct monitor_rules *rules, int64_t now)
{
	return !log->n || since(log, log->n - 1, now) >= rules->every - rules->every / 10 || now < log->v[log->n - 1].when;
}
