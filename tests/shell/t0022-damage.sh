#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Losing or damaging what mlmake remembers. PEERS.md, failure 2: a byte flipped in the store.
. "${srcdir:-.}/tests/shell/lib.sh"
state=.git/mlmake/work/top

begin 'the stat cache deleted, emptied, cut, filled with noise: only time is lost'
three p
mm 0; ran clean up count other
for how in 'rm -f F' ': > F' 'truncate -s 100 F' 'head -c 5000 /dev/urandom > F' 'truncate -s +4096 F'; do
	mm 0 status > /dev/null
	eval "$(printf '%s\n' "$how" | sed "s#F#$state/statcache#")"
	mm 0; ran
	mm 0 status --check
	printf 'pear\napple\n%s\n' "$how" > raw.txt
	mm 4 status --check
	mm 0; ran clean up count
done

begin 'any byte of the stat cache flipped: nothing is called fresh that is not'
cp "$state/statcache" "$T/good"
size=$(wc -c < "$T/good")
i=0
while [ $i -lt 40 ]; do
	cp "$T/good" "$state/statcache"
	printf '\377' | dd of="$state/statcache" bs=1 seek=$((i * size / 40)) conv=notrunc 2> /dev/null
	mm 0 status --check
	i=$((i + 1))
done

begin 'dvc-2: an object with a byte flipped is not restored; the stage runs instead'
new_project q <<'END'
[project]
params = params.ini
[stage s]
cmd  = echo "result {{n}}" > {{outs}}; echo s >> "$COUNT"
outs = o.txt
END
# damage TEXT FROM TO: in each pack, where small outputs lie as they are.
damage() {
	LC_ALL=C grep -l "$1" .git/objects/pack/*.pack > "$T/packs" || fail "no pack holds '$1'"
	while read -r pack; do LC_ALL=C sed -i "s/$1/$2/" "$pack"; done < "$T/packs"
}
echo 'n = 1' > params.ini; mm 0
echo 'n = 2' > params.ini; mm 0
ran s s
damage 'result 1' 'resXlt 1'
echo 'n = 1' > params.ini
mm 0
ran s
holds o.txt 'result 1'
mm 0 status --check

begin 'dvc-2: after that the store is whole again'
echo 'n = 2' > params.ini; mm 0
echo 'n = 1' > params.ini; mm 0
ran
holds o.txt 'result 1'

begin 'what git collected is missing, and a large file that is cut'
rm -f .git/objects/pack/pack-*
echo 'n = 2' > params.ini; mm 0; ran s; holds o.txt 'result 2'
sed 's/result {{n}}/$(yes {{n}} | head -c 3000000)/' mlmake.ini > n && cp mlmake.ini saved && mv n mlmake.ini
echo 'n = 3' > params.ini; mm 0; ran s
s=$(sha o.txt)
object=.git/mlmake/objects/$(echo "$s" | cut -c1-2)/$(echo "$s" | cut -c3-4)/$s
exists "$object"
echo 'n = 4' > params.ini; mm 0; ran s
echo 'n = 3' > params.ini; mm 0; ran; is "$(sha o.txt)" "$s"
echo 'n = 4' > params.ini; mm 0; ran
chmod u+w "$object"; : > "$object"
echo 'n = 3' > params.ini; mm 0; ran s; is "$(sha o.txt)" "$s"
mv saved mlmake.ini
echo 'n = 2' > params.ini; mm 0

begin 'the store lost: what is on disk stays fresh; going back runs'
: > "$COUNT"
chmod -R u+w .git/mlmake/objects .git/objects/pack; rm -r .git/mlmake/objects .git/mlmake/small .git/objects/pack/*
mm 0; ran
echo 'n = 1' > params.ini; mm 0; ran s; holds o.txt 'result 1'
echo 'n = 5' > params.ini; mm 0; ran s; holds o.txt 'result 5'
echo 'n = 1' > params.ini; mm 0; ran; holds o.txt 'result 1'
echo 'n = 2' > params.ini; mm 0; ran; holds o.txt 'result 2' # it stood there when it was lost, and was moved aside
: > "$COUNT"

begin 'records damaged: the stage runs'
find .git/mlmake/records -type f -exec sh -c 'chmod u+w "$1"; echo noise > "$1"' x {} \;
echo 'n = 1' > params.ini; mm 0; ran s; holds o.txt 'result 1'

begin 'everything lost but mlmake.lock: what it names is fresh, not run'
rm -rf .git/mlmake
mm 0 status --check
mm 0; ran
holds o.txt 'result 1'

begin 'mlmake.lock and state lost: the stage runs'
rm -rf .git/mlmake mlmake.lock
mm 0; ran s

begin 'state damaged'
head -c 3000 /dev/urandom > $state/state
mm 0; ran; holds o.txt 'result 1'
mm 0 status --check
echo 'noise' > .git/mlmake/runs
mm 0 log
said 'done'

begin 'a file that is no lock is not overwritten: it is told what to do'
echo 'my own notes' > mlmake.lock
mm 2; said '^mlmake: error: mlmake\.lock:1: .*git checkout'
holds mlmake.lock 'my own notes'

begin 'a lock that is cut off: it is told what to do, and what is told helps'
rm mlmake.lock; mm 0
head -c 150 mlmake.lock > cut && mv cut mlmake.lock
mm 2; said 'mlmake\.lock:[0-9]+: .*git checkout.*or remove it'
rm mlmake.lock
mm 0; ran
mm 0 status --check
exists mlmake.lock
finish
