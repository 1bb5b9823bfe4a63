#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Which files of the project code brings in. Nothing here runs Python.
. "${srcdir:-.}/tests/shell/lib.sh"

# project NAME: a stage that names src/main.py, or $cmd; what is read from standard input are lines for it.
project() {
	new_project "$1" <<-END
	[stage s]
	cmd  = : ${cmd:-python3 src/main.py}; echo x > {{outs}}; echo s >> "\$COUNT"
	outs = o.txt
	$(cat)
	END
	mkdir -p src
}

# inputs PATH...: the code that the lock names, in byte order.
inputs() {
	got=$(sed -n 's/^code .* //p' mlmake.lock | LC_ALL=C sort | tr '\n' ' ')
	want=$(for path do printf '%s\n' "$path"; done | LC_ALL=C sort | tr '\n' ' ')
	: > "$COUNT"
	[ "$got" = "$want" ] || fail "inputs: '$got', not '$want'"
}

begin 'absolute and relative imports, packages, modules behind from, in functions and conditions'
project forms < /dev/null
mkdir -p src/pkg/sub src/space/deep
printf 'import os, pkg.sub.leaf as l\nfrom pkg import b\nfrom pkg.b import name\nfrom space.deep import m\n' > src/main.py
printf 'def f():\n\tif x:\n\t\timport late\n' >> src/main.py
printf 'try: import gone\nexcept ImportError: import fallback\n' >> src/main.py
: > src/pkg/__init__.py; : > src/pkg/sub/__init__.py
printf 'from .. import c\nfrom ..d import *\nfrom . import nothing\n' > src/pkg/sub/leaf.py
for f in src/pkg/b.py src/pkg/c.py src/pkg/d.py src/pkg/unused.py src/space/deep/m.py src/late.py src/fallback.py os.py; do echo 1 > $f; done
mm 0
inputs src/main.py src/pkg/__init__.py src/pkg/sub/__init__.py src/pkg/sub/leaf.py src/pkg/b.py src/pkg/c.py src/pkg/d.py \
	src/space/deep/m.py src/late.py src/fallback.py os.py

begin 'a file that was looked for and was not there makes it stale when it appears'
mm 0; ran
echo 1 > src/gone.py; mm 0; ran s
echo 1 > src/os.py; mm 0; ran s
mm 0 why s; said_not '[^/]os.py'
rm src/gone.py src/os.py; mm 0; ran
mkdir src/late; : > src/late/__init__.py; mm 0; ran s

begin 'cycles; a module that imports itself; a link that leads around'
project cycles < /dev/null
echo 'import a' > src/main.py; echo 'import b, a' > src/a.py; echo 'import a, main' > src/b.py; ln -s . src/loop
echo 'import loop.loop.loop.b' >> src/main.py; ln -s nowhere src/dangling.py; echo 'import dangling' >> src/main.py
mm 0; mm 0; ran s
inputs src/main.py src/a.py src/b.py src/loop/loop/loop/b.py

begin 'all modules of a package that is imported with a star'
project star < /dev/null
mkdir src/p; : > src/p/__init__.py; echo 1 > src/p/one.py; echo 1 > src/p/two.py; echo 'from p import *' > src/main.py
mm 0
inputs src/main.py src/p/__init__.py src/p/one.py src/p/two.py

begin 'src layouts, PYTHONPATH of the command and of mlmake, path of the environment, directories above'
cmd='PYTHONPATH=lib:"other" python3 tools/deep/main.py'
project places <<'END'
env = e
[env e]
path = mine
END
mkdir -p tools/deep src/inst lib other mine var
echo 'import inst, by_cmd, by_other, by_env, by_var, above, top' > tools/deep/main.py
for f in src/inst/__init__.py lib/by_cmd.py mine/by_env.py var/by_var.py tools/above.py top.py other/by_other.py; do echo 1 > $f; done
PYTHONPATH=$PWD/var mm 0
inputs tools/deep/main.py src/inst/__init__.py lib/by_cmd.py mine/by_env.py var/by_var.py tools/above.py top.py other/by_other.py
cmd=

begin 'path of the environment is handed to the command'
new_project handed <<'END'
[env e]
path = mine other
[stage s]
cmd  = echo "$PYTHONPATH" > {{outs}}
env  = e
outs = o.txt
END
PYTHONPATH=/before mm 0; holds o.txt "$PWD/mine:$PWD/other:/before"

begin 'python -m'
cmd='python3 -m pkg.run && python3 -m whole'
project module < /dev/null
mkdir -p pkg whole; : > pkg/__init__.py; echo 'from . import x' > pkg/run.py; echo 1 > pkg/x.py; echo 'import top' > whole/__main__.py
echo 1 > top.py
mm 0
inputs pkg/__init__.py pkg/run.py pkg/x.py whole/__main__.py top.py
cmd=

begin 'a program that changes sys.path: all that is found counts'
project moved < /dev/null
mkdir -p common
printf 'import sys\nsys.path.insert(0, "common")\nimport shared, both\n' > src/main.py
echo 1 > common/shared.py; echo 1 > src/both.py; echo 1 > both.py
mm 0
inputs src/main.py common/shared.py src/both.py both.py

