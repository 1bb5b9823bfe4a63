/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a monitor has seen, and what followed: SHARED/monitor/NAME (of a project below the top of its work tree, PREFIX+NAME with '+' for
 * '/'), a line a look:
 *
 *     <16 hex digits: hash_bytes of the rest> {"time": "2026-11-26T14:10:49Z", "ns": 1795702249000000000, "name": "monitor:drift",
 *     "outcome": "drift", ..., "action": {"what": "retrain", "exit": 0} or null, "waits": "..." or null}
 *
 * A line is appended in one write and synced; one that was torn by a crash, or damaged, does not count, and the next begins a line of its
 * own. Beyond 8 MiB the older half goes. Who looks holds NAME.lock. */
#ifndef LIFECYCLE_MONITORLOG_H
#define LIFECYCLE_MONITORLOG_H

#include "gitdb/repo.h"
#include "lifecycle/monitor.h"

struct monitor_entry {
	int64_t when;                /* nanoseconds since 1970 */
	enum monitor_outcome outcome;
	bool acted;
	int exit;                    /* of what was done; -1: it was begun. The next says how it ended, unless that was a kill */
	struct json *json;           /* the whole line; owned */
};

struct monitor_log {
	char *file;
	struct monitor_entry *v;     /* the oldest first */
	size_t n, cap, damaged;      /* lines that do not count */
};
#define MONITOR_LOG_INIT {.file = NULL}

/* Makes the directory and takes the lock: a descriptor, or -1 with ERR_LOCKED or ERR_IO. */
NODISCARD int monitor_log_lock(const struct repo *repo, const char *name, struct err *err);
/* Reads it; none is empty. */
NODISCARD int monitor_log_read(struct monitor_log *log, const struct repo *repo, const char *name, struct err *err);
/* Takes j. */
NODISCARD int monitor_log_append(struct monitor_log *log, struct json *j, struct err *err);
void monitor_log_release(struct monitor_log *log);

/* Reads one line, hostile, without its newline; false: it does not count. */
bool monitor_entry_parse(const char *line, size_t n, struct monitor_entry *e);

/* Does the next entry say how what began with entry i ended? */
bool monitor_log_ended(const struct monitor_log *log, size_t i);

/* What is to be done after a look. */
struct monitor_decision {
	bool act;
	char *waits;    /* why not, though it drifted; owned; NULL: nothing to say */
	int64_t streak; /* looks in a row that found drift, since the last action; looks that could tell nothing do not count */
};
/* outcome: of a look that the log does not have yet. now: of the clock, which may have gone backwards: between two looks at least no time has passed. After retraining that failed the cooldown is twice as
 * long, then four times, up to 32. */
struct monitor_decision monitor_decide(const struct monitor_log *log, const struct monitor_rules *rules, enum monitor_outcome outcome,
				       int64_t now);
/* Is it time to look again? With a tenth of grace, so that timers may be early. */
bool monitor_is_due(const struct monitor_log *log, const struct monitor_rules *rules, int64_t now);

#endif
