/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "data/drift.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/map.h"

#define FEW_VALUES 20
#define DECILES 10

static const char *const names[] = {"psi", "ks", "chi2", "js", "wasserstein", "linf", "missing"};

const char *drift_name(enum drift_measure m)
{
	return names[m];
}

bool drift_parse(const char *s, enum drift_measure *m)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(names[i], s)) {
			*m = (enum drift_measure)i;
			return true;
		}
	return false;
}

/* ---- distribution functions ---- */

/* Goes through the values of both in order: visit gets the step from one value to the next, and both functions there. */
static void walk(const double *a, size_t n, const double *b, size_t m, void (*visit)(double *sum, double step, double apart), double *sum)
{
	size_t i = 0, j = 0;

	while (i < n || j < m) {
		double x = j >= m || (i < n && a[i] <= b[j]) ? a[i] : b[j], next;

		while (i < n && a[i] == x)
			i++;
		while (j < m && b[j] == x)
			j++;
		next = i >= n ? j >= m ? x : b[j] : j >= m ? a[i] : MIN(a[i], b[j]);
		visit(sum, next - x, fabs((double)i / (double)n - (double)j / (double)m));
	}
}

static void greatest(double *sum, double step, double apart)
{
	(void)step;
	*sum = MAX(*sum, apart);
}

static void area(double *sum, double step, double apart)
{
	*sum += step * apart;
}

double drift_ks(const double *a, size_t n, const double *b, size_t m)
{
	double d = 0;

	walk(a, n, b, m, greatest, &d);
	return d;
}

double drift_wasserstein(const double *a, size_t n, const double *b, size_t m)
{
	double sum = 0;

	walk(a, n, b, m, area, &sum);
	return sum;
}

/* Kolmogorov (1933): 2 sum (-1)^(k-1) exp(-2 k^2 x^2), and for small x, where that converges slowly, the same by Jacobi's theta function: 1 -
 * sqrt(2 pi) / x sum exp(-(2k-1)^2 pi^2 / (8 x^2)). */
double drift_ks_p(double d, size_t n, size_t m)
{
	double x = d * sqrt((double)n * (double)m / (double)(n + m)), sum = 0, term;
	int k;

	if (x <= 0)
		return 1;
	if (x < 1) {
		for (k = 1; k < 100; k++) {
			term = exp(-(2 * k - 1) * (2 * k - 1) * M_PI * M_PI / (8 * x * x));
			sum += term;
			if (term < 1e-18 * sum)
				break;
		}
		return 1 - sqrt(2 * M_PI) / x * sum;
	}
	for (k = 1; k < 100; k++) {
		term = exp(-2.0 * k * k * x * x);
		sum += k % 2 ? term : -term;
		if (term < 1e-18 * sum)
			break;
	}
	return MIN(2 * sum, 1);
}

/* ---- shares ---- */

static double total(const uint64_t *n, size_t k)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < k; i++)
		sum += (double)n[i];
	return sum;
}

double drift_psi(const uint64_t *ref, const uint64_t *now, size_t k)
{
	double half = 0.5 * (double)k, n = total(ref, k) + half, m = total(now, k) + half, sum = 0;
	size_t i;

	for (i = 0; i < k; i++) {
		double p = ((double)ref[i] + 0.5) / n, q = ((double)now[i] + 0.5) / m;

		sum += (q - p) * log(q / p);
	}
	return sum;
}

double drift_js(const uint64_t *ref, const uint64_t *now, size_t k)
{
	double n = total(ref, k), m = total(now, k), sum = 0;
	size_t i;

	for (i = 0; i < k; i++) {
		double p = (double)ref[i] / n, q = (double)now[i] / m, middle = (p + q) / 2;

		sum += p > 0 ? p * log2(p / middle) : 0;
		sum += q > 0 ? q * log2(q / middle) : 0;
	}
	return sqrt(MAX(sum, 0) / 2);
}

double drift_linf(const uint64_t *ref, const uint64_t *now, size_t k)
{
	double n = total(ref, k), m = total(now, k), d = 0;
	size_t i;

	for (i = 0; i < k; i++)
		d = MAX(d, fabs((double)ref[i] / n - (double)now[i] / m));
	return d;
}

/* The upper tail of the incomplete gamma function, Q(a, x): by its series below a + 1, by Lentz's continued fraction above (Abramowitz and
 * Stegun 6.5.29 and 6.5.31). */
