#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# lineage: from bytes to the run that made them. log: the runs that are asked for.
. "${srcdir:-.}/tests/shell/lib.sh"

new_project p <<'END'
[project]
params = params.ini
[stage clean]
cmd  = grep -v '?' {{data}} > {{outs}}
data = raw.csv
outs = clean.csv
[stage train]
matrix seed = 1 2
cmd  = sh train.sh {{data}} {{eta}} {{seed}} > {{outs}}
data = clean.csv
code = train.sh
outs = model-{{seed}}.txt
[stage evaluate]
cmd     = awk '{ print "auc = " $1 / 100 }' {{data}} > {{metrics}}
data    = model-1.txt
metrics = eval.txt
[stage parts]
cmd  = mkdir -p {{outs}} && split -l 2 {{data}} {{outs}}/part-
data = clean.csv
outs = parts
END
echo "awk -F, -v eta=\"\$2\" -v seed=\"\$3\" 'NR > 1 { s += \$2 } END { print s * eta + seed }' \"\$1\"" > train.sh
echo 'eta = 0.5' > params.ini
printf 'id,x\n1,20\n2,30\n3,?\n4,80\n' > raw.csv
printf 'clean.csv\nmodel-*.txt\neval.txt\nparts/\n' > .gitignore
git add -A; git commit -qm 'the beginning'
mm 0; git add mlmake.lock; git commit -qm 'first result'
first=$("$MLMAKE" log | head -n 1 | cut -d' ' -f1)
source=$(git rev-parse --short=9 HEAD~1)
cp model-2.txt "$T/stray.bin"; old=$(sha model-1.txt)
echo 'eta = 0.7' > params.ini
GIT_AUTHOR_NAME='Somebody Else' "$MLMAKE" -q
second=$("$MLMAKE" log | head -n 1 | cut -d' ' -f1)

begin 'a file that was copied out of the project: which run, commit, stage, parameters and data made it, down to the raw data'
mm 0 lineage "$T/stray.bin"
said "^  made by   train@2 in run $first of 20.* by tester, commit $source\$"
said '^  as        model-2.txt$'
said '^  param     eta = 0.5$'; said '^  var       seed = 2$'
said "^  code      $(sha train.sh | cut -c 1-12)  train.sh\$"
said "^    clean.csv  $(sha clean.csv | cut -c 1-12) "
said "^      made by   clean in run $first "
said "^        raw.csv  $(sha raw.csv | cut -c 1-12) "
said "^          given     first read by clean in run $first "

begin 'a file in place, one that was renamed, and one below the directory where one stands'
mm 0 lineage model-2.txt; said "train@2 in run $second .* by Somebody Else, commit .* with changes"; said 'eta = 0.7'
mkdir -p sub; cp model-2.txt sub/renamed
cd sub || exit 1
mm 0 lineage renamed; said "train@2 in run $second"
cd .. || exit 1

begin 'a bare digest, also of a result that is nowhere on disk any more'
mm 0 lineage "$old"; said "train@1 in run $first"
mm 0 lineage "sha256:$old"; said "train@1 in run $first"

begin 'two models with the same metrics: those in place are told of by the model that is there, and bytes alone by the first'
new_project same <<'END'
[stage train]
cmd     = cat {{data}} > {{outs}}
data    = in.txt
outs    = model.txt
[stage evaluate]
cmd     = wc -l < {{data}} > {{metrics}}
data    = model.txt
metrics = lines.txt
END
echo one > in.txt; mm 0
one=$("$MLMAKE" log -n 1 | head -n 1 | cut -d' ' -f1)
echo two > in.txt; mm 0; mkdir below
two=$("$MLMAKE" log -n 1 | head -n 1 | cut -d' ' -f1)
mm 0 lineage lines.txt
said "^  made by   evaluate in run $two"; said "^    model.txt  $(sha model.txt | cut -c 1-12) "; said "train in run $two"
cd below || exit 1
mm 0 lineage ../lines.txt; said "evaluate in run $two"
cd .. || exit 1
mm 0 lineage "$(sha lines.txt)"; said "evaluate in run $one"
echo one > in.txt; mm 0; said '1 restored'
mm 0 lineage lines.txt; said "evaluate in run $one"; said "train in run $one"
cd ../p || exit 1

