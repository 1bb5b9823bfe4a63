#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# `mlmake gate`, and the noise of a test set.
. "${srcdir:-.}/tests/shell/lib.sh"

new_project a <<'END'
[stage evaluate]
cmd     = cat {{data}} > {{metrics}}
data    = raw.json
metrics = eval.json
[stage other]
cmd     = echo 'f1-score: 0.7' > {{metrics}}
matrix i = 1 2
metrics = other-{{i}}.yaml
[gate release]
of      = evaluate
cases   = n
require = auc >= 0.8
require = other."f1-score" > 0.6 and mean(other."f1-score") > 0.65
require = auc >= other@2."f1-score" + 0.2
require = auc > production.auc
[gate other]
of      = other
require = min("f1-score") >= 0.5
END
echo '{"auc": 0.83, "n": 200}' > raw.json

begin 'before anything is built it is not known: exit 4'
mm 4 gate
said '^gate:release is not known: evaluate, other@1, other@2 runs first'

begin 'a table of requirements, numbers and margins: exit 3 if one refuses'
mm 3
mm 3 gate
said '^gate:release refuses'
said '^  ok  auc >= 0\.8  +0\.83 >= 0\.8  +\+0\.03$'
said '^  ok  other\."f1-score" > 0\.6 and mean'
said '^  no  auc >= other@2\."f1-score" \+ 0\.2 +0\.83 >= 0\.9 +-0\.07'
said '^  no  auc > production\.auc .*nothing else is in production yet'
said '^gate:other passes'

begin 'one by name, and a name that is none'
mm 0 gate other
said_not release
mm 3 gate gate:release
mm 2 gate nobody
said 'there is no \[gate nobody\]'
mm 2 gate evaluate

begin 'a margin within the noise is warned of, there and in a build'
mm 3 gate release
said 'the margin of 0\.03 is within the noise of 200 cases, \+-0\.052'
mm 3
said 'note: gate:release: auc >= 0\.8: the margin of 0\.03 is within the noise of 200 cases'
echo '{"auc": 0.83, "n": 20000}' > raw.json
mm 3
said_not 'auc >= 0\.8: the margin'
sed -i 's/^cases.*/noise = 0.04/' mlmake.ini
mm 3 gate release
said 'the margin of 0\.03 is within the noise of \+-0\.04'
sed -i 's/^noise.*/cases = rows/' mlmake.ini
mm 3 gate release
said "cases = rows: .*no 'rows'"

begin 'what a metrics file says does nothing to a terminal'
cp raw.json "$T/raw"
printf '{"auc": "\\u001b]0;x\\u0007", "n": 3}\n' > raw.json
mm 3
mm 3 gate release
said "'auc' is no number:"
check 'no escapes' sh -c "! LC_ALL=C grep -q '[[:cntrl:]]]0' '$T/out'"
cp "$T/raw" raw.json
mm 3

begin 'JSON'
if have_python; then
	mm 3 gate release --json
	is "$(json "$T/out" 'd["gates"][0]["verdict"]')" refuses
	is "$(json "$T/out" 'd["gates"][0]["requirements"][0]["margin"] > 0.0299')" true
	is "$(json "$T/out" 'd["gates"][0]["requirements"][3]["left"]')" null
	is "$(json "$T/out" 'd["gates"][0]["values"]["auc"]')" 0.83
fi

begin 'what has several values has to hold for each, and the worst is named'
sed -i 's/^cmd     = echo.*/cmd = echo "f1-score: 0.{{i}}" > {{metrics}}/; s/min("f1-score")/"f1-score"/' mlmake.ini
mm 3 -k
mm 3 gate other
said '"f1-score" >= 0\.5 +0\.1 >= 0\.5 +-0\.4 +\(other@1\)'

begin 'a mean is of no instance; sides that look alike and are not have more digits'
sed -i 's/^require = "f1-score".*/require = mean("f1-score") >= 0.8/; s/^matrix.*/matrix i = 6 85 95/; s/other@2/other@85/' mlmake.ini
mm 3 -k
mm 3 gate other
said '^  no  mean\("f1-score"\) >= 0\.8 +0\.7999999999999999 >= 0\.8 +-1\.11e-16$'
said_not 'other@'
finish
