#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# PEERS.md, failure 9: mlmake killed while stages run.
. "${srcdir:-.}/tests/shell/lib.sh"

# A stage that tells its process ids and those of what it leaves behind, and then hangs.
hanging() {
	new_project "$1" <<'END'
[stage first]
cmd  = echo good > {{outs}}; echo first >> "$COUNT"
outs = first.txt
[stage long]
cmd  = cat {{data}} > {{outs}}; echo long >> "$COUNT"; echo $$ >> "$T/pids"
       sh -c 'echo $$ >> "$T/pids"; while :; do sleep 1; done' &
       setsid sh -c 'echo $$ >> "$T/pids"; trap "" TERM INT HUP; while :; do sleep 1; done' &
       (setsid sh -c '(sh -c "echo \$\$ >> \"$T/pids\"; : > \"$T/hangs\"; exec sleep 1000" &)' &)
       [ -e ok ] || while :; do sleep 1; done
data = first.txt
outs = long.txt
END
	rm -f "$T/pids" "$T/hangs"
}
all_gone() { while read -r p; do gone "$p" || return 1; done < "$T/pids"; }
four() { [ "$(wc -l < "$T/pids")" = 4 ]; }

begin 'dvc-9: after kill -9 no process of a stage lives on'
hanging p
mm_start
until_true 'the stage hangs' four
kill -KILL "$pid"; wait "$pid" 2> /dev/null
until_true 'they die' all_gone
ran first long

begin 'dvc-9: the next run finishes what was finished, runs what was not, and starts no copy beside it'
: > ok
rm "$T/pids"
mm 0
ran long
holds long.txt good
until_true 'the second run leaves nothing' all_gone
mm 0; ran

begin 'a run that ends well leaves no process behind either'
hanging q
: > ok
mm 0
until_true 'they die' all_gone

begin 'kill -9 of mlmake while an old output is moved aside: the last good result comes back'
new_project r <<'END'
[stage s]
cmd  = echo half > {{outs}}; : > "$T/half"; [ -e ok ] || while :; do sleep 1; done; cat {{data}} > {{outs}}
       echo s >> "$COUNT"
data = in.txt
outs = o.txt
END
echo one > in.txt; : > ok
mm 0; holds o.txt one
rm ok "$T/half"; echo two > in.txt
mm_start
until_true 'the stage writes' test -e "$T/half"
kill -KILL "$pid"; wait "$pid" 2> /dev/null
echo one > in.txt
: > "$COUNT"
mm 0
ran
holds o.txt one
echo two > in.txt; : > ok
mm 0; ran s
holds o.txt two
finish
