#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# An artifact whose bytes differ every time, and a program that says whether it is the same all the same.
. "${srcdir:-.}/tests/shell/lib.sh"

# number FILE: its second line.
project() {
	new_project "$1" <<'END'
[project]
params = params.ini
[stage train]
cmd  = cat {{data}} > {{outs}}; date +%N >> {{outs}}; echo train >> "$COUNT"
data = raw.txt
outs = model.txt
same = head -n 1 {{old}} > "$T/cmp"; head -n 1 {{new}} | cmp -s - "$T/cmp"; ! test -e $T/differ
[stage eval]
cmd  = head -n {{n}} {{data}} > {{outs}}; echo eval >> "$COUNT"
data = model.txt
outs = eval.txt
END
	echo 'n = 1' > params.ini; echo one > raw.txt
}
clean() { is "$(find .git/mlmake/work/top/same 2> /dev/null)" '' 'what is left in same/'; }

begin 'other bytes, and the same: what depends on it is not rebuilt, and the old artifact stays'
project p
mm 0; ran train eval
cp model.txt "$T/old"
echo >> raw.txt
mm 0
ran train
said 'train: what came out has other bytes; .same. takes it for what was there'
said 'fresh *eval'
check 'the old one' cmp model.txt "$T/old"
mm 0 status --check
mm 0; ran
clean

begin 'the record says so, with the digest of what came out; why says so'
check 'the lock' grep -q '^same outs f [0-9a-f]* [0-9]* model.txt$' mlmake.lock
mm 0 why train
said 'model.txt came out with other bytes in that run; its .same. took them for the same'
if have_python; then
	mm 0 why train --json
	is "$(json "$T/out" 'd["instances"][0]["taken"]')" '["model.txt"]' json
fi

begin 'exit status 1: it is another one'
echo two > raw.txt
mm 0
ran train eval
check 'the new one' grep -q two model.txt
refuse 'the lock' grep -q '^same ' mlmake.lock
said_not 'ended badly'

begin 'going back restores what was taken for the same, and nothing runs'
cp model.txt "$T/two"
printf 'one\n\n' > raw.txt
mm 0
ran
check 'the first one' cmp model.txt "$T/old"
printf 'two\n' > raw.txt; mm 0; ran
check 'the second one' cmp model.txt "$T/two"

begin 'it compares with what stayed, so that small steps do not add up'
printf 'two\n\n' > raw.txt; mm 0; ran train
check 'as it was' cmp model.txt "$T/two"
printf 'two\n\n\n' > raw.txt; mm 0; ran train
check 'as it was' cmp model.txt "$T/two"
mm 0 status --check

begin 'a comparison that ends badly counts as another, and that is said'
cp mlmake.ini "$T/ini"
sed 's/^same = .*/same = echo oops; test {{old}} = {{new}} \&\& exit 3; exit 3/' "$T/ini" > mlmake.ini
mm 0 status --check
echo three > raw.txt
mm 0
ran train eval
said 'ended badly'
check 'its log' grep -q oops .git/mlmake/work/top/log/train.same.log
cp "$T/ini" mlmake.ini
clean

begin 'editing `same` makes nothing stale, and its parameters count for nothing'
sed 's/^same = .*/same = echo {{n}}; cmp {{old}} {{new}}/' "$T/ini" > mlmake.ini
mm 0 status --check
echo 'n = 2' > params.ini
mm 0; ran eval
cp "$T/ini" mlmake.ini; echo 'n = 1' > params.ini; mm 0; ran

begin 'without the old one in the store it cannot compare, and says so'
echo three > raw.txt; mm 0; : > "$COUNT"
new_project big <<'END'
[stage a]
cmd  = seq 100000 > {{outs}}; date +%N >> {{outs}}; echo a >> "$COUNT"
data = in.txt
outs = a.txt
same = test {{old}} != {{new}}
END
echo 1 > in.txt; mm 0
id=$(sha a.txt); rm a.txt ".git/mlmake/objects/$(echo "$id" | cut -c1-2)/$(echo "$id" | cut -c3-4)/$id"
echo 2 > in.txt; mm 0
said 'cannot compare'
mm 0 status --check
echo 3 > in.txt; mm 0
said 'takes it for'

