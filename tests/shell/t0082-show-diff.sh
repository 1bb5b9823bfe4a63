#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# show, diff and why --run: what a run was, and in what two of them differ; also in a plain fresh clone, and with git alone.
. "${srcdir:-.}/tests/shell/lib.sh"

new_project p <<'END'
[project]
params = params.ini
[env sh]
vars = MODE
[stage clean]
cmd  = grep -v '?' {{data}} > {{outs}}
data = raw.csv
outs = clean.csv
[stage train]
matrix seed = 1 2
env  = sh
cmd  = sh train.sh {{data}} {{eta}} {{seed}} > {{outs}}
data = clean.csv
code = train.sh
outs = model-{{seed}}.txt
[stage evaluate]
cmd     = awk '{ print "auc = " $1 / 100 }' {{data}} > {{metrics}}
data    = model-1.txt
metrics = eval.txt
END
cat > train.sh <<'END'
: trains a model
: from numbers
: in a file
awk -F, -v eta="$2" -v seed="$3" 'NR > 1 { s += $2 } END { print s * eta + seed }' "$1"
END
echo 'eta = 0.5' > params.ini
printf 'id,x\n1,20\n2,30\n3,?\n4,80\n' > raw.csv
printf 'clean.csv\nmodel-*.txt\neval.txt\n' > .gitignore
git add -A; git commit -qm 'the beginning'
MODE=slow; export MODE
mm 0; git add mlmake.lock; git commit -qm 'first result'
first=$("$MLMAKE" log | head -n 1 | cut -d' ' -f1)
git tag v1
echo 'eta = 0.7' > params.ini
printf 'id,x\n1,20\n4,80\n5,90\n' > raw.csv
sed 's/in a file/in a better file/' train.sh > n; mv n train.sh
MODE=fast; export MODE
mm 0
second=$("$MLMAKE" log | head -n 1 | cut -d' ' -f1)
git commit -qam 'second result'

begin 'show tells who, when, where, with what source, and of each part why, with what, and what came of it'
mm 0 show
said "^run $second  done  20[0-9-]* [0-9:]*  4 ran in "
said '^  by        tester <tester@example.org>'
said '^  command   mlmake$'
said '^  on        Linux '
said '^  source    [0-9a-f]{12} with changes in 3 files$'
said '^              train.sh  \+1 -1$'
said '^done      train@1  '
said 'param     eta: 0.5 -> 0.7'
said 'env       MODE: slow -> fast'
said 'code      train.sh changed'
said '\+3: : in a better file'
said "cmd       sh train.sh clean.csv 0.7 1 > model-1.txt"
said "outs      $(sha model-1.txt | cut -c 1-12)  model-1.txt"
said 'auc = 1.34'
mm 0 show "$second" train
said '^done      train@1'; said '^done      train@2'; said_not '^done      clean'
mm 0 show "$second" train@2; said_not '^done      train@1'
mm 2 show "$second" nobody; said "'nobody' had no part in run $second"
mm 2 show 20990101T000000-00000000; said 'neither a run nor a commit'

begin 'a run goes by its id, by a commit that it built, by a tag of that, and by the beginning of its commit in the chain'
for word in "$first" HEAD~1 v1 "$(git rev-parse HEAD~1)"; do
	mm 0 show "$word"
	said "^run $first"
done
mm 0 show HEAD; said "^run $second"
chain=$(git for-each-ref --format='%(refname)' refs/mlmake/log)
mm 0 show "$(git rev-parse --short=12 "$chain")"; said "^run $second"

