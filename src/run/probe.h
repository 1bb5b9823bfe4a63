/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the probes of environments said: `probe = python3 -VV`. A build runs each once and remembers; commands that only
 * read use what is remembered and run nothing.
 *
 * Remembered in STATE/probes.json: {"<command>": "<output>"}. */
#ifndef RUN_PROBE_H
#define RUN_PROBE_H

#include "graph/graph.h"
#include "run/launcher.h"
#include "util/json.h"

struct probes {
	char *state_dir;
	struct json *said;
	bool changed;
};

void probes_open(struct probes *p, const char *state_dir);
void probes_release(struct probes *p);
/* The output of a probe that is remembered, without the blanks at its end; NULL: not known. ctx is a struct probes; for struct world. */
const char *probes_get(void *ctx, const char *cmd);
/* What a question of an environment was answered, behind its stamp and a line end, by its key. */
const char *probes_answer(void *ctx, const char *key);
struct probe_question {
	const char *name;   /* of whom it is, for the launcher */
	const char *cmd;    /* for one `sh -eu -c` */
	const struct env *env;     /* that it runs in; NULL: none */
	const struct instance *in; /* whose it is; NULL: it is the environment's own */
	int64_t timeout;    /* nanoseconds, 0: none */
	const char *prints; /* the file that it prints to, and how much at most; NULL: what it prints is the answer */
	int64_t most;
	bool bare;          /* without the environment's `run` */
	bool plain;         /* what it prints is taken as it is, whatever its length */
};
/* Runs one probe and appends what it printed, without the blanks at its end; of more than a kilobyte or of what is no text a digest. ERR_FAILED
 * with the end of what it printed; if it is out of time, too, and if it prints more than 64 MiB. ERR_STOPPED as below. */
NODISCARD int probe_ask(const struct probe_question *q, const char *state_dir, const struct launcher *l, int signal_fd, struct strbuf *said,
			struct err *err);
/* Runs the probes of the environments that the selected instances use, and their questions, and remembers. ERR_FAILED names the first that fails, with the
 * end of what it printed; ERR_STOPPED if signal_fd (-1: none) became readable, which is left to be read. */
NODISCARD int probes_run(struct probes *p, const struct pipeline *pl, const bool *selected,
			 const struct launcher *launcher, int signal_fd, struct err *err);

#endif
