# SPDX-License-Identifier: GPL-3.0-or-later
# Logistic regression by gradient descent with momentum. Runs with math.awk: -v eta= -v momentum= -v epochs= -v l2=.
# The model is all that the service needs: a line "feature,mean,sd,weight" each, the bias first.

BEGIN { FS = "," }

FNR == 1 {
	m = NF - 2
	for (j = 1; j <= m; j++)
		name[j] = $(j + 1)
	next
}

{
	n++
	for (j = 1; j <= m; j++)
		x[n, j] = $(j + 1) + 0
	y[n] = $NF + 0
}

function scale(   i, j, sum, squares) {
	for (j = 1; j <= m; j++) {
		sum = squares = 0
		for (i = 1; i <= n; i++)
			sum += x[i, j]
		mean[j] = sprintf("%.9g", sum / n) + 0
		for (i = 1; i <= n; i++)
			squares += (x[i, j] - mean[j]) * (x[i, j] - mean[j])
		sd[j] = sprintf("%.9g", root(squares / n)) + 0
		if (sd[j] == 0)
			sd[j] = 1
		for (i = 1; i <= n; i++)
			x[i, j] = (x[i, j] - mean[j]) / sd[j]
	}
}

function step(   i, j, z, d) {
	for (j = 0; j <= m; j++)
		g[j] = j ? l2 * w[j] : 0
	for (i = 1; i <= n; i++) {
		z = w[0]
		for (j = 1; j <= m; j++)
			z += w[j] * x[i, j]
		d = (logistic(z) - y[i]) / n
		g[0] += d
		for (j = 1; j <= m; j++)
			g[j] += d * x[i, j]
	}
	for (j = 0; j <= m; j++) {
		v[j] = momentum * v[j] - eta * g[j]
		w[j] += v[j]
	}
}

END {
	if (!n) {
		print "no rows to train on" | "cat >&2"
		exit 1
	}
	scale()
	for (epoch = 1; epoch <= epochs; epoch++) {
		step()
		if (epoch % 10 == 0)
			printf "##mlmake progress %d/%d\n", epoch, epochs | "cat >&2"
	}
	print "feature,mean,sd,weight"
	printf "bias,0,1,%.9g\n", w[0]
	for (j = 1; j <= m; j++)
		printf "%s,%.9g,%.9g,%.9g\n", name[j], mean[j], sd[j], w[j]
}
