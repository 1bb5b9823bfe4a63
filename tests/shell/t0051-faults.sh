#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# No room, an error of the disk, a disk that is read-only: at every call that writes. mlmake says so, and the run after it is right.
. "${srcdir:-.}/tests/shell/lib.sh"

calls=write,pwrite64,writev,fsync,fdatasync,syncfs,rename,renameat,renameat2,link,linkat,mkdir,mkdirat,ftruncate,fchmod,copy_file_range,unlink,unlinkat
command -v strace > /dev/null 2>&1 && strace -qq -f -o /dev/null -e trace=$calls -e inject=fsync:error=EIO:when=9999 true 2> /dev/null ||
	skip_all 'strace does not work here'

new_project f <<'END'
[project]
params = params.ini
[stage many]
cmd  = mkdir {{outs}}; for i in 1 2 3 4 5 6 7 8; do echo $i {{n}} > {{outs}}/$i; done; ln -s 1 {{outs}}/link
outs = dir
[stage large]
cmd  = seq {{n}} 40000 > {{outs}}
data = raw.csv dir
outs = large.txt
END
seq 1 30000 > raw.csv
echo 'n = 1' > params.ini
printf '%s\n' /dir /large.txt /raw.csv > .gitignore
git add . && git commit -q -m all
picture() { (cd "$1" && find dir large.txt -type f -exec sha256sum {} + | sort); }
mm 0
picture . > "$T/one"
echo 'n = 2' > params.ini
rm -rf "$T/before" && cp -a . "$T/before"
mm 0
picture . > "$T/two"

# sound: what is in the store is what its names say, and nothing half-written is left.
sound() {
	for o in $(find .git/mlmake/objects -type f); do
		is "$(sha "$o")" "${o##*/}" 'an object'
	done
	[ -z "$(find .git/mlmake/incoming -type f)" ] || fail 'something is left in incoming/'
	[ -z "$(find .git/objects/pack -name 'tmp_mlmake_*')" ] || fail 'a pack is left unfinished'
	check 'git fsck' git fsck --no-dangling
}

# fault ERROR WHEN: one run in which calls fail; then the runs that have to be right.
fault() {
	rm -rf "$T/w/f" && cp -a "$T/before" "$T/w/f" && cd "$T/w/f" || exit 1
	last="with $1 at $2"
	strace -qq -f -o "$T/trace" -e trace=$calls -e "inject=$calls:error=$1:when=$2" "$MLMAKE" -q > "$T/out" 2> "$T/err" < /dev/null
	code=$?
	grep -q INJECTED "$T/trace" || return 1
	[ $code -lt 100 ] || fail "$1 at $2: exit status $code"
	[ $code = 0 ] || [ -s "$T/err" ] || [ -s "$T/out" ] || grep -q 'write(2,.*INJECTED' "$T/trace" || fail "$1 at $2: it fails and does not say why"
	if [ $code = 0 ]; then
		picture . > "$T/now"; cmp -s "$T/two" "$T/now" || fail "$1 at $2: it succeeds, and the outputs are wrong"
	fi
	"$MLMAKE" > "$T/out" 2> "$T/err" < /dev/null || fail "the run after $1 at $2 fails"
	picture . > "$T/now"; cmp -s "$T/two" "$T/now" || fail "after $1 at $2 the outputs are wrong"
	"$MLMAKE" status --check > "$T/out" 2>&1 || fail "after $1 at $2 something is stale"
	echo 'n = 1' > params.ini
	"$MLMAKE" > "$T/out" 2> "$T/err" < /dev/null || fail "after $1 at $2, going back fails"
	picture . > "$T/now"; cmp -s "$T/one" "$T/now" || fail "after $1 at $2, going back is wrong"
	sound
}

for error in ENOSPC EIO EROFS; do
	begin "$error once, at call after call"
	n=1
	while fault $error $n; do n=$((n + ${FAULT_STEP:-7})); done
	[ "$n" -gt 10 ] || fail "only $n calls"
	begin "$error from some call on"
	n=1
	while fault $error "$n+"; do n=$((n + ${FAULT_STEP:-19})); done
	[ "$n" -gt 10 ] || fail "only $n calls"
done
finish
