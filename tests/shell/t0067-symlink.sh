#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# link = symlink: what is put back leads into the store, counts as the file that it leads to, and nothing that happens to either harms
# the other unnoticed.
. "${srcdir:-.}/tests/shell/lib.sh"

if [ "$(id -u)" = 0 ]; then
	command -v setpriv > /dev/null || skip_all 'root without setpriv'
	chown -R 65534:65534 "$T" && setpriv --reuid=65534 --regid=65534 --clear-groups sh -c '"$MLMAKE" --version && test -r "$0"' "$0" > /dev/null 2>&1 ||
		skip_all 'others cannot run mlmake here, or not read its tests'
	setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$T/home" sh "$0"
	finished=1
	exit 0
fi
cp --reflink=always "$0" "$T/clone" 2> /dev/null && skip_all 'this file system clones'

new_project l <<'END'
[project]
params = params.ini
link   = symlink
[stage s]
cmd  = seq {{n}} 60000 > {{outs.1}}; cp {{outs.1}} {{outs.2}}; chmod +x {{outs.2}}; echo {{n}} > {{outs.3}}; echo s >> "$COUNT"
outs = large.txt run.sh small.txt
[stage d]
cmd  = mkdir -p {{outs}}/sub; seq {{n}} 50000 > {{outs}}/sub/large; echo {{n}} > {{outs}}/small; ln -s small {{outs}}/link; echo d >> "$COUNT"
outs = dir
[stage t]
cmd  = cat {{data}} | wc -l > {{outs}}; echo t >> "$COUNT"
data = large.txt dir/sub/large
outs = t.txt
END
printf '%s\n' large.txt run.sh small.txt dir t.txt > .gitignore
store() { readlink -f .git/mlmake/objects; }
object() { s=$(sha "$1"); echo "$(store)/$(echo "$s" | cut -c1-2)/$(echo "$s" | cut -c3-4)/$s"; }
build() { echo "n = $1" > params.ini; mm 0; }
links_to_object() { is "$(readlink "$1")" "$(object "$1")"; }
# sound: nothing is to be done, by stat and with all looked at, and the store is whole.
sound() { mm 0 status --check; mm 0; ran; rm -f .git/mlmake/work/top/statcache .git/mlmake/work/top/glance; mm 0 status --check; mm 0; ran; mm 0 fsck; }

begin 'a large file that is put back leads to the object, which cannot be written to; small and executable ones are copies'
build 1; ran s d t; git add -A; git commit -q -m one; sha large.txt dir/sub/large > "$T/one"
build 2; ran s d t; git add -A; git commit -q -m two
build 1; ran
links_to_object large.txt; links_to_object dir/sub/large
is "$(sha large.txt dir/sub/large)" "$(cat "$T/one")"
[ ! -h small.txt ] && [ ! -h run.sh ] && [ -x run.sh ] || fail 'what is small or executable is a link'
is "$(readlink dir/link)" small
refuse 'writing' sh -c 'echo more >> large.txt'
sound

begin 'what is recorded, found by its bytes, shown and sent is the file, not the link'
mm 0 lineage large.txt; said 'made by   s in run'
mm 0 lineage dir/sub/large; said 'made by   d in run'
mm 0 diff HEAD~1; said_not 'large.txt'
git show HEAD~1:mlmake.lock > "$T/lock"; check 'the lock of then' cmp mlmake.lock "$T/lock"

begin 'a stage writes to a file of its own, and old objects stay as they were'
build 3; ran s d t; [ ! -h large.txt ] || fail 'it wrote through the link'
mm 0 fsck
build 2; ran; links_to_object large.txt
build 1; ran; is "$(head -n 1 large.txt)" 1

begin 'checkout puts links where links were, and keeps what only stood there'
mm 0 checkout HEAD; links_to_object large.txt; is "$(head -n 1 large.txt)" 2
rm large.txt; seq 7 70000 > large.txt; mine=$(sha large.txt)
mm 0 checkout HEAD~1; said "kept as .*$mine"; links_to_object large.txt
build 1; ran

