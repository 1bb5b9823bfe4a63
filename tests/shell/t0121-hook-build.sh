#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A commit is built in the background: the commit and not the work tree, with nothing of the user's touched.
# shellcheck disable=SC2016
. "$srcdir/tests/shell/lib.sh"

built() { "$MLMAKE" hook watch > "$T/watched" 2>&1; }
outcome() { "$MLMAKE" hook log -n 1 | awk '{ print $4 }'; }

begin 'a commit is built, and a build in the work tree then restores'
three hooked
printf '[hook post-commit]\n' >> mlmake.ini
printf '%s\n' clean.txt up.txt count.txt other.txt > .gitignore
mm 0 hook log; said '^nothing was built yet: `mlmake hook install`'
mm 0 hook install
git add . && git commit -q -m first 2> "$T/said"
check 'git says nothing more' [ ! -s "$T/said" ]
built
ran clean up count other
is "$(outcome)" 'done' outcome
missing clean.txt
missing mlmake.lock
is "$(git status --porcelain)" '' 'status'
mm 0 log; said "done +$(git rev-parse --short=9 HEAD) +4 ran"
mm 0; said '4 restored'; ran
missing .git/mlmake/trees/hook
is "$(find .git/mlmake/queue -name '0*' | wc -l)" 0 'entries'

begin 'the commit counts, not what the work tree has changed since'
printf 'zoo\n' >> raw.txt
git commit -q -m data raw.txt
printf 'never\n' > raw.txt
built; ran clean up count
mm 0 show "$(git rev-parse HEAD)"; said 'clean'
is "$(git show "$(git rev-parse refs/mlmake/log/"$(git for-each-ref --format='%(refname:lstrip=3)' refs/mlmake/log)")":artifacts/clean.txt | tail -1)" zoo clean.txt
holds raw.txt never
git checkout -q raw.txt

begin 'the index and uncommitted work stay as they are'
echo staged > staged.txt && git add staged.txt && echo more >> up.sh
echo '# a comment' >> mlmake.ini && git commit -q -m comment mlmake.ini
cp .git/index "$T/index-file"
built
check 'index' cmp .git/index "$T/index-file"
is "$(git status --porcelain -uno | tr '\n' '|')" 'A  staged.txt| M up.sh|' changes
git reset -q --hard
: > "$COUNT"

begin 'the same files are not built again'
git commit -q --allow-empty -m 'nothing new'
built; ran
is "$(outcome)" same outcome
git commit -q --amend --allow-empty -m 'another message'
built; ran
is "$(outcome)" same outcome

begin 'a message can say that nothing is to be built; so can the environment'
echo one >> raw.txt && git commit -q -a -m 'a word [mlmake skip] here'
built; ran
is "$(outcome)" skipped outcome
echo two >> raw.txt && MLMAKE_HOOKS=0 git commit -q -a -m quiet
built; ran
is "$(outcome)" skipped outcome

begin 'a stage that fails is told of, with all that it printed'
echo 'seq 1000 >&2; echo something is wrong >&2; exit 3' > up.sh
git commit -q -a -m broken
"$MLMAKE" hook watch > "$T/out" 2>&1
is $? 1 'exit of watch'
said 'failed .*up: exit status 3'
mm 0 hook log "$(git rev-parse HEAD)"; said 'something is wrong'
mm 0 hook log; said 'failed'
is "$("$MLMAKE" hook log --json | grep -c '"outcome": "failed"')" 1 'in JSON'
mm 0 hook log HEAD; said 'something is wrong'
log=$(sed -n 's/^ *whole log: //p' "$T/out")
is "$(head -n 1 "$log") $(wc -l < "$log")" '1 1001' 'the whole log'
is "$(find .git/mlmake/queue/out -name '*.d' | wc -l)" 1 'logs that are kept'
mm 0 hook log main; said 'something is wrong'
mm 2 hook log nonsense; said "the log has no 'nonsense'"

