#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# link = hardlink: what is put back shares its bytes with the store, and nothing that a stage or a person does harms it unnoticed.
. "${srcdir:-.}/tests/shell/lib.sh"

if [ "$(id -u)" = 0 ]; then
	command -v setpriv > /dev/null || skip_all 'root without setpriv'
	chown -R 65534:65534 "$T" && setpriv --reuid=65534 --regid=65534 --clear-groups sh -c '"$MLMAKE" --version && test -r "$0"' "$0" > /dev/null 2>&1 ||
		skip_all 'others cannot run mlmake here, or not read its tests'
	setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$T/home" sh "$0"
	finished=1
	exit 0
fi

new_project l <<'END'
[project]
params = params.ini
link   = hardlink
[stage s]
cmd  = seq {{n}} 60000 > {{outs.1}}; cp {{outs.1}} {{outs.2}}; chmod +x {{outs.2}}; echo {{n}} > {{outs.3}}; echo s >> "$COUNT"
outs = large.txt run.sh small.txt
END
object() { s=$(sha "$1"); echo ".git/mlmake/objects/$(echo "$s" | cut -c1-2)/$(echo "$s" | cut -c3-4)/$s"; }

begin 'a large file that is put back is the object, and cannot be written to'
echo 'n = 1' > params.ini; mm 0; ran s
echo 'n = 2' > params.ini; mm 0; ran s
echo 'n = 1' > params.ini; mm 0; ran
is "$(head -n 1 large.txt)" 1
if [ "$(stat -c %i large.txt)" = "$(stat -c %i "$(object large.txt)")" ]; then
	is "$(stat -c %a large.txt)" 444
	refuse 'writing' sh -c 'echo more >> large.txt'
	linked=yes
else # the file system can clone
	linked=no
fi
[ -x run.sh ] || fail 'an executable lost its bit'
echo more >> run.sh; echo more >> small.txt # these have bytes of their own
mm 0; ran; holds small.txt 1
mm 0 status --check

begin 'the stage writes to a file of its own'
echo 'n = 3' > params.ini; mm 0; ran s
echo 'n = 1' > params.ini; mm 0; ran; is "$(head -n 1 large.txt)" 1

if [ $linked = yes ]; then
	begin 'who writes to it all the same has damaged the object: it is not put back'
	chmod u+w large.txt; echo more >> large.txt
	mm 0; ran s
	is "$(tail -n 1 large.txt)" 60000
	mm 0 status --check
fi

begin 'a word that is no way'
sed -i 's/hardlink/magic/' mlmake.ini
mm 2 lint; said "mlmake.ini:3: .*'magic'.*copy, hardlink or symlink"
finish