begin 'imports by a name in quotes; those by another one are warned of once, with file and line'
project dynamic <<'END'
[stage t]
cmd  = : python3 src/main.py; echo x > {{outs}}
outs = t.txt
END
printf 'import importlib\nimportlib.import_module("a.b")\nx = importlib.import_module(name)\n' > src/main.py
mkdir src/a; echo 1 > src/a/b.py
mm 0; said '^src/main.py:3: warning: what .import_module. brings in here only the program knows'
is "$(grep -c warning "$T/err")" 1 warnings
is "$(grep -c ' src/a/b.py$' mlmake.lock)" 2
mm 0 lint; said '^src/main.py:3: warning: '
sed 's/^outs/code = src\/*\/*.py\nouts/' mlmake.ini > n && mv n mlmake.ini
mm 0; said_not warning

begin 'modules that a stage makes: the order, the edge, and their content'
new_project made <<'END'
[stage use]
cmd  = : python3 use.py; cat gen/conf.py > {{outs}}; echo use >> "$COUNT"
outs = use.txt
[stage gen]
cmd  = sleep 0.1; cat conf.in > {{outs}}; echo gen >> "$COUNT"
data = conf.in
outs = gen/conf.py
[stage whole]
cmd  = mkdir {{outs}}; cp conf.in whole/x.py; echo whole >> "$COUNT"
data = conf.in
outs = whole
[stage usewhole]
cmd  = : python3 usewhole.py; cat whole/x.py > {{outs}}; echo usewhole >> "$COUNT"
outs = usewhole.txt
END
echo 'import gen.conf' > use.py; echo 'from whole.x import y' > usewhole.py; echo 'x = 1' > conf.in
mm 0 -j 4; ran gen use usewhole whole
mm 0; ran
echo '# c' >> conf.in; mm 0; ran gen whole
echo 'y = 1' >> conf.in; mm 0; ran gen use usewhole whole
mm 0; ran

begin 'what made code brings in is known as soon as it is made: nothing runs twice'
new_project generated <<'END'
[stage use]
cmd  = : python3 use.py; cat gen/code.py > {{outs}}; echo use >> "$COUNT"
outs = use.txt
[stage gen]
cmd  = cat code.in > {{outs}}; echo gen >> "$COUNT"
data = code.in
outs = gen/code.py
END
echo 'import gen.code' > use.py; echo 'import one' > code.in; echo 1 > one.py; echo 1 > two.py
mm 0; ran gen use; mm 0; ran
echo 2 > one.py; mm 0; ran use; mm 0; ran
echo 'import two' > code.in; mm 0; ran gen use; mm 0; ran
echo 3 > one.py; mm 0; ran
echo 3 > two.py; mm 0; ran use; mm 0; ran

begin 'a program without an ending, by its first line; sitecustomize'
cmd='./run'
project first < /dev/null
printf '#!/usr/bin/env python3\nimport helper # c\n' > run; chmod +x run; echo 1 > helper.py
mm 0; inputs run helper.py
printf '#!/usr/bin/env python3\nimport helper\n' > run; mm 0; ran
cmd=
project site < /dev/null
echo 1 > src/main.py; mm 0; inputs src/main.py
echo 1 > sitecustomize.py; mm 0; inputs src/main.py sitecustomize.py

begin 'a file too large to be read for its imports is said to be so, and counts by its bytes'
project large < /dev/null
{ head -c 100000000 /dev/zero | tr '\0' x; echo; } > src/main.py
mm 0; ran s; said '^src/main.py:1: warning: what .import. brings in here only the program knows'
mm 0; ran
printf '#' >> src/main.py; mm 0; ran s

begin 'what the stage itself makes is no input of it'
new_project own <<'END'
[stage s]
cmd  = : python3 a.py; echo 'x = 1' > {{outs}}; echo s >> "$COUNT"
outs = made.py
END
echo 'import made' > a.py
mm 0; ran s; mm 0; ran

begin 'R, shell, C'
new_project others <<'END'
[stage r]
cmd  = : Rscript src/a.R; echo x > {{outs}}
outs = r.txt
[stage sh]
cmd  = : sh src/a.sh; echo x > {{outs}}
outs = sh.txt
[stage c]
cmd  = : cc src/a.c; echo x > {{outs}}
code = src/a.c
outs = c.txt
END
mkdir src include
echo 'source("src/b.R")' > src/a.R; echo 'source("c.R")' > src/b.R; echo 1 > src/c.R
echo '. src/b.sh' > src/a.sh; echo ':' > src/b.sh
printf '#include "b.h"\n#include <stdio.h>\n' > src/a.c; echo '#include "c.h"' > src/b.h; echo > include/c.h; echo > stdio.h
mm 0
inputs src/a.R src/b.R src/c.R src/a.sh src/b.sh src/a.c src/b.h include/c.h

begin 'a thousand stages: nothing is read twice, and a build with nothing to do reads no code'
{
	i=0
	while [ $i -lt 300 ]; do
		printf '[stage s%d]\ncmd = : python3 src/m%d.py; echo x > {{outs}}\nouts = out/%d\n' $i $i $i
		i=$((i + 1))
	done
} > "$T/many.ini"
new_project many < "$T/many.ini"
mkdir src
i=0
while [ $i -lt 300 ]; do echo 'import shared, os' > src/m$i.py; i=$((i + 1)); done
echo 1 > src/shared.py
mm 0 -q
if command -v strace > /dev/null 2>&1; then
	strace -f -e trace=openat -o "$T/trace" "$MLMAKE" > "$T/out" 2> "$T/err"
	said 'nothing to do'
	strace -f -e trace=openat -o "$T/trace" "$MLMAKE" > "$T/out" 2> "$T/err"
	is "$(grep -c '\.py"' "$T/trace")" 0 'code that was opened'
fi
mm 0; said 'nothing to do'
finish