begin 'a link to anything else is a link, also one to an object of another store or by another way'
elsewhere=$(readlink large.txt)
for to in /etc/passwd "$T/none" "$(dirname "$elsewhere")" "$(dirname "$elsewhere")/../$(basename "$(dirname "$elsewhere")")/$(basename "$elsewhere")"; do
	ln -sfn "$to" large.txt; mm 4 status --check; said 'large.txt'
	mm 0; ran; links_to_object large.txt
done

begin 'what links lead to is not collected, though no run needs it any more, and is when they are gone'
build 2; ran; build 4; ran s d t; git add -A; git commit -q -m four; mm 0 checkout HEAD~1
links_to_object dir/sub/large
mm 0 gc --keep-runs=1 --force --grace=0 -n
mm 0 gc --keep-runs=1 --force --grace=0
exists large.txt; is "$(head -n 1 large.txt)" 2; is "$(head -n 1 dir/sub/large)" 2
two=$(readlink large.txt)
mm 0; ran; is "$(head -n 1 large.txt)" 4
exists "$two"
mm 0 gc --keep-runs=1 --force --grace=0
missing "$two"
is "$(find .git/mlmake/linked -type f | wc -l)" "$(find . -path ./.git -prune -o -type l -lname '*/objects/*' -print | wc -l)" 'notes of links'

begin 'who writes through a link has damaged the object: it counts as what it is, and is never put back'
build 5; ran s d t; build 4; ran; links_to_object large.txt
old=$(readlink large.txt); was=$(stat -c %y "$old")
chmod u+w large.txt; printf X | dd of=large.txt conv=notrunc 2> /dev/null; touch -d "$was" "$old"; chmod 444 "$old"
mm 1 fsck; said 'corrupt .*does not hold'
mm 4 status --check
mm 0; ran s
is "$(head -n 1 large.txt)" 4
exists ".git/mlmake/corrupt/$(basename "$old")"
mm 0 status --check; mm 0 fsck

begin 'links of a project whose store is another place lead there; a moved project finds its own again'
build 5; ran; build 4; ran; links_to_object large.txt
cd .. && mv l moved && cd moved || exit 1
mm 0 > /dev/null
links_to_object large.txt
mm 0 status --check

begin 'a stage that is held to what it declares reads files and directories through links'
new_project strict <<'END'
[project]
params = params.ini
link   = symlink
watch  = strict
[stage made]
cmd  = mkdir {{outs.1}}; seq 60000 > {{outs.1}}/a; seq 60001 > {{outs.2}}
outs = dir file.txt
[stage reads]
cmd  = cat dir/a file.txt | wc -l > {{outs}}; echo {{n}} >> {{outs}}
data = dir file.txt
outs = n.txt
END
printf '%s\n' dir file.txt n.txt > .gitignore
build 1 2> /dev/null
if [ -e n.txt ]; then
	rm -r dir file.txt; mm 0; links_to_object dir/a; links_to_object file.txt
	build 2; is "$(head -n 1 n.txt)" 120001
fi

begin 'a stage that writes to its input through a link: nothing is recorded, and the object is out of the way at once'
new_project bad <<'END'
[project]
params = params.ini
link   = symlink
[stage good]
cmd  = seq 60000 > {{outs}}; echo good >> "$COUNT"
outs = good.txt
[stage bad]
cmd  = if [ -h good.txt ]; then chmod u+w good.txt; echo more >> good.txt; fi; echo {{n}} > {{outs}}
data = good.txt
outs = bad.txt
END
printf '%s\n' good.txt bad.txt > .gitignore
build 1; rm good.txt; mm 0; ran good; links_to_object good.txt
old=$(readlink good.txt)
echo 'n = 2' > params.ini; mm 1; said "'good.txt' changed while it ran"
missing "$old"; exists ".git/mlmake/corrupt/$(basename "$old")"
mm 0; ran good; [ ! -h good.txt ] || fail 'it is a link'
mm 0 fsck
finish
