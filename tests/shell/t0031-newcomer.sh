#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What somebody meets who does not know mlmake yet: slips of the hand, and what the answer says to do next.
. "${srcdir:-.}/tests/shell/lib.sh"

begin 'a value added to a list of parameters that is a matrix runs its own instance alone'
new_project l <<'END'
[project]
params = params.yaml
[stage train]
matrix depth = {{train.depths}}
cmd     = echo {{depth}} > {{outs}}; echo train-{{depth}} >> "$COUNT"
outs    = m-{{depth}}.txt
timeout = {{train.limit}}
[stage each]
foreach = {{train.names}}
cmd     = echo {{item}} > {{outs}}; echo {{item}} >> "$COUNT"
outs    = {{item}}.txt
END
printf 'train:\n  depths: [1, 2]\n  names: [a, b]\n  limit: 10s\n' > params.yaml
mm 0; ran train-1 train-2 a b
printf 'train:\n  depths: [1, 2, 3]\n  names: [a, b, c]\n  limit: 20s\n' > params.yaml
mm 0; ran train-3 c
mm 0 'train.depths=[2]' train; ran
mm 0 -n; said 'nothing to do'

begin 'a file in which every line is indented is one error'
sed 's/^/    /' mlmake.ini > other.ini
mm 2 -f other.ini
is "$(grep -c error "$T/err")" 1 'number of errors'
said 'other.ini:1: error: .*column 1'
printf '  a\n[project]\n  b\n  c\nname = x\n' > other.ini
mm 2 -f other.ini
is "$(grep -c error "$T/err")" 2 'number of errors'

begin 'an option before a command'
mm 2 -j2 status
said_not 'did you mean .status'
said 'a command comes before its options: `mlmake status`'

begin 'an option that there is not'
mm 2 -s; said '`mlmake build --help` lists them'
mm 2 --zzzzzz; said '`mlmake build --help` lists them'
mm 2 status --chek; said "did you mean '--check'"

begin 'a target that there is not'
mm 2 zzzzzz; said 'mlmake status -v'
mm 2 trian; said "did you mean 'train'"

begin 'a file that is read and not made is no target'
new_project r <<'END'
[stage copy]
cmd  = cp {{data}} {{outs}}
data = raw.csv
outs = b.txt
[stage next]
cmd  = cp {{data}} {{outs}}
data = b.txt
outs = c.txt
END
echo 1 > raw.csv
mm 2 ./raw.csv; said "'./raw.csv' is read by 'copy', and no stage makes it"
mm 2 why raw.csv; said "is read by 'copy'"

begin 'what was never built needs no other reason'
mm 0 -n; said '^run +next +never built$'
mm 0 status; said 'next +never built$'

begin 'a script without permission'
printf '#!/bin/sh\necho 1\n' > run.sh
printf '[stage s]\ncmd = ./run.sh > {{outs}}\nouts = s.txt\n' > mlmake.ini
mm 1; said 'exit status 126: a command could not be executed; is it executable\?'

begin 'a command that names what another stage makes, and does not declare it'
new_project u <<'END'
[stage a]
cmd  = mkdir -p d; echo 1 > d/x.txt; echo 1 > {{outs}}
outs = b.txt d
[stage b]
cmd  = # two lines
       cat ./b.txt > {{outs}}
outs = c.txt
[stage c]
cmd  = cat --in=d/x.txt c.txt > e.txt
data = c.txt
outs = e.txt
[stage fine]
cmd  = cat b.txt d/x.txt c.txt.gz report > {{outs}} || true
data = b.txt d
outs = f.txt
END
mm 0 lint
holds "$T/out" \
	"mlmake.ini:6: warning: the command of 'b' names 'b.txt', which 'a' makes; if it reads that, list it under 'data'" \
	"mlmake.ini:9: warning: the command of 'c' names 'd/x.txt', which 'a' makes; if it reads that, list it under 'data'"

begin 'why tells that the last attempt failed, and where its log is'
new_project failed <<'END'
[stage s]
cmd  = echo oops; [ -e good ]; echo 1 > {{outs}}
outs = s.txt
END
mm 1
mm 0 why s; said 'last tried, in run .*, it failed; its log is .*/log/s\.log'
: > good
mm 0
mm 0 why s; said_not 'last tried'

begin 'a file without stages says so'
new_project none <<'END'
[project]
name = none
END
mm 0; said 'has no stages yet'

begin 'an interrupted stage is no failed one in the log'
new_project stopped <<'END'
[stage s]
cmd  = echo "$$" > "$T/stopped-pid"; sleep 1000; echo 1 > {{outs}}
outs = s.txt
END
mm_start
until_true 'it runs' test -s "$T/stopped-pid"
kill -INT "$pid"
mm_end 130
mm 0 log --json; said '"result": "interrupted"'
mm 0 log; said '1 interrupted'
finish
