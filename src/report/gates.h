/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gates: what each requires, the numbers on both sides, and whether it passes. */
#ifndef REPORT_GATES_H
#define REPORT_GATES_H

#include "stale/plan.h"
#include "util/json.h"
#include "util/term.h"

enum gate_verdict { GATE_PASSES, GATE_REFUSES, GATE_UNKNOWN /* something runs first, or it cannot be told */ };

/* A table for each gate that which (by node) marks. Returns the worst verdict; a refusal is worse than what is not known. */
enum gate_verdict report_gates(const struct plan *p, const bool *which, const struct style *s, struct strbuf *out);
/* {"version": 1, "gates": [{"name", "verdict": "passes"|"refuses"|"unknown", "waits": [instances that run first], "problem": text|null,
 * "requirements": [{"require", "holds", "none", "left", "sign", "right", "margin", "of", "problem", "doubt"}], "values": {name: text}}]}; what
 * is not known is null. */
struct json *report_gates_json(const struct plan *p, const bool *which, enum gate_verdict *worst);

/* Does in, a gate that is stale, refuse what is there now? Then why, clean, in one line. */
bool report_gate_refuses(const struct instance *in, const struct verdict *v, struct strbuf *why);

#endif
