#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Gates beside what else there is: old results, other clones, merges, upkeep.
. "${srcdir:-.}/tests/shell/lib.sh"

new_project a <<'END'
[stage train]
cmd     = echo train >> "$COUNT"; cat {{data}} > {{outs}}
data    = raw.txt
outs    = model.txt
[stage evaluate]
cmd     = echo "auc = $(cat {{data}})" > {{metrics}}
data    = model.txt
metrics = eval.txt
[gate release]
of      = evaluate
require = auc >= 0.8
END
printf 'model.txt\neval.txt\n' > .gitignore
echo 0.9 > raw.txt
git add . && git commit -q -m one
mm 0
git add . && git commit -q -m 'one, built'
echo 0.85 > raw.txt
mm 0
git add . && git commit -q -m 'two, built'

begin 'going back: the artifacts come back, and the gate has passed them'
: > "$COUNT"
mm 0 checkout HEAD~1
holds eval.txt 'auc = 0.9'
git checkout -q HEAD~1
mm 0
ran
git checkout -q main

begin 'old results are made anew without their gates'
mm 0 reproduce HEAD~1
said_not 'gate:release'
mm 0 verify train --twice
mm 2 accept gate:release --because x
said "'gate:release' cannot be accepted"

begin 'a build of what is not a gate does not ask it'
sed -i 's/>= 0.8/>= 0.99/' mlmake.ini
mm 0 evaluate
said_not 'gate:release'
mm 3 release
mm 3 'gate:*'
mm 0 -n release
said '^run +gate:release'
git checkout -q mlmake.ini

begin 'a clone that has pulled asks no gate again that has passed'
mm 0
git init -q --bare ../shared.git
cat >> mlmake.ini <<END
[remote hub]
url = $T/w/files
END
git add . && git commit -q -m remote
mm 0
git push -q ../shared.git main
mm 0 push
git clone -q -b main ../shared.git ../b && cd ../b || exit 1
mm 0 pull
mm 0
said_not '^passed'
mm 0 gate
said '^gate:release passes'
cd ../a || exit 1

begin 'a merge of locks keeps what holds of a gate'
mm 0 init --git
git checkout -q -b other
echo 0.86 > raw.txt
mm 0
git commit -q -a -m other
git checkout -q main
echo '# a comment' >> mlmake.ini
git commit -q -a -m comment
mm 0
git merge -q other -m merged > "$T/merge" 2>&1 || fail "$(cat "$T/merge")"
mm 0
said_not '^passed'
check 'the lock has it' grep -q '^value auc "0.86"' mlmake.lock

begin 'upkeep has nothing to complain of'
mm 0 fsck
mm 0 gc -n --keep-runs=1
mm 0 diff HEAD~1 HEAD
mm 0 lineage eval.txt
mm 0 log --json
mm 0 show --json
if have_python; then
	json "$T/out" 'd["version"]' > "$T/v"
	is "$(cat "$T/v")" 1
fi

begin 'without git a gate works as well'
mkdir "$T/plain" && cd "$T/plain" || exit 1
cp "$T/w/a/mlmake.ini" . && echo 0.9 > raw.txt
sed -i 's/0\.8/previous.auc - 0.1/; s/^of .*/&\nfirst = pass/' mlmake.ini
mm 0
said 'nothing else has passed gate:release yet'
mm 0
echo 0.7 > raw.txt
mm 3
mm 3 gate
finish
