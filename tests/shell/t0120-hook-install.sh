#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Hooks are put where git looks for them, call what stood there before, and go without a trace.
# shellcheck disable=SC2016
. "$srcdir/tests/shell/lib.sh"

# with_hooks NAME: a project of one stage with a [hook] of each kind.
with_hooks() {
	new_project "$1" <<-'END'
	[stage s]
	cmd  = cat {{data}} > {{outs}}
	data = in.txt
	outs = out.txt
	[hook post-commit]
	[hook pre-push]
	unknown = pass
	END
	echo one > in.txt
	echo out.txt > .gitignore
	git add . && git commit -q -m first
}
state_of() { "$MLMAKE" hook status | sed -n "s/^$1 *//p"; }

begin 'installed where git looks, and taken away again'
with_hooks plain
ls -a .git/hooks > "$T/before"
mm 0 hook install; said 'installed .git/hooks/post-commit$'; said 'installed .git/hooks/pre-push$'
check 'it is executable' [ -x .git/hooks/post-commit ]
check 'sh can read it' sh -n .git/hooks/post-commit
is "$(state_of post-commit)" installed state
mm 0 hook install
mm 0 hook uninstall; said 'removed .git/hooks/post-commit$'
ls -a .git/hooks > "$T/after"
check 'nothing is left' cmp "$T/before" "$T/after"
is "$(state_of post-commit)" 'not installed' state
mm 0 hook uninstall; silent

begin 'one that stood there is called, with arguments and input, and comes back as it was'
with_hooks kept
printf '#!/bin/sh\necho "args: $*"; cat; exit 7\n' > .git/hooks/pre-push
chmod 0751 .git/hooks/pre-push
touch -d '2001-02-03 04:05:06' .git/hooks/pre-push
stat -c '%i %a %Y %s' .git/hooks/pre-push > "$T/was"
sha .git/hooks/pre-push >> "$T/was"
mm 0 hook install; said 'pre-push, which calls the one that was there'
echo 'refs/heads/x 1111111111111111111111111111111111111111 refs/heads/x 2222222222222222222222222222222222222222' > "$T/in"
.git/hooks/pre-push 'an origin' url < "$T/in" > "$T/said" 2>&1
is $? 7 'exit status'
holds "$T/said" 'args: an origin url' "$(cat "$T/in")"
mm 0 hook install
is "$(state_of pre-push)" 'installed, calls the one that was there' state
mm 0 hook uninstall; said 'is back'
stat -c '%i %a %Y %s' .git/hooks/pre-push > "$T/is"
sha .git/hooks/pre-push >> "$T/is"
check 'the very file' cmp "$T/was" "$T/is"
missing .git/hooks/pre-push.before-mlmake

begin 'a link that stood there comes back as a link'
with_hooks linked
mkdir scripts && printf '#!/bin/sh\necho linked >> "$COUNT"\n' > scripts/pc && chmod +x scripts/pc
ln -s ../../scripts/pc .git/hooks/post-commit
mm 0 hook install
git commit -q --allow-empty -m again
ran linked
mm 0 hook watch
mm 0 hook uninstall
is "$(readlink .git/hooks/post-commit)" ../../scripts/pc link

begin 'one that cannot be run was not run by git, and is not run by us'
with_hooks asleep
echo 'exit 1' > .git/hooks/pre-push
chmod -x .git/hooks/pre-push
mm 0 hook install
check 'passes' .git/hooks/pre-push a b < /dev/null
mm 0 hook uninstall
check 'as it was' [ ! -x .git/hooks/pre-push ]

begin 'one that was edited is left alone by install and uninstall'
with_hooks edited
mm 0 hook install
echo 'echo mine' >> .git/hooks/post-commit
cp .git/hooks/post-commit "$T/mine"
mm 2 hook install; said "'.git/hooks/post-commit' was changed since mlmake wrote it, and stays as it is"
mm 2 hook uninstall; said 'take out the line'
check 'as it was' cmp .git/hooks/post-commit "$T/mine"
is "$(state_of post-commit)" edited state
missing .git/hooks/pre-push

begin 'core.hooksPath is respected; in a repository without a pipeline nothing happens'
with_hooks path
git config core.hooksPath "$T/shared hooks"
mm 0 hook install; said 'core.hooksPath leads git to'
exists "$T/shared hooks/post-commit"
missing .git/hooks/post-commit
git init -q "$T/w/stranger" && cd "$T/w/stranger" || exit 1
git config core.hooksPath "$T/shared hooks"
git commit -q --allow-empty -m x > "$T/said" 2>&1
check 'silent' [ ! -s "$T/said" ]
missing .git/mlmake
cd ../path || exit 1
mm 0 hook uninstall
missing "$T/shared hooks/post-commit"

