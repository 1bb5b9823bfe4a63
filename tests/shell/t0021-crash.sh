#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# mlmake killed at many points of a small build: the next run is right.
. "${srcdir:-.}/tests/shell/lib.sh"

new_project p <<'END'
[project]
params = params.ini
[stage a]
cmd  = echo a{{n}} > {{outs}}
outs = a.txt
[stage b]
matrix i = 1 2 3
cmd  = sed 's/$/ b{{i}}/' {{data}} > {{outs}}
data = a.txt
outs = out/b{{i}}.txt
[stage dir]
cmd  = mkdir -p {{outs}}/e; cat {{data}} > {{outs}}/all; ln -sf all {{outs}}/l
data = out/b1.txt out/b2.txt out/b3.txt
outs = tree
[stage end]
cmd  = cat tree/all > {{outs}}
data = tree
outs = end.txt
END
# right N: the outputs are those of n = N.
right() {
	holds a.txt "a$1"
	for i in 1 2 3; do holds "out/b$i.txt" "a$1 b$i"; done
	holds tree/all "a$1 b1" "a$1 b2" "a$1 b3"
	holds end.txt "a$1 b1" "a$1 b2" "a$1 b3"
	is "$(readlink tree/l)" all link
	[ -d tree/e ] || fail 'no tree/e'
}

begin 'killed while stages finish, again and again: what is said to be fresh is right, and the next run makes it all right'
echo 'n = 0' > params.ini
mm 0; right 0
n=1
while [ $n -le 25 ]; do
	echo "n = $n" > params.ini
	mm_start -j2
	# the more rounds, the later: after so many looks at the disk
	looks=0
	while [ $looks -lt $n ] && alive "$pid"; do
		[ -e "out/b$((n % 3 + 1)).txt" ]
		looks=$((looks + 1))
	done
	[ $((n % 3)) = 0 ] || until_true 'it begins' sh -c '[ -s .git/mlmake/work/top/journal ] || ! [ -d "/proc/'"$pid"'" ]'
	kill -KILL "$pid" 2> /dev/null
	wait "$pid" 2> /dev/null
	mm 0
	right $n
	mm 0 status --check
	missing .git/mlmake/work/top/journal
	n=$((n + 1))
done
is "$(find .git/mlmake/work/top/aside -mindepth 1 | wc -l)" 0 'left aside'

begin 'killed while outputs are put back'
n=24
while [ $n -ge 15 ]; do
	echo "n = $n" > params.ini
	mm_start -j2
	[ $((n % 2)) = 0 ] || until_true 'it begins' sh -c '[ -s .git/mlmake/work/top/journal ] || ! [ -d "/proc/'"$pid"'" ]'
	kill -KILL "$pid" 2> /dev/null
	wait "$pid" 2> /dev/null
	mm 0
	right $n
	mm 0 status --check
	n=$((n - 1))
done

# At each system call that changes something on disk: strace kills mlmake (not its stages) there.
if command -v strace > /dev/null 2>&1 && strace -o /dev/null true 2> /dev/null; then
	begin 'killed at each system call that writes: renames, links, opens for writing, syncs'
	cat > mlmake.ini <<-'END'
	[project]
	params = params.ini
	[stage a]
	cmd  = echo a{{n}} > {{outs}}
	outs = a.txt
	[stage b]
	cmd  = cat {{data}} {{data}} > {{outs}}
	data = a.txt
	outs = b.txt
	END
	n=100
	kills=0
	for call in rename renameat2 unlink linkat pwrite64 ftruncate syncfs fdatasync mkdir copy_file_range; do
		when=1
		while [ $when -le 12 ]; do
			n=$((n + 1))
			echo "n = $n" > params.ini
			strace -qq -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$when" \
				"$MLMAKE" -q > "$T/out" 2> "$T/err" < /dev/null
			code=$?
			[ $code = 0 ] && break # there are not so many
			kills=$((kills + 1))
			mm 0
			holds a.txt "a$n"; holds b.txt "a$n" "a$n"
			mm 0 status --check
			when=$((when + 1))
		done
	done
	diag "$kills kills"
	[ $kills -ge 10 ] || fail "only $kills kills: strace did not inject"
else
	skip 'killed at each system call that writes' 'strace does not work here'
fi

begin 'a damaged end of the journal is left out, what stands before it counts'
new_project q <<'END'
[stage a]
cmd  = echo a > {{outs}}; echo a >> "$COUNT"
outs = a.txt
[stage b]
cmd  = cat {{data}} > {{outs}}; : > "$T/b"; [ -e go ] || while :; do sleep 1; done; echo b >> "$COUNT"
data = a.txt
outs = b.txt
END
mm_start
until_true 'b runs' test -e "$T/b"
kill -KILL "$pid"; wait "$pid" 2> /dev/null
check 'there is a journal' test -s .git/mlmake/work/top/journal
printf '0123456789abcdef add half a li' >> .git/mlmake/work/top/journal
: > go
mm 0; ran a b
mm 0; ran
finish
