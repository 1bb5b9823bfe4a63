# SPDX-License-Identifier: GPL-3.0-or-later
# A model and the rows it has not seen -> JSON. Runs with math.awk:
# arguments model.csv valid.csv test.csv, -v l2= -v threshold=.
# auc, accuracy, recall and log_loss are those of the test rows; valid_log_loss is what models are chosen by.

BEGIN { FS = "," }

FNR == 1 { part++; next }

part == 1 { w[FNR - 1] = $2 + 0; next }

{
	z = w[1]
	for (j = 2; j < NF; j++)
		z += w[j] * $j
	r = ++n[part]
	p[part, r] = logistic(z)
	y[part, r] = $NF + 0
}

function log_loss(part,   r, sum) {
	for (r = 1; r <= n[part]; r++)
		sum -= natural_log(y[part, r] ? p[part, r] : 1 - p[part, r])
	return sum / n[part]
}

# The chance that a malignant row gets a higher probability than a benign one; a tie is half a win.
function auc(part,   a, b, wins, pairs) {
	for (a = 1; a <= n[part]; a++)
		for (b = 1; b <= n[part]; b++)
			if (y[part, a] && !y[part, b]) {
				pairs++
				wins += p[part, a] > p[part, b] ? 1 : p[part, a] == p[part, b] ? 0.5 : 0
			}
	return pairs ? wins / pairs : 0
}

END {
	if (!n[2] || !n[3]) {
		print "no rows to evaluate on" | "cat >&2"
		exit 1
	}
	for (r = 1; r <= n[3]; r++) {
		said = p[3, r] >= threshold
		right += said == y[3, r]
		ill += y[3, r]
		found += said && y[3, r]
	}
	print "{"
	printf "  \"l2\": %s,\n", l2
	printf "  \"auc\": %.4f,\n", auc(3)
	printf "  \"accuracy\": %.4f,\n", right / n[3]
	printf "  \"recall\": %.4f,\n", ill ? found / ill : 0
	printf "  \"log_loss\": %.4f,\n", log_loss(3)
	printf "  \"valid_log_loss\": %.4f\n", log_loss(2)
	print "}"
}
