#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# watch = strict: a stage can touch what it declares, and nothing else; what it was refused is named, and is no result.
# shellcheck disable=SC1091,SC2016
. "${srcdir:-.}/tests/shell/lib.sh"

new_project probe <<'END'
[stage a]
watch = strict
cmd   = echo > {{outs}}
outs  = out.txt
END
if ! "$MLMAKE" > "$T/out" 2>&1; then
	grep -q 'Landlock\|cannot confine' "$T/out" && skip_all "$(grep 'Landlock\|cannot confine' "$T/out" | head -n 1)"
fi

begin 'what is declared works: data, directories, links, patterns, code and what it imports, params, outputs, temporary files'
new_project good <<'END'
[project]
watch  = strict
params = params.ini
[stage a]
cmd    = cat d/x d/out link.txt params.ini p/*.csv "$MLMAKE_PARAMS" > {{outs.1}}; ls p d > /dev/null
         echo t > models/tmp.1; mv models/tmp.1 {{outs.2}}; sort {{outs.1}} > /dev/null
         mkdir o; echo 1 > o/in; mv o/in o/in2; echo 2 > o/gone; rm o/gone; cat o/in2 > /dev/null
         f=$(mktemp); echo x > "$f"; cat "$f" >> {{outs.1}}; rm "$f"; echo > gone; rm gone
         echo heard > /dev/stderr; echo > /dev/null; sh lib/a.sh >> {{outs.1}}; : {{k}}
data   = d link.txt p/*.csv
params = k
outs   = models/a.txt models/b.txt o
END
mkdir d p lib e; echo 1 > d/x; echo 2 > in.txt; echo 3 > p/a.csv; ln -s in.txt link.txt; echo 'k = 1' > params.ini
echo 5 > e/out; ln -s ../e/out d/out
echo '. ./lib/b.sh' > lib/a.sh; echo 'echo b' > lib/b.sh
mm 0
said_not 'may not'
check 'its log' grep -q heard "$(state_dir)/log/a.log"
is "$(tail -n 1 models/a.txt)" b 'models/a.txt'
missing "$(state_dir)/tmp/a"
mm 0; said 'nothing to do'

refused() { # refused CMD SAYS: such a stage fails and says so; nothing that was there is other than it was
	new_project "refused$((n = ${n-0} + 1))" <<-END
	[stage a]
	watch = strict
	cmd   = $1
	data  = in.txt
	outs  = made/out.txt
	END
	mkdir conf; echo in > in.txt; echo secret > conf/a.yaml; echo top > top.txt
	mm 1
	said "$2"
	holds in.txt in; holds conf/a.yaml secret; holds top.txt top
	missing made/out.txt
	mm 1 # and it is not taken for done
}
begin 'an undeclared file cannot be read, and the stage fails'
refused 'cat {{data}} conf/a.yaml > {{outs}}' \
	"may not read conf/a.yaml, which \[stage a\] does not declare; write there 'code = conf/a.yaml' \(exit status 1\)"
begin 'also if the command goes on without it'
refused 'cat conf/a.yaml || true; echo > {{outs}}' "may not read conf/a.yaml, which .* does not declare"
begin 'nor by another way to it'
refused 'ln -s ../top.txt made/l; cat made/l || true; rm made/l; echo > {{outs}}' 'may not read made/l'
refused 'cat /proc/self/cwd/top.txt || true; echo > {{outs}}' 'may not read top.txt'
refused 'cd conf; cat ../top.txt || true; cd ..; echo > {{outs}}' 'may not read top.txt'
begin 'what is there is not changed'
refused 'echo x > top.txt || true; echo > {{outs}}' 'may not change top.txt'
refused 'rm -f conf/a.yaml || true; echo > {{outs}}' 'may not change conf/a.yaml'
refused 'echo x > made/x; mv made/x top.txt || true; rm -f made/x; echo > {{outs}}' 'may not change top.txt'
begin 'nothing is made where nothing is declared, and nothing left where something is'
refused 'echo x > side.log || true; echo > {{outs}}' "may not make side.log, which .*'outs = side.log'"
missing side.log
refused 'mkdir new || true; echo > {{outs}}' 'may not make new'
refused 'echo x > made/side.log; echo > {{outs}}' 'may not make made/side.log'
begin "git's and mlmake's own files are no secret way"
refused 'cat .git/HEAD || true; echo > {{outs}}' 'may not read .git/HEAD'
refused 'cat mlmake.ini || true; echo > {{outs}}' 'may not read mlmake.ini'

begin 'in the directory of an output as well: reading, changing, listing'
new_project flat <<'END'
[stage a]
watch = strict
cmd   = cat b.txt || true; echo x > b.txt || true; rm b.txt || true; echo > {{outs}}
outs  = a.txt
END
echo b > b.txt
mm 1
said 'may not read b.txt; may not change b.txt'
holds b.txt b

begin 'outside of the project: read, and written only where it is temporary; that is told and is no failure'
new_project outside <<'END'
[stage a]
watch = strict
cmd   = cat "$T/w/outside.txt" > {{outs}}; echo x > "$T/w/made.txt" || true
outs  = a.txt
END
echo out > "$T/w/outside.txt"
mm 0
holds a.txt out
missing "$T/w/made.txt"
said "note: a: it may not write $T/w/made.txt, which lies outside of the project"

begin 'data of its own is not changed either; that is told'
new_project own <<'END'
[stage a]
watch = strict
cmd   = echo x > {{data}} || true; (exec 3<> {{data}}) || true; rm -f {{data}} || true; cat {{data}} > {{outs}}
data  = in.txt
outs  = o/a.txt
END
echo in > in.txt
mm 0; said 'note: a: it may not change in.txt, which it reads$'
holds in.txt in; holds o/a.txt in

begin 'a directory that is listed counts by its names'
new_project listed <<'END'
[stage a]
watch = strict
cmd   = ls conf > {{outs.1}}; echo a >> o/count
outs  = o/a.txt o/count
END
mkdir conf; echo 1 > conf/a
mm 0; mm 0; said 'nothing to do'
echo 2 > conf/a; mm 0; said 'nothing to do'
echo 1 > conf/b; mm 0 why a; said 'names\] conf: a -> a b'
mm 0; holds o/a.txt a b

begin 'a file that was looked for and not found makes it stale when it appears'
new_project there <<'END'
[stage a]
watch = strict
cmd   = test -e extra.cfg && cat extra.cfg > {{outs}} || echo none > {{outs}}
outs  = a.txt
END
mm 0; mm 0; said 'nothing to do'
echo x > extra.cfg
mm 4 status --check; said 'there\] extra.cfg: no -> yes'
mm 1; said_not 'done' # now it is there, and not declared
rm extra.cfg; mm 0

begin 'what a stage with learn learnt is not declared'
new_project learnt <<'END'
[stage a]
watch = learn
cmd   = cat b.txt > {{outs}}
outs  = o/a.txt
END
echo b > b.txt
mm 0
sed -i s/learn/strict/ mlmake.ini; mm 1 -B; said 'may not read b.txt'
mm 0 lint --fix
sed -i '/^outs/a data = b.txt' mlmake.ini; mm 0

begin 'Python: imports, byte code, virtual environments'
if ! have_python; then
	title=''
	skip 'Python' 'no python3'
else
	new_project py <<-'END'
	[stage a]
	watch = strict
	cmd   = python3 src/a.py > {{outs}}; cat .venv/lib/x > /dev/null
	outs  = o/a.txt
	[stage m]
	watch = strict
	cmd   = python3 -m pkg.train > {{outs}}
	outs  = o/m.txt
	END
	mkdir -p src pkg .venv/lib; echo 'x = 1' > src/b.py; echo 'import json, b; print(b.x)' > src/a.py; : > .venv/pyvenv.cfg; : > .venv/lib/x
	echo 'print(2)' > pkg/train.py
	(cd src && python3 -c 'import py_compile; py_compile.compile("b.py")')
	mm 0
	said_not 'may not'
	holds o/a.txt 1; holds o/m.txt 2
	refuse 'byte code counts' grep -q pycache mlmake.lock
	mm 0; said 'nothing to do'
	(cd src && python3 -c 'import py_compile; py_compile.compile("a.py")'); mm 0; said 'nothing to do'
	echo 'y = 2' > src/hidden.py; echo 'import importlib; print(importlib.import_module("hid" + "den").y)' > src/a.py
	(cd src && python3 -c 'import py_compile; py_compile.compile("hidden.py")')
	mm 1 a
	said 'may not read src/hidden.py'
fi

begin 'a static program'
cat > "$T/static.c" <<'END'
#include <fcntl.h>
#include <errno.h>
#include <unistd.h>
int main(void) { return open("in.txt", O_RDONLY) >= 0 && open("other.txt", O_RDONLY) < 0 && errno == EACCES && truncate("other.txt", 0) < 0 ? 0 : 1; }
END
if ! cc -static -o "$T/static" "$T/static.c" 2> /dev/null; then
	title=''
	skip 'a static program' 'cc -static does not work here'
else
	new_project static <<-'END'
	[stage a]
	watch = strict
	cmd   = "$T/static" && echo refused > "$T/static.out"; echo > {{outs}}
	data  = in.txt
	outs  = o/out.txt
	END
	echo 1 > in.txt; echo 2 > other.txt
	mkdir -p "$T/tmp"; TMPDIR=$T/tmp mm 1
	said 'may not read other.txt; may not change other.txt'
	holds other.txt 2
fi

begin 'each version of Landlock that this kernel can be; without any it does not run, and says so before anything runs'
new_project versions <<'END'
[stage first]
cmd   = echo first >> "$COUNT"; echo > {{outs}}
outs  = o/first.txt
[stage a]
watch = strict
cmd   = echo a >> o/count; cat {{data}} > {{outs.1}}; mkdir o/d; mv o/d o/e; (echo > top.txt) || true; truncate -c -s 0 in.txt || true
data  = in.txt o/first.txt
outs  = o/a.txt o/count o/e
END
echo 1 > in.txt
for v in 1 2 3 4 5; do
	export MLMAKE_LANDLOCK=$v
	mm 1 -B a; said 'may not make top.txt, .*may not change in.txt, which it reads'
	holds in.txt 1; missing top.txt
done
rm -rf o; : > "$COUNT"
MLMAKE_LANDLOCK=0 mm 2
said 'mlmake.ini:4: error: stage .a. has `watch = strict`, and this system has no Landlock'
ran
unset MLMAKE_LANDLOCK
sed -i 's/strict/learn/; s/; (echo.*//' mlmake.ini
export MLMAKE_LANDLOCK=0; mm 0; unset MLMAKE_LANDLOCK

