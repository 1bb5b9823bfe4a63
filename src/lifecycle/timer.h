/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Having mlmake started from time to time: by a timer of the user's systemd, or by a line of the user's crontab. What others wrote there
 * stays as it is, to the byte. */
#ifndef LIFECYCLE_TIMER_H
#define LIFECYCLE_TIMER_H

#include "util/base.h"
#include "util/err.h"
#include "util/strbuf.h"

struct timer {
	const char *dir;      /* absolute: of the project */
	const char *program;  /* absolute */
	const char *words;    /* what it is called with, words for sh */
	const char *log;      /* absolute: what it says goes there */
	int64_t every;        /* nanoseconds */
	const char *path;     /* in which retraining finds programs, as who installs it does; NULL: as systemd and cron have it */
};

enum timer_kind { TIMER_NONE, TIMER_SYSTEMD, TIMER_CRON };

/* With kind TIMER_NONE: systemd if it answers, else cron; *kind says which. One that is there already is replaced. ERR_NOTFOUND if there is
 * neither. */
NODISCARD int timer_install(const struct timer *t, enum timer_kind *kind, struct err *err);
/* *kind: what was taken away. */
NODISCARD int timer_uninstall(const char *dir, enum timer_kind *kind, struct err *err);

/* The line of a crontab for t, and the schedule in front of it: every 15 minutes, every hour, every day, whatever is not longer than t->every (but 1
 * minute at least). False if it is too long for cron. */
bool timer_cron_line(const struct timer *t, struct strbuf *out);
/* text without the line of dir; true if there was one. */
bool timer_cron_without(const char *text, size_t n, const char *dir, struct strbuf *out);

#endif
