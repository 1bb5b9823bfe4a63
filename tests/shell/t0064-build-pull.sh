#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# build --pull and status --remote: what a remote has counts as restorable.
. "${srcdir:-.}/tests/shell/lib.sh"
. "${srcdir:-.}/tests/shell/remote.sh"

begin 'in a fresh clone all results come from the remote and nothing runs'
shared_project a ../lab
mm 2 status --remote=lab
said "remote 'lab': the directory '../lab' is not there"
mm 0 push
mm 0 status --remote=lab
said '^lab: all files of mlmake.lock are there$'
said '^lab: lineage: 1 chain the same$'
clone_of a b
mm 0 status --remote=lab
said '^lab: [0-9]+ files .* of mlmake.lock there and not here: .mlmake pull.$'
said '1 chain ahead there'
mm 0 --pull
ran
same_results a
said '5 restored'
mm 0 status --remote=lab
said '^lab: all files'

begin 'only what is asked for comes'
clone_of a c
mm 0 --pull model@2
ran
is "$(find .git/mlmake/objects -type f | wc -l)" 1 'files that came'

begin 'a result of a run that mlmake.lock does not name any more'
in_project a
echo 'size = 8' > params.ini
mm 0
mm 0 push
git commit -q -a -m 'Larger'
clone_of a d
echo 'size = 7' > params.ini
: > "$COUNT"
mm 0 --pull
ran
is "$(tail -n 1 model-1.bin)" 7

begin 'what the remote does not have is built'
clone_of a e
echo 'size = 9' > params.ini
: > "$COUNT"
mm 0 --pull few
ran model few

begin 'what is damaged or gone there is built anew'
for file in $(find ../lab/objects -type f); do
	chmod u+w "$file"
	printf X | dd of="$file" bs=1 seek=1000 conv=notrunc 2> /dev/null
done
clone_of a f
: > "$COUNT"
mm 0 --pull
said 'it runs instead'
ran model model model dir
same_results a
rm -rf ../lab/objects
clone_of a g
: > "$COUNT"
mm 0 --pull
ran model model model dir

begin 'without --pull nothing is asked for; with it a remote that cannot be reached is an error'
mv ../lab ../away
clone_of a h
: > "$COUNT"
mm 0 few
ran model few
clone_of a i
: > "$COUNT"
mm 2 --pull
said "the directory '../lab' is not there"
ran
mm 2 --pull --remote=lib
said "there is no \[remote lib\] in mlmake.ini; did you mean 'lab'\?"
mv ../away ../lab

begin 'for machines'
if have_python; then
	in_project a
	mm 0 status --remote=lab --json
	is "$(json "$T/out" 'd["remote"]["name"], d["remote"]["only_here"], d["remote"]["both"]')" '["lab", 4, 0]'
fi

finish
