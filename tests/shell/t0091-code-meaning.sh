#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What is not said by code does not count, what it says does. PEERS.md, failure 11. Nothing here runs Python.
. "${srcdir:-.}/tests/shell/lib.sh"

story() {
	new_project "$1" <<-'END'
	[stage train]
	cmd  = : python3 src/train.py; echo model > {{outs}}; echo train >> "$COUNT"
	outs = model.txt
	[stage plot]
	cmd  = : python3 src/plot.py; echo plot > {{outs}}; echo plot >> "$COUNT"
	outs = plot.txt
	[stage other]
	cmd  = : python3 src/other.py; echo other > {{outs}}; echo other >> "$COUNT"
	outs = other.txt
	END
	mkdir -p src/lib
	echo '*.txt' > .gitignore
	echo 'from lib import model' > src/train.py
	echo 'import lib.draw' > src/plot.py
	echo 'import os' > src/other.py
	: > src/lib/__init__.py
	printf 'def fit():\n    from . import deep\n    return deep.f()\n' > src/lib/model.py
	printf 'from lib import deep\n' > src/lib/draw.py
	printf 'def f():\n    return 1  # one\n' > src/lib/deep.py
}

begin 'a comment in a helper imported two levels down rebuilds nothing, a change there exactly its users'
story p
mm 0; ran train plot other; mm 0; ran
printf '"""Deep."""\n' >> src/lib/deep.py; mm 0; ran train plot; mm 0; ran
printf 'def f():\n    # why\n\n    return 1\n"""Deep."""\n' > src/lib/deep.py
mm 0 status --check
mm 0; ran
printf 'def f():\n    # why\n\n    return 2\n"""Deep."""\n' > src/lib/deep.py
mm 4 status --check
mm 0; ran train plot
echo '"other"' >> src/lib/model.py
mm 0; ran train
mm 0; ran

begin 'why and status say who brings a file in, and that only comments are other'
echo 'x = 1' >> src/lib/deep.py
mm 0 status
said 'train +src/lib/deep.py changed \(imported by src/lib/model.py:2\)'
mm 0 why train
said 'code +src/lib/deep.py changed \(imported by src/lib/model.py:2\)$'
said '\+6: x = 1'
mm 0; ran train plot
echo '# said' >> src/lib/deep.py
mm 0 status
said 'fresh +train +same \(comments only\): src/lib/deep.py'
mm 0 why train
said 'same \(comments only\): src/lib/deep.py'
mm 0 status -v
said 'fresh +plot +same \(comments only\): src/lib/deep.py'
check 'the lock says who' grep -q '^code f [0-9a-f]* [0-9]* ~[0-9a-f]* <src/lib/model.py src/lib/deep.py$' mlmake.lock

begin 'the same text under other comments is known again'
sed 's/return 2/return 3/' src/lib/deep.py > n && mv n src/lib/deep.py
mm 0; ran train plot
sed 's/return 3/return 2 # two/' src/lib/deep.py > n && mv n src/lib/deep.py
mm 0; ran; said 'nothing to do'

begin 'another clone, which has never read these files, decides alike'
git add -A; git commit -qm all; git clone -q . "$T/clone"
cp ./*.txt "$T/clone"; (cd "$T/clone" && : > "$COUNT"; "$MLMAKE" status --check > "$T/out" 2> "$T/err" || fail 'it is stale there')

begin 'losing what is remembered of code costs nothing but time; damage as well'
rm -r .git/mlmake/code
mm 0; ran; mm 0; ran
for f in .git/mlmake/code/*; do printf 'xxxxxxxx' | dd of="$f" bs=1 seek=40 conv=notrunc 2> /dev/null; done
mm 0; ran

begin 'a file that does not lex counts by its bytes, and so does the change to one that does'
printf 'def f():\n    return (2\n# c\n' > src/lib/deep.py
mm 0; ran train plot
printf 'def f():\n    return (2\n# d\n' > src/lib/deep.py
mm 0; ran train plot
printf 'def f():\n    return (2)\n' > src/lib/deep.py
mm 0; ran train plot

begin 'code-exact takes code by its bytes, imports = no takes what is declared'
cat > mlmake.ini <<'END'
[stage train]
cmd        = : python3 src/train.py; echo model > {{outs}}; echo train >> "$COUNT"
code-exact = src/lib/*.py
outs       = model.txt
[stage plot]
cmd     = : python3 src/plot.py; echo plot > {{outs}}; echo plot >> "$COUNT"
imports = no
outs    = plot.txt
END
mm 0; ran train plot
echo '# comment' >> src/lib/deep.py; mm 0; ran train
echo '# comment' >> src/train.py; mm 0; ran
echo 'x = 1' >> src/lib/deep.py; mm 0; ran train
echo 'x = 1' >> src/plot.py; mm 0; ran plot
sed 's/imports = no/imports = maybe/' mlmake.ini > n && mv n mlmake.ini
mm 2; said "mlmake.ini:7: error: 'imports' takes yes or no, not 'maybe'"

begin 'of a directory that is code comments do not count, names and files that are no code do'
new_project dir <<'END'
[stage s]
cmd  = : python3 src/a.py; echo x > {{outs}}; echo s >> "$COUNT"
code = src
outs = o.txt
END
mkdir -p src/sub common; echo 'import b, common.c' > src/a.py; echo '"c"' > common/c.py; echo 'x = 1' > src/sub/d.py; echo t > src/e.txt
mm 0; ran s; mm 0; ran
echo '# c' >> src/sub/d.py; mm 0; ran; mm 0; ran
echo 'y = 1' >> src/sub/d.py; mm 0; ran s
echo t >> src/e.txt; mm 0; ran s
mv src/sub/d.py src/sub/f.py; mm 0; ran s
echo '"d"' >> common/c.py; mm 0; ran s
mv src src2; mv src2 src; mm 0; ran
chmod +x src/a.py; mm 0; ran s

begin 'a notebook counts by the source of its code'
new_project nb <<'END'
[stage n]
cmd  = : jupyter nbconvert a.ipynb; echo x > {{outs}}; echo n >> "$COUNT"
outs = o.txt
END
notebook() {
	printf '{"cells": [{"cell_type": "code", "execution_count": %s, "outputs": [%s], "source": ["%s"], "metadata": {}}],' "$1" "$2" "$3"
	printf ' "metadata": {"kernelspec": {"name": "python3", "language": "python"}}, "nbformat": 4}\n'
}
echo 'x = 1' > helper.py
notebook null '' 'import helper\n' > a.ipynb
mm 0; ran n; mm 0; ran
notebook 3 '{"a": 1}' 'import helper  # c\n' > a.ipynb
mm 0; ran
mm 0 status; said 'same \(comments only\): a.ipynb'
echo 'x = 2' > helper.py
mm 0 why n; said 'helper.py changed \(imported by a.ipynb, cell 1\)'
mm 0; ran n
notebook 3 '' 'import helper; 1\n' > a.ipynb
mm 0; ran n
echo 'no JSON' > a.ipynb; mm 0; ran n
echo 'no JSON ' > a.ipynb; mm 0; ran n

begin 'the bytes that were there when it ran are what the record says, and a comment written meanwhile is no reason to believe'
new_project moving <<'END'
[stage s]
cmd  = : a.py; echo '# c' >> a.py; echo x > {{outs}}; echo s >> "$COUNT"
outs = o.txt
END
echo 'x = 1' > a.py
mm 1; ran s; said "'a.py' changed while it ran"
finish
