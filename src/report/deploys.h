/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is deployed where, since when, by whom, from which commit and data, as text and as JSON. */
#ifndef REPORT_DEPLOYS_H
#define REPORT_DEPLOYS_H

#include "back/snapshot.h"
#include "lifecycle/registry.h"
#include "lifecycle/shipping.h"
#include "util/json.h"
#include "util/term.h"

/* One environment of one deploy. */
struct deploy_place {
	const char *name, *environment;
	const struct release *live, *before; /* NULL: nothing */
	bool gone;                           /* it is in no section any more */
	bool busy;                           /* somebody is shipping now */
	bool has_left;                       /* it did not end, or could not be undone: */
	struct shipping left;
	const char *commit;                  /* hex; that the live version stands on */
	struct data_file {                   /* raw data that what is live was made from, by path */
		const char *path;
		const struct content *content;
	} *data;
	size_t n_data;
};

/* The raw inputs from which s made the files that r ships. In a. */
void deploy_data(const struct snapshot *s, const struct release *r, struct arena *a, struct deploy_place *out);

void report_deploys(const struct deploy_place *v, size_t n, int64_t now, const struct style *s, struct strbuf *out);
/* {"version": 1, "deploys": [{"name", "environment", "state": "live"|"nothing"|"busy"|"unknown", "live": {...}, "before", "trouble"}]} */
struct json *report_deploys_json(const struct deploy_place *v, size_t n);

#endif