static double gamma_q(double a, double x)
{
	double scale = exp(-x + a * log(x) - lgamma(a)), sum, term, b, c, d, h;
	int i;

	if (x <= 0)
		return 1;
	if (x < a + 1) {
		sum = term = 1 / a;
		for (i = 1; i < 100000 && term > 1e-17 * sum; i++)
			sum += term *= x / (a + i);
		return 1 - scale * sum;
	}
	b = x + 1 - a;
	c = 1e300;
	h = d = 1 / b;
	for (i = 1; i < 100000; i++) {
		double by = -i * (i - a);

		b += 2;
		d = by * d + b;
		d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d);
		c = b + by / c;
		c = fabs(c) < 1e-300 ? 1e-300 : c;
		h *= d * c;
		if (fabs(d * c - 1) < 1e-16)
			break;
	}
	return scale * h;
}

double drift_chi2(const uint64_t *ref, const uint64_t *now, size_t k, double *p)
{
	double n = total(ref, k), m = total(now, k), sum = 0;
	size_t i, filled = 0;

	for (i = 0; i < k; i++) {
		double all = (double)ref[i] + (double)now[i], want_n = all * n / (n + m), want_m = all * m / (n + m);

		if (!(all > 0))
			continue;
		filled++;
		sum += ((double)ref[i] - want_n) * ((double)ref[i] - want_n) / want_n;
		sum += ((double)now[i] - want_m) * ((double)now[i] - want_m) / want_m;
	}
	*p = filled > 1 ? gamma_q((double)(filled - 1) / 2, sum / 2) : 1;
	return sum;
}

/* ---- columns as bins ---- */

struct bins {
	uint64_t *ref, *now;
	size_t n;
};

/* The bounds of the bins that the sorted reference asks for: at most FEW_VALUES. */
static size_t find_edges(const double *x, size_t n, double *edges)
{
	size_t i, k = 0;

	for (i = 0; i < n && k <= FEW_VALUES; i++)
		if (!k || x[i] != edges[k - 1])
			edges[k++] = x[i];
	if (k <= FEW_VALUES)
		return k;
	for (i = 1, k = 0; i < DECILES; i++) {
		double e = stats_quantile(x, n, (double)i / DECILES);

		if (!k || e != edges[k - 1])
			edges[k++] = e;
	}
	return k;
}

static void count_numbers(const double *x, size_t n, const double *edges, size_t k, uint64_t *counts)
{
	size_t i, bin = 0;

	for (i = 0; i < n; i++) {
		while (bin < k && x[i] > edges[bin])
			bin++;
		counts[bin]++;
	}
}

static void number_bins(const struct summary_column *ref, const struct summary_column *now, struct bins *b)
{
	double edges[FEW_VALUES + 1];
	size_t k = find_edges(ref->sample, ref->n_sample, edges);

	b->n = k + 1;
	b->ref = xcalloc(b->n, sizeof(*b->ref));
	b->now = xcalloc(b->n, sizeof(*b->now));
	count_numbers(ref->sample, ref->n_sample, edges, k, b->ref);
	count_numbers(now->sample, now->n_sample, edges, k, b->now);
}

/* Adds the counts of c; all that has no value of its own goes to the last bin. */
static void count_values(const struct summary_column *c, struct map *numbers, uint64_t *counts, size_t rest)
{
	uint64_t left = c->rows - c->n[VALUE_MISSING];
	size_t i;

	for (i = 0; i < c->n_values; i++) {
		uintptr_t number = (uintptr_t)map_get(numbers, c->values[i].s);
		uint64_t n = MIN(c->values[i].count, left);

		counts[number ? number - 1 : rest] += n;
		left -= n;
	}
	counts[rest] += left;
}

static void value_bins(const struct summary_column *ref, const struct summary_column *now, struct bins *b)
{
	CLEANUP(map_release) struct map numbers = MAP_INIT;
	const struct summary_column *sides[] = {ref, now};
	bool exact = ref->exact && now->exact;
	size_t i, j, k = 0;

	/* Where counts are lower bounds, what is frequent in the reference is told apart, and the rest is one. */
	for (i = 0; i < (exact ? 2 : 1); i++)
		for (j = 0; j < sides[i]->n_values; j++)
			if (!map_get(&numbers, sides[i]->values[j].s))
				map_put(&numbers, sides[i]->values[j].s, (void *)(uintptr_t)++k);
	b->n = k + 1;
	b->ref = xcalloc(b->n, sizeof(*b->ref));
	b->now = xcalloc(b->n, sizeof(*b->now));
	count_values(ref, &numbers, b->ref, k);
	count_values(now, &numbers, b->now, k);
	b->n -= !b->ref[k] && !b->now[k];
}