begin 'where git is told to run no hooks, and where a directory stands in the way, that is said'
with_hooks nowhere
git config core.hooksPath /dev/null
mm 2 hook install; said "git runs no hooks here: it looks for them in '/dev/null'"
is "$(grep -c . "$T/err")" 1 'lines'
git config --unset core.hooksPath
mkdir .git/hooks/post-commit
mm 2 hook install; said "'.git/hooks/post-commit' is a directory"; said 'installed .git/hooks/pre-push$'
mm 0 hook uninstall
check 'as it was' rmdir .git/hooks/post-commit

begin 'a linked work tree has the same hooks'
with_hooks tree
git worktree add -q ../tree-b -b b && cd ../tree-b || exit 1
mm 0 hook install
exists ../tree/.git/hooks/post-commit
mm 0 hook uninstall
missing ../tree/.git/hooks/post-commit

begin 'two projects of one repository share a hook, and one can leave'
with_hooks two
mkdir sub && cp mlmake.ini in.txt sub
mm 0 hook install
cd sub || exit 1
mm 0 hook install
cd .. || exit 1
check 'both' grep -q -- "--in='' --in='sub'" .git/hooks/post-commit
mm 0 hook uninstall; silent
check 'one' grep -q -- "post-commit --in='sub' " .git/hooks/post-commit
(cd sub && "$MLMAKE" hook uninstall) > /dev/null || fail 'the second'
missing .git/hooks/post-commit

begin 'a program that has gone is no reason for a commit to fail'
with_hooks gone
printf '#!/bin/sh\necho kept >> "$COUNT"\n' > .git/hooks/post-commit && chmod +x .git/hooks/post-commit
cp "$MLMAKE" "$T/mlmake-copy"
"$T/mlmake-copy" hook install > /dev/null || fail install
rm "$T/mlmake-copy"
check 'commit' git commit -q --allow-empty -m x
ran kept

begin 'what other programs want is printed'
with_hooks print
mm 0 hook print; said '^mlmake hook run post-commit -- "\$@"$'
mm 0 hook print --for=husky; said '^# .husky/post-commit$'; said '^mlmake hook run pre-push -- "\$@"$'
mm 0 hook print --for=lefthook; said '^post-commit:$'; said 'run: mlmake hook run pre-push -- \{0\}'; said 'use_stdin: true'
mm 0 hook print --for pre-commit; said 'entry: mlmake hook run post-commit$'; said 'stages: \[pre-push\]'
mm 2 hook print --for cron; said "pre-commit, lefthook or husky, not 'cron'"
mkdir -p .husky/_ && : > .husky/_/h && git config core.hooksPath .husky/_
mm 2 hook install; said "are husky's; .mlmake hook print --for=husky. shows"

begin 'a name that no build could follow is refused, and a hook of such a name is told of'
with_hooks named
sed -i 's/post-commit/post-comit/' mlmake.ini
mm 2 hook install; said "mlmake.ini:5: git has no hook 'post-comit' that builds could follow; did you mean 'post-commit'"
missing .git/hooks/post-comit
missing .git/hooks/pre-push
sed -i 's/post-comit/post-commit/' mlmake.ini
mm 0 hook install
sed 's/hook run post-commit/hook run post-checkout/' .git/hooks/post-commit > .git/hooks/post-checkout
cp .git/hooks/post-commit .git/hooks/post-commit.bak
is "$(state_of post-checkout)" 'edited, and mlmake.ini says nothing of it' state
mm 2 hook uninstall; said "'.git/hooks/post-checkout' was changed"
exists .git/hooks/post-commit.bak

begin 'mistakes are told'
with_hooks wrong
mm 2 hook instal; said "did you mean 'install'"
mm 2 hook run post-comit; said "no hook 'post-comit'"
mm 2 hook install --work x; said 'goes with --bare'
mm 2 -f mlmake.ini hook install; said 'hooks build what mlmake.ini says in the commit, .*; --file=mlmake.ini would not hold'
mm 2 hook install --profile ci; said 'profile=ci would not hold'
missing .git/hooks/post-commit
mm 2 hook install --bare nowhere; said "cannot find 'nowhere'"
mm 2 hook install --bare sub; said 'cannot find'
printf '[hook post-comit]\n[hook post-commit]\nwhen-busy = never\nnote = maybe\n' > mlmake.ini
mm 2 lint
said "mlmake.ini:1: .*no hook 'post-comit' that builds could follow; did you mean 'post-commit'"
said "'when-busy' takes finish, cancel or queue, not 'never'"
said "'note' takes yes or no, not 'maybe'"
echo > mlmake.ini
mm 2 hook install; said 'says of no hook what to build'
mkdir "$T/nogit" && cd "$T/nogit" && printf '[hook post-commit]\n' > mlmake.ini
mm 2 hook install; said 'not in git'

begin 'lint looks whether there is what hooks are to build'
new_project lint <<'END'
[stage train]
cmd  = echo 1 > {{outs}}
outs = o.txt
[hook post-commit]
build = trian
[hook post-merge]
build = train
END
mm 2 lint
said "^mlmake\.ini:4: error: \[hook post-commit\] cannot build: .*'trian'; did you mean 'train'"
sed -i 's/trian/train/' mlmake.ini
mm 0 lint; said 'nothing to complain about'

finish
