/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "data/score.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

static const char *const names[] = {"accuracy", "auc", "logloss", "rmse", "mae", "f1"};

bool score_parse(const char *s, enum score_metric *m)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(names[i], s)) {
			*m = (enum score_metric)i;
			return true;
		}
	return false;
}

static bool positive(double x)
{
	return x > 0.5;
}

static int by_predicted(const void *a, const void *b)
{
	const struct scored *x = a, *y = b;

	return x->predicted < y->predicted ? -1 : x->predicted > y->predicted;
}

/* Mann and Whitney: the share of pairs of a positive and a negative in which the positive is rated higher; equal ones count half. */
static double auc(struct scored *v, size_t n)
{
	double ranks = 0, ones = 0, zeros;
	size_t i, j, k;

	qsort(v, n, sizeof(*v), by_predicted);
	for (i = 0; i < n; i = j) {
		for (j = i; j < n && v[j].predicted == v[i].predicted; j++)
			;
		for (k = i; k < j; k++)
			if (positive(v[k].actual)) {
				ranks += (double)(i + j + 1) / 2;
				ones++;
			}
	}
	zeros = (double)n - ones;
	return ones > 0 && zeros > 0 ? (ranks - ones * (ones + 1) / 2) / (ones * zeros) : NAN;
}

static double f1(const struct scored *v, size_t n)
{
	double hits = 0, wrong = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		bool is = positive(v[i].actual), said = positive(v[i].predicted);

		hits += is && said;
		wrong += is != said;
	}
	return hits > 0 || wrong > 0 ? 2 * hits / (2 * hits + wrong) : NAN;
}

double score(enum score_metric m, struct scored *v, size_t n)
{
	double sum = 0;
	size_t i;

	if (m == SCORE_AUC)
		return auc(v, n);
	if (m == SCORE_F1)
		return f1(v, n);
	for (i = 0; i < n; i++) {
		double away = v[i].predicted - v[i].actual, p = MIN(MAX(v[i].predicted, DBL_EPSILON), 1 - DBL_EPSILON);

		if (m == SCORE_ACCURACY)
			sum += v[i].same;
		else if (m == SCORE_LOGLOSS)
			sum -= log(positive(v[i].actual) ? p : 1 - p);
		else
			sum += m == SCORE_MAE ? fabs(away) : away * away;
	}
	sum /= (double)n;
	return m == SCORE_RMSE ? sqrt(sum) : sum;
}
