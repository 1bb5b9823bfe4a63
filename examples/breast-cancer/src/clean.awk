# SPDX-License-Identifier: GPL-3.0-or-later
# scikit-learn's copy of the data -> CSV with a header, the row's number first and the label last (1: malignant).
# Line 1 of the input says how many rows and features follow. A malformed row is left out, and counted on stderr;
# a file that does not have the promised rows is refused.

BEGIN {
	FS = ","
	n_names = split("radius texture perimeter area smoothness compactness concavity concave_points symmetry " \
		"fractal_dimension", name, " ")
	n_kinds = split("mean se worst", kind, " ")
	printf "id"
	for (k = 1; k <= n_kinds; k++)
		for (i = 1; i <= n_names; i++)
			printf ",%s_%s", name[i], kind[k]
	print ",malignant"
}

function well_formed(   i) {
	if (NF != features + 1 || $NF !~ /^[01]$/)
		return 0
	for (i = 1; i < NF; i++)
		if ($i !~ /^[0-9]+(\.[0-9]+)?$/)
			return 0
	return 1
}

{ sub(/\r$/, "") }

NR == 1 {
	promised = $1 + 0
	features = $2 + 0
	if (features != n_names * n_kinds || $3 != "malignant" || $4 != "benign") {
		printf "%s:1: not the header that was expected: %s\n", FILENAME, $0 | "cat >&2"
		failed = 1
		exit 1
	}
	next
}

{ rows++ }

!well_formed() {
	dropped++
	printf "%s:%d: malformed row left out\n", FILENAME, NR | "cat >&2"
	next
}

{
	printf "%d", NR - 1
	for (i = 1; i < NF; i++)
		printf ",%s", $i
	print "," ($NF == "0" ? 1 : 0)
}

END {
	if (failed)
		exit 1
	if (rows != promised) {
		printf "%d rows, but line 1 promises %d\n", rows, promised | "cat >&2"
		exit 1
	}
	printf "%d rows, %d left out\n", rows, dropped | "cat >&2"
}
