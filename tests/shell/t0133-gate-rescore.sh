#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# compare = rescore: what is in production is scored on the test data of today.
. "${srcdir:-.}/tests/shell/lib.sh"

# put_in_production NUMBER: the newest run that made model.txt, as a deploy would say so.
put_in_production() {
	run=$("$MLMAKE" log -n 1 | sed -n '1s/ .*//p')
	git tag -a "api#production#$1" -m "api: v0.0.$1 is in production" -m "Mlmake-Deploy: 1
Mlmake-Version: v0.0.$1
Mlmake-Run: $run
Mlmake-Ship: f $(sha model.txt) $(stat -c %s model.txt) model.txt" HEAD
}

# The model is a number, and right about every case that is not above it.
new_project a <<'END'
[project]
params  = p.ini
[stage train]
cmd     = cat {{data}} > {{outs}}
data    = train.txt
outs    = model.txt
[stage evaluate]
cmd     = echo "evaluate $PWD" >> "$COUNT"; sh score.sh {{data}} {{places}} > {{metrics}}; echo "$MLMAKE_SEED $MLMAKE_INSTANCE" > {{outs}}
env     = e
data    = model.txt test.txt
outs    = by.txt
metrics = out/eval.json
[env e]
vars    = COUNT
[gate release]
of      = evaluate
compare = rescore
require = acc >= production.acc
first   = pass
END
echo 'places = 3' > p.ini
cat > score.sh <<'END'
. ./lib.awk.sh
score "$1" "$2" "$3"
END
cat > lib.awk.sh <<'END'
score() { awk -v m="$(cat "$1")" -v p="$3" '{ n++; r += $1 <= m } END { printf "{\"acc\": %.*f}\n", p, r / n }' "$2"; }
END
printf 'train.txt\ntest.txt\nmodel.txt\nby.txt\nout\n' > .gitignore
echo 6 > train.txt
printf '%s\n' 1 2 3 4 5 6 7 8 9 10 > test.txt
git add . && git commit -q -m a
scored() { is "$(cut -d' ' -f1 "$COUNT" | wc -l)" "$1" 'times scored'; : > "$COUNT"; }

begin 'nothing in production: nothing is scored, and that is said'
mm 0
said 'nothing else is in production yet'
scored 1
mm 0
said 'nothing to do'
mm 0 metrics
said 'rescore:release'

begin 'what is in production is what is judged: nothing to do'
put_in_production 1
mm 0
said 'nothing to do'

begin 'a worse model is refused: both are scored, that of production in a tree of its own with its own bytes'
echo 5 > train.txt
mm 3
said 'acc >= production\.acc: 0\.5 >= 0\.6 does not hold'
is "$(grep -c "^evaluate $PWD\$" "$COUNT")" 1 'scored here'
is "$(grep -c '^evaluate .*/trees/rescore-' "$COUNT")" 1 'scored apart'
scored 2
holds model.txt 5
holds out/eval.production.json '{"acc": 0.600}'
said_not 'reads without declaring'
check 'no tree is left' test -z "$(ls .git/mlmake/trees 2> /dev/null | grep rescore)"

begin 'the gate is meant by its name alone'
mm 3 release
said '1 refused'
scored 0

begin 'another model: that of production is not scored again'
echo 4 > train.txt
mm 3
said '0\.4 >= 0\.6 does not hold'
scored 1
mm 3
scored 0

begin 'the test data of today count for both'
printf '%s\n' 1 7 8 9 10 11 11 11 11 11 > test.txt
echo 5 > train.txt
mm 0
said '^passed +gate:release'
scored 2
holds out/eval.production.json '{"acc": 0.100}'

begin 'and so do the parameters and the code, and what is not committed'
sed -i 's/3/4/' p.ini
mm 0
scored 2
holds out/eval.production.json '{"acc": 0.1000}'
sed -i 's/r \/ n/(r + 1) \/ n/' lib.awk.sh
sed -i 's/^data    = model.txt test.txt/&\ncode = lib.awk.sh/' mlmake.ini
mm 0
scored 2
holds out/eval.production.json '{"acc": 0.2000}'

begin 'the seed and the name are those of the stage itself'
cp by.txt "$T/by"
sed -i 's/; echo "$MLMAKE_SEED $MLMAKE_INSTANCE" > {{outs}}/; echo "$MLMAKE_SEED $MLMAKE_INSTANCE" | tee {{outs}}/' mlmake.ini
mm 0
check 'the same in the log' grep -qxF "$(cat "$T/by")" ".git/mlmake/work/top/log/rescore:release.log"

begin 'the model of production cannot be scored: failed, and the gate does not pass'
# shellcheck disable=SC2016
sed -i 's/^score /[ "$(cat "$1")" = 5 ] \&\& score /' score.sh
sed -i 's/^code = .*/& score.sh/' mlmake.ini
mm 1 -k
said "'evaluate' fails with the model from production: exit status 1"
said '^skipped +gate:release'

