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

begin 'what a link in a directory leads to, outside of it, is an input'
new_project linked <<'END'
[stage s]
cmd  = cat dir/* dir/sub/* > {{outs}} 2> /dev/null || :; echo s >> "$COUNT"
data = dir
outs = o.txt
END
mkdir -p dir/sub far
echo in > dir/in; echo one > ext; echo two > far/two; echo three > "$T/three"
ln -s ../ext dir/a
ln -s in dir/b
ln -s ../in dir/sub/c
ln -s ../../far dir/sub/far
ln -s "$T/three" dir/sub/d
ln -s nowhere/../../x dir/e
ln -s /dev/null dir/sub/null
ln -s ../.. dir/sub/top
mm 0; ran s; holds o.txt one in in in three
mm 0; ran
echo ONE > ext
mm 4 status --check; said 'dir/a changed'
mm 0; ran s; holds o.txt ONE in in in three
echo THREE > "$T/three"; mm 0; ran s
echo TWO > far/two; mm 0; ran s
echo new > x; mkdir dir/nowhere; mm 0; ran s
rm far/two; mm 0; ran s
rm ext; mm 0; ran s
echo apart > y; mm 0; ran
echo one > ext; echo two > far/two; mm 0; mm 0; mm 0 status --check
finish
