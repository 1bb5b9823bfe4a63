#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Sources: what their probes say, how old what they brought is, and which snapshot a commit was built from
. "${srcdir:-.}/tests/shell/lib.sh"

# "upstream" is what the world has, "version" what a probe sees of it.
probed() {
	new_project "$1" <<-'END'
	[source raw]
	cmd   = echo fetched >> "$COUNT"; cat "$T/upstream" > {{outs}}
	probe = echo probed >> "$COUNT"; cat "$T/version"
	outs  = raw.txt
	[stage upper]
	cmd   = echo upper >> "$COUNT"; tr a-z A-Z < {{data}} > {{outs}}
	data  = raw.txt
	outs  = upper.txt
	END
	printf 'raw.txt\nupper.txt\n' > .gitignore
}

begin 'the first fetch of all asks as well, and says why it fetches'
echo one > "$T/upstream"; echo 1 > "$T/version"
probed first
mm 0 fetch; ran probed fetched
said "its probe says '1'; it was never fetched"

begin 'a plain build asks no probe; the first fetch does'
echo one > "$T/upstream"; echo 1 > "$T/version"
probed p
mm 0; ran fetched upper
mm 0; ran
mm 0 fetch; ran probed fetched
said 'its probe says .1.'

begin 'a probe that says what it said fetches nothing'
echo two > "$T/upstream"
mm 0 fetch; ran probed
said 'its probe says what it said: not fetched'
check 'raw stands' grep -qx one raw.txt
mm 0 status --check

begin 'a probe that says otherwise fetches, and says so'
echo 2 > "$T/version"
mm 0 fetch raw; ran probed fetched
said "its probe says '2', not '1'"
mm 0; ran upper
check 'upper is new' grep -qx TWO upper.txt

begin 'unchanged bytes stop everything downstream, and leave mlmake.lock as it is'
cp mlmake.lock "$T/lock"
echo 3 > "$T/version"
mm 0 fetch; ran probed fetched
mm 0 status --check
check 'the lock is as it was' cmp mlmake.lock "$T/lock"
mm 0; ran

begin 'with -B fetch fetches whatever the probe says'
mm 0 fetch -B; ran probed fetched

begin 'a probe that fails: the source is not fetched, what it brought stays, the others go on'
cat >> mlmake.ini <<'END'
[source other]
cmd   = echo other >> "$COUNT"; echo x > {{outs}}
outs  = other.txt
END
mm 0; ran other
rm "$T/version"
mm 1 fetch; ran probed other
said "'raw' is not fetched: its probe .* failed: exit status 1: .*version"
check 'raw stands' grep -qx two raw.txt
echo 3 > "$T/version"
mm 0 fetch raw; ran probed

begin 'of two probes each counts; a longer answer is remembered by its digest'
new_project two <<'END'
[source raw]
cmd   = echo fetched >> "$COUNT"; echo x > {{outs}}
probe = cat "$T/version"
        cat "$T/long"
outs  = raw.txt
END
head -c 3000000 /dev/zero | tr '\0' a > "$T/long"
mm 0 fetch; ran fetched
mm 0 fetch; ran
echo b >> "$T/long"
mm 0 fetch; ran fetched
check 'little is kept' test "$(wc -c < "$(state_dir)/sources.json")" -lt 1000
check 'nothing is left lying' test ! -s "$(state_dir)/log/[probe].log"

begin 'of an answer of several lines, as headers of HTTP, the one that is another is shown'
printf 'HTTP/1.1 200 OK\r\nETag: "a"\r\nAge: 1\r\n' > "$T/long"
mm 0 fetch; ran fetched; said "its probe says 'HTTP/1.1 200 OK\.\.\.', not "
printf 'HTTP/1.1 200 OK\r\nETag: "b"\r\nAge: 1\r\n' > "$T/long"
mm 0 fetch; ran fetched
said "its probe says '\.\.\.ETag: \"b\"\.\.\.', not '\.\.\.ETag: \"a\"\.\.\.'"

begin 'a probe that prints without end is stopped'
new_project yes <<'END'
[source raw]
cmd   = echo fetched >> "$COUNT"; echo x > {{outs}}
probe = yes
outs  = raw.txt
END
mm 1 fetch; ran
said 'prints more than 64 MiB and was stopped'

begin 'a probe that hangs is stopped at the timeout, and tried again as often as the source says'
new_project hangs <<'END'
[source raw]
cmd     = echo fetched >> "$COUNT"; echo x > {{outs}}
probe   = echo probed >> "$COUNT"; sleep 98764
timeout = 200ms
retry   = 2
outs    = raw.txt
END
mm 1 fetch; ran probed probed probed
said 'it took longer than its timeout of 0.20s and was stopped'
refuse 'no process is left' grep -qs '9876[4]' /proc/[0-9]*/cmdline

