/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/timer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/file.h"
#include "util/hash.h"
#include "util/process.h"
#include "util/strvec.h"

#define SECOND INT64_C(1000000000)
#define CRONTAB_LIMIT ((size_t)4 << 20)
#define MARK "# mlmake-monitor "
#define CRON_LINE 990 /* bytes; Debian's cron takes 998, of the command */

/* What tells the project's timer from others. */
static void add_id(struct strbuf *out, const char *dir)
{
	strbuf_addf(out, "%016llx", (unsigned long long)hash_bytes(dir, strlen(dir)));
}

static int run(const char *const *words, const struct strbuf *input, struct strbuf *out, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT, errors = STRBUF_INIT;
	const struct process_start how = {.argv = &argv, .talk = input != NULL};
	int status;

	for (; *words; words++)
		strvec_push(&argv, *words);
	status = process_run(&how, input ? input->buf : NULL, input ? input->len : 0, CRONTAB_LIMIT, out ? out : &said, &errors, err);
	strbuf_trim(&errors);
	if (status > 0)
		return err_set(err, ERR_FAILED, "`%s` failed%s%s", argv.v[0], errors.len ? ": " : "", errors.buf);
	return status;
}

/* cd DIR && PATH=... PROGRAM monitor --due >> LOG 2>&1 */
static void add_command(const struct timer *t, struct strbuf *out)
{
	strbuf_addstr(out, "cd ");
	strbuf_add_shell(out, t->dir);
	strbuf_addstr(out, " && ");
	if (t->path) {
		strbuf_addstr(out, "PATH=");
		strbuf_add_shell(out, t->path);
		strbuf_addch(out, ' ');
	}
	strbuf_add_shell(out, t->program);
	strbuf_addf(out, " %s >> ", t->words);
	strbuf_add_shell(out, t->log);
	strbuf_addstr(out, " 2>&1");
}

/* ---- cron ---- */

bool timer_cron_line(const struct timer *t, struct strbuf *out)
{
	CLEANUP(strbuf_release) struct strbuf cmd = STRBUF_INIT;
	size_t start = out->len;
	int64_t minutes = t->every / (60 * SECOND);
	unsigned minute = (unsigned)(hash_bytes(t->dir, strlen(t->dir)) % 60);
	size_t i;

	add_command(t, &cmd);
	if (minutes >= 24 * 60)
		strbuf_addf(out, "%u %u * * * ", minute, minute % 24);
	else if (minutes >= 60)
		strbuf_addf(out, "%u * * * * ", minute);
	else if (minutes >= 15)
		strbuf_addstr(out, "*/15 * * * * ");
	else
		strbuf_addstr(out, "* * * * * ");
	/* In a crontab '%' is the end of a line. */
	for (i = 0; i < cmd.len; i++) {
		if (cmd.buf[i] == '%')
			strbuf_addch(out, '\\');
		strbuf_addch(out, cmd.buf[i]);
	}
	strbuf_addstr(out, " " MARK);
	add_id(out, t->dir);
	strbuf_addch(out, '\n');
	return out->len - start <= CRON_LINE;
}

bool timer_cron_without(const char *text, size_t n, const char *dir, struct strbuf *out)
{
	CLEANUP(strbuf_release) struct strbuf mark = STRBUF_INIT;
	const char *end = text + n, *nl;
	bool had = false;

	strbuf_addstr(&mark, " " MARK);
	add_id(&mark, dir);
	for (; text < end; text = nl) {
		size_t len;

		nl = memchr(text, '\n', (size_t)(end - text));
		len = (size_t)((nl ? nl : end) - text);
		nl = nl ? nl + 1 : end;
		if (len >= mark.len && memcmp(text + len - mark.len, mark.buf, mark.len) == 0)
			had = true;
		else
			strbuf_add(out, text, (size_t)(nl - text));
	}
	return had;
}

/* No crontab yet is an empty one; any other failure is one, or others' lines would be lost. */
static int read_crontab(struct strbuf *out, struct err *err)
{
	CLEANUP(err_release) struct err why = ERR_INIT;

	if (run((const char *const[]){"crontab", "-l", NULL}, NULL, out, &why) == 0)
		return 0;
	if (why.code == ERR_FAILED && why.msg && strstr(why.msg, "no crontab")) {
		strbuf_clear(out);
		return 0;
	}
	return err_move(err, &why);
}

static int cron_install(const struct timer *t, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf was = STRBUF_INIT, is = STRBUF_INIT;

	if (read_crontab(&was, err) < 0)
		return -1;
	timer_cron_without(was.buf, was.len, t->dir, &is);
	if (is.len && is.buf[is.len - 1] != '\n')
		strbuf_addch(&is, '\n');
	if (!timer_cron_line(t, &is))
		return err_set(err, ERR_INVALID, "the line would be longer than the %d bytes that a crontab allows; it has PATH in it, which could be "
			       "shorter", CRON_LINE);
	return run((const char *const[]){"crontab", "-", NULL}, &is, NULL, err);
}