begin 'a pipeline that is wrong is told of'
printf '[stage clean]\n' >> mlmake.ini && git commit -q -a -m twice
built
is "$(outcome)" error outcome
git revert --no-edit HEAD > /dev/null 2>&1 && git revert --no-edit HEAD~2 > /dev/null 2>&1
built

begin 'branches that were not named are not built'
sed -i 's/^\[hook post-commit\]/&\nbranch = main release\/*\nbuild = other/' mlmake.ini && git commit -q -a -m branches
built; : > "$COUNT"
git checkout -q -b topic && printf '[count]\nlines = 2\n[other]\nword = topic\n' > params.ini && git commit -q -a -m topic
"$MLMAKE" hook watch > "$T/out" 2>&1; ran
mm 0 hook log -n 1; said "skipped .*topic .*$(git rev-parse --short=9 HEAD) .*\\[hook post-commit\\] builds only main release/\\*"
mm 0 hook status; said '^post-commit +installed, only of main release/\*'
git checkout -q -b release/1 && git commit -q --allow-empty -m release
built; ran other

begin 'raw data that git does not hold is that of mlmake.lock, and linked'
new_project data <<'END'
[stage s]
cmd  = echo s >> "$COUNT"; stat -L -c %h {{data}} > "$T/links"; cksum < {{data}} > {{outs}}
data = big.bin
outs = sum.txt
[stage all]
cmd  = echo all >> "$COUNT"; cat {{data}} > {{outs}}
data = raw/*.txt
outs = all.txt
[hook post-commit]
END
head -c 3000000 /dev/zero | tr '\0' 'x' > big.bin
mkdir raw && echo a > raw/a.txt
printf '%s\n' big.bin raw '*.txt' > .gitignore
mm 0 hook install
git add . && git commit -q -m first
built; ran s all
check 'shared with the store, or cloned' [ "$(cat "$T/links")" -ge 2 -o "$(stat -f -c %T .)" = xfs -o "$(stat -f -c %T .)" = btrfs ]
mm 0; said '2 restored'; ran
git add mlmake.lock && git commit -q -m lock
built; ran
echo changed > big.bin && echo b > raw/b.txt
echo '# a comment' >> mlmake.ini && git commit -q -a -m comment
built; ran
is "$(outcome)" 'done' outcome
mm 0; ran s all
holds big.bin changed
git commit -q -a -m 'the lock knows it'
built; ran

begin 'what the store shall not have is read where it lies'
new_project nokeep <<'END'
[stage s]
cmd  = echo s >> "$COUNT"; cksum < {{data}} > {{outs}}
data = big.bin keep=no
outs = sum.txt
[hook post-commit]
END
head -c 3000000 /dev/zero > big.bin
printf '%s\n' big.bin sum.txt > .gitignore
mm 0 hook install
git add . && git commit -q -m first
built; ran s
is "$(find .git/mlmake/objects -type f 2> /dev/null | wc -l)" 0 objects
mm 0; said '1 restored'; ran

if git lfs version > /dev/null 2>&1; then
	begin 'what git-lfs has is there, as it is'
	new_project lfs <<-'END'
	[stage s]
	cmd  = echo s >> "$COUNT"; cat {{data}}/* | cksum > {{outs}}
	data = data
	outs = sum.txt
	[hook post-commit]
	END
	git lfs install --local --skip-repo > /dev/null
	echo 'data/*.bin filter=lfs diff=lfs merge=lfs -text' > .gitattributes
	mkdir data && head -c 300000 /dev/zero > data/big.bin && echo small > data/small.txt
	echo sum.txt > .gitignore
	mm 0 hook install
	git add . && git commit -q -m first
	built; ran s
	is "$(outcome)" 'done' outcome
	mm 0; said '1 restored'; ran
	holds sum.txt "$(cat data/* | cksum)"
fi

begin 'a project below the top; git says in the stage what commit is built, and its variables do not leak'
new_project outer <<'END'
END
rm mlmake.ini && mkdir -p 'in ner' && cd 'in ner' || exit 1
cat > mlmake.ini <<'END'
[stage s]
cmd  = echo s >> "$COUNT"; git rev-parse HEAD > "$T/head"; git status --porcelain > "$T/status"; env | grep '^GIT_' | sort > "$T/env"; echo "$PATH" > "$T/path"; cat {{data}} > {{outs}}
data = in.txt
outs = out.txt
[hook post-commit]
END
echo x > in.txt; echo out.txt > .gitignore
mm 0 hook install
git add . && git -c user.name=leaked commit -q -m first
built; ran s
is "$(cat "$T/head")" "$(git rev-parse HEAD)" HEAD
is "$(grep -v mlmake.lock "$T/status")" '' status
refuse 'variables of git' grep -E '^GIT_(DIR|INDEX_FILE|WORK_TREE|PREFIX|CONFIG_PARAMETERS|EDITOR|AUTHOR)' "$T/env"
is "$(cat "$T/path")" "$PATH" PATH
mm 0; said '1 restored'

begin 'what a source brought, and what is frozen, is not asked for again'
new_project source <<'END'
[source raw]
cmd  = echo asked >> "$COUNT"; echo 1 > {{outs}}
outs = raw.txt
[stage old]
cmd    = echo old >> "$COUNT"; echo old > {{outs}}
outs   = old.txt
[stage s]
cmd  = echo s >> "$COUNT"; cat {{data}} > {{outs}}
data = raw.txt old.txt
outs = out.txt
[hook post-commit]
END
echo '*.txt' > .gitignore
mm 0 raw old
sed -i 's/^outs   = old.txt/&\nfrozen = yes/' mlmake.ini
mm 0 hook install
: > "$COUNT"
git add mlmake.ini .gitignore && git commit -q -m 'without a lock'
built; ran s
is "$(outcome)" 'done' outcome
git add mlmake.lock && git commit -q -m 'with a lock'
built; ran
mm 0; said '1 restored'; ran

begin 'a note and a notification'
three told
cat >> mlmake.ini <<'END'
[hook post-commit]
build  = other
note   = yes
notify = cat > "$T/told.json"; pwd > "$T/told.pwd"
END
mm 0 hook install
T=$T; export T
git add . && git commit -q -m first
built; ran other
check 'note' sh -c 'git notes --ref=mlmake show HEAD | grep -q "^mlmake: done other"'
check 'document' grep -q "\"branch\":\"main\",\"commit\":\"$(git rev-parse HEAD)\"" "$T/told.json"
check 'outcome' grep -q '"outcome":"done","exit":0,"run":"2' "$T/told.json"
check 'where' grep -q mlmake/trees/hook "$T/told.pwd"
sed -i 's/^notify.*/notify = echo cannot >\&2; exit 1/' mlmake.ini
echo '# x' >> mlmake.ini; git commit -q -a -m second
built
mm 0 hook log -n 1; said 'notify failed: cannot'

