#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# fsck --repair has git's objects that are damaged or gone again from a remote, of whatever kind it is: small artifacts, runs, sources.
. "${srcdir:-.}/tests/shell/lib.sh"
. "${srcdir:-.}/tests/shell/remote.sh"

# flip FILE OFFSET: one bit.
flip() {
	chmod u+w "$1"
	byte=$(dd if="$1" bs=1 skip="$2" count=1 2> /dev/null | od -An -tu1 | tr -d ' ')
	# shellcheck disable=SC2059
	printf "\\$(printf %03o $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2> /dev/null
	chmod 444 "$1"
}
project() {
	new_project "$1" <<-END
	[project]
	params = params.ini
	[remote lab]
	url = $2
	${3-}
	[stage tree]
	cmd  = mkdir -p {{outs}}/sub; seq {{n}} > {{outs}}/sub/file; echo small{{n}} > {{outs}}/small
	outs = tree
	[stage file]
	cmd     = echo {{n}} > {{outs}}; echo "x = {{n}}" > {{metrics}}
	data    = raw.txt
	outs    = out.txt
	metrics = m.ini
	END
	printf '%s\n' tree out.txt m.ini raw.txt > .gitignore
	echo raw > raw.txt
	for n in 500 600; do
		echo "n = $n" > params.ini; mm 0 -q
		git add . && git commit -q -m "$n"
	done
	git prune-packed
	git repack -q # the sources, for git is happier with few loose ones
	git prune-packed
}
# of NAME: pack and offset of an object, among what was sound when `look` was called.
look() { for pack in .git/objects/pack/*.pack; do git verify-pack -v "$pack" | awk -v p="$pack" 'NF >= 5 && $5 ~ /^[0-9]+$/ { print $1, p, $5, $4 }'; done > "$T/where"; }
# harm NAME...: these objects cannot be read any more.
harm() {
	look
	for id do
		sed -n "s/^$id //p" "$T/where" > "$T/copies"
		[ -s "$T/copies" ] || fail "no pack has $id"
		while read -r pack at len; do flip "$pack" $((at + len / 2)); done < "$T/copies"
		refuse "reading $id" git cat-file -p "$id"
	done
}
# harm_all: a run's commit, its text, a small artifact, a manifest, trees, a raw input; they are in $harmed.
harm_all() {
	run=$(git for-each-ref --format='%(objectname)' refs/mlmake/log)
	harmed=$(git rev-parse "$run" "$run~" "$run:" "$run:run" "$run:artifacts/m.ini" "$run:artifacts/tree" "$run~:objects" "$run:inputs/raw.txt")
	# shellcheck disable=SC2086
	harm $harmed
}
healed() {
	for id in $harmed; do check "git reads $id" git cat-file -p "$id"; done
	check 'git is content' git fsck --full --strict
	mm 0 fsck
	rm -rf tree out.txt m.ini
	mm 0 checkout HEAD; holds tree/small small600; holds out.txt 600
	mm 0 checkout HEAD~1
	holds tree/small small500
}

begin 'wherever a bit flips in a pack, what is reached is as it was'
project a "$T/lab"
mm 0 push
git rev-list --objects --glob='refs/mlmake/log/*' | cut -d' ' -f1 > "$T/reached"
git fsck --full > /dev/null 2>&1 || fail 'the test needs a sound repository'
cp -a .git "$T/sound"
flips=0 step=${CRASH_ALL:+29}; step=${step:-271}
for pack in .git/objects/pack/*.pack; do
	git verify-pack -v "$pack" | awk 'NF >= 5 && $5 ~ /^[0-9]+$/' | sort -k5n > "$T/listing"
	size=$(stat -c %s "$pack")
	at=14
	while [ "$at" -lt $((size - 21)) ]; do
		flip "$pack" "$at"
		name=$(awk -v at="$at" '$5 <= at { name = $1 } END { print name }' "$T/listing")
		if grep -q "$name" "$T/reached"; then
			mm 1 fsck --repair
			said 'repaired'
			mm 0 fsck
			check 'git is content' git fsck --full
			flips=$((flips + 1))
		fi
		rm -rf .git; cp -a "$T/sound" .git
		at=$((at + step))
	done
done
[ "$flips" -ge 3 ] || fail "only $flips flips"

begin 'objects of every kind at once, from a directory'
harm_all
mm 1 fsck
said "run .* cannot be read"
mm 1 fsck --repair
said "repaired: git's objects were fetched from a remote"
healed

begin 'what is gone altogether'
rm -rf .git; cp -a "$T/sound" .git
run=$(git for-each-ref --format='%(objectname)' refs/mlmake/log)
first=$(git rev-parse "$run:artifacts/m.ini")
look
pack=$(sed -n "s/^$first \\([^ ]*\\) .*/\\1/p" "$T/where")
rm -f "$pack" "${pack%.pack}.idx" "${pack%.pack}.rev"
mm 1 fsck
mm 1 fsck --repair
mm 0 fsck

begin 'a remote that is damaged itself, and one that is not there, heal nothing and harm nothing'
rm -rf .git; cp -a "$T/sound" .git
run=$(git for-each-ref --format='%(objectname)' refs/mlmake/log)
harm "$(git rev-parse "$run:artifacts/m.ini")"
mv "$T/lab" "$T/gone"
mm 1 fsck --repair
said 'it counts as empty'; said '0 repaired'
mv "$T/gone" "$T/lab"
for pack in "$T"/lab/lineage.git/objects/pack/*.pack; do flip "$pack" $(($(stat -c %s "$pack") / 2)); flip "$pack" $(($(stat -c %s "$pack") / 3)); done
mm 1 fsck --repair
mm 1 fsck
rm -rf .git; cp -a "$T/sound" .git
mm 0 fsck

if command -v rclone > /dev/null; then
	begin 'through rclone'
	RCLONE_CONFIG=$T/rclone.conf; export RCLONE_CONFIG
	printf '[cloud]\ntype = alias\nremote = %s/cloud\n' "$T" > "$RCLONE_CONFIG"; mkdir "$T/cloud"
	project r rclone:cloud:lab
	mm 0 push
	harm_all
	mm 1 fsck --repair
	healed
fi

if command -v ssh > /dev/null && { command -v sshd || [ -x /usr/sbin/sshd ]; } > /dev/null; then
	begin 'over ssh'
	a_sshd
	project s "ssh://lab$T/far"
	mm 0 push
	harm_all
	mm 1 fsck --repair
	healed

	if git lfs version > /dev/null 2>&1; then
		begin 'from a git host'
		git init -q --bare "$T/host.git"
		project h "ssh://lab$T/host.git" 'lfs = yes'
		mm 0 push
		harm_all
		mm 1 fsck --repair
		healed
	fi
fi
finish
