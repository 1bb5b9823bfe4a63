#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Many commits with rebases, amends, merges, cherry-picks, kills and linked work trees at random. In the end the newest commit of each
# branch is built, every build has the bytes that plain shell makes of the same commit, and nothing is left: no process, no entry,
# no tree.
#
# MLMAKE_SOAK_COMMITS says how many (`make soak` takes 1,000), MLMAKE_SOAK_SEED which: the same seed takes the same steps, though not at
# the same moments.
# shellcheck disable=SC2016
. "$srcdir/tests/shell/lib.sh"

wanted=${MLMAKE_SOAK_COMMITS:-40}
seed=${MLMAKE_SOAK_SEED:-7}
repo=$T/w/soak
diag "$wanted commits, seed $seed"

# roll N: R becomes a number below N.
roll() {
	seed=$(((seed * 1103515245 + 12345) & 2147483647))
	R=$(((seed >> 8) % $1))
}

# The two stages in plain shell, of what a commit holds: $1 the commit.
by_hand() {
	n=$(git -C "$repo" show "$1:params.ini" | sed -n 's/^lines = //p')
	git -C "$repo" show "$1:code.sh" > "$T/code.sh"
	git -C "$repo" show "$1:data.txt" | sort > "$T/hand.sorted"
	head -n "$n" "$T/hand.sorted" > "$T/hand.head"
	sh "$T/code.sh" "$T/hand.head" > "$T/hand.out"
}

# All processes that have to do with this test's worker.
holders() {
	for p in /proc/[0-9]*; do
		[ "$(readlink "$p/cwd" 2> /dev/null)" = "$repo/.git" ] && ! grep -qs '^State:[[:space:]]*Z' "$p/status" && echo "${p#/proc/}"
	done
}
builders() {
	for p in /proc/[0-9]*; do
		case $(readlink "$p/cwd" 2> /dev/null) in "$repo/.git/mlmake/trees"*) echo "${p#/proc/}" ;; esac
	done
}

# ---- steps, in the work tree in which the script stands

commits=0
edit() {
	roll 4
	case $R in
	0) roll 9; printf '[head]\nlines = %s\n' $((R + 1)) > params.ini ;;
	1) roll 26; echo "tr a-z $(echo ABCDEFGHIJKLMNOPQRSTUVWXYZ | cut -c$((R + 1))-26)Z < \"\$1\"" > code.sh ;;
	*) roll 100000; echo "line$R" >> data.txt ;;
	esac
}
commit() { edit; git commit -q -a -m "commit $commits" > /dev/null 2>&1 && commits=$((commits + 1)); }
amend() { edit; git commit -q -a --amend -m "amended $commits" > /dev/null 2>&1; }
# A rebase that only moves the branch forward calls no hook of git's; merge does.
rebase() {
	if git merge-base --is-ancestor HEAD main; then
		git merge -q -X theirs -m "merge $commits" main > /dev/null 2>&1
	else
		git rebase -q -X theirs main > /dev/null 2>&1 || git rebase --abort > /dev/null 2>&1
	fi
}
merge() { git merge -q -X theirs -m "merge $commits" "$1" > /dev/null 2>&1 || git merge --abort > /dev/null 2>&1; }
pick() { git cherry-pick -X theirs "$1" > /dev/null 2>&1 || git cherry-pick --abort > /dev/null 2>&1; }
# A rebase that stops in the middle for an edit.
stop_and_go() {
	git rev-parse -q --verify HEAD~3 > /dev/null && ! git rev-parse -q --verify HEAD~3..HEAD^2 > /dev/null 2>&1 || return 0
	GIT_SEQUENCE_EDITOR='sed -i 1s/^pick/edit/' git rebase -q -i HEAD~2 > /dev/null 2>&1
	commit
	GIT_EDITOR=true git rebase --continue > /dev/null 2>&1 || git rebase --abort > /dev/null 2>&1
}
kill_some() {
	roll 3
	case $R in
	0) victims=$(holders | head -1) ;;
	1) victims=$(holders) ;;
	*) victims="$(holders) $(builders)" ;;
	esac
	# shellcheck disable=SC2086
	[ -z "$(echo $victims)" ] || kill -9 $victims 2> /dev/null
	killed=$((killed + 1))
}
again() {
	[ "$1" != main ] || return 0
	cd "$repo" && git worktree remove --force "../soak-$1" && git worktree add -q "../soak-$1" "$1"
}

# ---- the story

