#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs as commits: what they hold, read with plain git, coreutils and no mlmake.
. "${srcdir:-.}/tests/shell/lib.sh"

# ref: the chain of this clone. at PATH: a file of its newest run.
ref() { echo "refs/mlmake/log/$(cat .git/mlmake/writer)"; }
at() { git show "$(ref):$1"; }
# hash PATH: the SHA-256 of a file of the newest run.
hash() { at "$1" | sha256sum | cut -d' ' -f1; }

begin 'a run is a commit on the chain of this clone, and not on any branch'
three runs
printf '%s\n' clean.txt up.txt count.txt other.txt > .gitignore
git add . && git commit -qm 'A project'
mm 0
is "$(git rev-list --count "$(ref)" ^main)" 1 'runs'
is "$(git log -1 --format=%s "$(ref)")" 'done: 4 ran' 'the outcome in a line'
is "$(git log -1 --format=%P "$(ref)")" "$(git rev-parse main)" 'the first run stands on its source'
is "$(git log -1 --format=%an "$(ref)")" tester author
is "$(git for-each-ref --format='%(refname)' refs/heads)" refs/heads/main branches
is "$(git status --porcelain)" '?? mlmake.lock' 'nothing else is new in the work tree'
check 'git finds nothing wrong' git fsck --full --strict

begin 'a build with nothing to do is no run; the next run stands on the one before'
mm 0
is "$(git rev-list --count "$(ref)" ^main)" 1 'runs'
first=$(git rev-parse "$(ref)")
echo plum >> raw.txt
mm 0
is "$(git log -1 --format=%P "$(ref)")" "$first $(git rev-parse main)" parents
is "$(git log -1 --format=%s "$(ref)")" 'done: 3 ran' outcome

begin 'its text says what ran and why'
check 'what ran' sh -c "git show '$(ref):run' | grep -Eq '^part done [0-9]+ [0-9a-f]{64} clean$'"
check 'why' sh -c "git show '$(ref):run' | grep -Eq '^why data	raw.txt	=f [0-9a-f]{64}	=f $(sha raw.txt)$'"
check 'the source' sh -c "git show '$(ref):run' | grep -q '^source $(git rev-parse main) dirty$'"
check 'the command' sh -c "git show '$(ref):run' | grep -q '^command mlmake$'"
is "$(at records | grep -c '^\[')" 3 'records of what ran'
is "$(at mlmake.lock)" "$(cat mlmake.lock)" 'the lock as it was after the run'

begin 'the exact source, dirty or not, without the lock'
is "$(git diff --name-only main "$(ref):source")" raw.txt 'what differed from the commit'
is "$(at source/raw.txt)" "$(cat raw.txt)" 'as it was in the work tree'
git add . && git commit -qm 'More, and the lock'
echo 'fig2' >> raw.txt
git add raw.txt
echo 'fig3' >> raw.txt
mm 0
is "$(at source/raw.txt)" "$(cat raw.txt)" 'the work tree, not the index'
is "$(git diff --cached --name-only)" raw.txt 'the index is as it was'
is "$(git ls-tree --name-only "$(ref):source" mlmake.lock)" '' 'the lock is apart'

begin 'what the lock names is there: small artifacts as they are'
for f in clean.txt up.txt count.txt other.txt; do
	is "$(hash artifacts/$f)" "$(sha $f)" $f
done
is "$(git diff --name-only "$first:artifacts" "$(ref):artifacts" | tr '\n' ' ')" 'clean.txt up.txt ' 'git diff of two runs'

begin 'a directory as its manifest, its files by their digests; a large file by name; raw inputs that git does not track'
new_project shapes <<-'END'
[stage dir]
cmd  = mkdir -p {{outs}}/sub; cp {{data}} {{outs}}/a; echo b > {{outs}}/sub/b; ln -s a {{outs}}/l
data = raw.csv
outs = d
[stage big]
cmd  = head -c 3000000 /dev/zero | tr '\0' x > {{outs}}
outs = big.bin
END
printf 'raw.csv\nd/\nbig.bin\n' > .gitignore
echo 1,2 > raw.csv
git add . && git commit -qm x
mm 0
is "$(at inputs/raw.csv)" 1,2 'a raw input'
manifest=$(hash artifacts/d)
check 'the lock names the manifest' grep -q "^outs d $manifest " mlmake.lock
check 'sha256sum checks its files' sh -c "git show '$(ref):artifacts/d' > m && (cd d && sha256sum -c --quiet ../m)"
is "$(git cat-file blob "$(ref):objects/$manifest/$(sha d/a)")" 1,2 'a file of the directory by its digest'
sub=$(at artifacts/d | sed -n 's/^#dir \([0-9a-f]*\)  sub$/\1/p')
is "$(git cat-file blob "$(ref):objects/$manifest/$sub/$(sha d/sub/b)")" b 'one further down'
is "$(at artifacts/big.bin)" "mlmake-object 1
sha256 $(sha big.bin)
size 3000000" 'a large file'
big=$(sha big.bin)
is "$(sha ".git/mlmake/objects/$(echo "$big" | cut -c1-2)/$(echo "$big" | cut -c3-4)/$big")" "$big" 'its bytes in the store'

begin 'git gc takes nothing that a run needs'
rm -rf d big.bin
git gc -q --prune=now
mm 0
ran
holds d/a 1,2

begin 'a failed run is one, too, and an interrupted stage is told'
echo 'exit 3' > up.sh
new_project fails <<-'END'
[stage a]
cmd  = exit 3
outs = a
END
mm 1
is "$(git log -1 --format=%s "$(ref)")" 'failed: 1 failed' outcome
mm 0 log
said 'failed'

begin 'without git the chain is in .mlmake/git'
mkdir -p "$T/plain" && cd "$T/plain" || exit 1
printf '[stage a]\ncmd = echo a > {{outs}}\nouts = a.txt\n' > mlmake.ini
mm 0
is "$(git --git-dir=.mlmake/git show "refs/mlmake/log/$(cat .mlmake/writer):artifacts/a.txt")" a 'its artifact'
mm 0 log; said '1 ran'

begin 'forty runs leave few packs'
three many
i=0
while [ $i -lt 40 ]; do
	echo "$i" > raw.txt
	mm 0 -q
	i=$((i + 1))
done
[ "$(find .git/objects/pack -name '*.pack' | wc -l)" -le 22 ] || fail "$(find .git/objects/pack -name '*.pack' | wc -l) packs"
is "$(find .git/objects/pack -name '*.keep')" '' 'no .keep'
mm 0 log --json
if have_python; then is "$(json "$T/out" 'len(d["runs"])')" 40 runs; fi
check 'git finds nothing wrong' git fsck --full --strict
finish