begin 'diff: code by lines, parameters, rows of data, environment, outputs, metrics side by side'
mm 0 diff v1 HEAD
cp "$T/out" "$T/diff"
said '^from  commit .* \(run '; said "^to    commit .* \(run $second\)"
said '^  train.sh +changed  \+1 -1$'
said '^     : from numbers$'; said '^    -: in a file$'; said '^    \+: in a better file$'
said '^  eta .* 0.5 -> 0.7  \(train@1, train@2\)$'
said "^  raw.csv +$(git show v1:raw.csv | sha256sum | cut -c 1-12) -> $(sha raw.csv | cut -c 1-12) "
said '^    rows: 4 -> 3, 1 added, 2 removed$'
said '^    -2,30$'; said '^    -3,\?$'; said '^    \+5,90$'
said '^  MODE +slow -> fast  \(train@1, train@2\)$'
said "^  model-1.txt +[0-9a-f]{12} -> $(sha model-1.txt | cut -c 1-12) "
said '^  evaluate  auc  0.66 -> 1.34  \+0.68$'
said_not '^commands'
mm 0 diff "$first" "$second"
sed 1,2d "$T/out" > "$T/d1"; sed 1,2d "$T/diff" > "$T/d2"
check 'by runs and by commits the same' cmp "$T/d1" "$T/d2"
mm 0 diff "$second" "$first"
said '^  evaluate  auc  1.34 -> 0.66  -0.68$'

begin 'diff --stage speaks of that one alone; --json has it all'
mm 0 diff v1 HEAD --stage evaluate
said_not '^  eta '; said 'auc  0.66'
if have_python; then
	mm 0 diff v1 HEAD --json
	is "$(json "$T/out" 'd["data"][0]["rows"]["examples_added"]')" '["5,90"]'
	is "$(json "$T/out" '[(x["name"], x["old"], x["new"]) for x in d["params"]]')" '[["eta", "0.5", "0.7"]]'
	is "$(json "$T/out" 'round(d["metrics"][0]["difference"], 6)')" 0.68
	is "$(json "$T/out" '[l for c in d["code"] if c["path"] == "train.sh" for l in c["lines"] if l[0] == "+"]')" '["+: in a better file"]'
	mm 0 show "$second" --json
	is "$(json "$T/out" 'd["run"]["id"]')" "$second"
	is "$(json "$T/out" '[c["path"] for c in d["run"]["changes"]]')" '["params.ini", "raw.csv", "train.sh"]'
	is "$(json "$T/out" '[p["metrics"] for p in d["run"]["instances"] if p["name"] == "evaluate"]')" '[{"auc": 1.34}]'
fi

begin 'diff without B is with the work tree, without A from the last run'
mm 0 diff
said '^to    the work tree$'; said 'nothing differs'
echo 'eta = 0.9' > params.ini; echo ': more' >> train.sh; echo '6,1' >> raw.csv; rm eval.txt
mm 0 diff
said '^  eta .* 0.7 -> 0.9'; said '^    \+: more$'; said '^    \+6,1$'; said '^  eval.txt .*-> none'
git checkout -q .; mm 0

begin 'diff after verify is still from what was built; what stands as it was built differs in nothing, whatever the index has'
new_project verified <<'END'
[stage s]
cmd  = cat {{data}} > {{outs}}
data = d.txt
outs = s.txt
END
echo 1 > d.txt; echo s.txt > .gitignore; git add -A; git commit -qm one
echo 2 >> d.txt; mm 0
mm 0 diff; said 'nothing differs'; said_not 'd.txt'
mm 0 diff HEAD; said 'd.txt'
built=$("$MLMAKE" log | head -n 1 | cut -d' ' -f1)
mm 0 verify s --twice; mm 0 diff; said "^from  run $built"; said 'nothing differs'
mm 0 show; said_not "^run $built"

begin 'an output that was missing is told from one that is no longer declared'
rm s.txt; mm 0
mm 0 show; said 'output    s.txt is missing'
mm 0 why --run "$("$MLMAKE" log | head -n 1 | cut -d' ' -f1)"; said 'output    s.txt is missing'
sed -i 's/^cmd .*/cmd = cat d.txt > s.txt; cat d.txt > t.txt/; s/^outs.*/outs = s.txt t.txt/' mlmake.ini; mm 0
sed -i 's/^cmd .*/cmd = cat d.txt d.txt > s.txt/; s/^outs.*/outs = s.txt/' mlmake.ini; mm 0
mm 0 show; said 'output    t.txt is no longer an output'
cd "$T/w/p" || exit 1

