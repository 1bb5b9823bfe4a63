#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# push and pull over ssh, to a git host and through rclone, killed at every call that writes: what tests/crash/share.c does to a directory.
. "${srcdir:-.}/tests/shell/lib.sh"
. "${srcdir:-.}/tests/shell/remote.sh"
[ -x ./test_share ] || skip_all 'the unit tests are not built'
driver=$(pwd)/test_share
SHARE_SAMPLES=${SHARE_SAMPLES:-4}
export SHARE_SAMPLES

# killed KIND LINE...: the lines are those of [remote lab].
killed() {
	SHARE_KIND=$1 SHARE_TOP=$T/at/$1
	export SHARE_KIND SHARE_TOP
	shift
	SHARE_REMOTE=$(printf '%s\n' "$@")
	export SHARE_REMOTE
	"$driver" > "$T/out" 2> "$T/err" || fail "it exited with $?"
	echo "# $SHARE_KIND:" $(sed -n 's/^ok [0-9] - //p' "$T/out")
	[ "$(grep -c '^ok ' "$T/out")" = 3 ] || fail "$(cat "$T/out" "$T/err")"
}

mkdir -p "$T/at/ssh" "$T/at/rclone" "$T/at/lfs"
if command -v rclone > /dev/null; then
	begin 'through rclone'
	RCLONE_CONFIG=$T/rclone.conf
	export RCLONE_CONFIG
	printf '[cloud]\ntype = alias\nremote = %s\n' "$T/at/rclone" > "$RCLONE_CONFIG"
	killed rclone 'url = rclone:cloud:lab'
else
	skip 'through rclone' 'rclone is not installed'
fi

serve() {
	python3 "$srcdir/tests/shell/forge.py" "$T/at/lfs/lab" "$port" > "$T/forge.log" 2>&1 &
	serving=$!
	until grep -q '^ready' "$T/forge.log"; do
		alive "$serving" || return 1
		sleep 0.02
	done
	started="$started $serving"
}
if git lfs version > /dev/null 2>&1 && have_python && a_port serve; then
	begin 'to a git host'
	GIT_CONFIG_GLOBAL=$T/gitconfig
	git config --file "$GIT_CONFIG_GLOBAL" lfs.transfer.maxretries 1
	git config --file "$GIT_CONFIG_GLOBAL" lfs.transfer.maxretrydelay 1
	killed lfs "url = http://127.0.0.1:$port/one.git" 'lfs = yes'
else
	skip 'to a git host' 'git-lfs or python3 is not installed'
fi

if command -v ssh > /dev/null && { command -v sshd || [ -x /usr/sbin/sshd ]; } > /dev/null; then
	begin 'over ssh'
	a_sshd
	killed ssh "url = ssh://lab$T/at/ssh/lab"
else
	skip 'over ssh' 'openssh-server is not installed'
fi
finish
