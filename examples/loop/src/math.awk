# SPDX-License-Identifier: GPL-3.0-or-later
# Roots, powers and logarithms from + - * / alone: the same to the last bit in every awk (a busybox may be built without
# them, and two C libraries need not agree), so that a result is the same file everywhere. Good to about 14 digits.

# sqrt(v) for v >= 0, by Newton's method.
function root(v,   r, last) {
	if (v <= 0)
		return 0
	r = v < 1 ? 1 : v
	do {
		last = r
		r = (r + v / r) / 2
	} while (r < last)
	return last
}

# exp(v): the series for what is behind the point, e by e for the rest.
function power(v,   whole, i, r) {
	whole = int(v)
	v -= whole
	r = 1
	for (i = 16; i > 0; i--)
		r = 1 + r * v / i
	for (; whole > 0; whole--)
		r *= 2.718281828459045
	for (; whole < 0; whole++)
		r /= 2.718281828459045
	return r
}

# log(v) for v > 0: halves and doubles until v is close to 1, then 2 atanh((v - 1) / (v + 1)) as a series.
function natural_log(v,   twos, s, square, i, r) {
	for (twos = 0; v > 1.4142135623730951; twos++)
		v /= 2
	for (; v < 0.7071067811865476; twos--)
		v *= 2
	s = (v - 1) / (v + 1)
	square = s * s
	r = 0
	for (i = 23; i > 0; i -= 2)
		r = 1 / i + r * square
	return 2 * s * r + twos * 0.6931471805599453
}

# The logistic function, the probability that a score stands for; never quite 0 or 1.
function logistic(z) {
	return 1 / (1 + power(z > 30 ? -30 : z < -30 ? 30 : -z))
}