begin 'instances that came and went, commands, columns'
cp mlmake.ini "$T/ini"
sed "s/matrix seed = 1 2/matrix seed = 1 3/; s/print \"auc = \"/print \"AUC = \"/" "$T/ini" > mlmake.ini
printf 'id,x,y\n1,20,a\n4,80,b\n5,90,c\n' > raw.csv
mm 0 diff
said '^  removed   train@2$'; said '^  added     train@3$'
said "^    -awk '\{ print \"auc"; said "^    \+awk '\{ print \"AUC"
said '^    column added: y$'; said 'rows: 3 -> 3, 0 added, 0 removed'
git checkout -q .; mm 0

begin 'why --run: the reasons of the past'
mm 0 why --run "$second" train@1
said "^train@1 ran in run $second of "
said 'param     eta: 0.5 -> 0.7'; said '\+3: : in a better file'; said_not 'clean ran'
mm 0 why --run "$first" clean
said 'never built'
mm 2 why --run "$first" nobody
if have_python; then
	mm 0 why --run "$second" --json evaluate
	is "$(json "$T/out" '[r["name"] for r in d["instances"][0]["reasons"]]')" '["model-1.txt"]'
fi

begin 'an acceptance is a run like another: why it was one, and by whom'
echo ': a comment' >> train.sh
mm 0 accept train --because 'it is a comment'
mm 0 show
said 'accepted'; said '^  because   it is a comment$'; said '^accepted  train@1'; said 'code      train.sh changed'
git commit -qam 'a comment'

begin 'what only reads writes nothing and runs nothing'
find . -type f -exec sha256sum {} + | sort > "$T/before"
: > "$COUNT"
mm 0 show; mm 0 diff v1; mm 0 diff v1 HEAD; mm 0 why --run "$first" clean; mm 0 log --where "auc > 0"; mm 0 lineage model-1.txt
find . -type f -exec sha256sum {} + | sort > "$T/after"
check 'files' cmp "$T/before" "$T/after"

begin 'it all works in a plain fresh clone that has fetched the chains'
git clone -q . "$T/clone" && cd "$T/clone" || exit 1
mm 2 show "$second"
git fetch -q origin 'refs/mlmake/*:refs/mlmake/*'
mm 0 show "$second" train
said "^run $second"; said 'param     eta: 0.5 -> 0.7'
said '-3: : in a file'; said '\+3: : in a better file'; said '-3: 2,30'
mm 0 diff v1 "$second"
sed 1,2d "$T/out" > "$T/d1"
check 'the same as there' cmp "$T/d1" "$T/d2"
mm 0 why --run "$second" train@1; said 'eta: 0.5 -> 0.7'

begin 'the same can be had with plain git'
run=$(git log --format=%H --grep="Run: $second" "$chain")
git show "$run:run" > "$T/plain"
check 'the command' grep -q '^command mlmake$' "$T/plain"
check 'the reason' grep -q '^why param	eta	=0.5	=0.7$' "$T/plain"
before=$(git log --format=%H --grep="Run: $first" "$chain")
git diff "$before" "$run" -- source > "$T/plain"
check 'the lines of code' grep -q '^+: in a better file$' "$T/plain"
git diff "$before" "$run" -- artifacts > "$T/plain"
check 'the metrics' grep -q '^+auc = 1.34$' "$T/plain"
is "$(git show "$run:artifacts/model-1.txt" | sha256sum | cut -d' ' -f1)" "$(git show "$run:mlmake.lock" | sed -n 's/^outs f \([0-9a-f]*\) .* model-1.txt$/\1/p')" 'the model'

