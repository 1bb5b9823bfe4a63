/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "util/clock.h"

#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t system_now(void *ctx)
{
	(void)ctx;
	return read_clock(CLOCK_REALTIME);
}

static int64_t system_tick(void *ctx)
{
	(void)ctx;
	return read_clock(CLOCK_MONOTONIC);
}

const struct clock clock_system = {system_now, system_tick, NULL};

void clock_iso(int64_t ns, struct strbuf *out)
{
	time_t t = (time_t)(ns / 1000000000);
	struct tm tm;
	char buf[32];

	if (!gmtime_r(&t, &tm) || strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		strbuf_addstr(out, "?");
	else
		strbuf_addstr(out, buf);
}

bool clock_parse_iso(const char *s, size_t n, int64_t *ns)
{
	char text[32];
	struct tm tm;
	time_t t;
	char *end;

	if (n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	memset(&tm, 0, sizeof(tm));
	end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!end || end != text + n)
		return false;
	t = timegm(&tm);
	if (t < 0 || t >= INT64_MAX / 1000000000)
		return false;
	*ns = (int64_t)t * 1000000000;
	return true;
}
