#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# fsck notices a bit flipped in every kind of stored object, names the results that are lost, and repairs what can be repaired.
. "${srcdir:-.}/tests/shell/lib.sh"

# flip FILE [OFFSET]: one bit.
flip() {
	mode=$(stat -c %a "$1"); chmod u+w "$1"
	at=${2:-$(($(stat -c %s "$1") / 2))}
	byte=$(dd if="$1" bs=1 skip="$at" count=1 2> /dev/null | od -An -tu1 | tr -d ' ')
	# shellcheck disable=SC2059
	printf "\\$(printf %03o $((byte ^ 1)))" | dd of="$1" bs=1 seek="$at" conv=notrunc 2> /dev/null
	chmod "$mode" "$1"
}
object() { i=$(sha "$1"); echo ".git/mlmake/objects/$(echo "$i" | cut -c1-2)/$(echo "$i" | cut -c3-4)/$i"; }
# anew NAME: the project as it was after its builds.
anew() { rm -rf "$T/w/$1"; cp -a "$T/w/made" "$T/w/$1"; cd "$T/w/$1" || exit 1; }

new_project made <<'END'
[project]
params = params.ini
[stage tree]
cmd  = mkdir -p {{outs}}/sub; head -c {{n}} /dev/zero | tr '\0' a > {{outs}}/sub/large; echo small{{n}} > {{outs}}/small
data = raw.bin
outs = tree
[stage file]
cmd  = head -c {{n}} /dev/zero | tr '\0' b > {{outs}}
outs = file.bin
END
printf 'tree\nfile.bin\nraw.bin\n' > .gitignore
head -c 150000 /dev/urandom > raw.bin
echo 'n = 300000' > params.ini; mm 0 -q; git add . && git commit -q -m 1
echo 'n = 310000' > params.ini; mm 0 -q; git commit -q -a -m 2

begin 'all is sound; fsck writes nothing'
touch -d '2000-01-01' .git/mlmake/objects/*/*/*
find .git -type f | sort | xargs sha256sum > "$T/before"
find .git -type f -printf '%p %t\n' | sort >> "$T/before"
mm 0 fsck
said 'all is sound'
said '5 large objects'
said '2 runs'
mm 0 fsck --quick
find .git -type f | sort | xargs sha256sum > "$T/after"
find .git -type f -printf '%p %t\n' | sort >> "$T/after"
check 'nothing is changed' cmp "$T/before" "$T/after"

begin 'a flipped bit in a large object: named, with what is lost with it'
anew large
flip "$(object file.bin)"
mm 1 fsck
said "^corrupt  object $(sha file.bin) does not hold what its name says"
said 'lost with it: file.bin of file, run .* of 20..-..-.., commit '
mm 1 fsck
exists "$(object file.bin)"

begin 'it is taken in anew from the work tree'
mm 1 fsck --repair
said 'repaired: it was taken in anew from the work tree'
said '1 damage found, 1 repaired'
mm 0 fsck
rm file.bin; mm 0; check 'the bytes' cmp file.bin "$T/w/made/file.bin"

begin 'of a directory a part alone'
anew part
flip "$(object tree/sub/large)"
mm 1 fsck --repair
said "^corrupt  object $(sha tree/sub/large) "
said 'part of: tree of tree, run '
said '1 repaired'
mm 0 fsck

begin 'what the work tree has no longer is out of the way, and lost'
anew lost
id=$(sha file.bin)
flip "$(object file.bin)"; echo other > file.bin
mm 1 fsck --repair
said "^corrupt  object $id "
said 'it was taken out of the way'
said '1 damage found, 0 repaired'
exists ".git/mlmake/corrupt/$id"
mm 1 fsck
said "^missing  object $id is gone"

begin 'a raw input'
anew raw
flip "$(object raw.bin)"
mm 1 fsck --repair
said 'part of: raw.bin of tree, run '
said '1 repaired'
mm 0 fsck

begin 'from a remote'
anew remote
cat >> mlmake.ini <<END
[remote lab]
url = $T/lab
END
mm 0 push
flip "$(object file.bin)"; rm -f "$(object tree/sub/large)"
rm -rf file.bin tree
mm 1 fsck --repair
said 'repaired: it was fetched from a remote'
said '2 damages found, 2 repaired'
mm 0 fsck
mm 0 checkout HEAD
check 'the bytes' cmp file.bin "$T/w/made/file.bin"

