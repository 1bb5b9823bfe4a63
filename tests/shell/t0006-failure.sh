#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A stage that fails. PEERS.md, failure 6.
. "${srcdir:-.}/tests/shell/lib.sh"

begin 'dvc-6: a half-written output of a failed stage does not stand at its path, the last good one is back'
new_project p <<'END'
[stage s]
cmd  = echo half > {{outs}}; echo s >> "$COUNT"; [ ! -e fail ] || { echo giving up; exit 1; }; cat {{data}} > {{outs}}
data = in.txt
outs = out/o.txt
[stage t]
cmd  = cat {{data}} > {{outs}}; echo t >> "$COUNT"
data = out/o.txt
outs = t.txt
END
echo '/keep-me' > .gitignore
echo one > in.txt
mm 0; ran s t; holds out/o.txt one
cp .gitignore "$T/gitignore"
echo two > in.txt; : > fail
mm 1
ran s
holds out/o.txt one
holds t.txt one
mm 4 status --check

begin 'dvc-6: what was half-written can still be looked at, where the message says'
mm 1
where=$(cat "$T/out" "$T/err" | grep -o '[^ ]*/failed/[^ ,;)]*' | head -n 1)
check 'a path is given' test -n "$where"
check 'half-written output' sh -c "grep -rqx half '$where'"
check 'the log is named' sh -c 'cat "$T/out" "$T/err" | grep -q "log/s\.log"'

said 'giving up'

begin 'dvc-6: .gitignore is as it was'
check '.gitignore' cmp .gitignore "$T/gitignore"

begin 'dvc-6: once the cause is gone, the next build is right'
: > "$COUNT"
rm fail
mm 0; ran s t
holds out/o.txt two; holds t.txt two

begin 'a first failure leaves nothing at the path'
new_project first <<'END'
[stage s]
cmd  = echo half > {{outs}}; exit 7
outs = o.txt
END
mm 1
missing o.txt
said 's'
said '7'

begin 'a stage that makes no output, or not all, has failed'
new_project none <<'END'
[stage s]
cmd  = echo 1 > a.txt
outs = a.txt b.txt
END
mm 1
said "b\.txt"
missing a.txt

begin 'a command that is not there says so'
new_project nocmd <<'END'
[stage s]
cmd  = no-such-command-anywhere > {{outs}}
outs = a.txt
END
mm 1
said 'no-such-command-anywhere'; said 'not found'

begin 'a stage killed by a signal has failed, and the signal is named'
new_project signal <<'END'
[stage s]
cmd  = echo 1 > {{outs}}; kill -SEGV $$
outs = a.txt
END
mm 1
said 'SEGV|[Ss]egmentation|signal 11'
missing a.txt

begin 'the end of what a failing stage wrote is shown, the whole is in the log'
new_project talk <<'END'
[stage s]
cmd  = i=0; while [ $i -lt 500 ]; do echo "line $i"; i=$((i+1)); done
       echo 'the cause' >&2; exit 3
outs = a.txt
END
mm 1
said 'the cause'
said 'line 499'
said_not 'line 0$'
log=$(cat "$T/out" "$T/err" | grep -o '[^ ]*/log/s\.log' | head -n 1)
check 'the log file is named' test -n "$log"
check 'line 0 in the log' grep -qx 'line 0' "${log:-/nowhere}"
check 'the cause in the log' grep -qx 'the cause' "${log:-/nowhere}"
is "$(wc -l < "${log:-/dev/null}")" 501 'lines in the log'
finish
