/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How far two columns are apart: what a model learned from (the reference), and what it sees now.
 *
 *     psi          population stability index: the sum of (q - p) ln(q / p) over bins, the shares of which are (n + 1/2) / (N + k/2), so that
 *                  an empty bin is no infinity
 *     ks           Kolmogorov and Smirnov: the greatest distance of the distribution functions; p by Kolmogorov's limit
 *     chi2         Pearson's chi-square of the 2 x k table, without a correction; p
 *     js           Jensen and Shannon: the square root of the divergence, to base 2: 0 to 1
 *     wasserstein  the area between the distribution functions, in standard deviations of the reference
 *     linf         the greatest difference of two shares
 *     missing      how much greater the share of missing values is now
 *
 * Numbers are put into bins by the deciles of the reference, or by its values if there are 20 at most: (-inf, e1], (e1, e2] ... (ek, inf). Other
 * values are bins of their own, so a new one counts; where not all of them are known, the rest is one bin. ks and wasserstein are about
 * numbers alone. */
#ifndef DATA_DRIFT_H
#define DATA_DRIFT_H

#include "data/summary.h"

enum drift_measure { DRIFT_PSI, DRIFT_KS, DRIFT_CHI2, DRIFT_JS, DRIFT_WASSERSTEIN, DRIFT_LINF, DRIFT_MISSING, DRIFT_MEASURES };
const char *drift_name(enum drift_measure m);
bool drift_parse(const char *s, enum drift_measure *m);

struct drift {
	double value;
	double p;      /* of ks and chi2; else NAN */
};

/* ERR_INVALID says why it cannot be told: no values on a side, or not of a kind that the measure is about. */
NODISCARD int drift_between(enum drift_measure m, const struct summary_column *ref, const struct summary_column *now, struct drift *out,
			    struct err *err);

/* ---- the formulas; a and b are sorted, counts are of k bins */
double drift_ks(const double *a, size_t n, const double *b, size_t m);
double drift_ks_p(double d, size_t n, size_t m);
double drift_wasserstein(const double *a, size_t n, const double *b, size_t m);
double drift_psi(const uint64_t *ref, const uint64_t *now, size_t k);
double drift_js(const uint64_t *ref, const uint64_t *now, size_t k);
double drift_linf(const uint64_t *ref, const uint64_t *now, size_t k);
double drift_chi2(const uint64_t *ref, const uint64_t *now, size_t k, double *p);

/* What p-values are when n questions were asked. */
enum drift_correction { CORRECT_HOLM, CORRECT_BH, CORRECT_NONE };
void drift_correct(enum drift_correction how, double *p, size_t n);

#endif