begin 'directories by their files, in and out; what is not kept is said'
new_project dirs <<'END'
[stage cut]
cmd  = mkdir -p {{outs}}/deep && cp -r {{data}}/. {{outs}}/deep && rm -f {{outs}}/deep/big
data = in
outs = out
END
mkdir in in/a in/b; echo 1 > in/a/one; echo 2 > in/a/two; echo 3 > in/b/three; echo same > in/same
printf 'out/\nin/\n' > .gitignore; git add -A; git commit -qm x; mm 0
d1=$("$MLMAKE" log | head -n 1 | cut -d' ' -f1)
rm in/a/two; echo 33 > in/b/three; mkdir in/c; echo 4 > in/c/four; chmod +x in/a/one
mm 0
d2=$("$MLMAKE" log | head -n 1 | cut -d' ' -f1)
mm 0 diff "$d1" "$d2"
for way in in out; do
	sed -n "/^  $way /,/^  [a-z]/p" "$T/out" | grep -q 'files: 1 added, 1 removed, 2 changed' || fail "files of $way"
done
said '^    ~ a/one$'; said '^    - a/two$'; said '^    ~ b/three$'; said '^    \+ c/$'; said '^    \+ deep/c/$'; said_not 'same'
echo 5 > in/five
mm 0 diff; said 'in +.*'

begin 'a chain that others wrote moves no cursor, and a damaged one is no crash'
cd "$T/clone" || exit 1
esc=$(printf '\033')
git show "$run:run" | sed 's/^id .*/id 20260101T000000-\\x1b[31m/; s/^outcome .*/outcome d\\x1b[2Jone/; s/^author .*/author \\x1b]0;x\\x07 <a@b>/
	s/^part done \(.*\) clean$/part d\\x1b[1m \1 clean\\x1b[1m/' > "$T/run"
git show "$run:records" | sed 's/^\[evaluate\]/[eval\\x1b[5m]/; s/model-2.txt$/model\\x1b[5m.txt/' > "$T/records"
tree=$(printf '100644 blob %s\tmlmake.lock\n100644 blob %s\trecords\n100644 blob %s\trun\n' "$(git rev-parse "$run:mlmake.lock")" \
	"$(git hash-object -w "$T/records")" "$(git hash-object -w "$T/run")" | git mktree)
bad_run=$(git commit-tree -m 'bad' "$tree")
git update-ref refs/mlmake/log/bad-00000001 "$bad_run"
for command in log "show $bad_run" "diff $bad_run $second" "diff v1 $bad_run" "why --run $bad_run" "lineage raw.csv"; do
	# shellcheck disable=SC2086
	"$MLMAKE" $command > "$T/out" 2> "$T/err"
	[ $? -le 2 ] || fail "$command crashed"
	refuse "an escape in $command" grep -q "$esc" "$T/out" "$T/err"
	case $command in show*) check 'it is told' grep -q '^run 20260101T000000-' "$T/out" ;; esac
done
tree=$(printf '100644 blob %s\trun\n' "$(git rev-parse "$run:run")" | git mktree)
git update-ref refs/mlmake/log/bad-00000001 "$(git commit-tree -m 'bad' "$tree")"
for command in log show "diff v1 $second" "lineage raw.csv"; do
	# shellcheck disable=SC2086
	"$MLMAKE" $command > "$T/out" 2> "$T/err"
	[ $? -le 2 ] || fail "$command crashed"
done
git update-ref -d refs/mlmake/log/bad-00000001

begin 'without git: the lines of code as far as they were kept'
mkdir "$T/bare" && cd "$T/bare" || exit 1
printf '[stage s]\ncmd = sh s.sh > {{outs}}\ncode = s.sh\nouts = s.txt\n' > mlmake.ini
echo 'echo 1' > s.sh; mm 0; echo 'echo 2' > s.sh; mm 0; echo 'echo 3' > s.sh
mm 0 diff
said '^  s.sh +changed  \+1 -1$'; said '^    -echo 2$'; said '^    \+echo 3$'
mm 0 diff "$("$MLMAKE" log | sed -n 3p | cut -d' ' -f1)" "$("$MLMAKE" log | sed -n 1p | cut -d' ' -f1)"
said '^    -echo 1$'; said '^    \+echo 2$'
mm 0 show; said '\+1: echo 2'
mm 0 lineage s.txt; said 'made by   s in run'

begin 'with colour'
cd "$T/clone" || exit 1
mm 0 --color=always diff v1 "$second"
check 'colour' grep -q "$(printf '\033')\[3" "$T/out"
finish
