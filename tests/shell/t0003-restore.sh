#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Going back to old inputs puts old outputs back. PEERS.md, failure 5: what a directory loses on the way.
. "${srcdir:-.}/tests/shell/lib.sh"

begin 'a parameter put back: nothing runs, bytes are equal'
three p
mm 0
before=$(sha clean.txt up.txt count.txt other.txt)
sed 's/lines = 2/lines = 1/' params.ini > "$T/x"; cp params.ini "$T/old.ini"; cp "$T/x" params.ini
mm 0
holds count.txt APPLE
cp "$T/old.ini" params.ini
: > "$COUNT"
mm 4 status --check
said 'restor'
holds count.txt APPLE
mm 0
ran
is "$(sha clean.txt up.txt count.txt other.txt)" "$before" digests
mm 0 status --check

begin 'code put back: nothing runs, bytes are equal'
cp up.sh "$T/old.sh"
echo 'tac "$1"' > up.sh
mm 0; ran up count
cp "$T/old.sh" up.sh
mm 0; ran
is "$(sha clean.txt up.txt count.txt other.txt)" "$before" digests

begin 'data put back: nothing runs, bytes are equal, all the way down'
cp raw.txt "$T/old.raw"
printf 'zebra\nyak\n' > raw.txt
mm 0; ran clean up count
cp "$T/old.raw" raw.txt
mm 0; ran
said '3 restored'
is "$(sha clean.txt up.txt count.txt other.txt)" "$before" digests
mm 0; ran

begin 'outputs removed: put back, and nothing runs'
rm clean.txt up.txt count.txt other.txt
mm 0; ran
is "$(sha clean.txt up.txt count.txt other.txt)" "$before" digests

begin 'what was put back is not tied to the store: writing to it in place spoils no later restore'
rm up.txt; mm 0
chmod u+w up.txt; printf X | dd of=up.txt conv=notrunc 2> /dev/null
mm 0; ran
is "$(sha clean.txt up.txt count.txt other.txt)" "$before" digests

begin 'dvc-5: executable bits, symbolic links and empty directories of a directory come back'
new_project tree <<'END'
[project]
params = params.ini
[stage make]
cmd  = mkdir -p {{outs}}/sub/deep {{outs}}/empty {{outs}}/sub/void
       echo "#!/bin/sh" > {{outs}}/run; chmod 755 {{outs}}/run
       echo {{n}} > {{outs}}/sub/plain; chmod 644 {{outs}}/sub/plain
       ln -s sub/plain {{outs}}/link; ln -s nowhere {{outs}}/dangling; ln -s ../empty {{outs}}/sub/todir
       : > {{outs}}/sub/deep/zero; echo make >> "$COUNT"
outs = tree
END
picture() { (cd tree && find . -printf '%P %y %l %s\n' | grep -v ' d ' | sort; find . -type d | sort; find . -type f -perm -100 | sort; cat sub/plain); }
echo 'n = 1' > params.ini
mm 0
picture > "$T/before"
echo 'n = 2' > params.ini; mm 0
ran make make
rm -rf tree
echo 'n = 1' > params.ini; mm 0
ran
picture > "$T/after"
check 'the tree' diff "$T/before" "$T/after"
mm 0 status --check

begin 'dvc-5: a lost executable bit, link or empty directory of an output is noticed and mended'
chmod 644 tree/run; mm 4 status --check; mm 0; picture > "$T/after"; check 'bit' diff "$T/before" "$T/after"
rmdir tree/empty; mm 4 status --check; mm 0; picture > "$T/after"; check 'directory' diff "$T/before" "$T/after"
rm tree/dangling; mm 4 status --check; mm 0; picture > "$T/after"; check 'link' diff "$T/before" "$T/after"
echo more > tree/sub/more; mm 4 status --check; mm 0; picture > "$T/after"; check 'more' diff "$T/before" "$T/after"
ran

begin 'going back to another version of a directory writes anew what differs, and nothing else'
new_project over <<'END'
[project]
params = params.ini
[stage make]
cmd  = mkdir -p {{outs}}/sub; echo {{n}} > {{outs}}/differs; echo same > {{outs}}/same; echo same > {{outs}}/sub/same
outs = dir
END
inodes() { (cd dir && stat -c %i differs same sub/same); }
echo 'n = 1' > params.ini; mm 0; settled
echo 'n = 2' > params.ini; mm 0; settled
inodes > "$T/before"
echo 'n = 1' > params.ini; mm 0
inodes > "$T/after"
is "$(sed 1d "$T/after")" "$(sed 1d "$T/before")" 'inodes of what is the same'
is "$(cat dir/differs dir/same dir/sub/same | tr '\n' ' ')" '1 same same ' content
is "$(stat -c %h dir/differs dir/same dir/sub/same | sort -u)" 1 names
mm 0 status --check

begin 'going back to another version of a directory: what was written to by hand is not taken for the same'
echo 'n = 2' > params.ini; mm 0; settled
touch -r dir/same "$T/time"; echo SAME > dir/same; touch -r "$T/time" dir/same
echo 'n = 1' > params.ini; mm 0
is "$(cat dir/differs dir/same dir/sub/same | tr '\n' ' ')" '1 same same ' content
mm 0 status --check
finish
