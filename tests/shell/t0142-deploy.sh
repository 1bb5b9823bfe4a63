#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Deploys: what is shipped, what is not, and what is remembered
. "${srcdir:-.}/tests/shell/lib.sh"
. "$srcdir/tests/shell/deploy.sh"

begin 'what a gate lets pass is built, shipped, looked at, and remembered in annotated tags on the commit'
deploys p
mm 0 deploy; ran train ship health
said 'deployed api  v0.0.1 is in production'
live production 0.7 v0.0.1
is "$(git tag -l | sort | tr '\n' ' ')" 'api#production#1 api@v0.0.1 ' tags
is "$(git cat-file -t 'api@v0.0.1') $(git cat-file -t 'api#production#1')" 'tag tag' kinds
is "$(git rev-parse 'api@v0.0.1^{commit}')" "$(git rev-parse HEAD)" commit
check 'the tag names the bytes' sh -c "git cat-file -p api@v0.0.1 | grep -q 'Mlmake-Ship: f $(sha model.txt) 4 model.txt'"
mm 0 log; said deployed; said 'deploy:api'
check 'git finds nothing wrong' git fsck --strict

begin 'what is there already is not shipped again; --again ships it, as the same version'
mm 0 deploy; ran
said 'v0.0.1 is in production already: nothing is shipped'
mm 0 deploy --again; ran ship health
is "$(git tag -l | sort | tr '\n' ' ')" 'api#production#1 api#production#2 api@v0.0.1 ' tags

begin 'a plain build deploys nothing; a target that names a deploy does'
data 0.8
mm 0; ran train
holds "$server/production" 0.7
mm 0 status deploy:api; said 'deploy:api +live: v0.0.1 -> what is here'
mm 0 deploy:api; ran ship health
live production 0.8 v0.0.2
mm 0 status --check deploy:api

begin 'with a dry run nothing is done'
data 0.81
mm 0 deploy -n; ran
said 'deploy:api'
holds "$server/production" 0.8

begin 'a gate that refuses: what is deployed stays as it is'
data 0.4
mm 3 deploy; ran train
said 'nothing is deployed: a gate refuses'
live production 0.8 v0.0.2
mm 3 deploy:api; ran
live production 0.8 v0.0.2

begin 'a stage that fails: likewise'
cp mlmake.ini "$T/ini"
sed -i 's/^cmd     = echo train .*/cmd     = false/' mlmake.ini
mm 1 deploy; ran
said 'nothing is deployed: not everything that it needs could be built'
live production 0.8 v0.0.2
cp "$T/ini" mlmake.ini

begin 'other commands for the same bytes ship them again, as the same version'
git checkout -q mlmake.ini; data 0.8
mm 0; : > "$COUNT"
sed -i 's/^cmd     = echo ship/& new/' mlmake.ini
mm 0 deploy; ran 'ship new' health
live production 0.8 v0.0.2
git checkout -q mlmake.ini

begin 'the bytes come from the store, not from the work tree as it is meanwhile'
data 0.82
sed -i 's|^cmd     = echo ship >> "$COUNT";|& echo broken > model.txt;|' mlmake.ini
mm 0 deploy; ran train ship health
live production 0.82 v0.0.3
git checkout -q mlmake.ini

begin 'versions: --bump and --as; the same bytes keep theirs; one that is taken is refused'
data 0.83
mm 0 deploy --bump=minor; said v0.1.0
data 0.84
mm 0 deploy api --as=v2.0.0; said v2.0.0
data 0.85
mm 2 deploy api --as=v2.0.0; said 'is taken'
mm 2 deploy api --as=2.0; said 'no version'
mm 2 deploy --bump=large; said 'major, minor or patch'
live production 0.84 v2.0.0
data 0.83
mm 0 deploy; said 'v0.1.0 is in production'

begin 'promote ships the version that is in the first environment to another, or one that is named'
: > "$COUNT"
mm 0 promote api staging; ran ship health
live staging 0.83 v0.1.0
live production 0.83 v0.1.0
mm 0 promote api@v2.0.0 staging --because='to compare'; ran ship health
live staging 0.84 v2.0.0
said 'before it was v0.1.0'
mm 2 promote api moon; said "has no environment 'moon'; those of its section are: production, staging"
mm 2 promote api@v9.0.0 staging; said "has no version 'v9.0.0'"
mm 0 log; said promoted
check 'the reason is kept' sh -c "git tag -l --format='%(contents)' 'api#staging#*' | grep -q 'Mlmake-Because: to compare'"

begin 'rollback ships what was there before, byte for byte, though the work tree has something else'
mm 0 rollback api --because='it answers too late'; ran ship health
live production 0.84 v2.0.0
mm 0 rollback api --to=v0.0.2; ran ship health
live production 0.8 v0.0.2
mm 0 rollback api staging; ran ship health
live staging 0.83 v0.1.0
mm 0 log; said 'rolled-back'
mm 0 why deploy:api; said 'live: v0.0.2 -> what is here'; said_not 'it failed'

begin 'rollback works after gc, and after the work tree and its outputs are gone'
data 0.9
mm 0 deploy; rm -f model.txt eval.txt
mm 0 gc --grace=0 --keep-runs=1
: > "$COUNT"
mm 0 rollback api --to=v0.0.1; ran ship health
live production 0.7 v0.0.1

