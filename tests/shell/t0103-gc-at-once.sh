#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Nothing is lost when several build, push and collect at once, and git collects too, during a build and right after.
. "${srcdir:-.}/tests/shell/lib.sh"

begin 'git gc --prune=now and git repack -ad while a stage of uncommitted work runs'
new_project prune <<'END'
[stage slow]
cmd  = cat {{code}} > out.txt; mkdir d; cp {{code}} d/x; echo s > "$T/started"; cat "$T/go" >> out.txt
code = code.txt
outs = out.txt
       d
END
printf 'out.txt\nd\n' > .gitignore
echo one > code.txt; mkdir sub; echo deep > sub/f; echo large > large.bin; git add . && git commit -q -m 1
head -c 34000000 /dev/zero > large.bin # git writes it to a pack of its own
mkfifo "$T/go"
for round in 1 2 3; do
	echo "uncommitted $round" >> code.txt; echo "deep $round" > sub/f; echo "$round" >> large.bin
	rm -f "$T/started"
	mm_start
	until_true 'it runs' test -e "$T/started"
	until_true 'the large file is taken' sh -c 'ls .git/objects/pack/pack-*.keep'
	git gc -q --prune=now; git prune --expire=now; git repack -q -a -d; git prune-packed
	echo end > "$T/go"
	mm_end 0
	git gc -q --prune=now; git repack -q -a -d; git prune --expire=now
	check 'git finds all' git fsck --strict --no-dangling
	mm 0 fsck; said 'all is sound'
	cp out.txt "$T/out.$round"
done
run=$(git for-each-ref --format='%(objectname)' refs/mlmake/log)
is "$(git show "$run:source/sub/f")" 'deep 3' 'source'
git show "$run:source/code.txt" > "$T/code"; check 'the source that was built' cmp "$T/code" code.txt
is "$(git show "$run:source/large.bin" | tail -c 4)" '2
3' 'the end of the large file'
is "$(find "$(state_dir)/source" -type f -name '*.pack')" '' 'what is left of taking the source'
mm 0 checkout "$run~2"; check 'the first result' cmp out.txt "$T/out.1"
mm 0 checkout "$run~1"; check 'the second' cmp out.txt "$T/out.2"

begin 'git gc --prune=now while uncommitted work is verified'
mm 0; said restored
rm -f "$T/started"
mm_start verify slow
until_true 'it runs' test -e "$T/started"
git gc -q --prune=now; git prune --expire=now; git repack -q -a -d
echo end > "$T/go"
mm_end 0
git gc -q --prune=now
check 'git finds all' git fsck --strict --no-dangling
run=$(git for-each-ref --format='%(objectname)' refs/mlmake/log)
is "$(git show "$run:source/sub/f")" 'deep 3' 'source of the verdict'
is "$(find .git/objects/pack -name '*.keep')" '' 'packs that are still kept'

begin 'git gc --prune=now in a loop beside builds of uncommitted work: each run has its source'
new_project beside <<'END'
[stage s]
cmd  = cat {{code}} > {{outs}}
code = code.txt
outs = out.txt
END
printf 'out.txt\n' > .gitignore
echo 0 > code.txt; mkdir -p a/b c; echo 0 > a/b/f; echo 0 > c/f; git add . && git commit -q -m 1
until [ -e "$T/enough" ]; do git gc -q --prune=now; git prune --expire=now; done > "$T/gitgc" 2>&1 &
pid=$!; started="$started $pid"
i=0
while [ $i -lt 30 ]; do
	i=$((i + 1))
	for f in code.txt a/b/f c/f; do echo $i >> $f; done
	mm 0
	said_not 'does not say which source'
done
: > "$T/enough"; wait "$pid"
check 'git finds all' git fsck --no-dangling
run=$(git for-each-ref --format='%(objectname)' refs/mlmake/log)
is "$(git rev-list --first-parent --count "$run" ^HEAD)" 30 'runs'
while [ $i -gt 0 ]; do
	for f in code.txt a/b/f c/f; do is "$(git show "$run:source/$f" | tail -n 1)" $i "$f of run $i"; done
	run=$(git rev-parse "$run^"); i=$((i - 1))
done

begin 'eight at once: building in work trees, pushing, collecting, git collecting'
new_project many <<END
[project]
params = params.ini
[remote lab]
url = $T/lab
[stage large]
cmd  = head -c {{n}} /dev/zero | tr '\\0' x > {{outs}}
outs = large.bin
[stage small]
cmd  = echo {{n}} > {{outs}}
outs = small.txt
END
printf 'large.bin\nsmall.txt\n' > .gitignore
echo 'n = 200000' > params.ini
mm 0 -q; git add . && git commit -q -m 1
for i in 1 2 3 4; do git worktree add -q -b "w$i" "../many$i"; done
for i in 1 2 3 4; do
	(
		cd "../many$i" || exit 1
		for j in 1 2 3 4 5; do
			echo "n = $((200000 + i * 1000 + j))" > params.ini
			"$MLMAKE" -q || { echo "build $i.$j: $?"; exit 1; }
			# git may find a directory gone that a `git gc` took meanwhile
			git commit -q -a -m "$i.$j" 2> /dev/null || git commit -q -a -m "$i.$j" || { echo "commit $i.$j"; exit 1; }
		done
	) > "$T/b$i" 2>&1 &
	started="$started $!"; builders="${builders:-} $!"
done
for i in 5 6; do
	until [ -e "$T/over" ]; do "$MLMAKE" gc --grace=0; echo "= $?"; done > "$T/b$i" 2>&1 &
	started="$started $!"; others="${others:-} $!"
done
until [ -e "$T/over" ]; do "$MLMAKE" push; echo "= $?"; done > "$T/b7" 2>&1 &
started="$started $!"; others="$others $!"
until [ -e "$T/over" ]; do git gc -q --prune=2.weeks.ago 2> "$T/gitgc"; done > "$T/b8" 2>&1 &
started="$started $!"; others="$others $!"
for pid in $builders; do wait "$pid" || fail 'a builder fails'; done
: > "$T/over"
for pid in $others; do wait "$pid"; done
for i in 1 2 3 4; do
	! grep -v 'is at work in this clone; waiting' "$T/b$i" > "$T/said" || fail "builder $i: $(cat "$T/said")"
done
for i in 5 6 7; do
	if grep -q '^= [1-9]' "$T/b$i"; then fail "process $i: $(grep -B3 '^= [1-9]' "$T/b$i" | head -20)"; fi
done
mm 0 gc --grace=0
mm 0 fsck; said 'all is sound'
check 'git finds all' git fsck --no-dangling
for i in 1 2 3 4; do
	for j in 5 1 3; do
		mm 0 checkout "w$i~$((5 - j))"
		is "$(stat -c %s large.bin)" $((200000 + i * 1000 + j)) 'size'
		holds small.txt $((200000 + i * 1000 + j))
	done
done
mm 0 push
git clone -q . ../fresh && cd ../fresh || exit 1
mm 0 pull --all
mm 0 checkout origin/w3~2
is "$(stat -c %s large.bin)" 203003 'size'
finish
