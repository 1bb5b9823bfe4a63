#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# No room, an error of the disk, a disk that is read-only at every call that writes: in push, pull, gc and checkout, and in the git that
# they call. They say so, and the next one is right.
. "${srcdir:-.}/tests/shell/lib.sh"

calls=write,pwrite64,writev,fsync,fdatasync,syncfs,rename,renameat,renameat2,link,linkat,mkdir,mkdirat,ftruncate,fchmod,copy_file_range,unlink,unlinkat
command -v strace > /dev/null 2>&1 && strace -qq -f -o /dev/null -e trace=$calls -e inject=fsync:error=EIO:when=9999 true 2> /dev/null ||
	skip_all 'strace does not work here'

new_project work <<'END'
[project]
params = params.ini
[remote lab]
url = ../lab
[stage large]
cmd  = seq {{n}} 40000 > {{outs}}
outs = large.txt
[stage tree]
cmd  = mkdir {{outs}}; cat {{data}} {{data}} > {{outs}}/large; echo {{n}} > {{outs}}/small
data = large.txt
outs = tree
END
printf '%s\n' /large.txt /tree > .gitignore
mkdir ../lab
for n in 1 2; do
	echo "n = $n" > params.ini
	mm 0
	git add . && git commit -q -m "$n"
done
cd .. || exit 1
mkdir push pull gc checkout
cp -a work lab push/
(cd work && mm 0 push)
git clone -q "file://$T/w/work" pull/work && cp -a lab pull/
cp -a work lab gc/
# Something to collect.
stray=$(echo stray | sha256sum | cut -d' ' -f1)
stray=gc/work/.git/mlmake/objects/$(echo "$stray" | cut -c1-2)/$(echo "$stray" | cut -c3-4)/$stray
mkdir -p "${stray%/*}"
echo stray > "$stray"
touch -d 2000-01-01 "$stray"
cp -a work lab checkout/

tips() { git --git-dir="$1" for-each-ref --format='%(objectname)' refs/mlmake/log; }
hashes() { for o in $(find "$1" -type f 2> /dev/null); do is "$(sha "$o")" "${o##*/}" "an object of $1 after $last"; done; }
lines() { is "$(head -n 1 large.txt 2> /dev/null) $(cat tree/small 2> /dev/null)" "$1 $1" "what stands there after $last"; }

# done_push, done_pull ...: what is true when the command has come to its end.
done_push() {
	is "$(find ../lab/objects -type f | wc -l)" 4 "files there after $last"
	is "$(tips ../lab/lineage.git)" "$(tips .git)" "the chain there after $last"
	check "git fsck there after $last" git --git-dir=../lab/lineage.git fsck
}
done_pull() {
	is "$(find .git/mlmake/objects -type f | wc -l)" 2 "files here after $last"
	is "$(tips .git)" "$(tips ../lab/lineage.git)" "the chain here after $last"
}
done_gc() { missing "${stray#gc/work/}"; is "$(find .git/mlmake/objects -type f | wc -l)" 4 "files here after $last"; }
done_checkout() { lines 1; }

# fault ERROR WHEN COMMAND...
fault() {
	error=$1 when=$2 verb=$3
	shift 2
	cd "$T/w" && rm -rf work lab && cp -a "$verb/work" "$verb/lab" . && cd work || exit 1
	strace -qq -f -o "$T/trace" -e trace=$calls -e "inject=$calls:error=$error:when=$when" "$MLMAKE" "$@" > "$T/out" 2> "$T/err" < /dev/null
	code=$?
	last="$* with $error at $when"
	grep -q INJECTED "$T/trace" || return 1
	[ $code -lt 100 ] || fail "$last: exit status $code"
	[ $code = 0 ] || [ -s "$T/err" ] || grep -q 'write(2,.*INJECTED' "$T/trace" || fail "$last: it fails and does not say why"
	hashes .git/mlmake/objects
	hashes ../lab/objects
	[ $code != 0 ] || "done_$verb"
	"$MLMAKE" "$@" > "$T/out" 2> "$T/err" < /dev/null || fail "the next one after $last fails"
	"done_$verb"
	hashes .git/mlmake/objects
	hashes ../lab/objects
	check "git fsck after $last" git fsck --no-dangling
	"$MLMAKE" checkout -q HEAD > "$T/out" 2> "$T/err" < /dev/null || [ "$verb" = pull ] || fail "what HEAD has does not come back after $last"
	[ "$verb" = pull ] || lines 2
	[ -z "$(find .git/mlmake/incoming ../lab/incoming -type f 2> /dev/null)" ] || fail "something is left in incoming/ after $last"
}

for command in push pull 'gc --force --grace=0' 'checkout HEAD~1'; do
	begin "$command: no room, an error of the disk, a disk that is read-only, once and from then on"
	n=0
	for error in ENOSPC EIO EROFS; do
		for more in '' +; do
			n=$((n + 1)) # another call each time
			at=$n
			# shellcheck disable=SC2086
			while fault $error "$at$more" $command; do at=$((at + ${FAULT_STEP:-17})); done
			[ "$at" -gt 15 ] || fail "$command: only $at calls"
		done
	done
done
finish