begin 'what a tag names large, gc keeps as well; without the tag it goes'
deploys large
sed -i 's|cat {{data}} > {{outs}};|head -c 3000000 /dev/zero \| tr "\\\\0" {{data.1}} > {{outs}};|' mlmake.ini
sed -i 's|tr "\\\\0" {{data.1}}|tr "\\\\0" "$(cut -c3 {{data}})"|' mlmake.ini
git commit -qam large
mm 0 deploy
first=$(sha model.txt)
data 0.8; mm 0 deploy
data 0.9; mm 0 deploy
rm mlmake.lock; mm 0 gc --grace=0 --keep-runs=1
mm 0 rollback api --to=v0.0.1
is "$(sha "$server/production")" "$first" 'bytes'
git tag -d api@v0.0.1 'api#production#1' 'api#production#4' > /dev/null
mm 0 gc --grace=0 --keep-runs=1
mm 2 rollback api --to=v0.0.1
said "has no version"

begin 'the status says since when, by whom, from which commit and data; as JSON too'
cd "$T/w/p" || exit 1
mm 0 deploy --status
said 'production +v0.0.1 +since 20..-..-..T..:..:..Z .* by tester <tester@example.org>'
said "commit +$(git rev-parse 'api@v0.0.1^{commit}' | cut -c1-12)"
said 'data +raw.txt'
if have_python; then
	mm 0 deploy --status --json
	is "$(json "$T/out" 'd["deploys"][0]["live"]["action"]')" rollback action
	is "$(json "$T/out" 'd["deploys"][0]["live"]["ships"][0]["sha256"]')" "$(printf '0.7\n' | sha256sum | cut -d' ' -f1)" sha256
	is "$(json "$T/out" 'd["deploys"][0]["live"]["data"][0]["path"]')" raw.txt data
	is "$(json "$T/out" 'd["deploys"][0]["state"]')" live state
fi
mm 2 deploy --status nowhere; said 'there is no .deploy nowhere'

begin 'uncommitted changes are said'
data 0.91; echo '# more' >> mlmake.ini
mm 0 deploy
mm 0 deploy --status; said 'with changes that were not committed'
git checkout -q mlmake.ini

begin 'tags that plain git pushes and fetches are the registry of another clone'
git init -q --bare -b main "$T/bare.git"
git push -q "$T/bare.git" main --tags
git clone -q "$T/bare.git" "$T/w/clone"
cd "$T/w/clone" || exit 1
mm 0 deploy --status; said 'production +v2.0.2 '
mm 2 rollback api --to=v0.0.1; said "not in the store; .mlmake pull --at"
mm 0 deploy
said 'v2.0.2 is in production'

begin 'a project below the top has tags of its own'
new_project below < /dev/null
rm mlmake.ini; mkdir sub; cd sub || exit 1
cp "$T/w/p/mlmake.ini" .; echo 0.7 > raw.txt; printf 'model.txt\neval.txt\n' > .gitignore
git add -A; git commit -qm one
mm 0 deploy
is "$(git tag -l | sort | tr '\n' ' ')" 'sub=api#production#1 sub=api@v0.0.1 ' tags
mm 0 deploy; said 'already'
cd ..
: > "$COUNT"
mm 0 -C sub deploy --again; ran ship health

begin 'what is wrong in the section is told with its line'
cat > sub/mlmake.ini <<'END'
[stage s]
cmd = true
outs = s.txt
[deploy a.b]
ship = s.txt *.txt
gate = releas
health = true
wait = soon
environments = x y x
END
mm 2 -C sub lint
said "mlmake.ini:5: error: '\*.txt' is a pattern"
said "mlmake.ini:8: error: 'soon' is no duration"
said "mlmake.ini:9: error: 'environments' names 'x' twice"
said "mlmake.ini:4: error: 'deploy:a.b': it has no 'cmd'"
printf '[stage s]\ncmd = true\nouts = s.txt\n[deploy a.b]\nship = s.txt\ncmd = true {{ship.2}}\ngate = releas\n' > sub/mlmake.ini
mm 2 -C sub lint
said "'ship' has the numbers 1 to 1"
printf '[stage s]\ncmd = true\nouts = s.txt\n[deploy a.b]\nship = s.txt\ncmd = true\ngate = releas\nenvironments = x/y\n' > sub/mlmake.ini
mm 2 -C sub lint
said "'a.b' becomes part of the names of tags"
said "the environment 'x/y' becomes part of the names of tags"
said "there is no \[gate releas\]"
printf '[stage s]\ncmd = true\nouts = s.txt\n[deploy a]\nship = s.txt\ncmd = true\n' > sub/mlmake.ini
mm 2 -C sub lint
said "it has no 'gate'"

begin 'without a commit there is nothing for a tag to stand on; without git there are no tags'
new_project nocommit <<'END'
[stage s]
cmd = echo s > {{outs}}
outs = s.txt
[deploy a]
gate = none
ship = s.txt
cmd = echo ship >> "$COUNT"
END
mm 2 deploy; ran
said 'commit first'
rm -rf .git
mm 2 deploy; ran
said 'not in git'

begin 'what a hook builds and ships: a commit that takes another back brings back what was there'
deploys hooked
printf '[hook post-commit]\nbuild = api\n' >> mlmake.ini
git commit -qam hook
mm 0 hook install
data 0.8
mm 0 hook watch
live production 0.8 v0.0.1
data 0.9
mm 0 hook watch
live production 0.9 v0.0.2
: > "$COUNT"
git revert --no-edit HEAD > /dev/null
mm 0 hook watch
ran ship health
live production 0.8 v0.0.1
git commit -q --allow-empty -m 'nothing new'
mm 0 hook watch
said ' same '
ran
finish
