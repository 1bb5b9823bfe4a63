#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Power cuts. The project lies in a file system of its own, in an image; mlmake is stopped before a system call that writes, and a copy of
# the image, as it is at that moment, is what a disk would hold: what was not synced is lost. The copy is mounted, and the next
# run there has to be right. MLMAKE_CUTS=all tries every call, otherwise a sample.
. "${srcdir:-.}/tests/shell/lib.sh"

[ "$(id -u)" = 0 ] || skip_all 'only root may mount an image'
command -v strace > /dev/null && command -v mkfs.ext4 > /dev/null || skip_all 'strace or mkfs.ext4 is missing'
strace -o /dev/null true 2> /dev/null || skip_all 'strace does not work here'

disk=$T/disk.img cut=$T/cut.img
mkdir "$T/disk" "$T/cut" || exit 1
unmount() {
	umount "$T/cut" 2> /dev/null
	umount "$T/disk" 2> /dev/null
	umount -l "$T/cut" "$T/disk" 2> /dev/null
	leave
}
trap unmount EXIT
truncate -s 128M "$disk"
mkfs.ext4 -q -b 4096 "$disk" > /dev/null 2>&1 && mount -o loop "$disk" "$T/disk" 2> /dev/null ||
	skip_all 'images cannot be mounted here'

mkdir "$T/disk/p" && cd "$T/disk/p" || exit 1
git init -q -b main .
cat > mlmake.ini <<'END'
[project]
params = params.ini
[stage a]
cmd  = echo a{{n}} > {{outs}}
data = raw.txt
outs = a.txt
[stage b]
cmd  = cat {{data}} {{data}} > {{outs}}; head -c 300000 /dev/zero | tr '\0' {{n}} >> {{outs}}
data = a.txt
outs = b.txt
END
printf 'raw.txt\na.txt\nb.txt\n' > .gitignore
echo raw > raw.txt
echo 'n = 1' > params.ini
git add . && git commit -qm x
mm 0
sync

# stopped PID: strace and what it traces wait for each other, mlmake in state T or t.
stopped() { pgrep -P "$1" > /dev/null && ! alive_running "$1"; }
alive_running() {
	for child in $(pgrep -P "$1"); do
		case $(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$child/status" 2> /dev/null) in
		T | t) return 1 ;;
		esac
	done
	return 0
}
ended_or_stopped() { gone "$1" || stopped "$1"; }

# What the disk holds now. Every other time the file system has just written down its directories and the sizes of what has room already, as
# it does from time to time, so that names are there whose bytes are not.
take_cut() {
	turn=$((1 - ${turn:-0}))
	[ $turn = 0 ] || dd if=/dev/zero of="$T/disk/other" bs=4096 count=1 conv=fsync 2> /dev/null
	cp --sparse=always "$disk" "$cut"
}

# power_cut CALL N PARAM: 1 if there are not so many calls.
power_cut() {
	echo "n = $3" > params.ini
	sync
	strace -qq -o /dev/null -e "trace=$1" -e "inject=$1:signal=STOP:when=$2" "$MLMAKE" -q > "$T/out" 2> "$T/err" < /dev/null &
	tracer=$!
	started="$started $tracer"
	until_true "$1 $2" ended_or_stopped "$tracer"
	if gone "$tracer"; then
		wait "$tracer"
		return 1
	fi
	take_cut
	for child in $(pgrep -P "$tracer"); do kill -KILL "$child"; done
	kill -CONT "$tracer" 2> /dev/null
	wait "$tracer" 2> /dev/null
	return 0
}

