#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The way out: a gate that compares with what deploys have put into production, by its record and scored anew.
. "${srcdir:-.}/tests/shell/lib.sh"

# A model is a threshold; it is right about every case at or below it.
new_project a <<'END'
[stage train]
cmd     = cat {{data}} > {{outs}}
data    = train.txt
outs    = model.txt
[stage evaluate]
cmd     = echo scored >> "$COUNT"; awk -v m="$(cat model.txt)" '{ n++; r += $1 <= m } END { printf "acc = %.2f\nn = %d\n", r / n, n }' test.txt > {{metrics}}
vars    = COUNT
data    = model.txt test.txt
metrics = eval.txt
[gate release]
of      = evaluate
require = acc > production.acc
first   = pass
[deploy api]
gate    = release
ship    = model.txt
cmd     = cp {{ship}} "$T/live"
env     = e
[deploy other]
gate    = none
ship    = test.txt
cmd     = cp {{ship}} "$T/other"
env     = e
[env e]
vars    = T
END
printf 'model.txt\neval*.txt\n' > .gitignore
printf '%s\n' 1 2 3 4 5 6 7 8 9 10 > test.txt
echo 5 > train.txt
git add . && git commit -q -m one

begin 'the first one, with nothing to compare with'
mm 0 deploy:api
said 'nothing else is in production yet'
holds "$T/live" 5
mm 0
said 'nothing to do'
mm 0 deploy:api

begin 'what another deploy ships is nothing to this gate'
mm 0 deploy:other
mm 0
said 'nothing to do'

begin 'a worse one stays where it is, and production as it was'
echo 4 > train.txt
mm 3 deploy:api
said '0\.4 > 0\.5 does not hold'
holds "$T/live" 5

begin 'a better one goes out; compared with what was there before, the gate stays passed'
echo 6 > train.txt
git commit -q -a -m six
mm 0 deploy:api
holds "$T/live" 6
mm 0
said 'nothing to do'
mm 0 gate release
said '0\.6 > 0\.5'

begin 'after a rollback the same model is compared with what is there then'
mm 0 rollback api
holds "$T/live" 5
mm 0 gate release
said '0\.6 > 0\.5'
mm 0 deploy:api
holds "$T/live" 6

begin 'harder test data: by its record production looks better than it is, scored anew it does not'
printf '%s\n' 1 7 7 8 8 9 9 10 10 11 > test.txt
echo 7 > train.txt
mm 3 deploy:api
said '0\.3 > 0\.6 does not hold'
sed -i 's/^first.*/&\ncompare = rescore/' mlmake.ini
: > "$COUNT"
mm 0 deploy:api
said '^passed +gate:release'
holds "$T/live" 7
is "$(wc -l < "$COUNT")" 1 'scored, production alone'
holds eval.production.txt 'acc = 0.10' 'n = 10'
mm 0
said 'nothing to do'

begin 'why shows both'
echo 6 > train.txt
mm 3
mm 0 why gate:release
said '[^.]acc: 0\.3 -> 0\.1'
said 'production\.acc: 0\.1 -> 0\.3'
begin 'the tag of what is in production cannot be read: that is not nothing'
git tag -f "$(git tag -l --sort=v:refname 'api#production#*' | tail -n 1)" "$(git rev-parse HEAD:train.txt)" > /dev/null
mm 2
said "the tag 'api#production#[0-9]*' cannot be read"
sed -i '/^compare/d' mlmake.ini
mm 3
said "the tag 'api#production#[0-9]*' cannot be read"
finish