begin 'what is not known is not known, and the exit code says so'
echo nobody > "$T/other"
mm 1 lineage "$T/other"; said 'not known'
mm 1 lineage "$T/other" model-1.txt; said 'not known'; said 'train@1'
mm 2 lineage /no/such/file; said 'neither a file nor'
mm 2 lineage

begin 'a file in place in a directory that a stage makes comes from where the directory does'
mm 0 lineage parts/part-aa; said '^parts  '; said 'made by   parts in run'
mm 0 lineage parts; said 'made by   parts in run'

begin 'a file of a directory is known by its own bytes wherever it is, and so is a directory below'
mkdir "$T/away"; cp parts/part-ab "$T/away/stray"
mm 0 lineage "$T/away/stray"; said "^  made by   parts in run $first"; said '^  as        parts/part-ab$'; said '^    clean.csv '
echo x > "$T/away/none"; mm 1 lineage "$T/away/none"; said 'not known'
new_project many <<'END'
[project]
params = params.ini
[stage many]
cmd  = mkdir -p {{outs}}/a/b; for i in $(seq 600); do echo "$i of {{n}}" > {{outs}}/a/b/$i; done; head -c 300000 /dev/zero > {{outs}}/a/large; echo {{n}} >> {{outs}}/a/large
outs = tree
[stage one]
cmd  = cat {{data}} > {{outs}}
data = tree/a/b/17 given
outs = one.txt
END
printf 'tree\none.txt\ngiven\n' > .gitignore; echo given > given
for n in 1 2 3; do echo "n = $n" > params.ini; git add -A; git commit -qm $n; mm 0; cp -r tree "$T/away/tree$n"; done
ids=$("$MLMAKE" log | cut -d' ' -f1 | grep '^20')
one=$(echo "$ids" | tail -n 1) three=$(echo "$ids" | head -n 1)
known() {
	mm 0 lineage "$T/away/tree1/a/b/599"; said "made by   many in run $one"; said '^  as        tree/a/b/599$'; said 'n = 1'
	mm 0 lineage "$T/away/tree3/a/large"; said "made by   many in run $three"; said '^  as        tree/a/large$'
	mm 0 lineage "$T/away/tree2/a/b"; said "made by   many in run"; said '^  as        tree/a/b$'; said 'n = 2'
}
known
begin 'what reads one file of a directory reads what was made, not what was given'
mm 0 lineage one.txt; said "^      made by   many in run $three"; said "^      given     first read by one in run $one"
mm 0 lineage "$T/away/tree2/a/b/17"; said "made by   many in run"; said 'n = 2'
begin 'of what was given in one directory and made in another the run that made it is told'
new_project given <<'END'
[stage read]
cmd  = ls {{data}} > {{outs}}
data = raw
outs = names.txt
END
printf '%s\n' raw made names.txt > .gitignore
mkdir -p raw/sub; echo same > raw/sub/x; echo raw > raw/y; git add . && git commit -qm 1
mm 0; cp raw/sub/x "$T/away/x"
mm 0 lineage "$T/away/x"; said 'given     first read by read in run'; said '^  as        raw/sub/x$'
printf '[stage make]\ncmd = mkdir -p made/sub; echo same > made/sub/x\nouts = made\n' >> mlmake.ini
mm 0
mm 0 lineage "$T/away/x"; said 'made by   make in run'; said '^  as        made/sub/x$'
rm -r .git/mlmake/made
mm 0 lineage "$T/away/x"; said 'made by   make in run'
cd "$T/w/many" || exit 1

