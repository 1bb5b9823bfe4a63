# SPDX-License-Identifier: GPL-3.0-or-later
# Cleaned rows -> train, valid and test, every feature scaled to mean 0 and standard deviation 1.
# Runs with math.awk. -v valid_share= -v test_share= -v seed=, -v train= -v valid= -v test= -v scale= (files to write)
# Where a row goes is a hash of its number and the seed: the same on every machine (rand() is not), and it stays when
# other rows come or go. Mean and deviation come from the training rows alone; scale.csv keeps them, for new patients.

# A number in [0, 1) from two: multiplications modulo different primes, all exact in a double.
function hash(id, seed,   h) {
	h = (id * 48271 + seed * 69621) % 2147483647
	h = (h * 65539 + 12345) % 4294967291
	h = (h * 40692) % 2147483399
	return h / 2147483399
}

# Mean and deviation of each feature over the training rows; a constant feature is only centred.
function fit(   i, r, d) {
	for (i = 2; i < columns; i++) {
		mean[i] = sd[i] = 0
		for (r = 1; r <= n; r++)
			if (to[r] == train)
				mean[i] += x[r, i]
		mean[i] /= count[train]
		for (r = 1; r <= n; r++)
			if (to[r] == train) {
				d = x[r, i] - mean[i]
				sd[i] += d * d
			}
		sd[i] = root(sd[i] / count[train])
		if (sd[i] == 0)
			sd[i] = 1
		printf "%s,%.6f,%.6f\n", name[i], mean[i], sd[i] > scale
	}
}

BEGIN { FS = "," }

NR == 1 {
	columns = NF
	for (i = 1; i <= NF; i++)
		name[i] = $i
	print > train
	print > valid
	print > test
	print "feature,mean,sd" > scale
	next
}

{
	n++
	for (i = 1; i <= columns; i++)
		x[n, i] = $i + 0
	h = hash($1, seed)
	to[n] = h < test_share ? test : h < test_share + valid_share ? valid : train
	count[to[n]]++
}

END {
	if (!count[train] || !count[valid] || !count[test]) {
		print "a part is empty: lower or raise test_share and valid_share" | "cat >&2"
		exit 1
	}
	fit()
	for (r = 1; r <= n; r++) {
		line = x[r, 1]
		for (i = 2; i < columns; i++)
			line = line sprintf(",%.6f", (x[r, i] - mean[i]) / sd[i])
		print line "," x[r, columns] > to[r]
	}
	printf "%d to train, %d to choose, %d to examine\n", count[train], count[valid], count[test]
}
