#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Monitors: drift against what a model learned from, predictions against labels, history, and what follows.
. "${srcdir:-.}/tests/shell/lib.sh"

# table FROM TO SHIFT: rows with an id, a number, a class.
table() {
	awk -v from="$1" -v to="$2" -v shift="$3" 'BEGIN { print "id,x,plan,score"
		for (i = from; i < to; i++) { r = i * 7919 % 1000 / 1000; s = i * 104729 % 997 / 997
			printf "%d,%.3f,%s,%.3f\n", i, r + shift, s < 0.3 + shift ? "basic" : "pro", r } }'
}
# labels FROM TO FLIP: 1 where the score is above one half; every FLIP-th is the other way.
labels() {
	awk -v from="$1" -v to="$2" -v flip="$3" 'BEGIN { print "id,label"
		for (i = from; i < to; i++) { y = i * 7919 % 1000 / 1000 > 0.5; print i "," (i % flip ? y : 1 - y) } }'
}

new_project p <<'END'
[stage train]
cmd  = echo train >> "$COUNT"; wc -l < {{data}} > {{outs}}
data = train.csv
outs = model.txt

[monitor drift]
data    = prod/*.csv
against = train.csv
drift   = psi 0.2 x plan
          ks p 0.01 x
          missing 0.05 *
every   = 1d
then    = retrain after 2 cooldown 1h
END
mkdir prod
table 0 2000 0 > train.csv
table 2000 3000 0 > prod/1.csv

begin 'the reference is read in the build; a build does not look at what is monitored'
mm 0; ran train; said 'done +monitor:drift'
is "$(find .git/mlmake/statistics -type f | wc -l)" 1
echo 1,2,3 > prod/2.csv; mm 0; said 'nothing to do'; rm prod/2.csv
begin 'calm'
mm 0 monitor; said '^calm +monitor:drift +0 of 7 drifted, in 1,000 rows against the work tree$'; said 'calm +psi +x +0'
said 'calm +ks +x .*p '
begin 'drift exits with 5, and says what, by how much, and the limit'
table 3000 4000 0.4 > prod/1.csv
mm 5 monitor -n; said '^drift +monitor:drift +3 of 7 drifted'; said 'drift +psi +x +[0-9.]+ +\(drift is > 0.2\)'
said 'drift +psi +plan'; said 'drift +ks +x +.*p [0-9e.-]+ +\(drift is p < 0.01 \(holm\)\)'; said 'calm +missing +x +0 '
begin 'a dry run leaves no trace'
is "$(wc -l < .git/mlmake/monitor/drift)" 1
begin 'too few rows say nothing; nor does nothing'
table 3000 3400 0.4 > prod/1.csv
mm 0 monitor -n; said '^unknown +monitor:drift +400 rows, and 500 are needed'
rm prod/1.csv
mm 2 monitor -n drift; said "there are no data: nothing is at 'prod/\*.csv'"
mm 2 monitor other; said 'monitor:other'
begin 'a column that is gone, or has no values'
table 3000 4000 0 | cut -d, -f1,3 > prod/1.csv
mm 5 monitor -n; said "\\? +psi +x +there is no column 'x' now"; said "drift +missing +x +there is no column 'x' now"
table 3000 4000 0 | awk -F, -v OFS=, 'NR > 1 { $2 = "" } 1' > prod/1.csv
mm 5 monitor -n; said '\? +psi +x +all values are missing now'; said 'drift +missing +x +1 '
begin 'a column that never was'
cp mlmake.ini "$T/ini"; sed -i 's/psi 0.2 x plan/psi 0.2 y/; /^ *ks p/d; /^ *missing/d' mlmake.ini
table 3000 4000 0 > prod/1.csv
mm 2 monitor -n; said '^unknown +monitor:drift +0 of 1 could be measured'; said "\\? +psi +y +there is no column 'y' in the reference"
cp "$T/ini" mlmake.ini
begin 'a class that was never seen'
table 3000 4000 0 | sed 's/,pro,/,gold,/' > prod/1.csv
mm 5 monitor -n; said 'drift +psi +plan'

if "$MLMAKE" help | grep -q '^  retrain '; then
begin 'twice in a row, and then retraining; its end is kept'
rm -r .git/mlmake/monitor
table 3000 4000 0.4 > prod/1.csv
mm 5 monitor; said 'not retrained: 1 of 2 looks in a row'
table 3000 4000 0 > prod/1.csv
mm 0 monitor
table 3000 4000 0.4 > prod/1.csv
mm 5 monitor; said 'not retrained: 1 of 2'
echo >> train.csv
mm 5 monitor; said 'retrain: retrained; there is no \[deploy NAME\], so nothing is deployed'; ran train
mm 5 monitor; said 'not retrained: 1 of 2'
mm 5 monitor; said 'not retrained: cooldown: [0-9]'
mm 0 monitor --history; said 'drift +psi x [0-9.]+, psi plan'; said 'calm'
is "$(grep -c 'retrain:' "$T/out")" 1
if have_python; then
	mm 0 monitor --history --json
	is "$(json "$T/out" '[e["outcome"] for e in d["history"]]')" '["drift", "calm", "drift", "drift", "drift", "drift", "drift"]'
	is "$(json "$T/out" '[e["action"]["exit"] for e in d["history"] if e["action"]]')" '[null, 0]'
	mm 5 monitor -n --json
	is "$(json "$T/out" 'd["version"], d["monitors"][0]["outcome"], d["monitors"][0]["answers"][0]["column"]')" '[1, "drift", "x"]'
fi
begin 'retraining says what came of it'
again() { rm -rf .git/mlmake/monitor; mm 5 monitor; said "retrain: $1"; "$MLMAKE" monitor --history | grep -Eq -- "-> retrain: $1" || fail "no $1 in the history"; }
cp .git/mlmake/monitor/drift "$T/kept"; cp mlmake.ini "$T/ini"; sed -i 's/ after 2 / after 1 /' mlmake.ini
again 'nothing was stale, so nothing was built$'
cat >> mlmake.ini <<'END'
[deploy api]
gate = none
ship = model.txt
cmd  = echo shipped; test ! -e "$T/sick"
undo = true
END
git add mlmake.ini; git commit -qm deploy
again 'deployed; nothing had to be built'
again 'nothing was stale, so nothing was built or deployed'
echo >> train.csv; again 'retrained and deployed'; ran train
sed -i 's/echo train >>/echo train  >>/' mlmake.ini; again 'retrained; what is deployed is what came out already'; ran train
: > "$T/sick"; echo >> train.csv; again 'a deploy failed; .*--status'; ran train
sed -i 's/^cmd  = echo train  >>.*/cmd  = false/' mlmake.ini; again 'a stage or a check failed; production stays'
rm "$T/sick"; cp "$T/ini" mlmake.ini; cp "$T/kept" .git/mlmake/monitor/drift
else
	skip 'twice in a row, and then retraining' 'there is no retrain'
