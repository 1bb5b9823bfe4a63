#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A build with nothing to do sees that at a glance, and at a glance it sees everything that moves.
. "${srcdir:-.}/tests/shell/lib.sh"
state=.git/mlmake/work/top
MLMAKE_GLANCE=tell
export MLMAKE_GLANCE

# notices WHAT COMMAND: after it the build is not over at a glance.
notices() {
	settled
	eval "$2"
	mm 0
	said_not 'seen at a glance' || diag "$1"
}

begin 'the second build keeps what it looked at, the third one is over at a glance and says the same'
three p
mm 0; ran clean up count other
mm 0
said '^nothing to do: 4 artifacts are fresh$'
settled
mm 0; ran
said '^mlmake: seen at a glance$'
said '^nothing to do: 4 artifacts are fresh$'
mm 0 -q
is "$(cat "$T/out")" '' 'what -q says'
mm 0 -j1 -k --no-wait
said 'seen at a glance'

begin 'edits of data, code, parameters and outputs are seen'
notices data 'echo quince >> raw.txt'; ran clean up count
notices 'data of the same size, its time put back' 'touch -r raw.txt "$T/ref"; sed s/apple/appel/ raw.txt > "$T/raw"; cat "$T/raw" > raw.txt; touch -r "$T/ref" raw.txt'
ran clean up count
notices code 'printf "tr a-z 0-9 < \"\$1\"\n" > up.sh'; ran up count
notices 'a parameter' 'sed -i "s/hello/bye/" params.ini'; ran other
notices 'an output edited' 'echo spoilt > up.txt'; ran; refuse 'it was put back' grep -q spoilt up.txt
notices 'an output removed' 'rm other.txt'; ran; holds other.txt bye
notices 'an output made executable' 'chmod +x other.txt'; ran
check 'and put back' test ! -x other.txt

begin 'a file that was only touched is looked at and then believed again'
notices 'a touched file' 'touch raw.txt'; ran
settled; ran

begin 'edits of the pipeline are seen, of an included file too'
notices 'a stage more' 'printf "[stage more]\ncmd = echo more > {{outs}}; echo more >> \"\$COUNT\"\nouts = more.txt\n" >> mlmake.ini'
ran more
printf '[stage inc]\ncmd = echo inc > {{outs}}; echo inc >> "$COUNT"\nouts = inc.txt\n' > inc.ini
notices 'an include' 'sed -i "s/^params.*/&\ninclude = inc.ini/" mlmake.ini'; ran inc
notices 'an edit of it' 'sed -i "s/echo inc >/echo INC >/" inc.ini'; ran inc
notices 'a comment' 'echo "# nothing" >> mlmake.ini'; ran
mm 0
said '6 artifacts are fresh'

begin 'records and mlmake.lock: taken back, removed, edited'
settled
cp mlmake.lock "$T/lock"
sed -i 's/hello/hi/; s/bye/hi/' params.ini
mm 0; ran other
settled
cp "$T/lock" mlmake.lock
mm 0
said_not 'seen at a glance'
settled
rm mlmake.lock
mm 0; ran
exists mlmake.lock
settled
rm -rf "$state"
mm 0; ran
said_not 'seen at a glance'

