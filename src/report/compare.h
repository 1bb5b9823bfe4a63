/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two snapshots side by side: code, parameters, data, environment, commands, outputs, metrics. */
#ifndef REPORT_COMPARE_H
#define REPORT_COMPARE_H

#include "back/snapshot.h"
#include "gitdb/changes.h"
#include "report/csvdiff.h"
#include "report/metrics.h"

/* One value that differs: of a parameter or a variable, of the environment; or the command of an instance. */
struct compared_value {
	enum reason_kind kind;
	const char *name;            /* of a command: "" */
	const char *old, *new;       /* NULL: absent */
	const char **instances;      /* for which it does */
	size_t n_instances;
};

/* One file that differs: data that no stage makes, a lock file of an environment, an output; code, where there are no trees. */
struct compared_file {
	enum reason_kind kind;
	const char *path;
	const struct record_fact *was, *is; /* NULL: absent */
	const char **instances;
	size_t n_instances;
	bool has_rows;               /* both are CSV, and could be read */
	struct csv_diff rows;
	const char *problem;         /* why they could not; NULL: nothing to tell */
	bool has_entries;            /* both are directories, and could be listed */
	struct compared_entries {
		size_t added, removed, changed;
		struct strvec examples; /* "+ name", "- name", "~ name"; a directory that came or went is one, "name/" */
	} entries;
};

/* A file of the source that differs. */
struct compared_source {
	const char *path;            /* within the project, or ":/PATH" */
	struct git_change change;
	bool has_text;               /* both texts could be read */
	struct strbuf old, new;
	size_t added, removed;       /* lines */
};

struct compared_metric {
	const char *instance, *name;
	const struct metric *was, *is; /* NULL: absent */
};

/* A thing about the machine that differs, which no key contains: "cpu", "driver", a variable; "system" is the line `host` of a run. */
struct compared_fact {
	const char *name, *old, *new; /* NULL: absent */
};

struct comparison {
	struct arena arena;
	const struct snapshot *a, *b;
	struct compared_value *values;
	size_t n_values;
	struct compared_file *files;
	size_t n_files;
	struct compared_source *sources;
	size_t n_sources;
	struct compared_metric *metrics; /* all of instances in which one differs */
	size_t n_metrics;
	struct compared_fact *machine;
	size_t n_machine;
	const char **gone, **come;   /* instances that only a, only b has */
	size_t n_gone, n_come;
	struct metrics *parsed;      /* what metrics point into */
	size_t n_parsed;
};
#define COMPARISON_INIT {.arena = ARENA_INIT}

/* b is a or later; b may be the work tree. names[0..n): stages or instances that count; none: all. Contents that nobody has are
 * no error. */
NODISCARD int compare_make(struct comparison *c, const struct snapshot *a, const struct snapshot *b, const struct snapshot_tools *t,
			   const char *const *names, size_t n, struct err *err);
void comparison_release(struct comparison *c);

void report_compare(const struct comparison *c, const struct style *s, struct strbuf *out);
/* {"version": 1, "from": {"name", "run", "commit"}, "to": {...}, "code": [{"path", "change", "added", "removed", "lines"}],
 * "params": [{"name", "old", "new", "instances"}], "data": [{"path", "old", "new", "instances", "rows"|"entries"}],
 * "environment", "machine": [{"name", "old", "new"}], "commands", "outputs", "metrics": [{"instance", "name", "old", "new", "difference"}], "instances": {"added",
 * "removed"}} */
struct json *report_compare_json(const struct comparison *c);

#endif