begin 'the hook of a merge, of an amended commit, and of mail that is applied'
three merged
printf '[hook post-merge]\nbuild = clean\n[hook post-rewrite]\nbuild = up\n[hook post-applypatch]\nbuild = other\n' >> mlmake.ini
git add . && git commit -q -m first
mm 0 hook install
git checkout -q -b side && echo side >> raw.txt && git commit -q -a -m side
git checkout -q main && git merge -q side > /dev/null
built; ran clean
git commit -q --amend -m amended --allow-empty
built; ran clean up | true; : > "$COUNT"
git format-patch -q -1 -o "$T/mail" HEAD > /dev/null
git reset -q --hard HEAD~1 && git am -q "$T"/mail/*.patch > /dev/null 2>&1
built; ran other

begin 'a commit that a stage makes starts nothing'
new_project self <<'END'
[stage s]
cmd  = date +%N > {{outs}}; echo s >> "$COUNT"; git -C "$T/w/self" commit -q --allow-empty -m 'by a stage'
outs = out.txt
[hook post-commit]
END
echo out.txt > .gitignore
git config user.name tester && git config user.email tester@example.org
mm 0 hook install
git add . && git commit -q -m first
built; ran s
is "$(git log --format=%s -1)" 'by a stage' 'commit'

finish
