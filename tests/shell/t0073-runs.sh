#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Any run can be had back and built again, also one of uncommitted work; what was found out is kept in the lineage.
. "${srcdir:-.}/tests/shell/lib.sh"

# newest: the commit of the newest run of this clone.
newest() { git for-each-ref --format='%(objectname)' refs/mlmake/log; }
# id_of COMMIT: of a run.
id_of() { git show "$1:run" | sed -n 's/^id //p'; }

new_project p <<'END'
[project]
params = params.ini
[stage make]
cmd  = sh make.sh {{n}} > {{outs}}; echo make >> "$COUNT"
code = make.sh
outs = out.txt
END
echo 'n = 1' > params.ini
echo 'echo one $1' > make.sh
echo out.txt > .gitignore
git add . && git commit -q -m one
mm 0; first=$(newest)
git add . && git commit -q -m 'one, with its lock'
echo 'echo dirty $1' > make.sh; echo 'n = 7' > params.ini
mm 0; dirty=$(newest)
git checkout -q -f HEAD -- .
echo 'echo three $1' > make.sh
mm 0
git commit -q -a -m three
: > "$COUNT"

begin 'a run of uncommitted work: its artifact comes back, by id, by its commit and by the beginning of either'
id=$(id_of "$dirty")
mm 0 checkout "$id"
said "^run $id: 1 artifact put back"
holds out.txt 'dirty 7'
mm 0 checkout main; holds out.txt 'three 1'
mm 0 checkout "$dirty"; holds out.txt 'dirty 7'
mm 0 checkout main
mm 0 checkout "$(echo "$dirty" | cut -c1-12)"; holds out.txt 'dirty 7'
mm 0 checkout main
mm 0 checkout "$(echo "$id" | cut -c1-22)"; holds out.txt 'dirty 7'
ran
mm 0 checkout main

begin 'it is built again from exactly that source, which no commit of the user has'
mm 0 reproduce "$id"
ran make
said "^run $id: 1 identical"
refuse 'the work tree has it' grep -q dirty make.sh

begin 'the beginning of several runs is refused, a branch of that name is not'
year=$(echo "$id" | cut -c1-4)
mm 2 checkout "$year"
said 'the beginning of several runs'
git branch "$year" HEAD~1
mm 0 checkout "$year"
holds out.txt 'one 1'
git branch -q -D "$year"
mm 0 checkout main

begin 'a commit: the newest run of exactly its source counts, though its lock says otherwise or is not there'
mm 0 checkout HEAD~2
said 'commit [0-9a-f]* \(run '
holds out.txt 'one 1'
echo 'n = 2' > params.ini; git commit -q -a -m 'the lock is behind'
mm 0 checkout HEAD -n
said_not 'run '
mm 0
git checkout -q -- mlmake.lock
mm 0 checkout HEAD~1; mm 0 checkout HEAD
said 'commit [0-9a-f]* \(run '
holds out.txt 'three 2'

begin 'what came out is a run of its own: plain git shows it, the log lists it, why tells'
mm 0; : > "$COUNT"
mm 0 why make; said_not 'built again'
mm 0 reproduce HEAD
id=$(id_of "$(newest)")
is "$(git show "$(newest):run" | sed -n 's/^outcome //p')" reproduced outcome
check 'the part' sh -c "git show $(newest):run | grep -q '^part same [0-9]* [0-9a-f]* make$'"
mm 0 log; said 'reproduced'
mm 0 why make; said 'built again once from the same and came out the same'; said "last in run $id"
mm 0 reproduce HEAD
mm 0 why make; said 'built again 2 times from the same and came out the same each time'
mm 0; mm 0 status --check
: > "$COUNT"

begin 'the run that tells of it names the same artifacts'
mm 0 checkout "$id" -n
said '1 was there already'
mm 0 reproduce "$id"
said '1 identical'

begin 'a result that is not deterministic is called so'
echo 'date +%N' > make.sh
mm 0; git commit -q -a -m random
mm 1 reproduce HEAD
mm 0 why make; said 'built again once from the same and came out otherwise: it is not deterministic'
git show "$(newest):run" | grep -q '^part differs ' || fail 'no part that differs'
if have_python; then
	mm 0 why make --json
	is "$(json "$T/out" '[d["instances"][0]["rebuilt"]["same"], d["instances"][0]["rebuilt"]["differs"]]')" '[0, 1]' json
fi

begin 'of what ran from other inputs nothing is said'
echo 'echo 5' > make.sh; git commit -q -a -m 'the lock is behind'
before=$(newest)
mm 1 reproduce HEAD
is "$(newest)" "$before" 'the newest run'

begin 'metrics: a rebuilt result is no earlier result'
new_project m <<'END'
[project]
params = params.ini
[stage e]
cmd     = echo '{"auc": {{n}}}' > {{metrics}}
metrics = m.json
END
echo 'n = 1' > params.ini; echo m.json > .gitignore
mm 0; git add .; git commit -q -m one
echo 'n = 3' > params.ini; mm 0; git commit -q -a -m two
echo 'n = 4' > params.ini; mm 0
mm 0 reproduce HEAD~1
mm 0 metrics; said '\+1'

begin 'a run of another project of the repository is none of this one'
new_project top <<'END'
[stage a]
cmd  = echo a > {{outs}}
outs = a.txt
END
mkdir sub; printf '[stage b]\ncmd = echo b > {{outs}}\nouts = b.txt\n' > sub/mlmake.ini
printf '[ab].txt\n' > .gitignore
git add .; git commit -q -m one
(cd sub && "$MLMAKE" > /dev/null)
b=$(newest)
mm 0
mm 2 checkout "$b"
said "another project of this repository, 'sub'"
(cd sub && rm b.txt && "$MLMAKE" checkout "$b" > "$T/out" 2>&1) || fail 'in sub'
holds sub/b.txt b

begin 'without git: a run is had back'
mkdir -p "$T/w/none" && cd "$T/w/none" || exit 1
printf '[project]\nparams = params.ini\n[stage a]\ncmd = echo {{n}} > {{outs}}\nouts = a.txt\n' > mlmake.ini
echo 'n = 1' > params.ini; mm 0
id=$(git --git-dir=.mlmake/git for-each-ref --format='%(objectname)' refs/mlmake/log)
echo 'n = 2' > params.ini; mm 0
mm 0 checkout "$id"
holds a.txt 1
mm 2 reproduce "$id"
said 'source of run [^ ]* is not known'
mm 2 checkout main
finish