begin 'what it cannot be used with is an error'
sed -i 's/^of .*/of = evaluate more/; s/^require.*/require = acc >= production.more.acc/' mlmake.ini
printf '[stage more]\ncmd = x\nmatrix i = 1 2\nmetrics = more-{{i}}.json\n' >> mlmake.ini
mm 2
said "'compare = rescore' scores one instance, and 'of' names several"
sed -i 's/^of .*/of = more/' mlmake.ini
mm 2
said "'compare = rescore' scores one instance, and 'of' names several"
sed -i 's/^of .*/of = evaluate/' mlmake.ini
mm 2
said "scores 'evaluate' alone"
sed -i 's/^compare.*/compare = often/' mlmake.ini
mm 2
said "'compare' takes rescore or recorded, not 'often'"

# small NAME INPUT: the same with one input beside the model, and version 1 in production.
small() {
	new_project "$1" <<END
[stage train]
cmd     = cat {{data}} > {{outs}}
data    = train.txt
outs    = model.txt
[stage evaluate]
cmd     = sh score.sh model.txt $2 > {{metrics}}
code    = score.sh
data    = model.txt $2
metrics = out/eval.json
[gate release]
of      = evaluate
compare = rescore
require = acc >= production.acc
first   = pass
END
	cat > score.sh <<'END'
case $PWD in
*/trees/*) cp "${PWD%/.git/*}"/.git/mlmake/work/top/tasks/rescore:release "${PWD%/.git/*}/.git/task";;
esac
awk -v m="$(cat "$1")" '{ n++; r += $1 <= m } END { printf "{\"acc\": %.3f}\n", r / n }' "$2"
END
	printf '%s\n' train.txt model.txt out test.txt store > .gitignore
	echo 6 > train.txt
}

begin 'what a tracked link leads to is read, and stays as it is'
small b data/test.txt
mkdir "$T/far"
printf '%s\n' 1 2 3 4 5 6 7 8 9 10 > "$T/far/test.txt"
ln -s "$T/far" data
git add . && git commit -q -m b
mm 0
put_in_production 1
echo 5 > train.txt
mm 3
said '0\.5 >= 0\.6 does not hold'
is "$(wc -l < "$T/far/test.txt")" 10 'lines of the file behind the link'
is "$(readlink data)" "$T/far" 'the link'

begin 'nor is what it leads to when production ships something there'
mkdir "$T/models"
echo mine > "$T/models/model.txt"
sed -i 's/^outs .*/outs = m\/model.txt/; s/model\.txt data/m\/model.txt data/; s/score.sh model/score.sh m\/model/' mlmake.ini
ln -s "$T/models" m
git add . && git commit -q -m 'a link'
rm m
git update-index --assume-unchanged m
echo 6 > train.txt
mm 0 evaluate
git tag -a "api#production#2" -m "api: v0.0.2 is in production" -m "Mlmake-Deploy: 1
Mlmake-Version: v0.0.2
Mlmake-Run: $("$MLMAKE" log -n 1 | sed -n '1s/ .*//p')
Mlmake-Ship: f $(sha m/model.txt) $(stat -c %s m/model.txt) m/model.txt" HEAD
echo 4 > train.txt
mm 3
said '0\.4 >= 0\.6 does not hold'
holds "$T/models/model.txt" mine

begin 'an input that is a relative link to what git does not have'
small c test.txt
mkdir store
printf '%s\n' 1 2 3 4 5 6 7 8 9 10 > store/test.txt
ln -s store/test.txt test.txt
git add . && git commit -q -m c
mm 0
put_in_production 1
echo 5 > train.txt
mm 3
said '0\.5 >= 0\.6 does not hold'

begin 'an input that is another one by then: failed, and nothing is remembered'
cp .git/task "$T/task"
rm -r .git/mlmake/rescored
cp store/test.txt "$T/keep"
echo 1 > store/test.txt
mm 1 perform "$T/task"
check 'which is said' grep -q "'test.txt' is not any more what it was when the build was planned" "$T/task.said"
check 'nothing is remembered' test ! -e .git/mlmake/rescored
cp "$T/keep" store/test.txt
mm 0 perform "$T/task"

begin 'gc forgets what has not been of use in a quarter of a year'
remembered() { cat .git/mlmake/rescored/* 2> /dev/null | grep -ac '^mlmake-rescored 1 [1-9]'; }
if faked; then
	check 'before' test "$(remembered)" -gt 0
	faketime -f +80d "$MLMAKE" gc > "$T/out" 2>&1 || fail 'gc'
	check 'after 80 days' test "$(remembered)" -gt 0
	faketime -f +60d "$MLMAKE" perform "$T/task" || fail 'scored before'
	faketime -f +100d "$MLMAKE" gc > "$T/out" 2>&1 || fail 'gc'
	check 'used since' test "$(remembered)" -gt 0
	faketime -f +200d "$MLMAKE" gc > "$T/out" 2>&1 || fail 'gc'
	is "$(remembered)" 0 'after 200 days'
else
	check 'gc' "$MLMAKE" gc
	check 'it is young' test "$(remembered)" -gt 0
fi
finish
