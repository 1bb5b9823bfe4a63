/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "util/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

PRINTF(1, 0) static char *format(const char *fmt, va_list ap)
{
	char *msg;

	if (vasprintf(&msg, fmt, ap) < 0)
		BUG("cannot format '%s'", fmt);
	return msg;
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list ap;
	char *msg;

	if (!err)
		return -1;
	va_start(ap, fmt);
	msg = format(fmt, ap);
	va_end(ap);
	free(err->msg);
	err->msg = msg;
	err->code = code;
	return -1;
}

int err_errno(struct err *err, const char *fmt, ...)
{
	int number = errno;
	va_list ap;
	char *msg;

	if (!err)
		return -1;
	va_start(ap, fmt);
	msg = format(fmt, ap);
	va_end(ap);
	err_set(err, number == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s: %s", msg, strerror(number));
	free(msg);
	errno = number;
	return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	va_list ap;
	char *what, *msg;

	if (!err)
		return -1;
	va_start(ap, fmt);
	what = format(fmt, ap);
	va_end(ap);
	msg = xstrfmt("%s: %s", what, err->msg ? err->msg : "unknown error");
	free(what);
	free(err->msg);
	err->msg = msg;
	return -1;
}

int err_wrap_file(struct err *err, const char *file)
{
	char *msg;

	if (!err || !err->msg || *err->msg < '0' || *err->msg > '9')
		return err_wrap(err, "%s", file);
	msg = xstrfmt("%s:%s", file, err->msg);
	free(err->msg);
	err->msg = msg;
	return -1;
}

int err_move(struct err *to, struct err *from)
{
	if (to) {
		err_release(to);
		*to = *from;
		*from = (struct err)ERR_INIT;
	} else {
		err_release(from);
	}
	return -1;
}

void err_clear(struct err *err)
{
	err_release(err);
}

void err_release(struct err *err)
{
	if (!err)
		return;
	free(err->msg);
	*err = (struct err)ERR_INIT;
}
