#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# PEERS.md, failure 10: reading while a run is under way, and two runs of one project.
. "${srcdir:-.}/tests/shell/lib.sh"

new_project p <<'END'
[stage first]
cmd  = echo 1 > {{outs}}; echo first >> "$COUNT"
outs = first.txt
[stage slow]
cmd  = : > "$T/started"; while [ ! -e "$T/go" ]; do sleep 0.02; done; cp {{data}} {{outs}}; echo slow >> "$COUNT"
data = first.txt
outs = slow.txt
END
mm_start
until_true 'the stage starts' test -e "$T/started"
builder=$pid
# What follows must not disturb the output of the builder.
mv "$T/out" "$T/out1"; mv "$T/err" "$T/err1"

begin 'dvc-10: status, why, log, graph and lint work while a run is under way'
mm 0 status; said 'slow'
mm 4 status --check
mm 0 why slow
mm 0 graph
mm 0 log
mm 0 lint
mm 0 -n; said 'slow'
check 'the run goes on' alive "$builder"

begin 'dvc-10: --no-wait says who is at work and exits with 75'
mm 75 --no-wait
said "$builder"
said_not 'delete|remove|rm '

begin 'dvc-10: the second waits, and then has nothing to do'
mm_start
waiter=$pid
until_true 'it says that it waits' sh -c 'cat "$T/out" "$T/err" | grep -q "wait"'
check 'the second waits' alive "$waiter"
: > "$T/go"
mm_end 0
said 'nothing to do'
pid=$builder; mm_end 0
mv "$T/out1" "$T/out"; mv "$T/err1" "$T/err"
said '2 ran'
ran slow # first ran before this test began

begin 'a stage that runs mlmake in its own project does not wait for itself'
new_project itself <<'END'
[stage s]
cmd  = "$MLMAKE" 2> {{outs}} && exit 1 || echo $? >> {{outs}}
outs = o.txt
vars = MLMAKE
END
MLMAKE=$MLMAKE; export MLMAKE
mm 0
is "$(sed 's/[0-9]* is/N is/' o.txt)" "mlmake: mlmake with process id N is at work in this project and waits for this command to end, so this one does not wait for it
75" 'what it says'

begin 'four at once: each stage runs once'
new_project q <<'END'
[stage s]
matrix i = 1 2 3 4 5 6
cmd  = echo {{i}} > {{outs}}; echo s{{i}} >> "$COUNT"
outs = o{{i}}.txt
END
: > "$COUNT"
pids=''
for k in 1 2 3 4; do
	"$MLMAKE" > "$T/out.$k" 2> "$T/err.$k" &
	pids="$pids $!"
done
for p in $pids; do
	wait "$p" || fail "one exited with $?"
done
ran s1 s2 s3 s4 s5 s6
mm 0 status --check
finish
