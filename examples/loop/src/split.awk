# SPDX-License-Identifier: GPL-3.0-or-later
# Patients with a diagnosis -> rows to train on and rows to test on: -v share= -v train= -v test= (files to write).
# Where a patient goes is a hash of the number, so that nobody changes sides when others come.

function hash(id,   h) {
	h = (id * 48271 + 69621) % 2147483647
	h = (h * 65539 + 12345) % 4294967291
	h = (h * 40692) % 2147483399
	return h / 2147483399
}

BEGIN { FS = "," }

{ sub(/\r$/, "") }

NR == 1 { print > train; print > test; next }

{ print > (hash($1) < share ? test : train) }