begin "$wanted commits"
new_project soak <<'END'
[project]
params = params.ini
[stage sort]
cmd  = sort {{data}} > {{outs}}
data = data.txt
outs = sorted.txt
[stage head]
cmd  = head -n {{head.lines}} {{data}} > {{outs}}; sleep 0.05
data = sorted.txt
outs = head.txt
[stage out]
cmd  = sh code.sh {{data}} > {{outs}}
data = head.txt
code = code.sh
outs = out.txt
[hook post-commit]
[hook post-merge]
[hook post-rewrite]
END
printf '[head]\nlines = 3\n' > params.ini
echo first > data.txt
echo 'cat "$1"' > code.sh
printf '%s\n' sorted.txt head.txt out.txt mlmake.lock > .gitignore
git config gc.auto 0
git config rerere.enabled false
mm 0 hook install
git add . && git commit -q -m first
trees='main a b c'
for b in a b c; do git worktree add -q "../soak-$b" -b $b; done
killed=0
while [ "$commits" -lt "$wanted" ] && [ "$bad" = 0 ]; do
	roll 4
	branch=$(echo "$trees" | cut -d' ' -f$((R + 1)))
	if [ "$branch" = main ]; then cd "$repo" || exit 1; else cd "$repo/../soak-$branch" || exit 1; fi
	roll 100
	step=$R
	roll 4
	other=$(echo "$trees" | cut -d' ' -f$((R + 1)))
	if [ "$step" -lt 60 ]; then commit
	elif [ "$step" -lt 66 ]; then amend
	elif [ "$step" -lt 73 ]; then rebase
	elif [ "$step" -lt 80 ]; then merge "$other"
	elif [ "$step" -lt 84 ]; then pick "$other"
	elif [ "$step" -lt 88 ]; then stop_and_go
	elif [ "$step" -lt 90 ]; then again "$branch"
	elif [ "$step" -lt 91 ]; then git gc -q > /dev/null 2>&1
	else kill_some
	fi
done
cd "$repo" || exit 1
diag "$commits commits in $(git rev-list --branches --count) that branches lead to, $killed kills"

begin 'the newest commit of each branch is built'
"$MLMAKE" hook watch > "$T/watched" 2>&1 || fail "watch: $(tail -5 "$T/watched")"
"$MLMAKE" hook log -n 0 > "$T/log"
diag "$(awk '{ n[$4]++ } END { for (o in n) printf "%s %d  ", o, n[o] }' "$T/log")"
for b in $trees; do
	id=$(git rev-parse "$b^{tree}")
	"$MLMAKE" hook log -n 0 --json > "$T/log.json"
	grep -A1 "\"tree\": \"$id\"" "$T/log.json" > /dev/null || fail "$b at $(git rev-parse --short=9 "$b") is not built"
done
refuse 'a build that failed' grep -E ' (failed|error|refused) ' "$T/log"

begin 'every build has the bytes of a clean one'
builds=0
for ref in $(git for-each-ref --format='%(refname)' 'refs/mlmake/log/*'); do
	git rev-list --first-parent "$ref" > "$T/runs"
	while read -r run; do
		git show "$run:run" > "$T/run" 2> /dev/null || break # the first has a source before it
		grep -q '^outcome done' "$T/run" || continue
		source=$(sed -n 's/^source \([0-9a-f]*\) clean$/\1/p' "$T/run")
		[ -n "$source" ] || { fail "a run of no clean source: $(head -5 "$T/run")"; break; }
		git show "$run:artifacts/out.txt" > "$T/built.out"
		by_hand "$source"
		cmp -s "$T/built.out" "$T/hand.out" || fail "$source came out otherwise"
		builds=$((builds + 1))
	done < "$T/runs"
done
diag "$builds builds compared"
[ "$builds" -gt 0 ] || fail 'nothing to compare'

begin 'a clone that builds from nothing has the same'
for b in $trees; do
	git clone -q -b "$b" "$repo" "$T/w/clean-$b"
	cd "$T/w/clean-$b" || exit 1
	mm 0
	by_hand "$b"
	check "out.txt of $b" cmp out.txt "$T/hand.out"
done
cd "$repo" || exit 1

begin 'and a build in each work tree restores'
for b in $trees; do
	if [ "$b" = main ]; then cd "$repo" || exit 1; else cd "$repo/../soak-$b" || exit 1; fi
	git status --porcelain | grep -v '^??' && fail "$b has changes"
	mm 0; said 'restored|nothing to do'
done
cd "$repo" || exit 1

begin 'nothing is left'
until_true 'no process' sh -c '[ -z "$1" ]' - "$(holders)$(builders)"
is "$(holders)$(builders)" '' processes
is "$(find .git/mlmake/queue -name '0*' | wc -l)" 0 entries
missing .git/mlmake/queue/now
missing .git/mlmake/trees/hook
mm 0 fsck

finish
