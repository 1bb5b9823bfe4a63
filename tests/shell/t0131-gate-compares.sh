#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Gates that compare with what is in production, with what passed before, and with the best that did.
. "${srcdir:-.}/tests/shell/lib.sh"

# score AUC: what the stage will say.
score() { printf '{"auc": %s}\n' "$1" > raw.json; }

# put_in_production NUMBER: the newest run, as a deploy would say so.
put_in_production() {
	run=$("$MLMAKE" log -n 1 | sed -n '1s/ .*//p')
	git tag -a "api#production#$1" -m "api: v0.0.$1 is in production" -m "Mlmake-Deploy: 1
Mlmake-Version: v0.0.$1
Mlmake-Run: $run" HEAD
}

begin 'nothing in production yet: said, and refused'
new_project a <<'END'
[stage evaluate]
cmd     = cat {{data}} > {{metrics}}
data    = raw.json
metrics = eval.json
[gate release]
of      = evaluate
require = auc >= production.auc - 0.005
END
printf 'raw.json\neval.json\n' > .gitignore
git add . && git commit -q -m a
score 0.83
mm 3
said 'nothing else is in production yet'
said 'first = pass'

begin 'unless the first one is to pass, which is said as well'
echo 'first = pass' >> mlmake.ini
git commit -q -a -m 'first'
mm 0
said 'note: gate:release: .*nothing else is in production yet'

begin 'what is judged is itself in production: it is not compared with itself, and the gate stays fresh'
put_in_production 1
mm 0
said 'nothing to do'

begin 'a worse one is refused, and why shows with what it was compared'
score 0.80
mm 3
said 'auc >= production.auc - 0.005: 0.8 >= 0.825 does not hold'
mm 0 why gate:release
said 'production\.auc: none: .* -> 0\.83'
said '[^.]auc: 0\.83 -> 0\.8$'

begin 'one as good is let through, and what it was compared with stays when it is in production'
score 0.828
mm 0
said '^passed +gate:release'
put_in_production 2
mm 0
said 'nothing to do'
score 0.824
mm 0
score 0.822
mm 3
said '0\.822 >= 0\.823 does not hold'

begin 'a stronger requirement than production meets itself'
sed -i 's/^require.*/require = auc > production.auc/' mlmake.ini
git commit -q -a -m 'stronger'
score 0.84
mm 0
put_in_production 3
mm 0
said 'nothing to do'
score 0.84001
mm 0
score 0.84
mm 0

begin 'previous: what passed last, not what was refused'
new_project b <<'END'
[stage evaluate]
cmd     = cat {{data}} > {{metrics}}
data    = raw.json
metrics = eval.json
[gate release]
of      = evaluate
require = auc >= previous.auc - 0.01
first   = pass
END
score 0.80
mm 0
score 0.795
mm 0
mm 0
said 'nothing to do'
score 0.78
mm 3
said '0\.78 >= 0\.785 does not hold'
score 0.781
mm 3
said '0\.781 >= 0\.785 does not hold'
score 0.79
mm 0

begin 'best: the greatest of all that passed where more is better'
sed -i 's/^require.*/require = auc >= best.auc - 0.01/' mlmake.ini
mm 0
mm 0
said 'nothing to do'
score 0.9
mm 0
score 0.88
mm 3
said '0\.88 >= 0\.89 does not hold'
score 0.895
mm 0
score 0.889
mm 3

begin 'and the least where less is better'
sed -i 's/^require.*/require = auc <= 1.1 * best.auc/' mlmake.ini
score 0.8
mm 0
score 0.9
mm 3
said '0\.9 <= 0\.869 does not hold'
sed -i 's/^require.*/require = abs(best.auc) > 0/' mlmake.ini
mm 2
said '^mlmake\.ini:7: error: .*column 5: whether the greatest or the least'

begin 'a clone knows what passed, by mlmake.lock and the log, and without either nothing did'
cd "$T/w/a" || exit 1
mm 0 log
git clone -q . ../c && cd ../c || exit 1
score 0.83
mm 3

begin 'the first one passes by the comparison with production, and by nothing else in the same requirement'
new_project d <<'END'
[stage evaluate]
cmd     = cat {{data}} > {{metrics}}
data    = raw.json
metrics = eval.json
[gate release]
of      = evaluate
require = auc >= 0.8 and auc >= production.auc
first   = pass
END
score 0.1
mm 3
said 'auc >= 0\.8 and auc >= production\.auc: does not hold'
score 0.8
mm 0
said 'nothing else is in production yet'

begin 'nor without the metric itself, on whichever side it stands'
sed -i 's/^require.*/require = production.auc <= auc/' mlmake.ini
echo '{"f1": 0.9}' > raw.json
mm 3
said "eval\.json has no 'auc'"
score NaN
mm 3

if ! have_python || sanitized; then
	finish
	exit 0
fi

# peak: the most memory that asking what is stale takes, in KiB.
peak() {
	python3 -c 'import resource, subprocess, sys
subprocess.run([sys.argv[1], "status"], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$MLMAKE"
}

# runs FROM TO: in each the gate passes, and another record has 3,000 facts.
runs() {
	for i in $(seq "$1" "$2"); do
		score "0.$i"
		mm 0
	done
}

begin 'what other instances were made of in all the runs that passed is not kept in memory'
new_project m <<'END'
[stage evaluate]
cmd     = cat raw.json > {{metrics}}
data    = raw.json d/*.txt
metrics = eval.json
[gate release]
of      = evaluate
require = auc >= best.auc - 1
first   = pass
END
mkdir d
(cd d && seq -f 'a-file-with-a-name-that-takes-some-room-%g.txt' 3000 | xargs touch)
runs 10 12
few=$(peak)
runs 13 33
many=$(peak)
check "$many KiB are not many more than $few" test "$many" -lt $((few + 6000))
finish
