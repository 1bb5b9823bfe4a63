#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# push and pull against others: clones that race, chains that were rewritten, remotes that mean harm, kills at every step.
. "${srcdir:-.}/tests/shell/lib.sh"
. "${srcdir:-.}/tests/shell/remote.sh"
chains() { git --git-dir="$1" for-each-ref --format='%(objectname) %(refname)' refs/mlmake/log | sort; }

begin 'clones that push at once: all of all arrives'
shared_project a ../lab
mm 0 push
for clone in 1 2 3 4; do
	clone_of a "r$clone"
	echo "size = 1$clone" > params.ini
	mm 0
done
pids=''
for clone in 1 2 3 4; do
	in_project "r$clone"
	"$MLMAKE" push > "$T/out$clone" 2>&1 &
	pids="$pids $!"
done
for pid in $pids; do
	wait "$pid" || fail "a push exited with $?: $(cat "$T"/out[1-4])"
done
is "$(chains ../lab/lineage.git | wc -l)" 5 'chains there'
for clone in 1 2 3 4; do
	is "$(chains "$T/w/r$clone/.git")" "$(chains ../lab/lineage.git | grep -F "$(chains "$T/w/r$clone/.git")")" 'a chain'
done
clone_of a all
mm 0 pull --all
said '5 chains new'
for file in $(find ../lab/objects -type f); do is "$(sha "$file")" "${file##*/}" 'an object'; done

begin 'pushes of one clone at once'
in_project r1
for size in 21 22 23; do
	echo "size = $size" > params.ini
	mm 0
done
pids=''
for i in 1 2 3; do
	"$MLMAKE" push > "$T/out$i" 2>&1 &
	pids="$pids $!"
done
for pid in $pids; do
	wait "$pid" || fail "a push exited with $?: $(cat "$T"/out[1-3])"
done
is "$(chains .git)" "$(chains ../lab/lineage.git | grep -F "$(chains .git)")" 'the chain'

begin 'a chain that was rewritten there: an error, and nothing is lost on either side'
in_project all
mm 0 pull
chain=$(git --git-dir="$T/w/a/.git" for-each-ref --format='%(refname)' refs/mlmake/log)
before=$(chains .git)
away=$(git --git-dir=../lab/lineage.git commit-tree -m 'Rewritten' "$(git --git-dir=../lab/lineage.git rev-parse "$chain^{tree}")")
git --git-dir=../lab/lineage.git update-ref "$chain" "$away"
mm 1 pull
said "the chain of '${chain##*/}' is at [0-9a-f]+ here and at [0-9a-f]+ there, and neither holds the other"
said '1 chain diverged, 4 chains the same'
is "$(chains .git)" "$before" 'the chains here'
mm 1 push
said '1 chain diverged'
is "$(git --git-dir=../lab/lineage.git rev-parse "$chain")" "$away" 'the chain there'
mm 0 status --remote=lab
said '1 chain diverged'

begin 'a chain that was shortened there is brought up again, one that was removed too'
git --git-dir=../lab/lineage.git update-ref "$chain" "$(git rev-parse "$chain")"
longer=$(git --git-dir="$T/w/r1/.git" for-each-ref --format='%(refname)' refs/mlmake/log)
git --git-dir=../lab/lineage.git update-ref "$longer" "$(git rev-parse "$longer^")"
mm 0 pull
said '1 chain ahead here'
mm 0 push
said '1 chain brought up to date'
git --git-dir=../lab/lineage.git update-ref -d "$longer"
mm 0 push
said '1 chain new'
is "$(chains ../lab/lineage.git)" "$(chains .git)" 'the chains'

begin 'refs that are none of ours are neither taken nor touched'
git --git-dir=../lab/lineage.git update-ref refs/heads/main "$away"
git --git-dir=../lab/lineage.git update-ref refs/mlmake/log/sub/dir "$away"
git --git-dir=../lab/lineage.git update-ref 'refs/mlmake/log/x;y' "$away"
git --git-dir=../lab/lineage.git update-ref 'refs/mlmake/other' "$away"
mm 0 pull
mm 0 push
is "$(chains .git)" "$before" 'the chains here'
is "$(git for-each-ref | grep -c "$away")" 0 'refs taken'
is "$(git --git-dir=../lab/lineage.git for-each-ref | grep -c "$away")" 4 'refs there'
for ref in refs/mlmake/log/sub/dir 'refs/mlmake/log/x;y'; do git --git-dir=../lab/lineage.git update-ref -d "$ref"; done

