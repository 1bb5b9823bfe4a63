#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Gates: what they require of metrics, and what a build does about it.
. "${srcdir:-.}/tests/shell/lib.sh"

begin 'a gate passes, is fresh then, and is told apart'
new_project a <<'END'
[stage evaluate]
cmd     = echo evaluate >> "$COUNT"; cat {{data}} > {{metrics}}
data    = raw.json
metrics = eval.json
[gate release]
of      = evaluate
require = auc >= 0.8
          loss < 0.1 + 0.2
END
echo '{"auc": 0.83, "loss": 0.25}' > raw.json
mm 0
ran evaluate
said '^passed +gate:release'
mm 0
said '^nothing to do: 2 artifacts are fresh'
mm 0 status
said 'all 2 fresh'
settled
MLMAKE_GLANCE=tell
mm 0
said 'seen at a glance'
MLMAKE_GLANCE=check

begin 'metrics that are not good enough: refused with the numbers, exit 3, and again at the next build'
echo '{"auc": 0.79, "loss": 0.25}' > raw.json
mm 3
ran evaluate
said '^refused +gate:release .*auc >= 0.8: 0.79 >= 0.8 does not hold'
said '1 refused, 1 ran'
mm 3
ran
mm 3 release
mm 4 status --check
mm 0 why gate:release
said 'auc: 0\.83 -> 0\.79'
mm 0 log -n 1
said 'refused  .*1 refused in'
mm 0 show
said '^  auc >= 0.8: 0.79 >= 0.8 does not hold'
mm 0 why gate:release
said 'it refused; its log is'
said '^    auc >= 0.8: 0.79 >= 0.8 does not hold'
mm 0 log --outcome=refused --json
said '"said": "auc >= 0.8: 0.79'
mm 3 --events=ev
check 'the event' grep -q '"event":"failed".*"refused":true' ev
check 'the end' grep -q '"event":"end".*"outcome":"refused"' ev
mm 0 graph --format=mermaid
said 'gate:release'

begin 'another rule is a reason that is shown, and may let it through'
sed -i 's/>= 0.8$/>= 0.75/' mlmake.ini
mm 0 why gate:release
said '\+1: require = auc >= 0.75|\+2: require = auc >= 0.75'
mm 0
ran
said '^passed +gate:release'

begin 'what comes after a gate does not run when it refuses'
cat >> mlmake.ini <<'END'
[stage ship]
cmd   = echo ship >> "$COUNT"; cp eval.json {{outs}}
data  = eval.json
outs  = shipped.json
after = gate:release
END
mm 0
ran ship
echo '{"auc": 0.5, "loss": 0.25}' > raw.json
mm 3
ran evaluate
said '^skipped +ship'

begin 'what a refused run of a commit made is what that commit brings back'
new_project back <<'END'
[stage evaluate]
cmd     = cat {{data}} > {{metrics}}
data    = raw.json
metrics = eval.json
[gate release]
of      = evaluate
require = auc >= 0.8
END
echo eval.json > .gitignore; echo '{"auc": 0.9}' > raw.json; mm 0; git add -A; git commit -qm good
echo '{"auc": 0.5}' > raw.json; git commit -qam bad
mm 3; git checkout -q mlmake.lock
echo '{"auc": 0.85}' > raw.json; mm 0; git checkout -q .
mm 0 checkout HEAD eval.json
said_not 'behind'
holds eval.json '{"auc": 0.5}'
finish
