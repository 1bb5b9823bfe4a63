#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What a result was made from is kept when nobody else has it; what is fresh and not in the store comes in.
. "${srcdir:-.}/tests/shell/lib.sh"

# stored FILE, not_stored FILE: its content, large or small, in the store of this project.
stored_at() {
	s=$(sha "$1")
	git cat-file -e "$(git hash-object --no-filters "$1")" 2> /dev/null ||
		[ -e ".git/mlmake/objects/$(echo "$s" | cut -c1-2)/$(echo "$s" | cut -c3-4)/$s" ]
}
stored() { for f do stored_at "$f" || fail "'$f' is not in the store"; done; }
not_stored() { for f do ! stored_at "$f" || fail "'$f' is in the store"; done; }

begin 'raw inputs that git does not track are kept, whatever their size'
new_project raw <<'END'
[stage s]
cmd  = cat {{data.1}} {{data.2}}/a {{data.3}} > {{outs}}
data = big.csv dir mixed/x linked "ABSOLUTE"
       left.csv keep=no
outs = o.txt
END
sed -i "s|ABSOLUTE|$T/elsewhere.csv|" mlmake.ini
seq 1 300000 > big.csv
mkdir -p dir/sub mixed; seq 2 200000 > dir/sub/b; echo a > dir/a
seq 3 200000 > mixed/x; seq 4 200000 > mixed/other
seq 5 200000 > target; ln -s target linked
seq 6 200000 > "$T/elsewhere.csv"
seq 7 200000 > left.csv
mm 0
stored big.csv dir/a dir/sub/b mixed/x target "$T/elsewhere.csv" o.txt
not_stored mixed/other left.csv

begin 'what git tracks is not kept a second time'
new_project tracked <<'END'
[stage s]
cmd  = cat {{data.1}} {{data.2}}/a {{data.3}}/a > {{outs}}
data = big.csv whole part
outs = o.txt
END
mkdir whole part
seq 1 300000 > big.csv; seq 2 300000 > whole/a; seq 3 300000 > whole/b; seq 4 300000 > part/a; seq 5 300000 > part/b
touch part/.gitkeep
git add big.csv whole part/.gitkeep && git commit -q -m data
mm 0
for f in big.csv whole/a whole/b; do
	s=$(sha $f)
	missing ".git/mlmake/objects/$(echo "$s" | cut -c1-2)/$(echo "$s" | cut -c3-4)/$s"
done
stored part/a part/b

begin 'a large input is read once: stored while it is digested'
new_project once <<'END'
[project]
params = params.ini
[stage s]
cmd  = echo {{n}} > {{outs}}
data = raw.bin dir tracked.bin
       left.bin keep=no
outs = o.txt
END
echo 'n = 1' > params.ini
mkdir dir
for f in raw.bin dir/a tracked.bin left.bin; do head -c 12M /dev/urandom > $f; done
git add tracked.bin && git commit -q -m data
objects() { find .git/mlmake/objects -type f 2> /dev/null | wc -l; }
traced=''
! command -v strace > /dev/null || ! strace -o /dev/null true 2> /dev/null || traced=yes
mm 0 -n
is "$(objects)" 0 'objects after a look'
if [ "$traced" ]; then
	ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS-} strace -f -y -e trace=read,pread64 -o "$T/trace" "$MLMAKE" > "$T/out" 2> "$T/err" || fail 'not built'
	for f in raw.bin dir/a; do
		# calls that were interrupted by another thread's say in their first half what they read, and in the second how much
		mib=$(awk -v f="/$f>" 'index($0, f) && $NF ~ /^[0-9]+$/ { n += $NF } END { print int(n / 1048576) }' "$T/trace")
		[ "$mib" -le 12 ] || fail "$mib MiB of the 12 of $f were read"
	done
fi
mm 0
stored raw.bin dir/a
is "$(objects)" 2 'objects, of what git does not hold and is kept'
is "$(find .git/mlmake/incoming -type f | wc -l)" 0 'left in incoming'
head -c 12M /dev/urandom > raw.bin
mm 0
stored raw.bin # though it is as long as the one before

