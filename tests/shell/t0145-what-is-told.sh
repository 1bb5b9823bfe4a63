#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What a person is told who asks after a refusal, after a build that a hook began, of metrics that do not read, and of what is shipped.
. "${srcdir:-.}/tests/shell/lib.sh"
. "$srcdir/tests/shell/deploy.sh"

begin 'status after a refusal says which requirement, and what tells more'
new_project refused <<'END'
[stage evaluate]
cmd     = cat {{data}} > {{metrics}}
data    = raw.json
metrics = eval.json
[gate release]
of      = evaluate
require = auc >= 0.8
          loss < 1
[stage ship]
cmd   = cp {{data}} {{outs}}
data  = eval.json
outs  = shipped.json
after = gate:release
END
echo '{"auc": 0.79, "loss": 0.25}' > raw.json
mm 0 status; said 'stale +gate:release +evaluate runs first|stale +evaluate'; said 'run `mlmake` to rebuild'; said_not refuse
mm 3
mm 0 status
said 'stale +gate:release +refuses: auc >= 0\.8: 0\.79 >= 0\.8 does not hold$'
said '^gate:release would refuse again: `mlmake why gate:release`'
said_not 'run `mlmake` to rebuild'
mm 0 status -v; said 'refuses: auc >= 0\.8'
begin 'and once it may pass, to build'
sed -i 's/>= 0.8$/>= 0.7/' mlmake.ini
mm 0 status; said 'run `mlmake` to rebuild'; said_not refuse
echo '{"auc": 0.9, "loss": 0.25}' > raw.json
mm 0
begin 'beside other work it says both'
echo '{"auc": 0.1, "loss": 0.25}' > raw.json
mm 3
printf '[stage more]\ncmd = echo > {{outs}}\nouts = more.txt\n' >> mlmake.ini
mm 0 status; said 'run `mlmake` to rebuild'; said '^gate:release would refuse again'

begin 'a hook build that fails names nothing that is gone with its tree'
new_project hooked <<'END'
[stage bad]
cmd  = echo half > {{outs}}; echo what it said; false
outs = bad.txt
[stage evaluate]
cmd     = cat {{data}} > {{metrics}}
data    = raw.json
metrics = eval.json
[hook post-commit]
END
echo '{"auc": 0.79}' > raw.json
printf 'bad.txt\neval.json\n' > .gitignore
mm 0 hook install
git add -A; git commit -qm one; "$MLMAKE" hook watch > /dev/null 2>&1
mm 0 hook log "$(git rev-parse HEAD)"
said '^failed +bad'; said 'what it said'; said_not 'half-written'
for path in $(sed -n 's/^ *[a-z -]*: \([^ ]*\/[^ ]*\)$/\1/p' "$T/out"); do exists "$path"; done
begin 'in the work tree it does, and it is there'
mm 1 bad; said 'half-written outputs: '
exists "$(sed -n 's/^ *half-written outputs: //p' "$T/out" "$T/err" | head -1)"

begin 'metrics that a hook has built are not here, and one is told how to have them'
missing eval.json
mm 0 metrics
said '^evaluate: eval\.json is not here: run [0-9T]*-[0-9a-f]+ of .* made it, and `mlmake evaluate` puts it back'
mm 0 evaluate; said '^restored +evaluate'
mm 0 metrics; said 'auc +0\.79'; said_not 'not here'
rm eval.json; echo '{"auc": 0.8}' > raw.json
mm 0 metrics; said 'eval\.json is not here, and what it was made from has changed since: `mlmake evaluate` makes it'
sed -i 's/metrics = eval/metrics = other/' mlmake.ini
mm 0 metrics; said 'other\.json is not here'

begin 'metrics that cannot be read are told of when they are made, with file and line'
new_project unreadable <<'END'
[stage broken]
cmd     = printf '{\n"auc": 0.5,\n"x" 3}\n' > {{metrics}}
metrics = a.json
[stage lines]
cmd     = printf 'auc = 1\nno such thing\n' > {{metrics}}
metrics = b.txt
[stage directory]
cmd     = mkdir {{metrics}}
metrics = c
[stage large]
cmd     = truncate -s 2M {{metrics}}
metrics = d.json
[stage good]
cmd     = printf 'auc\n0.5\n' > {{metrics}}
metrics = e.csv
END
mm 0
said "note: broken: 'a\.json' holds no metrics that can be read: a\.json:3:5: "
said "note: lines: .* b\.txt:2: "
said "note: directory: .* it is a directory"
said "note: large: .* it has 2\.0 MiB, and no more than"
said_not 'note: good'

begin 'events have what is shipped, after the build'
deploys shipped
mm 0 --events=ev deploy:api; live production 0.7 v0.0.1
is "$(grep -c '"event":"end"' ev)" 2 ends
check 'it starts' grep -q '"event":"start".*"instance":"deploy:api".*"name":"production","old":null,"new":"v0.0.1"' ev
check 'it ends' grep -q '"event":"done".*"instance":"deploy:api"' ev
data 0.8; echo 0.8 > "$T/sick"
mm 1 deploy --events=ev
check 'the failure' grep -q '"event":"failed".*"instance":"deploy:api","message":"health: ' ev
is "$(tail -1 ev | grep -c '"outcome":"failed"')" 1 'the last event'
rm "$T/sick"; mm 0 deploy --events=- ; live production 0.8 v0.0.2
is "$(grep -vc '^{"event"' "$T/out")" 0 'what is no event'
said '^deployed api'
mm 0 rollback api --events=ev
is "$(grep -c 'v0.0.2","new":"v0.0.1"' ev)" 2 'start and done'
mm 0 deploy --events=ev; mm 0 deploy --events=ev
check 'nothing to ship' grep -q '"event":"fresh".*"instance":"deploy:api"' ev

begin 'what is there already is not promoted again, and one is told who shipped it'
mm 0 promote api staging
: > "$COUNT"
mm 0 promote api staging; ran
said 'v0\.0\.2 is in staging already, shipped by tester 20[0-9 :-]*: nothing is shipped; with --again it is'
mm 0 promote --again api staging; ran ship health
mm 0 rollback api --to v0.0.2; said 'in production already, shipped by tester'
mm 0 deploy; said 'in production already: nothing is shipped$'
finish
