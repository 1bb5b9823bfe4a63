# SPDX-License-Identifier: GPL-3.0-or-later
# A model and rows it has not seen -> accuracy, auc, log_loss and how many rows there were, as JSON. Runs with math.awk.

BEGIN { FS = "," }

FNR == 1 { part++; next }

part == 1 && $1 == "bias" { bias = $4; next }

part == 1 { m++; mean[m] = $2; sd[m] = $3; w[m] = $4; next }

{
	z = bias
	for (j = 1; j <= m; j++)
		z += w[j] * ($(j + 1) - mean[j]) / sd[j]
	p[++n] = logistic(z)
	y[n] = $NF + 0
	right += (p[n] >= 0.5) == y[n]
	loss -= natural_log(y[n] ? p[n] : 1 - p[n])
}

# The chance that a malignant row gets a higher probability than a benign one.
function auc(   a, b, wins, pairs) {
	for (a = 1; a <= n; a++)
		for (b = 1; b <= n; b++)
			if (y[a] && !y[b]) {
				pairs++
				wins += p[a] > p[b] ? 1 : p[a] == p[b] ? 0.5 : 0
			}
	return pairs ? wins / pairs : 0
}

END {
	if (!n) {
		print "no rows to test on" | "cat >&2"
		exit 1
	}
	printf "{\n  \"accuracy\": %.6f,\n  \"auc\": %.6f,\n  \"log_loss\": %.6f,\n  \"n\": %d\n}\n", right / n, auc(), loss / n, n
}
