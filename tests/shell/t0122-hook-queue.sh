#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Which commits are built: the newest of each branch, once, at the end of what git is in the middle of; and no wish is lost.
# shellcheck disable=SC2016
. "$srcdir/tests/shell/lib.sh"

# slow NAME [LINE...]: a project whose stage waits for $T/go, with a [hook post-commit] that has these lines.
slow() {
	new_project "$1" <<-'END'
	[stage s]
	cmd  = cat {{data}} >> "$COUNT"; while [ ! -e "$T/go" ]; do sleep 0.02; done; cat {{data}} > {{outs}}
	data = in.txt
	outs = out.txt
	[hook post-commit]
	END
	shift
	for line do printf '%s\n' "$line" >> mlmake.ini; done
	rm -f "$T/go"
	echo out.txt > .gitignore
	export T
	"$MLMAKE" hook install > /dev/null || fail install
}
# change WORD: a commit that builds as WORD.
change() { echo "$1" > in.txt; git add . && git commit -q -m "${2:-$1}"; }
begun() { until_true "$1 is built" grep -q "^$1\$" "$COUNT"; }
go() { : > "$T/go"; }
built() { "$MLMAKE" hook watch > "$T/watched" 2>&1; }
entries() { find .git/mlmake/queue -name '0*' | wc -l; }
outcomes() { "$MLMAKE" hook log -n 0 | awk '{ print $4 }' | tac | tr '\n' ' '; }
quiet() {
	is "$(entries)" 0 entries
	missing .git/mlmake/trees/hook
	missing .git/mlmake/queue/now
}

begin 'of many commits the newest is built, after the one that was begun'
slow burst
change 1; begun 1
for i in 2 3 4 5 6 7 8 9; do change $i; done
mm 0 hook status; said '^worker +at work'; said '^building +main'; said '^waiting +main'
go; built
ran 1 9
is "$(outcomes)" 'done done ' outcomes
quiet

begin 'with cancel a newer commit stops the build'
slow cancel 'when-busy = cancel'
change 1; begun 1
change 2; begun 2
go; built
ran 1 2
is "$(outcomes)" 'stopped done ' outcomes
mm 0 hook log; said 'stopped .*a newer commit came'
quiet

begin 'with queue each is built in its turn'
slow each 'when-busy = queue'
change 1; begun 1
change 2; change 3; change 4
go; built
ran_order 1 2 3 4
is "$(outcomes)" 'done done done done ' outcomes
quiet

begin 'with queue none of a burst is left out'
slow bursts 'when-busy = queue'
go
for k in 1 2 3 4; do
	for i in 1 2 3 4; do change $k.$i; done
	built
done
ran_order 1.1 1.2 1.3 1.4 2.1 2.2 2.3 2.4 3.1 3.2 3.3 3.4 4.1 4.2 4.3 4.4
quiet

begin 'a rebase of many commits is one build, of the last'
slow rebase
go
change base; built
git checkout -q -b topic
for i in 1 2 3 4 5; do echo $i > $i.txt; git add . && MLMAKE_HOOKS=0 git commit -q -m $i; done
git checkout -q main && change onto; built; : > "$COUNT"
git checkout -q topic && git rebase -q main > /dev/null 2>&1
built
ran
is "$("$MLMAKE" hook log -n 1 | awk '{ print $4, $5, $6 }')" "done topic $(git rev-parse --short=9 topic)" newest
is "$("$MLMAKE" hook log -n 0 | grep -c topic)" 1 'builds of topic'
quiet