begin 'two outputs: both have to be the same, or both are the new ones'
new_project two <<'END'
[stage a]
cmd  = cat {{data}} > {{outs.1}}; date +%N >> {{outs.1}}; cat {{data}} > {{outs.2}}; date +%N >> {{outs.2}}; echo a >> "$COUNT"
data = in.txt
outs = a.txt b.txt
same = if [ {{new}} = b.txt ] && grep -q other {{new}}; then exit 1; fi; echo {{old}} >> $T/compared
END
echo x > in.txt; mm 0; cp a.txt "$T/a"; cp b.txt "$T/b"
echo y > in.txt; mm 0
check a cmp a.txt "$T/a"; check b cmp b.txt "$T/b"
is "$(wc -l < "$T/compared")" 2 'comparisons'
is "$(grep -c '^/' "$T/compared")" 2 'absolute names'
echo other > in.txt; mm 0
refuse a cmp -s a.txt "$T/a"; refuse b cmp -s b.txt "$T/b"

begin 'names with blanks and quotes; {{old}} and {{new}} in quotes of either kind; a directory'
new_project names <<'END'
[stage a]
cmd  = mkdir -p {{outs}}; cat {{data}} > {{outs}}/f; date +%N > {{outs}}/n; echo a >> "$COUNT"
data = in.txt
outs = "it's a dir"
same = cmp "{{old}}/f" {{new}}/f; test -d '{{old}}'; test -f "$MLMAKE_OLD/n"
END
echo x > in.txt; mm 0; cp -r "it's a dir" "$T/dir"
printf 'x\n' > in.txt; touch in.txt; mm 0 -B
check 'the old one' diff -r "it's a dir" "$T/dir"
said 'takes it for'
echo y > in.txt; mm 0
check 'the new one' grep -q y "it's a dir/f"

begin 'what is wrong with it is told before anything runs'
new_project wrong <<'END'
[stage a]
cmd  = date > {{outs}}
outs = a.txt
same = cmp {{old}} a.txt
END
mm 2; said "mlmake.ini:4: error: 'same' compares nothing"
sed -i 's/a.txt$/{{neww}}/' mlmake.ini; mm 2; said 'unknown name'
printf '[stage a]\ncmd = cmp {{old}} {{new}} > {{outs}}\nouts = a.txt\n' > mlmake.ini; mm 2; said "unknown name '{{old}}'"
printf '[stage a]\ncmd = date > {{outs}}\nouts = a.txt\ncache = no\nsame = cmp {{old}} {{new}}\n' > mlmake.ini; mm 0; said 'needs the output of before'

begin 'killed while it compares: the old artifact is back, and the next run does it all again'
project kill
mm 0; cp model.txt "$T/old"; : > "$COUNT"
sed 's|^same = .*|same = echo {{old}} {{new}} > '"$T"'/begun; test ! -e '"$T"'/slow \|\| exec sleep 600|' mlmake.ini > "$T/x"; cp "$T/x" mlmake.ini
: > "$T/slow"; rm -f "$T/begun"
echo >> raw.txt
mm_start
until_true 'it compares' test -s "$T/begun"
kill -KILL "$pid"; wait "$pid" 2> /dev/null
rm "$T/slow"
mm 0
ran train train
check 'the old one' cmp model.txt "$T/old"
said 'takes it for'
mm 0 status --check
clean

begin 'interrupted while it compares: what came out is kept as another'
: > "$T/slow"; rm -f "$T/begun"
echo >> raw.txt
mm_start
until_true 'it compares' test -s "$T/begun"
kill -INT "$pid"
mm_end 130
rm "$T/slow"
mm 0
ran train eval
mm 0 status --check
clean

begin 'reproduce: taken for the same is a result of its own, and not a difference'
git add mlmake.ini params.ini raw.txt mlmake.lock; git commit -q -m one
mm 0 reproduce HEAD
said '^same +train +model.txt'
said '^identical +eval'
said '1 identical, 1 taken for the same'
finish
