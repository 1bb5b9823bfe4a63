/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shipping: the bytes to a place of their own, the command that ships them, health, and back again if that fails. What is written down
 * of it, and that only one does it at a time, is the caller's business. */
#ifndef LIFECYCLE_DEPLOY_H
#define LIFECYCLE_DEPLOY_H

#include "lifecycle/release.h"
#include "lifecycle/shipping.h"
#include "pipeline/deploy_rules.h"
#include "run/launcher.h"
#include "stale/record.h"
#include "store/store.h"

struct deploying {
	const struct deploy_rules *rules;
	const struct instance *in;
	const struct launcher *launcher;
	struct store *store;
	int signal_fd;
	const struct repo *repo;
	const struct release *what;   /* name, environment, version, ships */
	const struct release *before; /* what is there now, as far as is known; NULL: nothing */
	/* Before each step; -1 ends it there. why: what failed, before SHIPPING_UNDOES. */
	int (*phase)(void *ctx, enum shipping_phase phase, const char *why, struct err *err);
	void *ctx;
	bool interrupted; /* answer */
	bool stopped;     /* private: what is done now was interrupted */
};

enum deployed {
	DEPLOYED,         /* shipped, and healthy */
	DEPLOY_UNTOUCHED, /* it failed before anything was shipped: what was there is there */
	DEPLOY_UNDONE,    /* it failed, and what was there is there again */
	DEPLOY_UNKNOWN,   /* it failed, and nobody knows what is there */
};

/* Does it. *why gets what failed, unless DEPLOYED. -1 if the steps cannot be written down or the launcher is lost: then what is there is
 * not known either. */
NODISCARD int deploy_ship(struct deploying *d, enum deployed *how, struct strbuf *why, struct err *err);

/* A digest of how it is shipped, as it stands in tags. Owned. */
char *deploy_how(const struct deploy_rules *rules);
/* What in would ship, from its facts: name, environment (its first) and ships of *out, in a. */
void deploy_release(const struct instance *in, const struct deploy_rules *rules, const struct record *now, struct arena *a,
		    struct release *out);

#endif