begin 'in the middle of a rebase nothing is built, and at its end the branch is'
slow middle
go
change 1; change 2; change 3
built; : > "$COUNT"
GIT_SEQUENCE_EDITOR='sed -i "s/^pick/edit/"' git rebase -q -i HEAD~2 > /dev/null 2>&1
echo x > other.txt && git add . && git commit -q -m inserted
until_true 'the worker waits' sh -c '"$MLMAKE" hook status | grep -q "waiting.*for the end of a rebase"'
is "$(outcomes | wc -w)" "$("$MLMAKE" hook log -n 0 | wc -l)" 'nothing more'
before=$("$MLMAKE" hook log -n 0 | wc -l)
GIT_EDITOR=true git rebase --continue > /dev/null 2>&1; GIT_EDITOR=true git rebase --continue > /dev/null 2>&1
built
is "$("$MLMAKE" hook log -n 0 | wc -l)" $((before + 1)) 'one build more'
is "$("$MLMAKE" hook log -n 1 | awk '{ print $5, $6 }')" "main $(git rev-parse --short=9 main)" newest
quiet

begin 'a merge with conflicts, a cherry-pick and a bisection are waited for'
slow conflict
go
change base; built
git checkout -q -b side && change side; git checkout -q main && change main
built; : > "$COUNT"
git merge side > /dev/null 2>&1
"$MLMAKE" hook run post-commit
until_true 'a merge' sh -c '"$MLMAKE" hook status | grep -q "for the end of a merge"'
change merged; built
ran merged
git cherry-pick side > /dev/null 2>&1
"$MLMAKE" hook run post-commit
until_true 'a cherry-pick' sh -c '"$MLMAKE" hook status | grep -q "for the end of a cherry-pick"'
git cherry-pick --abort
git bisect start > /dev/null 2>&1
"$MLMAKE" hook run post-commit
until_true 'a bisection' sh -c '"$MLMAKE" hook status | grep -q "for the end of a bisection"'
git bisect reset > /dev/null 2>&1
built; ran
quiet

begin 'branches and linked work trees side by side'
slow wide
go
change 1
for b in a b c; do git worktree add -q "../wide-$b" -b $b; done
for b in a b c; do (cd "../wide-$b" && change "$b") & done
change main
wait
built
for b in a b c main; do
	"$MLMAKE" hook log -n 0 | grep -q "done *$b *$(git rev-parse --short=9 $b)" || fail "$b is not built"
done
git worktree remove --force ../wide-a
(cd ../wide-b && change b2)
built
check 'b2' grep -q '^b2$' "$COUNT"
quiet

begin 'what waits in one work tree lets others by'
slow by
go
change 1; change 2; built
git worktree add -q ../by-other -b other
GIT_SEQUENCE_EDITOR='sed -i "s/^pick/edit/"' git rebase -q -i HEAD~1 > /dev/null 2>&1
git commit -q --amend -m stopped
(cd ../by-other && change other)
until_true 'other is built' sh -c '"$MLMAKE" hook log | grep -q "done *other"'
mm 0 hook status; said 'waiting +main .*for the end of a rebase'
git rebase --abort
built; quiet

begin 'a build can be stopped, and what waits be taken back'
slow stop
change 1; begun 1
change 2
mm 0 hook cancel; said '^the build is stopped, and what waited is taken out of the queue$'
built
is "$(outcomes)" 'stopped ' outcomes
mm 0 hook log; said 'as was asked for'
mm 0 hook cancel; said 'nothing is built'
quiet
change 3; begun 3
mm 0 hook cancel nothere; said 'nothing is built'
mm 0 hook cancel main; said 'the build is stopped$'
quiet

begin 'what is taken back before the worker begins is not built'
slow early
change 1; begun 1; go; built; : > "$COUNT"
mv .git/mlmake/queue/log "$T/log-file" && mkfifo .git/mlmake/queue/log # the worker has read the queue when it opens the log
change 2; sleep 0.5
mm 0 hook cancel; said '^1 taken out of the queue'
mv .git/mlmake/queue/log "$T/fifo" && mv "$T/log-file" .git/mlmake/queue/log
cat "$T/fifo" > /dev/null &
built
wait $!
is "$(outcomes)" 'done stopped ' outcomes
mm 0 hook log -n 1; said 'as was asked for'
quiet

