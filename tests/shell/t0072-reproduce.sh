#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# An old state is built once more beside the user's work tree, and each output compared.
. "${srcdir:-.}/tests/shell/lib.sh"

# everything: what must be as it was: names, times, inodes and bytes of all but what reproduce may write.
everything() {
	find . -path ./.git/mlmake/trees -prune -o -path ./.git/mlmake -prune -o \
		-path ./.git/objects -prune -o -path './.git/refs/mlmake*' -prune -o -path ./.git/logs -prune -o \
		-printf '%p %y %i %m %s %T@ %l\n' | grep -v '^\./\.git/\(refs\|objects\|mlmake\)\{0,1\} ' | sort
	find .git/mlmake/work -type f -printf '%p %i %s %T@\n' | sort
	find . -path ./.git -prune -o -type f -exec sha256sum '{}' + | sort
	sha256sum .git/index .git/HEAD .git/config
}
# nothing_left: no work tree of ours, no process in one.
nothing_left() {
	is "$(find .git/mlmake/trees -mindepth 1 -not -name lock)" '' 'what is left in trees/'
	for p in /proc/[0-9]*; do
		case $(readlink "$p/cwd" 2> /dev/null) in "$T"*/.git/mlmake/trees/*) fail "left: $p" ;; esac
	done
}

new_project p <<'END'
[project]
params = params.ini
[stage clean]
cmd  = sort {{data}} > {{outs}}; echo clean >> "$COUNT"
data = raw.txt
outs = clean.txt
[stage train]
cmd  = head -n {{n}} {{data}} > {{outs.1}}; mkdir tree; cp {{data}} tree/x; echo train >> "$COUNT"
data = clean.txt
outs = model.txt tree
END
printf 'pear\napple\n' > raw.txt
echo 'n = 1' > params.ini
printf '%s\n' raw.txt clean.txt model.txt /tree eval.json when.txt > .gitignore
mm 0
git add . && git commit -q -m one && git tag v1
printf 'pear\napple\nfig\n' > raw.txt; echo 'n = 2' > params.ini
mm 0
git commit -q -a -m two && git tag v2
: > "$COUNT"

begin 'raw data that git does not track and that has changed since comes from the store; all is identical'
everything > "$T/before"
mm 0 reproduce v1
ran clean train
said '^identical +clean +clean.txt'
said '^identical +train +model.txt'
said '^identical +train +tree'
said '^commit [0-9a-f]*.*: 3 identical, in'

begin 'the work tree, the index, the state and the lock are as they were; nothing is left'
everything > "$T/after"
check 'untouched' diff "$T/before" "$T/after"
nothing_left
mm 0; ran

begin 'one stage alone, on inputs as they were'
mm 0 reproduce v1 --stage train
ran train
said '2 identical'
mm 0 reproduce v1 --stage clean.txt
ran clean
nothing_left

begin 'a stage that is not repeatable: it differs, and by how much in the metrics; exit status 1'
cat >> mlmake.ini <<'END'
[stage eval]
cmd     = date +%N > {{outs}}; printf '{"auc": 0.%s, "n": 3, "c": {"d": 1}}' "$(date +%N)" > {{metrics}}; echo eval >> "$COUNT"
data    = model.txt
outs    = when.txt
metrics = eval.json
END
mm 0; git commit -q -a -m three; : > "$COUNT"
mm 1 reproduce HEAD
said '^identical +clean'
said '^differs +eval +when.txt +[0-9]+ B -> [0-9]+ B'
said '^differs +eval +eval.json +auc 0\.[0-9]* -> 0\.[0-9]* \([+-]'
said_not 'n 3 ->'
said '3 identical, 2 different'
ran clean train eval
if have_python; then
	mm 1 reproduce HEAD --json -q
	is "$(json "$T/out" '[d["version"], d["identical"], d["counts"]["identical"], d["counts"]["differs"]]')" '[1, false, 3, 2]' json
	is "$(json "$T/out" '[list(o["metrics"]) for i in d["instances"] for o in i["outputs"] if o["kind"] == "metrics"]')" '[["auc"]]' metrics
	: > "$COUNT"
fi

begin 'a stage that fails now: what it made is missing; the others are compared; exit status 1'
printf '[stage broken]\ncmd = test ! -e %s/broken; echo x > {{outs}}\nouts = x.txt\n[stage after]\ncmd = cp {{data}} {{outs}}\ndata = x.txt\nouts = y.txt\n' \
	"$T" >> mlmake.ini
echo '[xy].txt' >> .gitignore
mm 0; git add -A; git commit -q -m four; : > "$COUNT"
: > "$T/broken"
mm 1 reproduce HEAD
said '^missing +broken +x.txt'
said 'broken failed: exit status 1'
said '^missing +after +y.txt +what it needs failed'
said_not 'whole log'; said_not 'the next .mlmake. goes on'
said '^identical +clean'
rm "$T/broken"
nothing_left
: > "$COUNT"

begin 'parameters of the command line are as they were then'
new_project q <<'END'
[project]
params = params.ini
[stage a]
cmd  = echo {{n}} {{word}} {{f}} {{list}} > {{outs}}; echo a >> "$COUNT"
outs = a.txt
[stage b]
cmd  = cat "$MLMAKE_PARAMS" > {{outs}}; echo "${VAR-unset}" >> {{outs}}; echo b >> "$COUNT"
params = n
vars = VAR
outs = b.txt
END
printf 'n = 1\nword = a b\nf = 0.10\nlist = [1, 2]\n' > params.ini
echo '[ab].txt' > .gitignore
VAR=then "$MLMAKE" n=5 word='c "d' f=1e3 'list=["x", "y z"]' > /dev/null || fail build
holds a.txt '5 c "d 1000.0 x y z'
git add . ; git commit -q -m one
: > "$COUNT"
VAR=now; export VAR
mm 0 reproduce HEAD
said '2 identical'
ran a b
unset VAR
mm 0 reproduce HEAD
said '2 identical'

begin 'a parameter that is given now is another one, and it says so'
mm 1 reproduce HEAD n=6
said '^differs +a'
said 'a: n: 5 -> 6'

begin 'a lock that is behind its commit: what was read is not what the source has'
echo 'tac' > s.sh
printf '[stage c]\ncmd = sh s.sh < {{data}} > {{outs}}\ndata = params.ini\ncode = s.sh\nouts = c.txt\n' >> mlmake.ini
echo c.txt >> .gitignore
mm 0; echo 'cat' > s.sh; git add .; git commit -q -m behind
mm 1 reproduce HEAD
said '^differs +c +c.txt'
said "c: it read another 's.sh'"

begin 'code by meaning: a comment makes no lock be behind, and no other result'
new_project code <<'END'
[stage a]
cmd  = sh a.sh > {{outs}}
outs = a.txt
END
printf 'echo 1\n' > a.sh; echo a.txt > .gitignore
mm 0; git add .; git commit -q -m one
printf '# a comment\necho 1\n' > a.sh; git commit -q -a -m two
mm 0 checkout -n HEAD; said_not behind
mm 0 reproduce HEAD; said '1 identical'; said_not 'another'
printf 'echo 2\n' > a.sh; git commit -q -a -m three
mm 0 checkout -n HEAD; said behind
mm 1 reproduce HEAD; said "another 'a.sh'"
cd ../q || exit 1

begin 'a commit that was never built is built, and that is said'
git rm -q --cached mlmake.lock; git commit -q -m 'without a lock'
mm 0 reproduce HEAD
said 'was never built'
said '^new +a +a.txt'
said '3 with nothing to compare with'
nothing_left

begin 'checkout of it builds it, puts the artifacts in place, and leaves nothing'
rm -f a.txt b.txt c.txt
git stash -q -u 2> /dev/null || :
git checkout -q HEAD -- .
: > "$COUNT"
mm 0 checkout HEAD
said 'was never built'
said '3 artifacts put back'
ran a b
holds a.txt '1 a b 0.1 1 2'
nothing_left
mm 0 checkout HEAD -n
said 'would be built first'

begin 'a source is not asked again; its data comes from the store'
new_project s <<'END'
[source db]
cmd  = date +%N > {{outs}}; echo db >> "$COUNT"
outs = db.txt
[stage use]
cmd  = cp {{data}} {{outs}}; echo use >> "$COUNT"
data = db.txt
outs = use.txt
END
printf '%s\n' db.txt use.txt > .gitignore
mm 0; git add .; git commit -q -m one; mm 0 fetch db; mm 0; : > "$COUNT"
mm 0 reproduce HEAD
ran use
said '1 identical'
mm 1 reproduce HEAD --stage db
said '^differs +db'

begin 'foreach over raw data that is gone from the work tree'
new_project f <<'END'
[stage each]
cmd     = sort {{data}} > {{outs}}; echo "each" >> "$COUNT"
foreach = raw/*.csv
data    = {{item}}
outs    = done/{{stem}}.txt
[stage all]
cmd     = cat {{data}} > {{outs}}
data    = done/*.txt
outs    = all.txt
END
mkdir raw; echo b > raw/1.csv; echo a > raw/2.csv
printf '%s\n' /raw /done all.txt > .gitignore
mm 0; git add .; git commit -q -m one; : > "$COUNT"
rm -r raw
mm 0 reproduce HEAD
ran each each
said '3 identical'
missing raw

begin 'raw data that is gone for good: its digest is named; --input takes it from anywhere, verified'
mkdir raw; seq 50000 > raw/1.csv; echo a > raw/2.csv
mm 0; git commit -q -a -m two
want=$(sha raw/1.csv)
mv raw/1.csv "$T/kept.csv"; echo other > raw/1.csv
rm -rf .git/mlmake/objects/"$(echo "$want" | cut -c1-2)/$(echo "$want" | cut -c3-4)"
mm 1 reproduce HEAD
said '^gone +raw/1.csv'
said "sha256 $want, "
said '[-]-input=FILE'
nothing_left
if have_python; then
	mm 1 reproduce HEAD --json
	is "$(json "$T/out" '[d["identical"], d["gone"][0]["path"], d["gone"][0]["sha256"]]')" "[false, \"raw/1.csv\", \"$want\"]" json
fi
mm 1 reproduce HEAD --input=raw/1.csv
said "$want"
mm 0 reproduce HEAD --input="$T/kept.csv"
said '3 identical'
mm 2 reproduce HEAD --input=nowhere
said "cannot find the input 'nowhere'"
nothing_left

begin 'a directory that is asked for stays, with what was built, and shares no file with the store'
mm 0 reproduce HEAD --input="$T/kept.csv" --dir="$T/there"
said 'it was built in'
check 'the same' cmp "$T/there/all.txt" all.txt
is "$(find "$T/there" -path '*/.git' -prune -o -type f -links +1 -print)" '' 'hard links'
mm 2 reproduce HEAD --dir="$T/there"
said 'not empty'
(cd "$T/there" && git rev-parse HEAD) > "$T/x" 2>&1
is "$(cat "$T/x")" "$(git rev-parse HEAD)" 'HEAD there'
nothing_left

begin 'but not within the git directory, whatever way leads there; nothing is made'
cd "$T/w/p" && ln -s .git way
ls -a .git > "$T/before"
for dir in .git/x .git way/x/y "$T/w/p/new/../.git/x" .git/mlmake/x; do
	mm 2 reproduce v1 --dir "$dir"
	said 'lies in the git directory'
done
ls -a .git > "$T/after"; check 'untouched' diff "$T/before" "$T/after"
missing new; rm way

begin 'names with control characters, which git tracks, are no matter'
new_project odd <<'END'
[stage s]
cmd  = cat in* > {{outs}}
data = in.txt
outs = out.txt
END
echo 1 > in.txt; printf 'out.txt\nmlmake.lock\n' > .gitignore
echo 2 > "$(printf 'in\t\033[31m\177')"; mkdir "$(printf 'd\nd')"; echo 3 > "$(printf 'd\nd/\001')"
git add -A && git commit -q -m one
mm 0
mm 0 reproduce HEAD; said '^identical +s +out.txt'
mm 0 reproduce HEAD --dir "$T/odd"; holds "$T/odd/$(printf 'd\nd/\001')" 3
mm 0 verify s --twice
cd "$T/w/p" || exit 1

begin 'stages can ask git which commit they are in'
new_project g <<'END'
[stage id]
cmd  = git rev-parse HEAD > {{outs}}; git ls-files --error-unmatch nothing > /dev/null 2>&1 || :
outs = id.txt
END
echo id.txt > .gitignore
git add .; git commit -q -m one
mm 0; git add .; git commit -q -m two
echo > other; git add .; git commit -q -m three
mm 1 reproduce HEAD~1 --dir="$T/g"
holds "$T/g/id.txt" "$(git rev-parse HEAD~1)"

begin 'a directory of the source that is a link out: nothing is written through it'
new_project l <<'END'
[stage a]
cmd  = echo a > {{outs}}
outs = out/a.txt
END
mkdir "$T/elsewhere" out
mm 0
rm -r out; ln -s "$T/elsewhere" out; echo precious > "$T/elsewhere/a.txt"
git add . ; git commit -q -m one
mm 2 reproduce HEAD
said 'symbolic link'
holds "$T/elsewhere/a.txt" precious
nothing_left

begin 'interrupted: exit status 130, no process and no tree is left'
new_project i <<'END'
[stage slow]
cmd  = if [ -e $T/go ]; then echo begun >> $T/begun; sleep 600 & sleep 600; fi; echo x > {{outs}}
outs = slow.txt
END
echo slow.txt > .gitignore
mm 0; git add .; git commit -q -m one
: > "$T/go"; rm -f "$T/begun"
mm_start reproduce HEAD
until_true 'it runs' test -s "$T/begun"
kill -INT "$pid"
mm_end 130
nothing_left

begin 'killed: the stages die with it, and who comes when they are dead removes the tree'
rm -f "$T/begun"
mm_start reproduce HEAD
until_true 'it runs' test -s "$T/begun"
kill -KILL "$pid"; wait "$pid" 2> /dev/null
exists .git/mlmake/trees/*/tree
rm "$T/go"
# shellcheck disable=SC2016
until_true 'the tree is removed' sh -c '"$MLMAKE" reproduce -q HEAD || exit 1; test -z "$(find .git/mlmake/trees -mindepth 1 -not -name lock)"'
nothing_left
mm 0 status --check

begin 'two at once do not disturb each other, nor a build'
: > "$T/go"; rm -f "$T/begun"
mm_start reproduce HEAD
until_true 'it runs' test -s "$T/begun"
first=$pid
rm "$T/go"
"$MLMAKE" reproduce HEAD > "$T/out2" 2>&1 || fail "$(cat "$T/out2")"
"$MLMAKE" -B > "$T/out2" 2>&1 || fail "$(cat "$T/out2")"
[ "$(find .git/mlmake/trees -mindepth 1 -maxdepth 1 -type d | wc -l)" = 1 ] || fail 'the tree of the first is gone'
kill -INT "$first"; pid=$first
mm_end 130
nothing_left

begin 'a project below the top of its work tree'
mkdir -p "$T/w/below/sub" && cd "$T/w/below" && git init -q -b main . && cd sub || exit 1
printf '[stage a]\ncmd = cat {{data}} > {{outs}}\ndata = ../top.txt\nouts = a.txt\n' > mlmake.ini
echo top > ../top.txt; echo a.txt > .gitignore
mm 0; git add .. ; git commit -q -m one
mm 0 reproduce HEAD
said '1 identical'
finish