begin 'without tables the runs themselves tell, also those of another clone that were fetched with git'
rm -r .git/mlmake/small .git/mlmake/closures .git/mlmake/made
known
git clone -q . "$T/many"; cd "$T/many" || exit 1
git fetch -q origin 'refs/mlmake/*:refs/mlmake/*'
known
missing .git/mlmake/small
cd "$T/w/p" || exit 1

begin 'the table is a cache: without it the chains are read, and the next run makes it anew'
mm 0 lineage --json "$T/stray.bin"; cp "$T/out" "$T/json"
rm -r .git/mlmake/made
mm 0 lineage --json "$T/stray.bin"; check 'the same' cmp "$T/out" "$T/json"
missing .git/mlmake/made
echo 'eta = 0.8' > params.ini; mm 0
exists .git/mlmake/made
mm 0 lineage --json "$T/stray.bin"; check 'the same' cmp "$T/out" "$T/json"
for f in .git/mlmake/made/*; do echo damaged > "$f"; done
mm 0 lineage --json "$T/stray.bin"; check 'the same' cmp "$T/out" "$T/json"

begin 'what another clone made is known once its chain was fetched, and the table takes it up'
git commit -qam 'more'; git clone -q . "$T/clone"
cd "$T/clone" || exit 1
mm 1 lineage "$T/stray.bin"
git fetch -q origin 'refs/mlmake/*:refs/mlmake/*'
mm 0 lineage --json "$T/stray.bin"; check 'the same' cmp "$T/out" "$T/json"
echo 'eta = 0.05' > params.ini; mm 0
mm 0 lineage --json "$T/stray.bin"; check 'the same' cmp "$T/out" "$T/json"
there=$(sha model-1.txt)
cd "$T/w/p" || exit 1
mm 1 lineage "$there"
git fetch -q "$T/clone" 'refs/mlmake/*:refs/mlmake/*'
mm 0 lineage "$there"; said 'train@1 in run'
echo 'eta = 0.9' > params.ini; mm 0
mm 0 lineage "$there"; said 'train@1 in run'

if have_python; then
	begin 'as JSON, nested'
	is "$(json "$T/json" '[d["files"][0][k] for k in ("how", "instance", "run", "path")]')" "[\"made\", \"train@2\", \"$first\", \"model-2.txt\"]"
	is "$(json "$T/json" 'd["files"][0]["params"]')" '{"eta": "0.5", "seed": "2"}'
	is "$(json "$T/json" 'd["files"][0]["data"][0]["data"][0]["how"]')" read
fi

begin 'what was put back was made by the run that made it'
echo 'eta = 0.5' > params.ini; mm 0
mm 0 lineage model-2.txt; said "train@2 in run $first"

begin 'log: by stage, metric, author, time and outcome, and all of them together'
ids() { cut -d' ' -f1 "$T/out" | grep -c '^20'; }
mm 0 log --where 'auc >= 0.9'
is "$(ids)" 3 'runs'
mm 0 log --where 'auc<0.9' --where 'auc>0.1' --limit 1; is "$(ids)" 1 'runs'
mm 0 log --where 'auc < 0'; said 'none of [0-9]* runs is like that'
mm 0 log --author somebody; said "^$second "; is "$(ids)" 1 'runs'
mm 0 log --author SOMEBODY --where 'auc >= 100'; said 'none of'
mm 0 log --stage clean; said "$first"; said_not "$second"
mm 0 log --stage nobody; said 'none of'
echo ': x' >> train.sh; mm 0 accept train --because 'a comment'
mm 0 log --outcome accepted; is "$(ids)" 1 'runs'; said 'a comment'
mm 0 log --since 1h --outcome done; said "$first"
mm 0 log --until '2020-01-01'; said 'none of'
mm 0 log --since 2020-01-01 --until 2100-01-01T00:00:00Z; said "$first"
mm 2 log --since yesterdayish; said 'is no time'
mm 2 log --where auc; said 'is no test'
if have_python; then
	mm 0 log --json --author somebody
	is "$(json "$T/out" '[r["id"] for r in d["runs"]]')" "[\"$second\"]"
fi
finish