begin 'a worker that is killed is replaced, by what it started or by the next hook'
slow killed
change 1; begun 1
holders() { for p in /proc/[0-9]*; do ls -l "$p/fd" 2> /dev/null | grep -q "$T/w/killed/.git/mlmake/queue/worker" && echo "${p#/proc/}"; done; }
[ "$(holders | wc -l)" = 2 ] || fail "held by: $(holders)"
parent=$(for p in $(holders); do q=$(awk '/^PPid/ { print $2 }' "/proc/$p/status"); holders | grep -qx "$q" || echo "$p"; done)
: > "$COUNT"
kill -9 "$parent"
begun 1
go; built
is "$(outcomes)" 'killed done ' outcomes
quiet
rm "$T/go"
change 2; begun 2
# shellcheck disable=SC2046
kill -9 $(holders)
until_true 'all are gone' sh -c '[ -z "$1" ]' - "$(holders)"
: > "$COUNT"; go
mm 0 hook watch
ran 2
mm 0 hook log; said 'killed .*its worker was killed'
quiet

begin 'a build that is killed is begun again'
rm "$T/go"; : > "$COUNT"
change 3; begun 3
: > "$COUNT"
child=$(for p in $(holders); do q=$(awk '/^PPid/ { print $2 }' "/proc/$p/status"); holders | grep -qx "$q" && echo "$p"; done)
kill -9 "$child"
begun 3
go; built
is "$("$MLMAKE" hook log -n 2 | awk '{ print $4 }' | tr '\n' ' ')" 'done killed ' outcomes
quiet

begin 'a keeper of stages that is killed, and nothing else, is no answer about the commit'
rm "$T/go"; : > "$COUNT"
change 4; begun 4
: > "$COUNT"
for p in /proc/[0-9]*; do
	case $(cat "$p/comm" 2> /dev/null)$(readlink "$p/cwd" 2> /dev/null) in
	"stage-keeper$T/w/killed/.git/mlmake/trees"*) kill -9 "${p#/proc/}" ;;
	esac
done
begun 4
go; built
is "$("$MLMAKE" hook log -n 2 | awk '{ print $4 }' | tr '\n' ' ')" 'done killed ' outcomes
quiet

begin 'what finished before a kill is not done again'
new_project resume <<'END'
[stage a]
cmd  = echo a >> "$COUNT"; echo a > {{outs}}
outs = a.txt
[stage b]
cmd  = echo b >> "$COUNT"; while [ ! -e "$T/go" ]; do sleep 0.02; done; cat {{data}} > {{outs}}
data = a.txt
outs = b.txt
[hook post-commit]
END
rm -f "$T/go"
holders() { for p in /proc/[0-9]*; do ls -l "$p/fd" 2> /dev/null | grep -q "$T/w/resume/.git/mlmake/queue/worker" && echo "${p#/proc/}"; done; }
printf '%s\n' a.txt b.txt > .gitignore
mm 0 hook install
git add . && git commit -q -m first
begun b
builders() { for p in /proc/[0-9]*; do case $(readlink "$p/cwd" 2> /dev/null) in "$T/w/resume/.git/mlmake/trees"*) echo "${p#/proc/}" ;; esac; done; }
# shellcheck disable=SC2046
kill -9 $(holders) $(builders)
: > "$COUNT"; go
mm 0 hook watch
ran b
mm 0; said '2 restored'
quiet

begin 'what is no entry is told of and removed'
ln -s 'nonsense' .git/mlmake/queue/000000000000009999
: > .git/mlmake/queue/000000000000010000
mm 2 hook watch | true
"$MLMAKE" hook watch > /dev/null
mm 0 hook log; said 'what stood in the queue was no entry'
quiet

begin 'who only asks takes no wake-up away'
slow asking
go
change 1; built
: > "$T/ask"
while [ -e "$T/ask" ]; do "$MLMAKE" hook status > /dev/null 2>&1; done &
asker=$!
for i in 2 3 4 5 6 7 8 9; do
	change "asked$i"
	until_true "asked$i is built" grep -q "asked$i" "$COUNT"
done
rm "$T/ask"; wait "$asker"
built
quiet
cd ../resume || exit 1

begin 'numbers only grow'
git commit -q --allow-empty -m next
built
mm 0 hook log -n 1; said '^ *10001 '

finish
