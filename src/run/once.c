/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "run/once.h"

#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "util/clock.h"
#include "util/strbuf.h"
#include "util/text.h"

#define LOOK_AGAIN 100 /* ms */

/* Why it has to end now; ONCE_ENDED: it has not. */
static enum once_end reason_to_stop(const struct once *o, const char *log, int64_t deadline, bool signalled)
{
	struct stat st;

	if (signalled)
		return ONCE_STOPPED;
	if (clock_tick(&clock_system) >= deadline)
		return ONCE_LATE;
	return o->most && stat(o->prints ? o->prints : log, &st) == 0 && st.st_size > o->most ? ONCE_TALKS : ONCE_ENDED;
}

int launch_once(const struct launcher *l, const struct launch *what, const struct once *o, int *status, enum once_end *how, struct err *err)
{
	int64_t deadline = o->timeout ? clock_tick(&clock_system) + o->timeout : INT64_MAX, kill_at = INT64_MAX;
	struct launch_end end;
	int id, got;

	*how = ONCE_ENDED;
	if (l->start(l->ctx, what, &id, err) < 0)
		return -1;
	while ((got = l->reap(l->ctx, &end, err)) == 0) {
		struct pollfd fds[2] = {{.fd = l->fd(l->ctx), .events = POLLIN},
					{.fd = *how == ONCE_ENDED ? o->signal_fd : -1, .events = POLLIN}};
		bool signalled = poll(fds, ARRAY_SIZE(fds), LOOK_AGAIN) > 0 && fds[1].revents;

		if (*how == ONCE_ENDED) {
			*how = reason_to_stop(o, what->log, deadline, signalled);
			if (*how == ONCE_ENDED)
				continue;
			l->stop(l->ctx, id, !o->grace);
			kill_at = clock_tick(&clock_system) + o->grace;
		} else if (clock_tick(&clock_system) >= kill_at) {
			l->stop(l->ctx, id, true);
			kill_at = INT64_MAX;
		}
	}
	if (got < 0)
		return -1;
	*status = end.status;
	launch_end_release(&end);
	return 0;
}

void once_words(const struct once *o, int status, enum once_end how, struct strbuf *out)
{
	if (how == ONCE_STOPPED) {
		strbuf_addstr(out, "it was interrupted");
	} else if (how == ONCE_LATE) {
		strbuf_addstr(out, "it took longer than its timeout of ");
		text_add_duration(out, o->timeout);
		strbuf_addstr(out, " and was stopped");
	} else if (how == ONCE_TALKS) {
		strbuf_addstr(out, "it prints more than ");
		text_add_size(out, o->most);
		strbuf_addstr(out, " and was stopped");
	} else if (WIFSIGNALED(status)) {
		strbuf_addf(out, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	} else if (status) {
		strbuf_addf(out, "exit status %d", WEXITSTATUS(status));
	} else {
		strbuf_addstr(out, "it succeeded");
	}
}
