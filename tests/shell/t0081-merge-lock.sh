#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# git's merge driver for mlmake.lock: merge, rebase, cherry-pick, criss-cross, locks that are hostile or missing.
. "${srcdir:-.}/tests/shell/lib.sh"
PATH=$(dirname "$MLMAKE"):$PATH
export PATH

commit() { git add -A && git commit -qm "$1"; }
# fits: the lock is what a build would write, and nothing is left to be decided
fits() {
	refuse 'conflict marks' grep -q '<<<<\|>>>>' mlmake.lock
	mm 0; cp mlmake.lock "$T/after"
	git show HEAD:mlmake.lock > "$T/committed"
}

new_project p <<'END'
[project]
params = params.ini
[stage alpha]
cmd  = cat {{data}} > {{outs}}; echo {{alpha}} >> {{outs}}; echo alpha >> "$COUNT"
data = a.in
outs = a.out
[stage middle]
cmd  = wc -l < {{data}} > {{outs}}; echo {{middle}} >> {{outs}}; echo middle >> "$COUNT"
data = a.out
outs = m.out
[stage omega]
cmd  = cat {{data}} > {{outs}}; echo omega >> "$COUNT"
data = o.in m.out
outs = o.out
END
printf 'alpha = 1\n\n\n\nmiddle = 1\n' > params.ini; echo a > a.in; echo o > o.in
printf '*.out\n' > .gitignore

begin 'init --git tells git, in this clone alone and because it was asked to; and says what it did'
mm 0 init --git
said 'wrote .gitattributes'; said 'git calls .mlmake merge-lock %O %A %B %P'
is "$(git config --local merge.mlmake.driver)" 'mlmake merge-lock %O %A %B %P' 'driver'
holds .gitattributes 'mlmake.lock merge=mlmake'
mm 0 init --git
holds .gitattributes 'mlmake.lock merge=mlmake'
is "$(git config --local --get-all merge.mlmake.driver | wc -l)" 1 'drivers'
mm 0; commit base

begin 'a plain init tells how, and leaves the configuration in peace'
mkdir "$T/w/plain"; (cd "$T/w/plain" && git init -q .)
mm 0 -C "$T/w/plain" init
said 'mlmake init --git'
is "$(git -C "$T/w/plain" config --local merge.mlmake.driver)" '' 'driver'
holds "$T/w/plain/.gitattributes" 'mlmake.lock merge=mlmake'
mkdir "$T/w/nogit"; : > "$T/w/nogit/mlmake.ini"
mm 2 -C "$T/w/nogit" init --git
said 'no git work tree'

begin 'two branches that change two stages: nothing has to run'
git checkout -qb one; echo o2 > o.in; mm 0; commit one
git checkout -qf main; git checkout -qb two; echo a2 > a.in; mm 0; commit two
git checkout -q one; : > "$COUNT"
check 'merge' git merge -q -m merge two
fits; ran
is "$(git status --porcelain)" '' 'git status'

begin 'two branches that change one stage in its parameter and in its data: that block is left out, the others stand'
git checkout -qB one main; mm 0; sed 's/^alpha = 1/alpha = 5/' params.ini > n; mv n params.ini; mm 0; commit one
git checkout -qB two main; mm 0; echo a2 > a.in; mm 0; commit two
git checkout -q one; mm 0; : > "$COUNT"
git merge -q -m merge two > "$T/out" 2> "$T/err" || fail 'the merge failed'
said "mlmake.lock: both sides changed 'alpha'; the next build decides about it anew"
refuse 'alpha' grep -q '^\[alpha\]' mlmake.lock
check 'omega' grep -q '^\[omega\]' mlmake.lock
mm 4 status --check
mm 0; ran alpha middle
holds a.out a2 5

begin 'both sides changed it in the same way: it stays'
git checkout -qB one main; mm 0; echo a3 > a.in; mm 0; commit one
git checkout -qB two main; mm 0; echo a3 > a.in; echo o3 > o.in; mm 0; commit two
git checkout -q one; mm 0; : > "$COUNT"
check 'merge' git merge -q -m merge two
fits; ran

begin 'one side changed data and parameter of a stage, the other the parameter alike: the block with both fits'
git checkout -qB one main; mm 0; sed 's/^middle = 1/middle = 7/' params.ini > n; mv n params.ini; mm 0; commit one
git checkout -qB two main; mm 0; sed 's/^middle = 1/middle = 7/' params.ini > n; mv n params.ini; printf 'a\nb\n' > a.in; mm 0; commit two
for branch in one two; do
	git checkout -qB "with-$branch" $branch; mm 0; : > "$COUNT"
	other=two; [ $branch = one ] || other=one
	check 'merge' git merge -q -m merge $other
	check 'middle' grep -q '^\[middle\]' mlmake.lock
	fits; ran
	check 'lock' cmp "$T/after" "$T/committed"
done

begin 'a stage that one side removed and the other left alone stays away; changed by the other it is decided anew'
git checkout -qB gone main; mm 0
sed '/^\[stage omega\]/,/^outs = o.out/d' mlmake.ini > n; mv n mlmake.ini; mm 0 -B; commit gone
refuse 'omega' grep -q '^\[omega\]' mlmake.lock
git checkout -q two; git checkout -qB still; mm 0; : > "$COUNT"
git merge -q -m merge gone > "$T/out" 2> "$T/err" || fail 'the merge failed'
refuse 'omega' grep -q '^\[omega\]' mlmake.lock
mm 0; ran
git checkout -qf main