# after_cut CALL N PARAM: the disk as it was then.
after_cut() {
	mount -o loop "$cut" "$T/cut" || { fail "$1 $2: the copy cannot be mounted"; return; }
	cd "$T/cut/p" || exit 1
	[ "$(cat params.ini)" = "n = $3" ] || fail "$1 $2: params.ini is not what was synced"
	mm 0 -q
	is "$(head -n 1 a.txt)$(wc -c < b.txt)$(tail -c 1 b.txt)" "a$3$((300000 + 2 * $(wc -c < a.txt)))$(printf %.1s "$3")" "$1 $2: the result"
	mm 0 status --check
	mm 0 log
	said_not 'cannot be read'
	git fsck --full > "$T/fsck" 2>&1 || fail "$1 $2: git fsck: $(cat "$T/fsck")"
	echo 'n = 1' > params.ini
	mm 0
	said 'restored' # the result of the run before the cut
	said_not 'ran'
	cd "$T/disk/p" || exit 1
	umount "$T/cut" || fail "cannot unmount"
}

begin 'what mlmake says is done is done: cut right after its end'
for i in 2 3; do
	echo "n = $i" > params.ini
	sync
	mm 0 -q
	take_cut
	mount -o loop "$cut" "$T/cut" || fail 'the copy cannot be mounted'
	cd "$T/cut/p" || exit 1
	mm 0
	said_not '[0-9] ran'
	is "$(head -n 1 a.txt)" "a$i" 'its result, on the disk or put back'
	mm 0 log -n 1
	is "$(git rev-list --count "refs/mlmake/log/$(cat .git/mlmake/writer)" ^main)" $i 'runs in the chain'
	cd "$T/disk/p" || exit 1
	umount "$T/cut" || fail 'cannot unmount'
done

begin 'a large input that is stored while it is digested: on disk at the end, and taken in again after a cut before that'
mkdir "$T/disk/q" && cd "$T/disk/q" || exit 1
git init -q -b main .
printf '[project]\nparams = params.ini\n[stage s]\ncmd  = echo {{n}} > {{outs}}\ndata = raw.bin\nouts = o.txt\n' > mlmake.ini
printf '/raw.bin\n/o.txt\n' > .gitignore
echo 'n = 0' > params.ini
git add . && git commit -qm x
n=0
for call in none sync_file_range renameat2 syncfs; do
	head -c $((9000000 + n)) /dev/urandom > raw.bin
	n=$((n + 1))
	echo "n = $n" > params.ini
	sync
	if [ $call = none ]; then
		mm 0 -q
	else # any of its threads may come to it
		strace -f -qq -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=1" "$MLMAKE" -q > "$T/out" 2> "$T/err" < /dev/null &&
			fail "$call is not called"
	fi
	take_cut
	mount -o loop "$cut" "$T/cut" || fail 'the copy cannot be mounted'
	cd "$T/cut/q" || exit 1
	mm 0
	[ $call != none ] || said_not '[0-9] ran'
	s=$(sha "$T/disk/q/raw.bin")
	is "$(sha ".git/mlmake/objects/$(echo "$s" | cut -c1-2)/$(echo "$s" | cut -c3-4)/$s")" "$s" "the object after a cut at $call"
	is "$(find .git/mlmake/incoming -type f | wc -l)" 0 "left in incoming after a cut at $call"
	cd "$T/disk/q" || exit 1
	umount "$T/cut" || fail 'cannot unmount'
done
cd "$T/disk/p" && rm -rf "$T/disk/q" || exit 1

begin 'wherever the power is cut, the next run is right and nothing that was done before is lost'
cuts=0 n=1
for call in fsync fdatasync syncfs rename,renameat2 link,linkat unlink,unlinkat openat write,pwrite64; do
	case $call in
	openat | write*) step=7 ;;
	*) step=1 ;;
	esac
	[ "${MLMAKE_CUTS-}" = all ] && step=1
	when=$step
	while [ $when -le 400 ]; do
		n=$((n + 1))
		[ $n -le 9 ] || n=2
		power_cut "$call" $when $n || break
		after_cut "$call" $when $n
		cuts=$((cuts + 1))
		[ $bad = 0 ] || break 2
		mm 0 -q # the disk itself goes on as after a kill
		sync
		when=$((when + step))
	done
done
diag "$cuts power cuts"
[ $cuts -ge 10 ] || fail "only $cuts power cuts"
finish
