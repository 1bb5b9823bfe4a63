# SPDX-License-Identifier: GPL-3.0-or-later
# Logistic regression by gradient descent with momentum over all rows. Runs with math.awk:
# arguments train.csv valid.csv, -v l2= -v eta= -v momentum= -v epochs=, -v model= -v curve= (files to write).
# model: a line "feature,weight" each, the bias first. curve: the mean log loss on either file, every fifth epoch.

BEGIN { FS = "," }

FNR == 1 {
	part++
	m = NF - 1
	for (j = 2; j <= m; j++)
		name[j] = $j
	first[part] = rows + 1
	next
}

# Row r's features stand in x[r * m + 2 .. r * m + m]; the id in column 1 makes room for the bias in w[1].
{
	last[part] = ++rows
	for (j = 2; j <= m; j++)
		x[rows * m + j] = $j + 0
	y[rows] = $NF + 0
}

function score(r,   j, k, z) {
	k = r * m
	z = w[1]
	for (j = 2; j <= m; j++)
		z += w[j] * x[k + j]
	return z
}

function log_loss(p,   r, q, sum) {
	for (r = first[p]; r <= last[p]; r++) {
		q = logistic(score(r))
		sum -= natural_log(y[r] ? q : 1 - q)
	}
	return sum / (last[p] - first[p] + 1)
}

function descend(   r, j, k, e) {
	for (j = 1; j <= m; j++)
		grad[j] = 0
	for (r = 1; r <= n; r++) {
		e = logistic(score(r)) - y[r]
		k = r * m
		grad[1] += e
		for (j = 2; j <= m; j++)
			grad[j] += e * x[k + j]
	}
	for (j = 1; j <= m; j++) {
		move[j] = momentum * move[j] - eta * (grad[j] / n + (j > 1 ? l2 * w[j] : 0))
		w[j] += move[j]
	}
}

function look(epoch,   train, valid) {
	train = log_loss(1)
	valid = log_loss(2)
	printf "%d,%.6f,%.6f\n", epoch, train, valid > curve
	printf "##mlmake progress %d/%d loss=%.4f valid=%.4f\n", epoch, epochs, train, valid
	fflush()
}

END {
	n = last[1]
	if (!n || !last[2]) {
		print "no rows to train on, or none to choose by" | "cat >&2"
		exit 1
	}
	print "epoch,train,valid" > curve
	for (epoch = 0; epoch < epochs; epoch++) {
		if (epoch % 5 == 0)
			look(epoch)
		descend()
	}
	look(epochs)
	print "feature,weight" > model
	printf "bias,%.6f\n", w[1] > model
	for (j = 2; j <= m; j++)
		printf "%s,%.6f\n", name[j], w[j] > model
}
