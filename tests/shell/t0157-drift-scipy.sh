#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The formulas of drift and of scores against scipy's and scikit-learn's, to nine digits.
. "${srcdir:-.}/tests/shell/lib.sh"
: "${builddir:=.}"
python=${MLMAKE_TEST_PYTHON:-python3}
[ -x "$builddir/drift_tool" ] || skip_all 'drift_tool is not built'
"$python" -c 'import scipy.stats, scipy.spatial' 2> /dev/null || skip_all 'there is no python3 with scipy; test_drift has stored values'

cat > "$T/compare.py" <<'END'
import math, random, subprocess, sys
from scipy import special, stats
from scipy.spatial import distance
try:
    from sklearn import metrics
except ImportError:
    metrics = None
random.seed(int(sys.argv[2]))
asked, want = [], []
def ask(name, a, b, *values):
    asked.append("%s %d %s %s" % (name, len(a), " ".join(map(repr, a)), " ".join(map(repr, b))))
    want.append((name, values))
for _ in range(200):
    k = random.randint(1, 200)
    a = [round(random.gauss(0, 1), random.choice([1, 9])) for _ in range(k)]
    b = [round(random.gauss(random.choice([0, 0.3]), 1.2), random.choice([1, 9])) for _ in range(k)]
    d = stats.ks_2samp(a, b).statistic
    ask("ks", a, b, d, special.kolmogorov(math.sqrt(k / 2) * d))
    ask("wasserstein", a, b, stats.wasserstein_distance(a, b))
    k = random.randint(2, 40)
    n = [random.choice([0, 1, random.randint(0, 500)]) for _ in range(k)]
    m = [random.choice([0, 1, random.randint(0, 500)]) for _ in range(k)]
    n[0] += 1; m[-1] += 1
    ask("js", n, m, distance.jensenshannon(n, m, base=2))
    p = [(x + 0.5) / (sum(n) + k / 2) for x in n]
    q = [(x + 0.5) / (sum(m) + k / 2) for x in m]
    ask("psi", n, m, stats.entropy(q, p) + stats.entropy(p, q))
    ask("linf", n, m, distance.chebyshev([x / sum(n) for x in n], [x / sum(m) for x in m]))
    table = [[x for x, y in zip(n, m) if x + y], [y for x, y in zip(n, m) if x + y]]
    if len(table[0]) > 1:
        r = stats.chi2_contingency(table, correction=False)
        ask("chi2", n, m, r[0], r[1])
    if metrics:
        k = random.randint(2, 200)
        y = [0, 1] + [random.randint(0, 1) for _ in range(k)]
        s = [round(random.random(), random.choice([1, 6])) for _ in y]
        s = [x if x != 0.5 else 0.6 for x in s]
        c = [float(x > 0.5) for x in s]
        ask("auc", s, y, metrics.roc_auc_score(y, s))
        ask("logloss", s, y, metrics.log_loss(y, s))
        ask("f1", s, y, metrics.f1_score(y, c))
        ask("rmse", s, y, math.sqrt(metrics.mean_squared_error(y, s)))
        ask("mae", s, y, metrics.mean_absolute_error(y, s))
        ask("accuracy", c, y, metrics.accuracy_score(y, c))
out = subprocess.run([sys.argv[1]], input="\n".join(asked), capture_output=True, text=True, check=True).stdout.splitlines()
assert len(out) == len(want), (len(out), len(want))
bad, seen = 0, set()
for line, question, (name, values) in zip(out, asked, want):
    for got, value in zip(map(float, line.split()), values):
        seen.add(name)
        if not abs(got - value) <= 1e-9 * max(abs(value), 1e-3):
            bad += 1
            if bad < 5:
                print(name, got, value, question[:300])
print("%d compared, of %s; %d differ" % (len(out), " ".join(sorted(seen)), bad))
sys.exit(bad > 0)
END
for seed in 1 2 3; do
	begin "drift and scores, by chance ($seed)"
	"$python" "$T/compare.py" "$builddir/drift_tool" "$seed" > "$T/out" 2> "$T/err" || fail 'they differ'
	said 'chi2 .*js ks linf .*psi .*wasserstein; 0 differ'
	diag "$(tail -n 1 "$T/out")"
done
finish
