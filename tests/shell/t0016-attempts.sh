#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# timeout, retry, frozen, cache.
. "${srcdir:-.}/tests/shell/lib.sh"

begin 'a stage over its timeout is stopped, its children too, and has failed'
new_project timeout <<'END'
[stage s]
cmd  = echo $$ > "$T/pid"; echo half > {{outs}}; (while :; do sleep 1; done) & echo $! > "$T/child"; while :; do sleep 1; done
timeout = 300ms
outs = o.txt
END
mm 1
said 'timeout|longer than|timed out|time limit'
missing o.txt
until_true 'the stage is gone' gone "$(cat "$T/pid")"
until_true 'its child is gone' gone "$(cat "$T/child")"

begin 'a stage that is faster is not concerned'
new_project fast <<'END'
[stage s]
cmd  = echo 1 > {{outs}}
timeout = 1h
outs = o.txt
END
mm 0; holds o.txt 1
sed 's/1h/2h/' mlmake.ini > n && mv n mlmake.ini
mm 0 status --check

begin 'retry tries again, each time from a clean start'
new_project retry <<'END'
[stage s]
cmd  = echo s >> "$COUNT"; [ ! -e {{outs}} ]; echo x > {{outs}}; [ "$(wc -l < "$COUNT")" -ge 3 ]
retry = 2
outs = o.txt
END
mm 0; ran s s s
holds o.txt x

begin 'retry ends'
sed 's/-ge 3/-ge 30/' mlmake.ini > n && mv n mlmake.ini
mm 1; ran s s s

begin 'frozen: what is on disk is taken as it is'
three frozen
mm 0
ran clean up count other
sed 's/^outs   = up.txt/&\nfrozen = yes/' mlmake.ini > n && mv n mlmake.ini
echo 'echo other' > up.sh
printf 'zebra\n' > raw.txt
mm 0; ran clean
mm 0 status -v; said 'frozen'
mm 0 status --check
echo 'BY HAND' > up.txt
mm 0; ran count; holds count.txt 'BY HAND'
holds up.txt 'BY HAND'

begin 'frozen without an output says so'
rm up.txt
mm 2
said "up"
ran

begin 'cache = no: not stored, so going back runs'
new_project nocache <<'END'
[project]
params = params.ini
[stage s]
cmd   = echo {{n}} > {{outs}}; echo s >> "$COUNT"
cache = no
outs  = o.txt
[stage t]
cmd   = sed 's/^/t/' {{data}} > {{outs}}; echo t >> "$COUNT"
data  = o.txt keep=no
outs  = t.txt
END
echo 'n = 1' > params.ini; mm 0; ran s t
mm 0; ran
echo 'n = 2' > params.ini; mm 0; ran s t
echo 'n = 1' > params.ini; mm 0; ran s; holds t.txt t1
echo 'n = 345678' > params.ini; mm 0; ran s t
in_git .git t.txt
not_in_git .git o.txt

begin 'cache = no|always and other words'
sed 's/cache = no/cache = always/' mlmake.ini > n && mv n mlmake.ini
mm 0 lint
sed 's/cache = always/cache = sometimes/' mlmake.ini > n && mv n mlmake.ini
mm 2 lint; said '^mlmake\.ini:5: error: .*sometimes'
finish