fi
begin 'a history that was torn or damaged: the rest counts'
cp .git/mlmake/monitor/drift "$T/log"
printf '0123456789abcdef {"outcome": "dri' >> .git/mlmake/monitor/drift
mm 5 monitor; said '1 lines of its history are damaged'
is "$(grep -c . .git/mlmake/monitor/drift)" "$(($(wc -l < "$T/log") + 2))"
mm 0 monitor --history
cp "$T/log" .git/mlmake/monitor/drift
begin 'only what is due'
mm 0 monitor --due; silent
sed -i 's/every   = 1d/every = 1m/' mlmake.ini
mm 0 monitor --due; silent
begin 'somebody else is looking'
if command -v flock > /dev/null; then
	(flock 9; mm 75 monitor; exit "$bad") 9> .git/mlmake/monitor/drift.lock || bad=1
	said 'another mlmake looks at it'
fi

begin 'predictions against labels that arrived later'
new_project actual <<'END'
[monitor quality]
data      = prod/*.csv
rows      = 100..
predicted = score
actual    = auc labels.csv >= 0.9
            accuracy labels.csv >= 0.95
            rmse labels.csv < 0.4
END
mkdir prod
table 0 1000 0 > prod/1.csv
labels 1 800 1000000 > labels.csv
mm 0 monitor; said '^calm +monitor:quality +0 of 3'; said 'calm +auc +labels.csv +1 +\(wanted >= 0.9\)'
begin 'worse than is wanted'
labels 0 800 3 > labels.csv
mm 5 monitor; said 'drift +auc +labels.csv +0\.'; said 'drift +accuracy +labels.csv +0.66'
begin 'labels that are missing, few, or of one class'
echo id,label > labels.csv
mm 0 monitor; said '\? +auc +labels.csv +no prediction has a label'
labels 0 50 3 > labels.csv
mm 0 monitor; said '\? +auc +labels.csv .*50 rows have a label, and 100 are needed'
printf 'id,label\n1,0\n2,0\n' > labels.csv
mm 0 monitor; said '\? +auc +labels.csv +auc of labels of one class alone is not defined'
printf 'id,y\n1,0\n' > labels.csv
mm 2 monitor; said '0 of 3 could be measured'; said "labels.csv has no column 'label'; say which it is: 'label = NAME'"
rm labels.csv
mm 2 monitor; said "there are no labels: 'labels.csv' is not there"
begin 'what is in production is compared with, and its absence said'
sed -i 's/>= 0.9$/>= production.auc - 0.03/' mlmake.ini
labels 0 800 3 > labels.csv
mm 5 monitor; said 'nothing is in production yet'

begin 'the reference is what the model in production learned from, also when it is gone'
new_project live <<'END'
[stage train]
cmd     = echo '{"auc": 0.93}' > {{metrics}}
data    = train.csv
metrics = eval.json
[monitor m]
data      = prod/*.csv
against   = train.csv
drift     = psi 0.2 x
predicted = score
actual    = auc labels.csv >= production.auc - 0.5
END
mkdir prod
table 0 2000 0 > train.csv
mm 0
run=$("$MLMAKE" log | sed -n 's/^.*\([0-9]\{8\}T[0-9]\{6\}-[0-9a-f]\{4,\}\).*$/\1/p' | head -n 1)
git add mlmake.ini && git commit -qm one
git tag -a 'api@v1.0.0' -m 'api v1.0.0' -m "Mlmake-Deploy: 1
Mlmake-Version: v1.0.0
Mlmake-Run: $run"
git tag -a 'api#production#1' -m 'api v1.0.0 is in production' -m "Mlmake-Deploy: 1
Mlmake-Version: v1.0.0
Mlmake-Action: deploy
Mlmake-Run: $run"
table 0 2000 0.4 > train.csv
mm 0
table 3000 4000 0.4 > prod/1.csv
labels 3000 4000 1000000 > labels.csv
mm 5 monitor; said "against run $run"; said 'drift +psi +x'; said 'calm +auc +labels.csv .*wanted >= production.auc - 0.5'
rm -r .git/mlmake/statistics
mm 5 monitor; said "against run $run"; said 'drift +psi +x'
sed -i 's/- 0.5/+ 0.2/' mlmake.ini
mm 5 monitor; said 'drift +auc'
is "$(find .git/mlmake/work -path '*/reference/*')" ''
begin 'looks at the same time do not share what they bring back; what a kill left goes'
if command -v flock > /dev/null; then
	dir=$(find .git/mlmake/work -name reference)
	mkdir "$dir/1.0" "$dir/2.0"; echo 1 > "$dir/1.0/x"; echo 1 > "$dir/2.0/x"
	rm -r .git/mlmake/statistics
	(flock 9; mm 5 monitor; exit "$bad") 9< "$dir/1.0" || bad=1
	exists "$dir/1.0/x"; missing "$dir/2.0"
	rm -r "$dir/1.0"
else
	skip 'looks at the same time' 'there is no flock'
fi

begin 'what is wrong in a section'
cat > mlmake.ini <<'END'
[monitor m]
data  = x.csv
drift = pis 0.2 a
        psi p 0.1 a
        psi 0.2
        chi2 0.1 a
        ks high a
actual = auc
         auc l.csv >= other.auc
         roc l.csv >= 1
then  = redeploy
every = 1s
correct = bonferroni
END
mm 2 lint
said "mlmake.ini:3: error: 'drift': 'pis' is no measure; did you mean 'psi'"
said "mlmake.ini:4: error: 'drift': psi has no probability"
said "mlmake.ini:5: error: 'drift': it names no column"
said "mlmake.ini:6: error: 'drift': chi2 is judged by its probability"
said "mlmake.ini:7: error: 'drift': 'high' is no threshold"
said "mlmake.ini:8: error: 'actual': which labels"
said "mlmake.ini:9: error: 'actual': 'other.auc' means nothing here"
said "mlmake.ini:10: error: 'actual': 'roc' is no metric"
said "mlmake.ini:11: error: 'then': write 'retrain'"
said "mlmake.ini:12: error: 'every'"
said "mlmake.ini:13: error: 'correct': 'bonferroni' is no correction"
printf '[monitor m]\ndata = x.csv\ndrift = psi 0.2 a\n' > mlmake.ini
mm 2 lint; said "compares with nothing; give it 'against"
finish
