#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# ^C and its like.
. "${srcdir:-.}/tests/shell/lib.sh"

for sig in INT TERM HUP; do
	begin "SIG$sig stops the run, exits with 130 and keeps what was finished"
	new_project "$sig" <<'END'
[stage first]
cmd  = echo 1 > {{outs}}; echo first >> "$COUNT"
outs = first.txt
[stage long]
cmd  = echo half > {{outs}}; echo $$ > "$T/pid"; echo long >> "$COUNT"; [ -e go ] || while :; do sleep 1; done; cat {{data}} > {{outs}}
data = first.txt
outs = long.txt
[stage never]
cmd  = cat {{data}} > {{outs}}; echo never >> "$COUNT"
data = long.txt
outs = never.txt
END
	rm -f "$T/pid"
	# a shell without job control starts background jobs with SIGINT ignored
	last="&"
	env --default-signal=INT "$MLMAKE" > "$T/out" 2> "$T/err" < /dev/null &
	pid=$!
	started="$started $pid"
	until_true 'the stage runs' test -s "$T/pid"
	kill -"$sig" "$pid"
	mm_end 130
	check 'the stage is gone' gone "$(cat "$T/pid")"
	ran first long
	missing long.txt
	missing never.txt
	holds first.txt 1
	mm 0 log; said 'interrupted'
	: > go
	mm 0; ran long never
	holds never.txt 1
done

begin 'the whole terminal group gets ^C, as from a keyboard'
new_project group <<'END'
[stage long]
cmd  = trap 'echo stage-trap >> "$COUNT"' INT; echo $$ > "$T/pid"; while :; do sleep 1; done; echo > {{outs}}
outs = long.txt
END
rm -f "$T/pid"
setsid env --default-signal=INT sh -c 'echo $$ > "$T/leader"; "$MLMAKE" > "$T/out" 2> "$T/err"; echo $? > "$T/code.new"; mv "$T/code.new" "$T/code"' &
until_true 'the stage runs' test -s "$T/pid"
leader=$(cat "$T/leader")
# every process of the foreground group but the shell that waits for the code
for p in $(sed -n "s/^\([0-9]*\) (.*) [A-Za-z] [0-9]* $leader .*/\1/p" /proc/[0-9]*/stat 2> /dev/null); do
	[ "$p" = "$leader" ] || kill -INT "$p" 2> /dev/null
done
until_true 'mlmake ends' test -s "$T/code"
is "$(cat "$T/code")" 130 'exit code'
until_true 'the stage is gone' gone "$(cat "$T/pid")"

begin 'a stage that ignores every polite signal is stopped as well'
new_project deaf <<'END'
[stage long]
cmd  = trap '' INT TERM HUP; echo $$ > "$T/pid"; while :; do sleep 1; done; echo > {{outs}}
outs = long.txt
END
rm -f "$T/pid"
env --default-signal=INT "$MLMAKE" > "$T/out" 2> "$T/err" < /dev/null &
pid=$!
started="$started $pid"
until_true 'the stage runs' test -s "$T/pid"
kill -INT "$pid"
mm_end 130
check 'the stage is gone' gone "$(cat "$T/pid")"

begin 'an interrupt during a probe'
new_project probe <<'END'
[env slow]
probe = echo $$ > "$T/pid"; while :; do sleep 1; done
[stage s]
env  = slow
cmd  = echo > {{outs}}
outs = s.txt
END
rm -f "$T/pid"
env --default-signal=INT "$MLMAKE" > "$T/out" 2> "$T/err" < /dev/null &
pid=$!
started="$started $pid"
until_true 'the probe runs' test -s "$T/pid"
kill -INT "$pid"
mm_end 130
check 'the probe is gone' gone "$(cat "$T/pid")"
missing s.txt

begin 'the reader of the output goes away: the build is finished all the same'
new_project pipe <<'END'
[stage s]
matrix i = 1 2 3 4 5 6 7 8
cmd  = echo {{i}}; echo {{i}} > {{outs}}; echo s{{i}} >> "$COUNT"
outs = o{{i}}
END
"$MLMAKE" -v 2> /dev/null | head -n 1 > /dev/null
ran s1 s2 s3 s4 s5 s6 s7 s8
mm 0 status --check
finish
