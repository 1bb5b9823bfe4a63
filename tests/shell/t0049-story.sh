#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The whole story: clone A builds three commits with different data, parameters and code, and one state that was never committed, and
# pushes. Clone B, made afresh with plain git, gets each of the four results back byte for byte by its hash, rebuilds one and finds it
# identical, and says of a stray model file which commit and data made it.
. "${srcdir:-.}/tests/shell/lib.sh"

# keep NAME: the results as they are now, to compare with.
keep() { mkdir -p "$T/kept/$1" && cp model.bin metrics.json "$T/kept/$1" || exit 1; }
same_as() {
	for f in model.bin metrics.json; do
		cmp -s $f "$T/kept/$1/$f" || fail "$f is not that of $1"
	done
}
source_of() { git rev-parse "$1"; }
newest_run() { "$MLMAKE" log -n 1 | head -n 1 | cut -d' ' -f1; }

begin 'A builds three commits and a state that is no commit, and pushes'
new_project a <<END
[project]
params = params.ini
[remote lab]
url = $T/lab
[stage clean]
cmd  = grep -v '?' {{data}} > {{outs}}; echo clean >> "\$COUNT"
data = raw.csv
outs = clean.csv
[stage train]
cmd  = sh train.sh {{data}} {{rounds}} > {{outs}}; echo train >> "\$COUNT"
data = clean.csv
code = train.sh
outs = model.bin
[stage evaluate]
cmd     = printf '{"bytes": %s, "rounds": {{rounds}}}\n' "\$(wc -c < {{data}})" > {{metrics}}; echo evaluate >> "\$COUNT"
data    = model.bin
metrics = metrics.json
END
printf '%s\n' raw.csv clean.csv model.bin metrics.json > .gitignore
echo 'rounds = 3' > params.ini
cat > train.sh <<'END'
i=0
while [ $i -lt "$2" ]; do cat "$1"; i=$((i + 1)); done | awk '{ while (n++ < 20000) print NR, $0; n = 0 }'
END
printf '1,2\n3,?\n5,6\n' > raw.csv
git add . && git commit -qm 'Begin'
mm 0
git add mlmake.lock && git commit -qm 'Built once'
one=$(source_of HEAD); keep one
printf '1,2\n3,4\n5,6\n' > raw.csv # other data, which git does not have
mm 0
git commit -qam 'More rows'
two=$(source_of HEAD); keep two
echo 'rounds = 2' > params.ini
sed -i 's/NR, \$0/$0, NR/' train.sh
mm 0
git commit -qam 'Fewer rounds, other columns'
three=$(source_of HEAD); keep three
echo 'rounds = 4' > params.ini
echo '7,8' >> raw.csv
mm 0
dirty=$(newest_run); keep dirty
[ "$(wc -c < model.bin)" -gt 200000 ] || fail 'the model is to be a large file'
mm 0 push
git checkout -q params.ini

begin 'B, a plain clone, fetches'
git clone -q "$T/w/a" "$T/w/b" && cd "$T/w/b" || exit 1
: > "$COUNT"
mm 0 pull --all
missing model.bin
mm 0 log
is "$(grep -c '^[0-9]\{8\}T' "$T/out")" 4 'runs'

for at in one two three dirty; do
	begin "B gets the result of '$at' back, byte for byte, and runs nothing"
	hash=$(eval "echo \$$at")
	mm 0 checkout "$hash"
	same_as $at
	ran
done

begin 'B, on an old commit, has nothing to do'
git checkout -q "$two"
mm 0 checkout "$two"
same_as two
printf '1,2\n3,4\n5,6\n' > raw.csv
mm 0
ran
git checkout -q main

begin 'B rebuilds one and finds it identical'
find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum > "$T/before"
mm 0 reproduce "$one"
said 'identical'
said_not 'differs|missing'
find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum > "$T/after"
check 'the work tree is as it was' cmp "$T/before" "$T/after"
: > "$COUNT"

begin 'and the state that never was a commit'
mm 0 reproduce "$dirty"
said 'identical'
said_not 'differs|missing'

begin 'a clone that fetches one commit alone, and one that fetches what it puts back'
git clone -q "$T/w/a" "$T/w/d" && cd "$T/w/d" || exit 1
mm 0 pull --at "$two"
mm 0 checkout "$two"
same_as two
git clone -q "$T/w/a" "$T/w/e" && cd "$T/w/e" || exit 1
mm 2 checkout "$dirty"
mm 0 checkout --pull "$dirty"
same_as dirty
mm 0 checkout --pull "$one"
same_as one

begin 'another plain clone, with the runs by git alone: what is small comes back without any pull'
git clone -q "$T/w/a" "$T/w/c" && cd "$T/w/c" || exit 1
git fetch -q origin 'refs/mlmake/*:refs/mlmake/*'
mm 1 checkout "$three"
said 'missing'
mm 0 checkout "$three" evaluate
cmp -s metrics.json "$T/kept/three/metrics.json" || fail 'metrics.json is not that of three'
ran
cd "$T/w/b" || exit 1

begin 'B says of a stray model which commit and data made it'
cp "$T/kept/two/model.bin" "$T/stray.bin"
mm 0 lineage "$T/stray.bin"
said "$(printf %.9s "$one")"       # the source that was built: 'Built once', with other data
said "$(sha256sum "$T/w/b/raw.csv" | cut -c1-12)"
said 'raw\.csv'
mm 0 lineage "$(sha "$T/kept/dirty/model.bin")"
said "$dirty"

begin 'what nobody made is not claimed'
echo noise > "$T/noise.bin"
mm 1 lineage "$T/noise.bin"
said 'not known'
finish
