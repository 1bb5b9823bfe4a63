#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# -k -j -n -B -q -v -C -f
. "${srcdir:-.}/tests/shell/lib.sh"

chain() {
	new_project "$1" <<'END'
[stage bad]
cmd  = echo bad >> "$COUNT"; [ -e fixed ]; echo 1 > {{outs}}
outs = bad.txt
[stage needs-bad]
cmd  = cat {{data}} > {{outs}}; echo needs-bad >> "$COUNT"
data = bad.txt
outs = nb.txt
[stage apart]
cmd  = echo 1 > {{outs}}; echo apart >> "$COUNT"
after = slow
outs = apart.txt
[stage slow]
cmd  = while ! grep -q bad "$COUNT"; do sleep 0.02; done; echo 1 > {{outs}}; echo slow >> "$COUNT"
outs = slow.txt
END
}

begin 'after a failure nothing new starts, and what runs is finished'
chain p
mm 1 -j2
: > "$T/none"
check 'bad ran' grep -qx bad "$COUNT"
refuse 'needs-bad did not' grep -qx needs-bad "$COUNT"
missing nb.txt
said 'bad'

begin '-k goes on with what does not need the failed one'
chain q
mm 1 -k -j2; ran bad slow apart
missing nb.txt
exists apart.txt
said 'needs-bad'

begin '-k: next time only what is missing runs'
: > fixed
mm 0; ran bad needs-bad

begin '-n tells and does nothing'
three n
find . -path ./.git/objects -prune -o -print | sort > "$T/before"
mm 0 -n
said 'clean'; said 'other'; said '4 would run'
ran
find . -path ./.git/objects -prune -o -print | sort > "$T/after"
check 'nothing was written' diff "$T/before" "$T/after"
mm 0
mm 0 -n
said 'nothing|0 would|fresh'

begin '-n and the run that follows name the same'
echo plum >> raw.txt
printf '[count]\nlines = 2\n[other]\nword = bye\n' > params.ini
mm 0 -n clean other
said 'clean'; said 'other'; said_not ' count'
: > "$COUNT"
mm 0 clean other; ran clean other

begin '-n --json is the document of status'
mm 0 -n --json
cp "$T/out" "$T/n.json"
mm 0 status --json
check 'the same' cmp "$T/out" "$T/n.json"
mm 0

begin '-B runs everything selected though it is fresh, and nothing else'
: > "$COUNT"
mm 0 -B; ran clean up count other
mm 0 -B other; ran other
mm 0; ran

begin '-q is silent unless something fails'
mm 0 -q; silent
echo quince >> raw.txt
mm 0 -q; silent
echo 'echo wrong >&2; exit 4' > up.sh
mm 1 -q
said 'wrong'
said 'up'

begin '-v shows what stages write and all reasons'
echo 'echo seen >&2; cat "$1"' > up.sh
mm 0 -v
said 'seen'
said 'fresh +clean'

begin '-C and -f, and a sub-directory as working directory'
mkdir -p sub/deeper
cd sub/deeper || exit 1
mm 0 status --check
rm ../../count.txt
mm 0; exists ../../count.txt
cd "$T" || exit 1
mm 0 -C w/n status --check
mm 0 -C "$T/w/n"
mm 0 status -C w/n
cp w/n/mlmake.ini w/n/another.ini
mm 0 -C w/n -f another.ini status --check
mm 0 --directory=w/n --file=another.ini

begin 'the number of jobs may stand in any form'
for j in -j1 '-j 1' --jobs=1 '--jobs 1'; do
	# shellcheck disable=SC2086
	mm 0 -C w/n $j
done

begin 'the project says how many jobs, unless -j does'
new_project jobs <<'END'
[project]
jobs = 5
[stage s]
cmd  = echo 1 > {{outs}}
outs = o.txt
END
mm 0 --events=e; check 'five' grep -q '"jobs":5,' e
mm 0 -j3 --events=e; check 'three' grep -q '"jobs":3,' e

begin '--color: none into a file, unless wanted; NO_COLOR'
cd "$T/w/n" || exit 1
esc=$(printf '\033')
echo lemon >> raw.txt
mm 0 status; said_not "$esc"
mm 0 status --color=always; said "$esc"
mm 0 status --color=never; said_not "$esc"
NO_COLOR=1 "$MLMAKE" status > "$T/out" 2> "$T/err"; said_not "$esc"
mm 0; said_not "$esc"
mm 2 --color=perhaps
finish
