#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The artifacts of an old commit are put back byte for byte, and nothing that stands in the way is lost.
. "${srcdir:-.}/tests/shell/lib.sh"

# picture PATH...: names, kinds, modes that count, link targets and bytes.
picture() {
	for at do
		find "$at" | sort | while read -r f; do
			if [ -L "$f" ]; then echo "$f l $(readlink "$f")"
			elif [ -d "$f" ]; then echo "$f d"
			else echo "$f f $([ -x "$f" ] && echo x) $(sha "$f")"; fi
		done
	done
}
# outside: everything that checkout must not touch.
outside() {
	picture mlmake.ini params.ini raw.txt .gitignore mlmake.lock
	GIT_OPTIONAL_LOCKS=0 git status --porcelain; git rev-parse HEAD; sha .git/index .git/mlmake/work/top/state
	stat -c '%n %i %Y %Z' mlmake.ini params.ini raw.txt .gitignore mlmake.lock .git/index .git/mlmake/work/top/state
}

new_project p <<'END'
[project]
params = params.ini
[stage clean]
cmd  = sort {{data}} > {{outs}}; echo clean >> "$COUNT"
data = raw.txt
outs = clean.txt
[stage tree]
cmd  = mkdir -p {{outs}}/sub {{outs}}/empty; cp {{data}} {{outs}}/sub/all; echo {{n}} > {{outs}}/run; chmod 755 {{outs}}/run
       ln -s sub/all {{outs}}/link; echo tree >> "$COUNT"
data = clean.txt
outs = tree
[stage big]
cmd  = seq {{n}} 70000 > {{outs}}
outs = big.txt
[stage n]
cmd  = echo {{n}} > {{outs}}; echo n >> "$COUNT"
matrix v = 1 2
outs = deep/er/n-{{v}}.txt
END
printf 'pear\napple\n' > raw.txt
echo 'n = 1' > params.ini
printf '%s\n' /big.txt /clean.txt /tree /deep > .gitignore
artifacts='big.txt clean.txt tree deep'
mm 0
git add . && git commit -q -m one && git tag v1
# shellcheck disable=SC2086
picture $artifacts > "$T/one"
echo 'n = 2' > params.ini; echo fig >> raw.txt
mm 0
git commit -q -a -m two
# shellcheck disable=SC2086
picture $artifacts > "$T/two"
: > "$COUNT"

begin 'a dry run says what would be put back and does nothing'
outside > "$T/before"
mm 0 checkout -n v1
said 'would go *clean.txt'
said '5 artifacts would be put back'
# shellcheck disable=SC2086
picture $artifacts > "$T/now"; check 'as before' diff "$T/two" "$T/now"
outside > "$T/after"; check 'untouched' diff "$T/before" "$T/after"

begin 'a tag: everything comes back byte for byte, links, modes and empty directories too; nothing runs'
mm 0 checkout v1
said '5 artifacts put back'
said "^mlmake: the sources here are not those of .*, so the next .mlmake. puts their results in place again; .git checkout v1. first"
ran
# shellcheck disable=SC2086
picture $artifacts > "$T/now"; check 'as it was' diff "$T/one" "$T/now"

begin 'sources, lock, index and state are as they were'
outside > "$T/after"; check 'untouched' diff "$T/before" "$T/after"

begin 'a second time there is nothing to do'
stat -c '%i %Y %Z' clean.txt deep/er/n-1.txt > "$T/stat"
mm 0 checkout v1
said '^commit [0-9a-f]*.*: 5 were there already'
is "$(stat -c '%i %Y %Z' clean.txt deep/er/n-1.txt)" "$(cat "$T/stat")" 'the files'

begin 'a branch: back again; the next build has nothing to do'
mm 0 checkout main; said_not 'sources here'
# shellcheck disable=SC2086
picture $artifacts > "$T/now"; check 'as it was' diff "$T/two" "$T/now"
mm 0 status --check
mm 0; ran

begin 'targets: a stage, an instance, a pattern, a file, a directory above, a path within'
mm 0 checkout v1 clean; said '1 artifact put back'
mm 0 checkout v1 n@2; said '1 artifact put back'
mm 0 checkout v1 'n@*'; said '1 artifact put back, 1 was there'
mm 0 checkout main; mm 0 checkout v1 deep/er/n-1.txt; said '1 artifact put back'
mm 0 checkout v1 deep; said '1 artifact put back, 1 was there'
mm 0 checkout v1 tree/sub/all; said '1 artifact put back'
grep '^tree' "$T/one" > "$T/x"; picture tree > "$T/now"; check 'as it was' diff "$T/x" "$T/now"
mm 2 checkout v1 nothing; said "no stage, instance or artifact 'nothing'"

