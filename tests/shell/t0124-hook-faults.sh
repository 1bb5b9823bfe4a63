#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Hooks and their worker under bad conditions: a commit is never held up, nothing is lost, and the reason is in the log.
# shellcheck disable=SC2016
. "$srcdir/tests/shell/lib.sh"

# hooked NAME: a project of one stage that waits for $T/go, and one commit that is built.
hooked() {
	new_project "$1" <<-'END'
	[stage s]
	cmd  = echo s >> "$COUNT"; while [ ! -e "$T/go" ]; do sleep 0.02; done; cat {{data}} > {{outs}}
	data = in.txt
	outs = out.txt
	[hook post-commit]
	END
	export T
	: > "$T/go"
	echo out.txt > .gitignore && echo 1 > in.txt
	"$MLMAKE" hook install > /dev/null || fail install
	git add . && git commit -q -m first
	"$MLMAKE" hook watch > /dev/null 2>&1 || fail 'the first build'
	: > "$COUNT"
}
change() { echo "$1" > in.txt; git commit -q -a -m "$1" 2> "$T/git-said"; }
built() { "$MLMAKE" hook watch > "$T/watched" 2>&1; }
begun() { until_true 'it is built' grep -q s "$COUNT"; }
idle() { until_true 'no worker' sh -c '"$MLMAKE" hook status | grep -q "^worker *none"'; }

begin 'a hook takes few system calls, and reads neither the project nor libgit2'
hooked quick
if sanitized; then
	diag 'not counted'
elif command -v strace > /dev/null 2>&1 && strace -o "$T/none" true 2> /dev/null; then
	: > "$T/lock-held"
	(flock 9; strace -f -o "$T/trace" .git/hooks/post-commit) 9> .git/mlmake/queue/worker
	n=$(wc -l < "$T/trace")
	[ "$n" -lt 600 ] || fail "$n calls"
	refuse 'libgit2' grep -q libgit2 "$T/trace"
	refuse 'waits for the disk' grep -Eq '(fsync|fdatasync|syncfs)\(' "$T/trace"
fi
mm 0 hook watch

begin 'whoever started the hook is not waited for: no descriptor of it is kept'
rm "$T/go"; echo 2 > in.txt
(git commit -q -a -m 2 2>&1) | cat > "$T/piped" # ends when nobody holds the pipe
begun
mm 0 hook status; said 'at work'
: > "$T/go"; built

begin 'a repository that is moved: what waits is built there'
rm "$T/go"; : > "$COUNT"
change 3; begun
cd .. && mv quick moved && cd moved || exit 1
: > "$T/go"
idle
missing ../quick
change 4
built
mm 0 hook log -n 1; said "done +main +$(git rev-parse --short=9 HEAD)"
mm 0; said 'restored'

begin 'a repository that vanishes leaves no process'
hooked vanishing
rm "$T/go"
change 2; begun
pids=$(for p in /proc/[0-9]*; do case $(readlink "$p/cwd" 2> /dev/null) in "$T/w/vanishing/.git"*) echo "${p#/proc/}" ;; esac; done)
[ -n "$pids" ] || fail 'no worker'
cd "$T/w" && mkdir -p beside && rm -rf vanishing; rm -rf vanishing; cd beside || exit 1
: > "$T/go"
for p in $pids; do until_true "process $p ends" gone "$p"; done
missing ../vanishing

begin 'a full disk is told of in the log, and the next commit is built'
if [ "$(id -u)" = 0 ] && mkdir "$T/small" && mount -t tmpfs -o size=3m none "$T/small" 2> /dev/null; then
	mkdir "$T/w/onsmall"; rmdir "$T/w/onsmall"; ln -s "$T/small/p" "$T/w/onsmall"; mkdir "$T/small/p"
	hooked onsmall
	echo 2 > in.txt; git add in.txt; tree=$(git write-tree)
	id=$(git commit-tree -p HEAD -m 2 "$tree") && git update-ref refs/heads/main "$id"
	dd if=/dev/zero of="$T/small/fill" bs=4k 2> /dev/null
	.git/hooks/post-commit > "$T/said" 2>&1 || fail 'the hook fails'
	until_true 'no worker' sh -c '"$MLMAKE" hook status | grep -q "^worker *none"'
	mm 0 hook log -n 1
	said 'No space left|killed|error'
	rm "$T/small/fill"
	"$MLMAKE" hook run post-commit
	built
	mm 0 hook log -n 1; said "done +main +$(git rev-parse --short=9 HEAD)"
	cd "$T" && umount "$T/small"
else
	skip 'a full disk' 'only root can mount a small one'
fi

begin 'a queue that cannot be written: the commit stands, and says what is wrong'
hooked readonly
rm -rf .git/mlmake/queue && : > .git/mlmake/queue
change 2
is "$(git log -1 --format=%s)" 2 commit
check 'a reason' grep -q 'warning: this is not built: ' "$T/git-said"
rm .git/mlmake/queue
change 3; built
mm 0 hook log -n 1; said 'done'

