#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# mlmake.lock in git: merges, conflicts, clones.
. "${srcdir:-.}/tests/shell/lib.sh"

new_project p <<'END'
[project]
params = params.ini
[stage alpha]
cmd  = cat {{data}} > {{outs}}; echo alpha >> "$COUNT"
data = a.in
outs = a.out
[stage middle]
cmd  = echo m > {{outs}}; echo middle >> "$COUNT"
outs = m.out
[stage omega]
cmd  = cat {{data}} > {{outs}}; echo omega >> "$COUNT"
data = o.in
outs = o.out
END
: > params.ini; echo a > a.in; echo o > o.in
printf '*.out\n' > .gitignore

begin 'the lock is the same however the build went'
mm 0 -j1
cp mlmake.lock "$T/lock"
rm -rf .git/mlmake mlmake.lock ./*.out
mm 0 -j4 -B
check 'lock' cmp mlmake.lock "$T/lock"
git add -A; git commit -qm base

begin 'two branches that change two stages merge cleanly, and nothing has to run'
git checkout -qb one; echo a2 > a.in; mm 0; git commit -qam one
git checkout -q main; git checkout -qb two; echo o2 > o.in; mm 0; git commit -qam two
git checkout -q one
: > "$COUNT"
check 'merge' git merge -q -m merge two
refuse 'conflict marks' grep -q '<<<<' mlmake.lock
mm 0
ran
holds a.out a2; holds o.out o2
mm 0 status --check
is "$(git status --porcelain)" '' 'git status'

begin 'two branches that change one stage: the conflict in the lock is told and overcome by a build'
git checkout -q main; git checkout -qb three; echo a3 > a.in; mm 0; git commit -qam three
git checkout -q one
git merge -q -m merge three > /dev/null 2>&1
check 'a conflict' grep -q '<<<<' mlmake.lock
echo a3 > a.in
mm 0 status
said 'conflict'
: > "$COUNT"
mm 0
ran
refuse 'conflict marks' grep -q '<<<<' mlmake.lock
holds a.out a3; holds o.out o2
mm 0 status --check
git add a.in mlmake.lock; check 'commit' git commit -qm merged

begin 'a fresh clone knows from the lock what it lacks, and building gives the same lock'
git clone -q . "$T/clone"
cd "$T/clone" || exit 1
mm 4 status --check
: > "$COUNT"
mm 0; ran alpha middle omega
is "$(git status --porcelain)" '' 'git status'

begin 'a stage that leaves the pipeline leaves the lock as soon as something is built'
sed '/^\[stage middle\]/,/^outs = m.out/d' mlmake.ini > n && mv n mlmake.ini
mm 0 -B
refuse 'middle' grep -q '^\[middle\]' mlmake.lock
check 'alpha' grep -q '^\[alpha\]' mlmake.lock

begin 'a build of one target keeps what the lock says of the others'
echo a4 > a.in; echo o4 > o.in
mm 0 alpha
check 'omega' grep -q '^\[omega\]' mlmake.lock
mm 4 status --check

begin 'nothing that was not stale changes in the lock'
mm 0
cp mlmake.lock "$T/lock"; mm 0; check 'no-op' cmp mlmake.lock "$T/lock"
echo a5 > a.in; mm 0
sed '/^\[alpha\]/,/^$/d' mlmake.lock > "$T/l1"; sed '/^\[alpha\]/,/^$/d' "$T/lock" > "$T/l2"
check 'omega and the head' cmp "$T/l1" "$T/l2"
finish
