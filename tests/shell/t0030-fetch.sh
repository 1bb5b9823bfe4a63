#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Sources: a plain build uses what they brought, fetch asks again; probes of an environment
. "${srcdir:-.}/tests/shell/lib.sh"

sourced() {
	new_project "$1" <<'END'
[source raw]
cmd  = echo fetched >> "$COUNT"; cat "$T/upstream" > {{outs}}
outs = raw.txt
[stage upper]
cmd  = echo upper >> "$COUNT"; tr a-z A-Z < {{data}} > {{outs}}
data = raw.txt
outs = upper.txt
END
}

begin 'what a source brought is used, though it would bring something else by now'
echo one > "$T/upstream"
sourced p
mm 0; ran fetched upper
echo two > "$T/upstream"
: > "$COUNT"
mm 0; ran
check 'raw is as it was' grep -qx one raw.txt

begin 'fetch asks again, and what depends on it is stale then'
mm 0 fetch; ran fetched
check 'raw is new' grep -qx two raw.txt
mm 4 status --check
mm 0; ran upper
check 'upper is new' grep -qx TWO upper.txt

begin 'fetching the same bytes makes nothing stale'
mm 0 fetch raw; ran fetched
mm 0 status --check

begin 'a source whose file is gone is put back, not fetched'
rm raw.txt
mm 0; ran
check 'raw is back' grep -qx two raw.txt

begin 'a source with another command has brought nothing yet'
sed -i 's/; cat /; cat -u /' mlmake.ini
mm 4 status --check
mm 0; ran fetched
sed -i 's/; cat -u /; cat /' mlmake.ini
mm 0; ran

begin 'a stage cannot be fetched'
mm 2 fetch upper; ran
said "only sources are fetched"

begin 'what a probe says is part of the key'
echo 1.0 > "$T/version"
new_project q <<'END'
[env tool]
probe = cat "$T/version"
[stage s]
env  = tool
cmd  = echo s >> "$COUNT"; echo x > {{outs}}
outs = s.txt
END
mm 0; ran s
mm 0; ran
echo 2.0 > "$T/version"
mm 0 status --check
mm 0; ran s

begin 'a probe that fails stops the build before anything runs'
rm "$T/version"
rm s.txt
: > "$COUNT"
mm 2; ran
said 'env tool'
finish