begin 'a clock that goes back changes nothing'
if faked; then
	hooked clock
	echo 2 > in.txt; faketime '2001-01-01 00:00:00' git commit -q -a -m 2
	built
	mm 0 hook log -n 1; said "done +main +$(git rev-parse --short=9 HEAD)"
	echo 3 > in.txt; git commit -q -a -m 3; built
	mm 0 hook log -n 1; said "done +main +$(git rev-parse --short=9 HEAD)"
else
	hooked clock
	GIT_COMMITTER_DATE='2001-01-01T00:00:00Z' git commit -q --allow-empty -m old
	touch -h -d 2001-01-01 .git/mlmake/queue/last
	change 2; built
	mm 0 hook log -n 1; said "done +main +$(git rev-parse --short=9 HEAD)"
fi

begin 'a damaged log is read as far as it goes'
hooked damaged
printf 'garbage\n0123456789abcdef more\n\000\001' >> .git/mlmake/queue/log
change 2; built
mm 0 hook log; said "done +main +$(git rev-parse --short=9 HEAD)"
is "$("$MLMAKE" hook log | wc -l)" 2 lines
echo 'something else' > .git/mlmake/queue/log
mm 2 hook log; said 'is no log of this version'
rm .git/mlmake/queue/log
change 3; built
mm 0 hook log; said 'done'

begin 'what is no entry of the queue is told of once'
hooked broken
before=$("$MLMAKE" hook log -n 0 | wc -l)
ln -s garbage .git/mlmake/queue/000000000000000099
mm 0 hook watch
mm 0 hook log -n 0
is "$(grep -c 'was no entry' "$T/out")" 1 'times told'
is "$(wc -l < "$T/out")" $((before + 1)) lines
missing .git/mlmake/queue/000000000000000099

begin 'a log does not grow beyond measure'
awk 'BEGIN { for (i = 0; i < 20000; i++) print "0123456789abcdef padding padding padding padding padding padding" }' >> .git/mlmake/queue/log
change 4; built
[ "$(stat -c %s .git/mlmake/queue/log)" -lt 1000000 ] || fail 'it grew'
mm 0 hook log; said "done +main +$(git rev-parse --short=9 HEAD)"

begin 'a stage that dies with its build each time is given up, with a reason'
hooked dying
cat > mlmake.ini <<'END'
[stage s]
cmd  = echo s >> "$COUNT"; kill -9 $(ps -o ppid= -p $(ps -o ppid= -p $PPID)) $$
data = in.txt
outs = out.txt
[hook post-commit]
END
: > "$COUNT"
change 2
built
mm 0 hook log; said 'failed|killed .*not tried again'
[ "$(wc -l < "$COUNT")" -le 6 ] || fail 'tried too often'
is "$(find .git/mlmake/queue -name '0*' | wc -l)" 0 entries

begin 'a branch that is gone, a work tree that is gone'
hooked away
git worktree add -q ../away-b -b b
rm "$T/go"; : > "$COUNT"; change 2; begun
(cd ../away-b && echo b > in.txt && git commit -q -a -m b)
git worktree remove --force ../away-b && git branch -q -D b
: > "$T/go"; built
is "$(find .git/mlmake/queue -name '0*' | wc -l)" 0 entries
change 3; built
mm 0 hook log -n 1; said 'done +main'

begin 'a work tree that is being made or taken away at this moment'
for gone in HEAD commondir; do
	hooked "half-$gone"
	git worktree add -q "../half-$gone-b" -b b
	rm "$T/go"; : > "$COUNT"; change 2; begun
	(cd "../half-$gone-b" && echo "$gone" > in.txt && git commit -q -a -m b)
	mv ".git/worktrees/half-$gone-b/$gone" "$T/kept"
	: > "$T/go"; built
	mv "$T/kept" ".git/worktrees/half-$gone-b/$gone"
	mm 0 hook log -n 1; said "done +b +$(git rev-parse --short=9 b)"
	missing ".git/worktrees/half-$gone-b/mlmake/queue"
	missing ".git/worktrees/half-$gone-b/mlmake/trees"
	(cd "../half-$gone-b" && mm 0 && said 'restored'; exit "$bad") || bad=1
done

begin 'a stage that writes to its input is found out, and the data of the user is as it was'
new_project scribble <<'END'
[stage s]
cmd  = cksum < {{data}} > {{outs}}; chmod u+w {{data}}; echo scribble >> {{data}}
data = big.bin
outs = out.txt
[hook post-commit]
END
head -c 2000000 /dev/zero > big.bin
printf '%s\n' big.bin out.txt > .gitignore
sum=$(sha big.bin)
mm 0 hook install
git add . && git commit -q -m first
built
mm 0 hook log; said 'error|failed'
is "$(sha big.bin)" "$sum" 'the data'
sed -i 's/; chmod.*//' mlmake.ini && git commit -q -a -m better
built
mm 0 hook log -n 1; said 'done'

finish