/* What is empty without ours was not there, or as good as that. */
static int write_crontab(const struct strbuf *text, struct err *err)
{
	if (!text->len)
		return run((const char *const[]){"crontab", "-r", NULL}, NULL, NULL, err);
	return run((const char *const[]){"crontab", "-", NULL}, text, NULL, err);
}

static int cron_uninstall(const char *dir, bool *had, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf was = STRBUF_INIT, is = STRBUF_INIT;

	*had = false;
	if (read_crontab(&was, err) < 0)
		return -1;
	if (!timer_cron_without(was.buf, was.len, dir, &is))
		return 0;
	*had = true;
	return write_crontab(&is, err);
}

/* ---- systemd ---- */

static char *unit_file(const char *dir, const char *ext)
{
	CLEANUP(strbuf_release) struct strbuf name = STRBUF_INIT;
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (config && *config == '/')
		strbuf_addf(&name, "%s", config);
	else
		strbuf_addf(&name, "%s/.config", home ? home : "/root");
	strbuf_addstr(&name, "/systemd/user/mlmake-monitor-");
	add_id(&name, dir);
	strbuf_addstr(&name, ext);
	return strbuf_detach(&name);
}

/* s as a word of ExecStart=, in which '%' and '$' mean something. */
static void add_word(struct strbuf *out, const char *s)
{
	strbuf_addch(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			strbuf_addch(out, '\\');
		if (*s == '%' || *s == '$')
			strbuf_addch(out, *s);
		strbuf_addch(out, *s);
	}
	strbuf_addch(out, '"');
}

static int systemctl(const char *what, const char *unit, struct err *err)
{
	const char *const words[] = {"systemctl", "--user", what, unit ? "--now" : NULL, unit, NULL};

	return run(words, NULL, NULL, err);
}

static void write_units(const struct timer *t, struct strbuf *service, struct strbuf *timer)
{
	CLEANUP(strbuf_release) struct strbuf cmd = STRBUF_INIT;
	int64_t every = MAX(t->every / SECOND, INT64_C(60));

	add_command(t, &cmd);
	strbuf_addstr(service, "[Unit]\nDescription=mlmake monitor\n[Service]\nType=oneshot\nSuccessExitStatus=5\nExecStart=/bin/sh -c ");
	add_word(service, cmd.buf);
	strbuf_addch(service, '\n');
	strbuf_addf(timer, "[Unit]\nDescription=mlmake monitor\n[Timer]\nOnActiveSec=60\nOnUnitActiveSec=%lld\n[Install]\nWantedBy=timers.target\n",
		    (long long)MIN(every, INT64_C(86400)));
}

static int systemd_install(const struct timer *t, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf service = STRBUF_INIT, timer = STRBUF_INIT;
	CLEANUP(freep) char *service_file = unit_file(t->dir, ".service"), *timer_file = unit_file(t->dir, ".timer");

	write_units(t, &service, &timer);
	if (file_write(service_file, service.buf, service.len, 0644, true, err) < 0 ||
	    file_write(timer_file, timer.buf, timer.len, 0644, true, err) < 0)
		return -1;
	if (systemctl("daemon-reload", NULL, err) < 0)
		return -1;
	return systemctl("enable", strrchr(timer_file, '/') + 1, err);
}

static int systemd_uninstall(const char *dir, bool *had, struct err *err)
{
	CLEANUP(freep) char *service_file = unit_file(dir, ".service"), *timer_file = unit_file(dir, ".timer");

	*had = file_exists(timer_file) || file_exists(service_file);
	if (!*had)
		return 0;
	if (systemctl("disable", strrchr(timer_file, '/') + 1, err) < 0)
		return -1;
	if ((unlink(timer_file) < 0 && file_exists(timer_file)) || (unlink(service_file) < 0 && file_exists(service_file)))
		return err_errno(err, "cannot remove '%s'", timer_file);
	return systemctl("daemon-reload", NULL, err);
}

/* ---- either ---- */

int timer_install(const struct timer *t, enum timer_kind *kind, struct err *err)
{
	CLEANUP(err_release) struct err why = ERR_INIT;
	enum timer_kind was;

	if (*kind == TIMER_NONE)
		*kind = systemctl("show-environment", NULL, NULL) == 0 ? TIMER_SYSTEMD : TIMER_CRON;
	if (timer_uninstall(t->dir, &was, &why) < 0 && why.code != ERR_NOTFOUND)
		return err_move(err, &why);
	if (*kind == TIMER_SYSTEMD)
		return systemd_install(t, err);
	if (cron_install(t, err) == 0)
		return 0;
	return err ? err_wrap(err, "neither systemd nor cron can be asked") : -1;
}

int timer_uninstall(const char *dir, enum timer_kind *kind, struct err *err)
{
	CLEANUP(err_release) struct err why = ERR_INIT;
	bool had;

	*kind = TIMER_NONE;
	if (systemd_uninstall(dir, &had, err) < 0)
		return -1;
	if (had)
		*kind = TIMER_SYSTEMD;
	if (cron_uninstall(dir, &had, &why) < 0)
		return why.code == ERR_NOTFOUND ? 0 : err_move(err, &why);
	if (had)
		*kind = TIMER_CRON;
	return 0;
}