if [ "$traced" ]; then
	begin 'killed while it is stored and digested: the next run takes it in, and nothing is left'
	head -c 13M /dev/urandom > raw.bin
	strace -f -qq -o /dev/null -e trace=sync_file_range -e inject=sync_file_range:signal=KILL:when=1 "$MLMAKE" > "$T/out" 2> "$T/err"
	is "$(find .git/mlmake/incoming -type f | wc -l)" 1 'what the kill left'
	not_stored raw.bin
	mm 0
	stored raw.bin
	is "$(find .git/mlmake/incoming -type f | wc -l)" 0 'left in incoming'
fi

begin 'git cannot say which inputs it tracks: that is told once'
new_project unsaid <<'END'
[stage s]
cmd  = cat {{data}} | wc -c > {{outs}}
data = large.bin raw.txt
outs = o.txt
END
echo raw > raw.txt
for large in 12M 13K; do # one is digested by a thread that asks git
	head -c "$large" /dev/urandom > large.bin
	echo none > .git/index
	mm 2 # git is asked again at the end
	is "$(grep -c 'cannot ask git which inputs it tracks' "$T/err")" 1 "warnings, of $large"
done

begin 'keep = no of a stage'
new_project keepno <<'END'
[stage s]
cmd  = cat {{data}} > {{outs}}; echo more >> {{outs}}
data = raw.txt
keep = no
outs = o.txt
END
echo raw > raw.txt
mm 0
not_stored raw.txt; stored o.txt

begin 'without git'
mkdir "$T/w/nogit" && cd "$T/w/nogit" || exit 1
cp ../keepno/mlmake.ini . && sed -i '/keep/d' mlmake.ini
seq 1 300000 > raw.txt
mm 0
s=$(sha raw.txt)
exists ".mlmake/objects/$(echo "$s" | cut -c1-2)/$(echo "$s" | cut -c3-4)/$s"
in_git .mlmake/git mlmake.lock

begin 'a pointer of git-lfs in place of data: it says what brings the data'
new_project lfs <<'END'
[stage s]
cmd  = cp {{data}} {{outs}}
data = raw.bin
outs = o.bin
[stage t]
cmd  = cp {{data}}/x {{outs}}
data = dir
outs = p.bin
END
mkdir dir
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 12345\n' 1 > raw.bin
cp raw.bin dir/x
mm 2
said "raw.bin.*git lfs pull"; said "dir/x.*git lfs pull"
missing o.bin; missing p.bin
echo data > raw.bin; echo data > dir/x
mm 0

begin 'a clone: what its mlmake.lock calls fresh comes in with the first run that does something'
new_project origin <<'END'
[project]
params = params.ini
[stage a]
cmd  = wc -c < raw.txt > {{outs}}; echo a >> "$COUNT"
data = raw.txt
outs = a.txt
[stage b]
cmd  = echo {{n}} > {{outs}}; echo b >> "$COUNT"
outs = b.txt
END
echo raw > raw.txt; echo 'n = 1' > params.ini
mm 0; ran a b
printf '%s\n' a.txt b.txt > .gitignore
git add . && git commit -q -m all
cd .. && rm -rf clone && git clone -q origin clone && cp origin/[ab].txt clone && cd clone || exit 1
mm 0; ran
echo 'n = 2' > params.ini
mm 0; ran b
echo gone > a.txt; mm 0; ran; holds a.txt 4

begin 'a run that was killed has lost what was small: that comes in again'
echo 'n = 3' > params.ini
cp mlmake.ini "$T/ini"
printf '[stage slow]\ncmd = echo half > {{outs}}; exec sleep 600\ndata = b.txt\nouts = slow.txt\n' >> mlmake.ini
mm_start
until_true 'slow runs' grep -qs half slow.txt
kill -KILL "$pid"; wait "$pid" 2> /dev/null
cp "$T/ini" mlmake.ini
: > "$COUNT"
mm 0; ran; holds b.txt 3
stored b.txt
echo 'n = 4' > params.ini; mm 0; ran b
echo 'n = 3' > params.ini; mm 0; ran; holds b.txt 3
find .git/objects/pack -name 'mlmake_tmp_*' | grep -q . && fail 'the pack of the killed run is left'
finish
