#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Three commits and one run of uncommitted work, built and pushed in one clone: another, made with plain `git clone`, gets each of the
# four results back byte for byte, and rebuilds each and finds it identical.
. "${srcdir:-.}/tests/shell/lib.sh"

mkdir "$T/w"; git init -q -b main --bare "$T/w/origin.git"
new_project A <<'END'
[project]
params = params.ini
[remote store]
url = ../remote
[stage clean]
cmd  = sort -n {{data}} > {{outs}}
data = raw.txt
outs = clean.txt
[stage train]
cmd  = sh train.sh {{n}} < {{data}} > {{outs.1}}; mkdir tree; cp {{outs.1}} tree/x; ln -s x tree/l
data = clean.txt
code = train.sh
outs = model.txt tree
END
printf '%s\n' raw.txt clean.txt model.txt /tree > .gitignore
# shellcheck disable=SC2016
echo 'seq $1 60000; cat' > train.sh
newest() { git for-each-ref --format='%(objectname)' refs/mlmake/log; }
picture() { sha clean.txt model.txt tree/x; readlink tree/l; }
mlm() { "$MLMAKE" -q > "$T/out" 2> "$T/err" || fail build; }
seq 30000 > raw.txt; echo 'n = 1' > params.ini; git add .; mlm; git add mlmake.lock; git commit -q -m one; picture > "$T/1"
seq 40000 > raw.txt; mlm; git commit -q -a -m two; picture > "$T/2"
echo 'n = 3' > params.ini; mlm; git commit -q -a -m three; picture > "$T/3"
# shellcheck disable=SC2016
echo 'seq $1 50000; cat' > train.sh; seq 10 > raw.txt; mlm; picture > "$T/dirty"
dirty=$(newest)
git checkout -q -f HEAD -- .
one=$(git rev-parse HEAD~2) two=$(git rev-parse HEAD~1) three=$(git rev-parse HEAD)
git remote add origin ../origin.git; git push -q origin main
begin 'pushed'
mm 0 push --all

begin 'a clone: the history of runs comes, and each of the four comes back byte for byte'
cd "$T/w" && git clone -q origin.git B && cd B || exit 1
mm 0 pull --all
for which in "$one:1" "$two:2" "$three:3" "$dirty:dirty"; do
	mm 0 checkout "${which%:*}"
	picture > "$T/now"; check "$which" diff "$T/${which#*:}" "$T/now"
done

begin 'each is built again in the clone and is identical; its raw data was never in git'
for which in "$one" "$two" "$three" "$dirty"; do
	mm 0 reproduce "$which"
	said '3 identical'
done
missing raw.txt

begin 'a clone that has the history alone is told how to get the rest'
cd "$T/w" && git clone -q origin.git C && cd C || exit 1
mm 0 pull --lineage
mm 1 checkout "$one"
said 'missing *model.txt'; said 'mlmake pull --at='
mm 0 pull --at="$one"
mm 0 checkout "$one"
picture > "$T/now"; check one diff "$T/1" "$T/now"

begin 'a clone that has nothing rebuilds with what the remote has, and is told what that lacks'
cd "$T/w" && git clone -q origin.git D && cd D || exit 1
mm 1 reproduce "$one"; said "raw.txt"; said 'mlmake pull --at='
mm 0 reproduce --pull "$one"; said '3 identical'
missing raw.txt clean.txt
mm 0 reproduce --pull --remote=store "$dirty"; said '3 identical'
mm 0 reproduce "$one"; said '3 identical'
find ../remote/objects -type f -delete
cd "$T/w" && git clone -q origin.git E && cd E || exit 1
mm 1 reproduce --pull "$two"
said "warning: 'raw.txt': remote 'store' does not have all of it"; said '1 input is gone'
finish
