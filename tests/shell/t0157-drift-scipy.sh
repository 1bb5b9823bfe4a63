#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The formulas of drift and of scores against scipy's and scikit-learn's, to nine digits.
. "${srcdir:-.}/tests/shell/lib.sh"
: "${builddir:=.}"
[ -x "$builddir/drift_tool" ] || skip_all 'drift_tool is not built'
python=''
for one in ${MLMAKE_TEST_PYTHON:-python3 /usr/bin/python3}; do
	"$one" -c 'import scipy.stats, scipy.spatial' 2> /dev/null && python=$one && break
done
[ "$python" ] || skip_all 'there is no python3 with scipy; test_drift has stored values'

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

# All measures as a user has them: of tables of unequal lengths, with missing values, through the statistics that are kept.
cat > "$T/tables.py" <<'END'
import collections, csv, json, math, random, sys
import numpy
from scipy import special, stats
from scipy.spatial import distance
def write(name, n, mean, gaps, classes, first):
    with open(name, "w") as f:
        f.write("id,x,g,score\n")
        for i in range(first, first + n):
            x = "" if random.random() < gaps else "%.4f" % random.gauss(mean, 1)
            f.write("%d,%s,%s,%.3f\n" % (i, x, random.choice(classes), random.random()))
def read(name):
    return list(csv.DictReader(open(name)))
if sys.argv[1] == "write":
    random.seed(5)
    write("train.csv", 1700, 0, 0.03, "aabbc", 0)
    write("now.csv", 930, 0.2, 0.06, "abbccd", 10000)
    with open("labels.csv", "w") as f:
        f.write("id,label\n" + "".join("%d,%d\n" % (10000 + i, random.random() < 0.5) for i in range(930)))
    sys.exit()
ref, now = read("train.csv"), read("now.csv")
a, b = ([float(r["x"]) for r in t if r["x"]] for t in (ref, now))
edges = numpy.quantile(a, [i / 10 for i in range(1, 10)])
def bins(v): return numpy.bincount(numpy.searchsorted(edges, v), minlength=10)
def classes(t): return numpy.array([collections.Counter(r["g"] for r in t)[k] for k in "abcd"])
def share(n): return (n + 0.5) / (n.sum() + len(n) / 2)
label = {r["id"]: int(r["label"]) for r in read("labels.csv")}
pos, neg = ([float(r["score"]) for r in now if label[r["id"]] == y] for y in (1, 0))
d = stats.ks_2samp(a, b).statistic
want = {
    ("ks", "x"): (d, special.kolmogorov(math.sqrt(len(a) * len(b) / (len(a) + len(b))) * d)),
    ("wasserstein", "x"): (stats.wasserstein_distance(a, b) / numpy.std(a, ddof=1), None),
    ("missing", "x"): (1 - len(b) / len(now) - 1 + len(a) / len(ref), None),
    ("auc", "labels.csv"): (stats.mannwhitneyu(pos, neg).statistic / len(pos) / len(neg), None),
}
for column, p, q in (("x", bins(a), bins(b)), ("g", classes(ref), classes(now))):
    want["psi", column] = stats.entropy(share(q), share(p)) + stats.entropy(share(p), share(q)), None
    want["js", column] = distance.jensenshannon(p, q, base=2), None
    want["linf", column] = distance.chebyshev(p / p.sum(), q / q.sum()), None
    want["chi2", column] = stats.chi2_contingency([p, q], correction=False)[:2]
for answer in json.load(open(sys.argv[1]))["monitors"][0]["answers"]:
    which = answer["measure"], answer["column"]
    for got, value in zip((answer["value"], answer["p"]), want.pop(which)):
        if value is not None and not (got is not None and abs(got - value) <= 1e-9 * max(abs(value), 1e-3)):
            print("%s of %s: %r, not %r" % (*which, got, value))
print("%d are missing" % len(want))
END
begin 'what mlmake monitor says of tables'
new_project tables <<'END'
[monitor m]
data      = now.csv
against   = train.csv
drift     = psi 0.2 x g
            ks p 0.01 x
            chi2 p 0.01 x g
            js 0.1 x g
            wasserstein 0.5 x
            linf 0.1 x g
            missing 0.05 x
actual    = auc labels.csv >= 0.7
predicted = score
correct   = none
END
"$python" "$T/tables.py" write
mm 5 monitor -n --json
cp "$T/out" "$T/said.json"
"$python" "$T/tables.py" "$T/said.json" > "$T/compared" 2>&1
holds "$T/compared" '0 are missing'
finish