begin 'every: fetch leaves alone what was asked shortly before, unless it is named'
new_project every <<'END'
[source raw]
cmd   = echo fetched >> "$COUNT"; echo x > {{outs}}
every = 1d
outs  = raw.txt
END
mm 0; ran fetched
mm 0 fetch; ran
said "raw: asked .* ago, and its 'every' is 1d.*: not asked .*mlmake fetch raw"
mm 0 fetch raw; ran fetched
mm 0 fetch -B; ran fetched
mm 0; said_not asked
mm 0 status -v; said 'raw: asked .* ago'

# aged NS: the source raw was asked so many nanoseconds ago; a minus is the future. What the state says of the time is checked by a sum,
# and mlmake.lock does not say it.
aged() {
	rm "$(state_dir)/state"
	sed -i "s/\"asked\": [0-9]*/\"asked\": $(($(date +%s%N) - $1))/" "$(state_dir)/sources.json"
}

begin 'every has passed: a plain build and status say so and use what is there; fetch fetches'
aged $((3 * 24 * 3600 * 1000000000))
mm 0; ran
said "note: raw: asked 3d00h ago, and its 'every' is .*: .mlmake fetch raw. asks again"
mm 0 status; said 'raw: asked 3d00h ago'
if have_python; then
	mm 0 status --json
	is "$(json "$T/out" 'd["instances"][0]["due"]')" true due
fi
mm 0 fetch; ran fetched
mm 0; said_not asked

begin 'a clock that went wrong: what was asked at a time that is yet to come is asked again'
aged -$((1000 * 24 * 3600 * 1000000000))
mm 0; ran
said 'a time that is yet to come'
mm 0 fetch; ran fetched
mm 0 fetch; ran

begin 'what is remembered of sources may be lost or damaged'
echo '[1' > "$(state_dir)/sources.json"
mm 0 status
mm 0 fetch raw; ran fetched
rm "$(state_dir)/sources.json"
mm 0 fetch raw; ran fetched

begin 'an old commit is built from what was brought then, though the source has other data now'
echo one > "$T/upstream"; echo 1 > "$T/version"
probed commits
mm 0 fetch; mm 0
git add -A; git commit -qm one
echo two > "$T/upstream"; echo 2 > "$T/version"
mm 0 fetch; mm 0
git add -A; git commit -qm two
rm "$T/upstream" # the network is gone
: > "$COUNT"
git checkout -q HEAD~1
mm 0; ran
said 'restored +raw'
holds raw.txt one
holds upper.txt ONE
git checkout -q main
mm 0; ran
holds raw.txt two
holds upper.txt TWO
check 'nothing to commit' git diff --quiet

begin 'and so for a source without a probe, with a build of something else in between'
echo one > "$T/upstream"
new_project noprobe <<'END'
[source raw]
cmd   = echo fetched >> "$COUNT"; cat "$T/upstream" > {{outs}}
outs  = raw.txt
[stage other]
cmd   = echo other > {{outs}}
outs  = other.txt
END
printf 'raw.txt\nother.txt\n' > .gitignore
mm 0; git add -A; git commit -qm one
echo two > "$T/upstream"
mm 0 fetch; git add -A; git commit -qm two
rm "$T/upstream"
git checkout -q HEAD~1
mm 0 -B other
check 'the lock is as it was' git diff --quiet
mm 0
holds raw.txt one
check 'nothing to commit' git diff --quiet

begin 'after that a probe that says what it said then does not count: other data stand here'
echo two > "$T/upstream"
cd "$T/w/commits" || exit 1
git checkout -q HEAD~1
mm 0; : > "$COUNT"
mm 0 fetch; ran probed fetched
mm 0; holds upper.txt TWO
git checkout -q mlmake.lock

begin 'what was put in place of what a source brought is kept in the store, and what it brought is put back'
cd "$T/w/every" || exit 1
echo mine > raw.txt
: > "$COUNT"
mm 0; ran
said "'raw.txt' was not as any run left it; that version is kept in the store"
holds raw.txt x

begin 'in a clone what a commit was built from comes from a remote, not from the network'
cd "$T/w/commits" || exit 1
git checkout -q main; mm 0
printf '[remote lab]\nurl = %s\n' "$T/lab" >> mlmake.ini
git add -A; git commit -qm remote
mm 0 push
git clone -q . "$T/w/clone" && cd "$T/w/clone" || exit 1
rm "$T/upstream"; : > "$COUNT"
mm 0 --pull; ran
holds raw.txt two
holds upper.txt TWO

begin 'where there is no source, that is said'
three plain
mm 0 fetch; ran
said 'mlmake.ini has no \[source NAME\], so nothing is fetched'
mm 0 fetch -q; silent
finish