begin 'small objects, records, locks and sources, which lie in packs'
anew small
git prune-packed # of two copies in git the other would be read
git rev-list --objects --all | cut -d' ' -f1 > "$T/reached"
for pack in .git/objects/pack/*.pack; do
	git verify-pack -v "$pack" | awk 'NF == 5' | sort -k5n > "$T/listing"
	size=$(stat -c %s "$pack")
	at=40
	while [ "$at" -lt $((size - 21)) ]; do
		cp -p "$pack" "$T/pack"
		flip "$pack" "$at"
		name=$(awk -v at="$at" '$5 <= at { name = $1 } END { print name }' "$T/listing")
		want=0; grep -q "$name" "$T/reached" && want=1
		mm $want fsck
		chmod u+w "$pack"; cp "$T/pack" "$pack"; chmod 444 "$pack"
		at=$((at + 97))
	done
done
mm 0 fsck

begin 'a damaged small object is read no more, and made anew from the work tree'
anew smaller
oid=$(git hash-object tree/small)
git unpack-objects -q < /dev/null 2> /dev/null
for p in .git/objects/pack/*.pack; do mv "$p" "$T/p.pack"; rm -f "${p%.pack}.idx"; git unpack-objects -q < "$T/p.pack"; rm -f "$T/p.pack"; done
mm 0 fsck
loose=.git/objects/$(echo "$oid" | cut -c1-2)/$(echo "$oid" | cut -c3-)
exists "$loose"
flip "$loose" 20
mm 1 fsck
said "^corrupt  object $(sha tree/small) "
said 'lost with it: tree of tree'
mm 1 fsck --repair
rm -rf tree; mm 0 -q
holds tree/small 'small310000'

begin 'modes and strays'
anew mode
chmod 666 "$(object file.bin)"
echo x > .git/mlmake/objects/stray
mm 1 fsck
said "^mode     object $(sha file.bin)"
said "^stray    '.git/mlmake/objects/stray' is no object"
mm 1 fsck --repair
is "$(stat -c %a "$(object file.bin)")" 444 'mode'

begin 'tables are made anew'
anew tables
for f in .git/mlmake/records/* .git/mlmake/small/*; do flip "$f"; done
mm 1 fsck
said '^table    '
mm 1 fsck --repair
mm 0 fsck
rm -rf tree; mm 0 -q
holds tree/small 'small310000'
rm -rf .git/mlmake/small .git/mlmake/closures .git/mlmake/runs
mm 0 gc --grace=0
said_not 'of nobody'
rm -rf .git/mlmake/small
mm 1 fsck
said "the table '.git/mlmake/small' does not know of"
mm 1 fsck --repair
mm 0 fsck
rm -rf .git/mlmake/small
touch -d 2000-01-01 .git/mlmake/objects/*/*/*
mm 0 gc --grace=0
said '^5 objects needed'
said_not 'of nobody'

begin 'state, refs and chains'
anew state
flip .git/mlmake/work/top/state
mm 1 fsck
said '^state    '
mm 0 -q
mm 0 fsck
echo damaged > .git/refs/heads/x
mm 1 fsck
said "the ref 'refs/heads/x' cannot be read"
rm .git/refs/heads/x
chain=$(git for-each-ref --format='%(refname)' refs/mlmake/log); end=$(git rev-parse "$chain")
: > ".git/$chain"
mm 1 fsck; said "the ref '$chain' cannot be read"
mm 2 -B; said 'mlmake fsck --repair. mends it'
mm 1 fsck --repair; said 'repaired: it leads to the last run that is known of it'
is "$(git rev-parse "$chain")" "$end"; mm 0 fsck
mm 0 -B; is "$(git rev-parse "$chain^")" "$end"
git pack-refs --all; mkdir -p ".git/${chain%/*}"; echo damaged > ".git/$chain"; end=$(sed -n "s| $chain\$||p" .git/packed-refs)
mm 1 fsck --repair; is "$(git rev-parse "$chain")" "$end"; mm 0 fsck
commit=$(git for-each-ref --format='%(objectname)' refs/mlmake/log)
tree=$(git rev-parse "$commit^{tree}")
records=$(git rev-parse "$commit:records")
git show "$commit:records" | sed 's/^cmd /cmd x/' > "$T/records"
new=$(git ls-tree "$commit" | sed "s/$records/$(git hash-object -w "$T/records")/" | git mktree)
forged=$(git cat-file commit "$commit" | sed "s/$tree/$new/" | git hash-object -w -t commit --stdin)
git update-ref "$(git for-each-ref --format='%(refname)' refs/mlmake/log)" "$forged"
rm .git/mlmake/runs
mm 1 fsck
said 'the record of .* is not what its key says'

begin 'what gc took is no damage'
anew taken
rm -f file.bin
mm 0 gc --keep-runs=0 --force --grace=0 -n
echo 'n = 320000' > params.ini; mm 0 -q; git add mlmake.lock; git commit -q -a -m 3
mm 0 gc --keep-runs=1 --force --grace=0
mm 0 fsck
said 'that are not here were taken by .mlmake gc'

begin 'JSON'
if have_python; then
	anew json
	flip "$(object file.bin)"
	mm 1 fsck --json
	is "$(json "$T/out" "d['findings'][0]['kind']")" corrupt kind
	is "$(json "$T/out" "d['sound']")" false sound
fi

begin 'a build that is under way is not taken for a dead one'
new_project busy <<'END'
[stage slow]
cmd  = : > began; until test -e go; do sleep 0.02; done; echo x > {{outs}}
outs = slow.txt
END
mm_start; slow=$pid
until_true 'it builds' test -e began
mm 0 fsck; said 'a run is under way here, or was killed'
mm 0 gc -n; said 'a run is under way here, or was killed'
: > go
pid=$slow; mm_end 0
mm 0 fsck; said_not 'under way'
finish