begin 'a run there with records, objects and paths that lie'
writer=$(git rev-parse "$chain")
hello=$(printf hello | git hash-object -w --stdin)
liar=5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03
objects=$(printf '100644 blob %s\t%s\n' "$hello" "$liar" | git mktree)
records=$(sed 's/^key .*/key 0000000000000000000000000000000000000000000000000000000000000000/' mlmake.lock | git hash-object -w --stdin)
lock=$(printf '[x]\nkey %s\ncmd x\nouts f %s 6 ../../pwned\n\n' "$liar" "$liar" | git hash-object -w --stdin)
run=$(git show "$chain:run" | sed 's/^id .*/id 20300101T000000-00000000/' | git hash-object -w --stdin)
tree=$(printf '100644 blob %s\trun\n100644 blob %s\trecords\n100644 blob %s\tmlmake.lock\n040000 tree %s\tobjects\n' \
	"$run" "$records" "$lock" "$objects" | git mktree)
evil=$(git commit-tree -m evil -p "$writer" "$tree")
git push -q ../lab/lineage.git "$evil:refs/mlmake/log/mallory"
clone_of a victim
mm 0 pull --all
missing ../../pwned
mm 0
same_results a
mm 0 log
[ "$(find .git/mlmake/objects -type f -name "$liar" | wc -l)" = 0 ] || fail 'an object that lies was taken'
git --git-dir=../lab/lineage.git update-ref -d refs/mlmake/log/mallory

begin 'objects there that are links, directories or not ours to read'
in_project a
mm 0 push
clone_of a odd
victim=$(find ../lab/objects -type f -name "$(sha "$T/w/a/model-1.bin")")
mv "$victim" "$T/real"
ln -s /etc/passwd "$victim"
mm 1 pull
is "$(find .git/mlmake/objects -type f -name "$(sha "$T/w/a/model-1.bin")" | wc -l)" 0
rm -f "$victim"
mkdir -p "$victim"
mm 1 pull
rmdir "$victim" 2> /dev/null
rm -rf "$victim"
mkdir -p "${victim%/*}"
mv "$T/real" "$victim"
mm 0 pull

begin 'a directory of a group: one writes what the other can go on with'
as() { su nobody -s /bin/sh -c "HOME=$T/nobody GIT_CONFIG_GLOBAL=$T/nobody/config; export HOME GIT_CONFIG_GLOBAL; $*" > "$T/out" 2> "$T/err" < /dev/null; }
if [ "$(id -u)" = 0 ] && group=$(id -gn nobody 2> /dev/null) && mkdir "$T/nobody" "$T/group" && chown nobody "$T/nobody" &&
	chgrp "$group" "$T/group" && chmod 2770 "$T/group" && chmod a+rx "$T" && as "\"$MLMAKE\" --version"; then
	shared_project mine "$T/group"
	umask 022
	mm 0 push
	as "git config --file '$T/nobody/config' safe.directory '*' && cd '$T/nobody' && git clone -q 'file://$T/w/mine' theirs" || fail 'no clone'
	as "cd '$T/nobody/theirs' && \"$MLMAKE\" pull -q" || fail 'the other cannot pull'
	as "cd '$T/nobody/theirs' && echo size = 8 > params.ini && COUNT=/dev/null \"$MLMAKE\" && \"$MLMAKE\" push" || fail 'the other cannot push'
	said '1 chain new, 1 chain the same'
	git config --file "$HOME/config" safe.directory '*'
	GIT_CONFIG_GLOBAL=$HOME/config
	mm 0 pull --all
	said '1 chain new, 1 chain the same'
	echo 'size = 9' > params.ini
	mm 0
	mm 0 push
	said '1 chain brought up to date, 1 chain the same'
else
	skip 'a directory of a group' 'it takes root and a user nobody to try it'
fi

finish