begin 'rebase and cherry-pick go the same way'
git checkout -qB feature main; mm 0; echo o4 > o.in; mm 0; commit 'data of omega'
echo o5 > o.in; mm 0; commit 'more data of omega'
git checkout -qB base2 main; mm 0; sed 's/^alpha = 1/alpha = 4/' params.ini > n; mv n params.ini; mm 0; commit 'parameter of alpha'
git checkout -q feature
check 'rebase' git rebase -q base2
: > "$COUNT"; mm 0; ran
is "$(git status --porcelain)" '' 'git status'
git checkout -qB picked base2; mm 0; : > "$COUNT"
check 'cherry-pick' git cherry-pick two
mm 0
is "$(git status --porcelain --untracked-files=no | grep -cv mlmake.lock)" 0 'git status'
mm 0 status --check

begin 'criss-cross'
git checkout -qf main; git checkout -qB x; mm 0; echo o6 > o.in; mm 0; commit x1
git checkout -qB y main; mm 0; printf 'a\nc\n' > a.in; mm 0; commit y1
git checkout -q x; git checkout -qB x2; check 'merge' git merge -q -m x2 y
git checkout -q y; git checkout -qB y2; check 'merge' git merge -q -m y2 x
sed 's/^middle = 1/middle = 9/' params.ini > n; mv n params.ini; mm 0; commit y3
git checkout -q x2; mm 0; git add -A; git commit -qm x2b --allow-empty
check 'merge' git merge -q -m crisscross y2
: > "$COUNT"; mm 0; ran
mm 0 status --check

begin 'the lock in a project below the top, added on both sides'
git checkout -qf main; git checkout -qb below; mkdir sub; cp mlmake.ini params.ini a.in o.in sub/; cp .gitattributes sub/; commit 'a second project'
git checkout -qb below1; (cd sub && mm 0 alpha); commit b1
git checkout -q below; git checkout -qb below2; echo zz > sub/o.in; (cd sub && mm 0 alpha); (cd sub && mm 0 omega); commit b2
check 'merge' git merge -q -m m below1
check 'alpha' grep -q '^\[alpha\]' sub/mlmake.lock
check 'omega' grep -q '^\[omega\]' sub/mlmake.lock
: > "$COUNT"; (cd sub && mm 0); ran

begin 'a lock that is missing on one side is git'\''s to ask about, and a build settles it'
git checkout -qf main; git checkout -qb without; git rm -q mlmake.lock; git commit -qm without
git checkout -qf main; git checkout -qb with; mm 0; echo o7 > o.in; mm 0; commit with
refuse 'merge' git merge -m m without
: > "$COUNT"; mm 0; ran
git add mlmake.lock; check 'commit' git commit -qm m

begin 'what was run counts more than what was accepted, of the same inputs'
git checkout -qf main; mm 0; git checkout -qb ran; echo o8 > o.in; mm 0; commit ran
git checkout -qf main; mm 0; git checkout -qb said; echo o8 > o.in
rm -r .git/mlmake/records; mm 0 accept omega --because 'looks the same'; commit said
git merge -q -m m ran > "$T/out" 2> "$T/err" || fail 'the merge failed'
check 'omega' grep -q '^\[omega\]' mlmake.lock
refuse 'accepted' grep -q '^accepted' mlmake.lock

begin 'acceptances merge: one side'\''s stands, with its reason'
git checkout -qf main; mm 0; git checkout -qb acc; echo '  ' >> o.in; mm 0 accept omega --because 'blanks at the end'; commit acc
git checkout -qf main; mm 0; git checkout -qb acc2; printf 'a\nd\n' > a.in; mm 0 alpha; commit acc2
check 'merge' git merge -q -m m acc
check 'the reason' grep -q '^because blanks at the end$' mlmake.lock

begin 'hostile locks: cut off, of another kind, binary, huge names; merged as text, and never taken for more than they are'
git checkout -qf main; mm 0
cp mlmake.lock "$T/base"
sed 's/^\[omega\]/[other]/' "$T/base" > "$T/theirs"
for spoil in 'head -c 300' 'sed s/^key/quay/' 'sed s/mlmake.lock.1/mlmake.lock.9/' 'tr a \000' 'sed s/^outs/outsq/'; do
	$spoil < "$T/base" > "$T/ours"
	cp "$T/ours" "$T/ours1"
	"$MLMAKE" merge-lock "$T/base" "$T/ours1" "$T/theirs" > "$T/out" 2> "$T/err"
	code=$?
	[ $code -le 2 ] || fail "exit code $code"
	said 'merged as text|cannot merge|binary'
done
sed 's/^key ...../key 00000/' "$T/base" > "$T/ours"
cp "$T/ours" "$T/ours1"; check 'a key that lies' "$MLMAKE" merge-lock "$T/base" "$T/ours1" "$T/theirs"
mm 2 merge-lock "$T/base" "$T/ours1"
mm 1 merge-lock "$T/missing" "$T/ours1" "$T/theirs"

begin 'a conflict of the lock as text, without the driver: both sides are known, and the one that fits counts'
git config --unset merge.mlmake.driver
git checkout -qf main; mm 0
git checkout -qb c1; echo c1 > a.in; mm 0; commit c1
git checkout -qf main; mm 0; git checkout -qb c2; echo c2 > a.in; mm 0; commit c2
git clone -q . "$T/fresh"; cp ./*.out "$T/fresh"; cd "$T/fresh" || exit 1
git checkout -q c2; git branch -q c1 origin/c1
for style in merge diff3; do
	git checkout -qf c2; git reset -q --hard origin/c2; rm -rf .git/mlmake; cp "$T/w/p/"*.out .
	git -c merge.conflictStyle=$style merge -q -m m c1 > /dev/null 2>&1
	check 'a conflict' grep -q '<<<<' mlmake.lock
	echo c2 > a.in
	: > "$COUNT"; mm 0; ran
	git checkout -qf c2
done
finish
