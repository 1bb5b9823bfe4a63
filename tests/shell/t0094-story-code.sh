#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What stages really depend on, as one story: comments and code two imports away, packages, and a file that nobody declared.
. "${srcdir:-.}/tests/shell/lib.sh"
have_python || skip_all 'there is no python3'
python3 -m venv --without-pip "$T/venv" > "$T/out" 2> "$T/err" || skip_all 'python3 makes no virtual environment'
python=$T/venv/bin/python3
site=$(echo "$T"/venv/lib/python3.*/site-packages)
# install NAME VERSION [REQUIRES]: replaces what is installed of it.
install() {
	rm -rf "$site/$1" "$site/$1"-*.dist-info
	mkdir "$site/$1" "$site/$1-$2.dist-info"
	echo "version = '$2'" > "$site/$1/__init__.py"
	printf 'Metadata-Version: 2.1\nName: %s\nVersion: %s\n%s' "$1" "$2" "${3:+Requires-Dist: $3
}" > "$site/$1-$2.dist-info/METADATA"
	printf '%s/__init__.py,,\n%s-%s.dist-info/METADATA,,\n' "$1" "$1" "$2" > "$site/$1-$2.dist-info/RECORD"
}
install trees 1.0 roots; install roots 1.0; install drawing 1.0

new_project story <<END
[project]
watch = learn

[env model]
interpreter = $python
uses  = trees

[env picture]
interpreter = $python
uses  = drawing

[stage train]
cmd   = $python src/train.py > {{outs}}; echo train >> "\$COUNT"
env   = model
outs  = model.txt

[stage draw]
cmd   = $python src/draw.py < model.txt > {{outs}}; echo draw >> "\$COUNT"
env   = picture
data  = model.txt
outs  = picture.txt

[stage report]
cmd   = cat {{data}} title.txt > {{outs}}; echo report >> "\$COUNT"
data  = picture.txt
outs  = report.txt
END
mkdir -p src/model
: > src/model/__init__.py
printf 'from model import fit\nimport trees, roots\nprint(fit.fit(), trees.version, roots.version)\n' > src/train.py
printf 'from .maths import half\ndef fit():\n\treturn half(84)\n' > src/model/fit.py
printf 'def half(x):\n\treturn x // 2  # whole\n' > src/model/maths.py
printf 'import sys, drawing\nprint("picture of", sys.stdin.read().strip(), drawing.version)\n' > src/draw.py
echo 'Growth' > title.txt

begin 'a file that nobody declared is reported, and learned'
mm 0; ran train draw report
holds report.txt 'picture of 42 1.0 1.0 1.0' Growth
said 'note: report: it read title.txt, which \[stage report\] does not declare; what it read counts from now on'
mm 0; ran; said 'nothing to do'

begin 'a comment two imports away rebuilds nothing'
printf '# arithmetic\ndef half(x):\n\n\treturn x // 2  # rounded down\n' > src/model/maths.py
mm 0 status --check; said 'same \(comments only\): src/model/maths.py'
mm 0; ran; said 'nothing to do'

begin 'a real change there rebuilds exactly its users; what comes out the same stops it'
printf 'def half(x):\n\treturn x >> 1\n' > src/model/maths.py
mm 0 why train; said 'src/model/maths.py changed \(imported by src/model/fit.py:1\)'
mm 0; ran train
printf 'def half(x):\n\treturn x / 2\n' > src/model/maths.py
mm 0; ran train draw report

begin 'upgrading a package that is declared rebuilds its users alone; one that these require too, one that nobody uses not'
install drawing 1.1
mm 0 why draw; said 'drawing: 1.0 -> 1.1'
mm 0; ran draw report
install roots 2.0
mm 0 -n; said 'run +train +.*roots: 1.0 -> 2.0'
mm 0; ran train draw report
install apart 1.0; mm 0; ran

begin 'the file that nobody declared is changed: its reader is rebuilt, and why says so; then it is written down'
echo 'Growth by water' > title.txt
mm 0 why report; said 'title.txt changed \(which it was seen to read\)'
mm 0; ran report
holds report.txt 'picture of 42.0 1.0 2.0 1.1' 'Growth by water'
mm 0 lint --fix
check 'it is declared' grep -q 'title.txt' mlmake.ini
mm 0 status; said_not 'seen to read'
mm 0

begin 'all of it under strict'
sed -i -e 's/^watch = learn/watch = strict/' -e 's/; echo [a-z]* >>.*//' mlmake.ini
mm 0 -B
said_not 'may not'
finish