begin 'where stages cannot be watched it does not run either'
new_project nested <<'END'
[stage o]
cmd  = (cd sub && "$MLMAKE" > "$T/inner" 2>&1) || echo "$?" > {{outs}}
outs = o.txt
END
mkdir sub; printf '[stage i]\nwatch = strict\ncmd = echo i >> i.txt\nouts = i.txt\n' > sub/mlmake.ini
mm 0
holds o.txt 1; missing sub/i.txt
# As in t0110: the sanitizer of threads loses what the child says of itself.
sanitized tsan || check 'it says so' grep -q 'not run, since this system cannot confine it' "$T/inner"

begin 'a command longer than an argument may be'
{ printf '[stage a]\nwatch = strict\nouts = o/a.txt\ncmd = echo 1 > {{outs}}\n'; yes '      : 0123456789012345678901234567890123456789' | head -n 4000; } | new_project long
cd "$T/w/long" || exit 1
mm 0; holds o/a.txt 1

begin 'going over to strict makes nothing stale'
new_project over <<'END'
[stage a]
cmd   = echo > {{outs}}
outs  = o/a.txt
END
mm 0; sed -i '2i watch = strict' mlmake.ini; mm 0; said 'nothing to do'

begin 'as an ordinary user'
if [ "$(id -u)" != 0 ] || ! setpriv --reuid 65534 --regid 65534 --clear-groups true 2> /dev/null; then
	title=''
	skip 'as an ordinary user' 'not root, or no setpriv'
else
	new_project user <<-'END'
	[stage a]
	watch = strict
	cmd   = cat in.txt > {{outs}}; cat other.txt || true
	data  = in.txt
	outs  = o/out.txt
	END
	echo 1 > in.txt; echo 2 > other.txt
	chmod 755 "$T" "$T/w"; chown -R 65534:65534 "$T/w/user"; cp "$MLMAKE" "$T/mlmake"; chmod 755 "$T/mlmake"
	as_user() { HOME=$T/w/user setpriv --reuid 65534 --regid 65534 --clear-groups "$T/mlmake" > "$T/out" 2> "$T/err"; }
	as_user && fail 'it is not refused'
	said 'may not read other.txt'
	sed -i 's/; cat other.*//' mlmake.ini
	as_user || fail 'it does not build'
fi
finish
