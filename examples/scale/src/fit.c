/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fit ROWS MODEL METRICS PART...: adds up the parts and solves for the weights of least squares. MODEL is CSV, METRICS is
 * JSON. Parts that do not add up to ROWS are refused: the shards of the pipeline and the parameter disagree. */
#include "row.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t sums[COLUMNS][COLUMNS];

static int read_part(const char *path)
{
	FILE *in = fopen(path, "r");
	int64_t sum;
	int i, j, n;

	if (!in) {
		perror(path);
		return -1;
	}
	while ((n = fscanf(in, "%d %d %" SCNd64, &i, &j, &sum)) == 3) {
		if (i < 0 || j < i || j >= COLUMNS)
			break;
		sums[i][j] += sum;
	}
	fclose(in);
	if (n != EOF)
		fprintf(stderr, "%s: not a part\n", path);
	return n == EOF ? 0 : -1;
}

/* Gauss-Jordan elimination with the largest pivot; the last column of a becomes the solution. */
static int solve(double a[TARGET][COLUMNS])
{
	for (int c = 0; c < TARGET; c++) {
		int best = c;

		for (int r = c + 1; r < TARGET; r++)
			if (fabs(a[r][c]) > fabs(a[best][c]))
				best = r;
		if (a[best][c] == 0)
			return -1;
		for (int k = 0; k < COLUMNS; k++) {
			double t = a[c][k];

			a[c][k] = a[best][k];
			a[best][k] = t;
		}
		for (int k = COLUMNS - 1; k >= c; k--)
			a[c][k] /= a[c][c];
		for (int r = 0; r < TARGET; r++)
			for (int k = COLUMNS - 1; r != c && k >= c; k--)
				a[r][k] -= a[r][c] * a[c][k];
	}
	return 0;
}

static void fill(double a[TARGET][COLUMNS])
{
	for (int i = 0; i < TARGET; i++)
		for (int j = 0; j < COLUMNS; j++)
			a[i][j] = (double)(i <= j ? sums[i][j] : sums[j][i]);
}

/* What is left of the target's variance, and the error a row. */
static void judge(double a[TARGET][COLUMNS], double *r2, double *rmse)
{
	double n = (double)sums[0][0], left = (double)sums[TARGET][TARGET];
	double all = left - (double)sums[0][TARGET] * (double)sums[0][TARGET] / n;

	for (int i = 0; i < TARGET; i++)
		left -= a[i][TARGET] * (double)sums[i][TARGET];
	*r2 = 1 - left / all;
	*rmse = sqrt(fmax(left, 0) / n);
}

int main(int argc, char **argv)
{
	double a[TARGET][COLUMNS], r2, rmse;

	if (argc < 5) {
		fprintf(stderr, "usage: fit ROWS MODEL METRICS PART...\n");
		return 2;
	}
	for (int i = 4; i < argc; i++)
		if (read_part(argv[i]) < 0)
			return 1;
	if (sums[0][0] != strtoll(argv[1], NULL, 10)) {
		fprintf(stderr, "fit: the parts hold %" PRId64 " rows, not %s: do scale.shards and the matrix agree?\n",
			sums[0][0], argv[1]);
		return 1;
	}
	fill(a);
	if (solve(a) < 0) {
		fprintf(stderr, "fit: too few rows for %d weights\n", TARGET);
		return 1;
	}
	judge(a, &r2, &rmse);

	FILE *model = fopen(argv[2], "w"), *metrics = fopen(argv[3], "w");

	if (!model || !metrics) {
		perror("fit");
		return 1;
	}
	fprintf(model, "column,weight\n");
	for (int i = 0; i < TARGET; i++)
		fprintf(model, "%d,%.4f\n", i, a[i][TARGET]);
	fprintf(metrics, "{\n  \"rows\": %" PRId64 ",\n  \"r2\": %.6f,\n  \"rmse\": %.3f\n}\n", sums[0][0], r2, rmse);
	if (fclose(model) || fclose(metrics)) {
		perror("fit");
		return 1;
	}
	return 0;
}