static bool is_numbers(const struct summary_column *c)
{
	enum value_type t = summary_type(c);

	return t == VALUE_INT || t == VALUE_NUMBER;
}

static void by_bins(enum drift_measure m, const struct summary_column *ref, const struct summary_column *now, struct drift *out)
{
	struct bins b;

	if (is_numbers(ref) && is_numbers(now))
		number_bins(ref, now, &b);
	else
		value_bins(ref, now, &b);
	if (m == DRIFT_PSI)
		out->value = drift_psi(b.ref, b.now, b.n);
	else if (m == DRIFT_JS)
		out->value = drift_js(b.ref, b.now, b.n);
	else if (m == DRIFT_LINF)
		out->value = drift_linf(b.ref, b.now, b.n);
	else
		out->value = drift_chi2(b.ref, b.now, b.n, &out->p);
	free(b.ref);
	free(b.now);
}

static int by_functions(enum drift_measure m, const struct summary_column *ref, const struct summary_column *now, struct drift *out,
			struct err *err)
{
	double sd = summary_sd(ref);

	if (!is_numbers(ref) || !is_numbers(now))
		return err_set(err, ERR_INVALID, "%s is about numbers, and %s it has others", drift_name(m),
			       is_numbers(ref) ? "now" : "in the reference");
	if (m == DRIFT_KS) {
		out->value = drift_ks(ref->sample, ref->n_sample, now->sample, now->n_sample);
		out->p = drift_ks_p(out->value, ref->n_sample, now->n_sample);
		return 0;
	}
	out->value = drift_wasserstein(ref->sample, ref->n_sample, now->sample, now->n_sample);
	if (out->value > 0 && !(sd > 0))
		return err_set(err, ERR_INVALID, "all values of the reference are the same, so there is no measure of how far others are");
	out->value = out->value > 0 ? out->value / sd : 0;
	return 0;
}

int drift_between(enum drift_measure m, const struct summary_column *ref, const struct summary_column *now, struct drift *out,
		  struct err *err)
{
	*out = (struct drift){0, NAN};
	if (!ref->rows || !now->rows)
		return err_set(err, ERR_INVALID, "there are no rows %s", ref->rows ? "now" : "in the reference");
	if (m == DRIFT_MISSING) {
		out->value = MAX(summary_missing(now) - summary_missing(ref), 0);
		return 0;
	}
	if (ref->rows == ref->n[VALUE_MISSING] || now->rows == now->n[VALUE_MISSING])
		return err_set(err, ERR_INVALID, "all values are missing %s", ref->rows == ref->n[VALUE_MISSING] ? "in the reference" : "now");
	if (m == DRIFT_KS || m == DRIFT_WASSERSTEIN)
		return by_functions(m, ref, now, out, err);
	by_bins(m, ref, now, out);
	return 0;
}

/* ---- many questions ---- */

struct ranked {
	double p;
	size_t at;
};

static int by_p(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return x->p < y->p ? -1 : x->p > y->p;
}

/* Holm (1979): the k-th smallest times n - k + 1, never less than the one before. Benjamini and Hochberg (1995): times n / k, never more than
 * the one behind. */
void drift_correct(enum drift_correction how, double *p, size_t n)
{
	struct ranked *r = xcalloc(n + 1, sizeof(*r));
	double bound;
	size_t i;

	for (i = 0; i < n; i++)
		r[i] = (struct ranked){p[i], i};
	qsort(r, n, sizeof(*r), by_p);
	if (how == CORRECT_HOLM)
		for (i = 0, bound = 0; i < n; i++)
			p[r[i].at] = bound = MAX(bound, MIN(r[i].p * (double)(n - i), 1));
	if (how == CORRECT_BH)
		for (i = n, bound = 1; i-- > 0;)
			p[r[i].at] = bound = MIN(bound, r[i].p * (double)n / (double)(i + 1));
	free(r);
}
