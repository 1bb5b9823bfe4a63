#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Exit codes. PEERS.md, failure 12.
. "${srcdir:-.}/tests/shell/lib.sh"

begin 'dvc-12: status --check exits with 4 for anything stale and 0 for nothing'
three p
mm 0 status
mm 4 status --check
mm 4 status --check -q
silent
mm 0
mm 0 status --check
mm 0 status --check -q
silent
echo 'plum' >> raw.txt
mm 0 status
said 'clean'
mm 4 status --check
mm 4 status --check count
mm 0 status --check other

begin 'dvc-12: what can be restored is not what is on disk: 4'
mm 0
printf 'pear\napple\nfig\n' > raw.txt
mm 4 status --check
mm 0; ran clean up count
mm 0 status --check

begin 'dvc-12: each kind of end has its code'
mm 2 --no-such-option; said 'no-such-option'
mm 2 status --no-such-option
mm 2 no-such-target
mm 2 -j 0
mm 2 -j many
mm 2 -C "$T/no-such-directory"
mm 2 -f no-such-file.ini
echo 'exit 3' > up.sh
mm 1
echo '[stage' >> mlmake.ini
mm 2; mm 2 status; mm 2 status --check; mm 2 lint; mm 2 graph

begin 'help and version, of every command, need no project'
mkdir "$T/empty"; cd "$T/empty" || exit 1
mm 0 --version
said '^mlmake [0-9]'
mm 0 --help
for c in build init lint status why graph log metrics fetch completions help; do
	mm 0 "$c" --help; said "usage: mlmake $c"
	mm 0 "$c" --version; said '^mlmake [0-9]'
	mm 0 help "$c"
done

begin 'output that cannot be written is an error'
three q
if [ -w /dev/full ]; then
	if "$MLMAKE" status > /dev/full 2> "$T/err"; then fail 'status > /dev/full exits with 0'; fi
	if "$MLMAKE" --help > /dev/full 2> "$T/err"; then fail '--help > /dev/full exits with 0'; fi
fi
finish
