/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The formulas of data/drift.h and data/score.h for who wants to compare them with others'. Reads lines "NAME K A... B...": twice K numbers; prints
 * the value, and p behind it where there is one. */
#include <config.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/drift.h"
#include "data/score.h"

#define MOST 10000

static void answer(const char *name, double *a, double *b, size_t k)
{
	uint64_t n[2][MOST];
	struct scored s[MOST];
	enum score_metric metric;
	double p = NAN, value = NAN;
	size_t i;

	for (i = 0; i < k; i++) {
		n[0][i] = (uint64_t)MAX(a[i], 0);
		n[1][i] = (uint64_t)MAX(b[i], 0);
		s[i] = (struct scored){a[i], b[i], a[i] == b[i]};
	}
	if (score_parse(name, &metric)) {
		value = score(metric, s, k);
	} else if (streq(name, "psi")) {
		value = drift_psi(n[0], n[1], k);
	} else if (streq(name, "js")) {
		value = drift_js(n[0], n[1], k);
	} else if (streq(name, "linf")) {
		value = drift_linf(n[0], n[1], k);
	} else if (streq(name, "chi2")) {
		value = drift_chi2(n[0], n[1], k, &p);
	} else {
		stats_sort(a, k);
		stats_sort(b, k);
		value = streq(name, "ks") ? drift_ks(a, k, b, k) : drift_wasserstein(a, k, b, k);
		p = streq(name, "ks") ? drift_ks_p(value, k, k) : NAN;
	}
	printf("%.17g %.17g\n", value, p);
}

int main(void)
{
	static double x[2][MOST];
	char name[32];
	size_t k, i;

	while (scanf("%31s %zu", name, &k) == 2 && k <= MOST) {
		for (i = 0; i < 2 * k; i++)
			if (scanf("%lf", &x[i / k][i % k]) != 1)
				return 1;
		answer(name, x[0], x[1], k);
	}
	return 0;
}