begin 'targets are named from where the user stands'
mm 0 checkout main
(cd deep && "$MLMAKE" checkout v1 er/n-1.txt > "$T/out" 2>&1) || fail 'from below'
said '1 artifact put back'
holds deep/er/n-1.txt 1
mm 0 checkout main

begin 'what a person wrote is kept in the store, and its place is told'
echo 'by hand' > clean.txt
mm 0 checkout v1 clean
said 'not in the store, and is kept as'
kept=$(sed -n 's/.*is kept as `\(.*\)`.*/\1/p' "$T/out")
holds clean.txt apple pear
eval "$kept" > "$T/kept"
holds "$T/kept" 'by hand'

begin 'a directory in the place of a file, and a file in the place of a directory'
mm 0 checkout main
rm -rf clean.txt tree; mkdir -p clean.txt/x; echo a > clean.txt/x/y; echo b > tree
mm 0 checkout v1
# shellcheck disable=SC2086
picture $artifacts > "$T/now"; check 'as it was' diff "$T/one" "$T/now"

begin 'what cannot be kept stays: a socket is in the way'
mm 0 checkout main
rm clean.txt
mkfifo clean.txt
mm 1 checkout v1
said '^refused *clean.txt'
said '4 artifacts put back, 1 was refused'
[ -p clean.txt ] || fail 'the pipe is gone'
rm clean.txt

begin 'what git tracks is not touched'
mm 0 checkout main
printf '%s\n' /big.txt /tree /deep > .gitignore
git add -f clean.txt && git commit -q -m tracked
before=$(stat -c '%i %Y' clean.txt)
mm 1 checkout v1
said '^refused *clean.txt'; said 'git tracks it'
is "$(stat -c '%i %Y' clean.txt)" "$before" 'the tracked file'
git rm -q --cached clean.txt && git commit -q -m untracked
printf '%s\n' /big.txt /clean.txt /tree /deep > .gitignore

begin 'what is missing is named with its digest, and nothing is touched'
mm 0 checkout main
want=$(sed -n 's/^big.txt f *//p' "$T/one")
object=.git/mlmake/objects/$(echo "$want" | cut -c1-2)/$(echo "$want" | cut -c3-4)/$want
mv "$object" "$T/object"
mm 1 checkout v1
said '^missing *big.txt'; said "sha256 $want, "; said 'nothing was put back'; said 'reproduce'
# shellcheck disable=SC2086
picture $artifacts > "$T/now"; check 'as it was' diff "$T/two" "$T/now"
mm 0 checkout v1 --allow-missing
said '4 artifacts put back, 1 is missing'
mv "$T/object" "$object"
mm 0 checkout v1
said '1 artifact put back, 4 were there'

begin 'a lock that is behind its source: it says so'
echo kiwi >> raw.txt
git commit -q -a -m 'raw data without a build'
mm 0 checkout HEAD -n
said 'behind its source'; said "another 'raw.txt'"
mm 0 checkout HEAD~1 -n
said_not 'behind'

begin 'after a run was killed: what it was doing is put right first'
cp mlmake.ini "$T/x"
printf '[stage slow]\ncmd = echo half > {{outs}}; exec sleep 600\nouts = slow.txt\n' >> mlmake.ini
echo whole > slow.txt; echo slow.txt >> .gitignore
mm_start slow
until_true 'slow runs' grep -q half slow.txt
kill -KILL "$pid"; wait "$pid" 2> /dev/null
mm 0 checkout v1
said 'ended badly'; said 'put back'
holds slow.txt whole
missing .git/mlmake/work/top/journal
cp "$T/x" mlmake.ini
mm 0 checkout main

begin 'words that name nothing'
mm 2 checkout; said 'which commit or run'
mm 2 checkout nonsense; said "'nonsense' is neither a run nor a commit"
mm 2 checkout v1:raw.txt; said 'raw.txt'

begin 'a project below the top of its work tree'
mkdir -p "$T/w/below/sub" && cd "$T/w/below" && git init -q -b main . && cd sub || exit 1
printf '[project]\nparams = params.ini\n[stage a]\ncmd = echo {{n}} > {{outs}}\nouts = a.txt\n' > mlmake.ini
echo 'n = 1' > params.ini; echo a.txt > .gitignore
mm 0; git add . ; git commit -q -m one
echo 'n = 2' > params.ini; mm 0; git commit -q -a -m two
mm 0 checkout HEAD~1
holds a.txt 1
mm 0 checkout HEAD
holds a.txt 2

if have_python; then
	begin 'as JSON'
	mm 0 checkout HEAD~1 --json
	is "$(json "$T/out" 'd["version"], d["counts"]["restored"], d["artifacts"][0]["path"], d["artifacts"][0]["result"]')" \
		'[1, 1, "a.txt", "restored"]' json
	is "$(json "$T/out" 'd["commit"]')" "$(git rev-parse HEAD~1)" commit
fi
finish
