#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Content decides. PEERS.md, failure 4: same size, modification time put back.
. "${srcdir:-.}/tests/shell/lib.sh"

begin 'dvc-4: an edit of the same size is noticed though the modification time was put back'
three p
touch -d '2020-01-01' raw.txt
mm 0
mm 0 # by now everything is in the stat cache
: > "$COUNT"
touch -r raw.txt "$T/stamp"
printf 'pear\nappla\nfig\n' > raw.txt
touch -r "$T/stamp" raw.txt
mm 4 status --check
mm 0
ran clean up count
holds clean.txt appla fig pear

begin 'dvc-4: another file of the same size and time moved into its place is noticed'
printf 'pear\nappli\nfig\n' > new.txt
touch -r raw.txt new.txt
mv new.txt raw.txt
mm 0
ran clean up count
holds clean.txt appli fig pear

begin 'edits right after each build are all noticed'
i=0
while [ $i -lt 10 ]; do
	printf 'a%d\n' $i > raw.txt
	mm 0
	holds clean.txt a$i
	i=$((i + 1))
done
ran clean up count clean up count clean up count clean up count clean up count \
	clean up count clean up count clean up count clean up count clean up count

begin 'a file of a directory input: edited, added, removed, made executable'
new_project tree <<'END'
[stage list]
cmd  = ls -R in > {{outs}}; echo list >> "$COUNT"
data = in
outs = list.txt
END
mkdir -p in/sub
echo 1 > in/a; echo 2 > in/sub/b
mm 0; ran list
mm 0; ran
touch -r in/sub/b "$T/stamp"; echo 3 > in/sub/b; touch -r "$T/stamp" in/sub/b
mm 0; ran list
: > in/sub/c; mm 0; ran list
chmod +x in/sub/c; mm 0; ran list
mkdir in/empty; mm 0; ran list
ln -s a in/link; mm 0; ran list
ln -sf b in/link; mm 0; ran list
rm in/link; mm 0; ran # as it was before the links: put back
touch in in/sub in/a; mm 0; ran

begin 'the way back through the tree was put back, and its list is right'
mm 0 status --check
check 'list.txt' sh -c 'ls -R in | cmp - list.txt'
finish
