#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A file system that can clone: what is taken in and put back shares its room with the store, and putting back does not grow with the file.
. "${srcdir:-.}/tests/shell/lib.sh"

[ "$(id -u)" = 0 ] || skip_all 'only root may mount an image'
PATH=$PATH:/sbin:/usr/sbin # where a user's shell may not look
command -v mkfs.xfs > /dev/null || skip_all 'mkfs.xfs is missing'
mkdir "$T/disk" || exit 1
trap 'umount "$T/disk" 2> /dev/null || umount -l "$T/disk" 2> /dev/null; leave' EXIT
truncate -s 512M "$T/disk.img"
mkfs.xfs -q -m reflink=1 "$T/disk.img" > /dev/null 2>&1 && mount -o loop,allocsize=64k "$T/disk.img" "$T/disk" 2> /dev/null ||
	skip_all 'an XFS image cannot be mounted here'

MIB=40
mkdir "$T/disk/p" && cd "$T/disk/p" || exit 1
git init -q -b main .
cat > mlmake.ini <<'END'
[project]
params = params.ini
[stage s]
cmd  = (cat {{data}}; echo; echo {{n}}) > {{outs}}; echo s >> "$COUNT"
data = raw.bin
outs = big.bin
END
printf '/raw.bin\n/big.bin\n' > .gitignore
head -c ${MIB}M /dev/urandom > raw.bin
room() { sync -f .; df --output=used -B1M . | tail -n 1 | tr -d ' '; }
object() { s=$(sha "$1"); echo ".git/mlmake/objects/$(echo "$s" | cut -c1-2)/$(echo "$s" | cut -c3-4)/$s"; }
# at_most MIB WAS: so much more room is used since.
at_most() {
	used=$(($(room) - $2))
	[ $used -le "$1" ] || fail "$used MiB more are used, not at most $1"
}

begin 'what is taken in is not stored twice'
echo 'n = 1' > params.ini
was=$(room)
mm 0; ran s
at_most $((MIB + 8)) "$was" # what the stage wrote
cmp -s raw.bin "$(object raw.bin)" || fail 'the object is not what was taken in'
echo 'n = 2' > params.ini
was=$(room)
mm 0; ran s
at_most $((MIB + 8)) "$was"

begin 'what is put back shares its extents with the object'
was=$(room)
echo 'n = 1' > params.ini; mm 0; ran
is "$(tail -n 1 big.bin)" 1
at_most 8 "$was"
if command -v filefrag > /dev/null; then
	filefrag -v big.bin | grep -q shared || fail 'no extent is shared'
fi
echo more >> big.bin # is nobody else's
cmp -s "$(object raw.bin)" raw.bin || fail 'the store was written to'

begin 'to put back what was seen before reads nothing of it'
# bytes TARGET: how many mlmake reads from the objects and from what it puts back, in KiB.
bytes() {
	rm -f big.bin
	ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS-} strace -f -y -e trace=read,pread64 -o "$T/trace" "$MLMAKE" > "$T/out" 2> "$T/err" || fail 'not put back'
	awk '/objects\/|big\.bin/ && $NF ~ /^[0-9]+$/ { n += $NF } END { print int(n / 1024) }' "$T/trace"
}
if command -v strace > /dev/null && strace -o /dev/null true 2> /dev/null; then
	mm 0; ran
	is "$(bytes)" 0
	is "$(tail -n 1 big.bin)" 1
else
	skip 'to put back what was seen before reads nothing of it' 'strace is missing'
fi

begin 'an object that was written to is not put back unread'
o=$(object big.bin)
chmod u+w "$o"; printf x | dd of="$o" bs=1 seek=5000 conv=notrunc 2> /dev/null; chmod 0444 "$o"
rm big.bin
mm 0; ran s
[ -e ".git/mlmake/corrupt/${o##*/}" ] || fail 'the damaged object was not noticed'
mm 0 status --check
finish