begin 'a foreach and a glob: a file more, a file less, another one'
new_project g <<'END'
[stage each]
foreach = in/*.txt
cmd     = cp {{item}} {{outs}}; echo {{stem}} >> "$COUNT"
data    = {{item}}
outs    = out/{{stem}}

[stage all]
cmd  = ls -R {{data}} > {{outs}}; echo all >> "$COUNT"
data = more/*.csv in
outs = all
END
mkdir in more
echo a > in/a.txt; echo b > in/b.txt; echo 1 > more/1.csv
mm 0; ran a b all
notices 'a file more for foreach' 'echo c > in/c.txt'; ran c all
notices 'a file less' 'rm in/c.txt out/c'; ran
notices 'a file more for the glob' 'echo 2 > more/2.csv'; ran all
notices 'a file renamed' 'mv more/2.csv more/3.csv'; ran all
notices 'a file in a directory input, of the same size' 'echo A > in/a.txt'; ran a all
notices 'an empty directory in it' 'mkdir in/empty'; ran all
notices 'a link in it' 'ln -s a.txt in/l'; ran all
notices 'the link leads elsewhere' 'ln -sfn b.txt in/l'; ran all

begin 'a directory is looked at once, though a build asks for it in two ways'
settled
# four files of each, two of more, all, and in: a bit each
bits=$(sed -n 's/^marks [0-9a-f]* //p' "$state/glance" | sed 's/0//g; s/[1248]/x/g; s/[3569ac]/xx/g; s/[7bde]/xxx/g; s/f/xxxx/g')
is "$bits" xxxxxxxx 'what is marked'

begin 'links that lead out of a directory are never believed at a glance'
echo x > outside
ln -s ../outside in/out
mm 0; ran all
mm 0; ran
sleep 0.1
mm 0; ran
said_not 'seen at a glance'
echo y > outside
mm 0; ran all

begin 'an input and an output that are links'
new_project l <<'END'
[stage s]
cmd  = ln -s "$(cat {{data}})" {{outs}}; echo s >> "$COUNT"
data = in
outs = o
END
echo one > a; echo two > b; ln -s a in
mm 0; ran s
notices 'the input leads elsewhere' 'ln -sfn b in'; ran s
notices 'what it leads to' 'echo three > b'; ran s
notices 'the output leads elsewhere' 'ln -sfn nowhere o'; ran
is "$(readlink o)" three

begin 'the environment: a variable set, another value, unset; a script that comes into being'
new_project e <<'END'
[env e]
vars = FLAVOUR
[stage s]
cmd  = { sh run.sh || :; } 2> /dev/null; echo "${FLAVOUR-none}" > {{outs}}; echo s >> "$COUNT"
env  = e
outs = o
END
unset FLAVOUR
mm 0; ran s
notices 'a variable set' 'export FLAVOUR=sweet'; ran s
notices 'another value' 'FLAVOUR=sour'; ran s
notices 'empty' 'FLAVOUR='; ran s
notices 'unset' 'unset FLAVOUR'; ran
notices 'a script' 'echo true > run.sh'; ran s
notices 'the script edited' 'echo :  > run.sh'; ran s
notices 'the script gone' 'rm run.sh'; ran

begin 'what answers otherwise than a plain build is not answered at a glance'
settled
mm 0 -n; said_not 'seen at a glance'
mm 0 -v; said_not 'seen at a glance'
mm 0 s; said_not 'seen at a glance'
mm 0 --events "$T/events"; said_not 'seen at a glance'
check 'events' grep -q '"event": *"fresh"' "$T/events"
mm 2 -j none
mm 2 --profile none
mm 2 nothing=1
ran
mm 0 -B; ran s

begin 'what code brings in: edited, removed, another one before it, a place more to look in'
new_project py <<'END'
[stage s]
cmd  = ls -R {{code}} > {{outs}}; echo s >> "$COUNT"
code = src/run.py src/lib
outs = o
[stage sh]
cmd  = cp src/run.sh {{outs}}; echo sh >> "$COUNT"
outs = p
END
mkdir -p src/lib
echo 'import helper' > src/run.py
echo 'x = 1' > src/helper.py
echo 'y = 1' > src/lib/a.py
echo '. src/part.sh' > src/run.sh
unset PYTHONPATH
mm 0; ran s sh
notices 'an imported file' 'echo "x = 2" > src/helper.py'; ran s
notices 'what it imports now' 'echo "import deeper" > src/helper.py'; ran s
notices 'and that comes into being' 'echo "z = 1" > src/deeper.py'; ran s
notices 'a package before the module' 'mkdir src/deeper; echo "z = 2" > src/deeper/__init__.py'; ran s
notices 'and it goes' 'rm -r src/deeper'; ran
notices 'a file in a directory of code' 'echo "import late" > src/lib/b.py'; ran s
notices 'which imports what comes later' 'echo "w = 1" > src/lib/late.py'; ran s
notices 'what is read by a script comes into being' 'echo true > src/part.sh'; ran sh
notices 'an import of what is nowhere' 'echo "import apart" > src/deeper.py'; ran s
notices 'a place more' 'mkdir more; echo "z = 3" > more/apart.py; export PYTHONPATH=more'; ran s
notices 'none any more' 'unset PYTHONPATH'; ran
notices 'a link in place of a module' 'mv src/helper.py helper-elsewhere.py; ln -s ../helper-elsewhere.py src/helper.py'
settled

begin 'a project that was moved'
cd .. && mv py py2 && cd py2 || exit 1
mm 0; ran
said_not 'seen at a glance'
settled

begin 'a warning is given each time'
new_project warns <<'END'
[stage s]
cmd  = echo > {{outs}}
outs = o
[sweep later]
through = s
END
mm 0; said 'warning'
sleep 0.1
mm 0; said 'warning'
mm 0; said 'warning'
said_not 'seen at a glance'

begin 'probes run each time, and sources and frozen stages are looked at in full'
new_project probes <<'END'
[env e]
probe = echo probe >> "$COUNT"; cat version
[stage s]
cmd  = cp version {{outs}}; echo s >> "$COUNT"
env  = e
outs = o
END
echo 1 > version
mm 0; ran probe s
sleep 0.1
mm 0; ran probe
mm 0; ran probe
echo 2 > version
mm 0; ran probe s
new_project frozen <<'END'
[source raw]
cmd  = echo raw > {{outs}}; echo raw >> "$COUNT"
outs = raw
[stage s]
cmd  = cp {{data}} {{outs}}; echo s >> "$COUNT"
data = raw
outs = o
END
mm 0; ran raw s
echo 'frozen = yes' >> mlmake.ini
mm 0
sleep 0.1
mm 0
mm 0
said_not 'seen at a glance'

begin 'another mlmake does not believe what this one saw'
three again
mm 0
settled
cp "$MLMAKE" "$T/mlmake2"
"$T/mlmake2" > "$T/out" 2> "$T/err"
said_not 'seen at a glance'
settled

begin 'damage: emptied, cut, noise, flipped bytes, another table: only time is lost'
settled
cp "$state/glance" "$T/good"
size=$(wc -c < "$T/good")
for how in ': > F' 'truncate -s 30 F' 'head -c 700 /dev/urandom > F' 'rm F; mkdir F; rmdir F' 'truncate -s +10 F' \
	'sed -i s/fresh.4/fresh\ 5/ F' 'rm F; ln -s /dev/zero F'; do
	cp "$T/good" "$state/glance"
	eval "$(printf '%s\n' "$how" | sed "s#F#$state/glance#g")"
	echo "$how" > raw.txt
	mm 0; ran clean up count
	rm -f "$state/glance"
	settled
	cp "$state/glance" "$T/good"
done
i=0
while [ $i -lt 20 ]; do
	cp "$T/good" "$state/glance"
	printf '\377' | dd of="$state/glance" bs=1 seek=$((i * size / 20)) conv=notrunc 2> /dev/null
	mm 0; ran
	said_not 'seen at a glance'
	said '4 artifacts are fresh'
	i=$((i + 1))
done
settled
cp "$state/glance" "$T/good"
echo "$i" > raw.txt
mm 0; ran clean up count
cp "$T/good" "$state/glance"
mm 0; ran
said_not 'seen at a glance'

begin 'what a kill left is dealt with before anything is believed'
settled
: > "$state/journal"
mm 0; ran
said_not 'seen at a glance'
missing "$state/journal"

finish
