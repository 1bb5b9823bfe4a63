#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Python distributions that a stage uses count: these and what they require, by what is installed, without starting Python.
. "${srcdir:-.}/tests/shell/lib.sh"
have_python || skip_all 'there is no python3'
python=$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')
"$python" -m venv --copies "$T/venv" > "$T/out" 2> "$T/err" || skip_all 'python3 makes no virtual environment with pip'
python=$T/venv/bin/python3
site=$(echo "$T"/venv/lib/python3.*/site-packages)
wheel() { "$python" "$srcdir/tests/env/make_wheel.py" "$T" "$@"; }
pip_install() {
	"$python" -m pip --disable-pip-version-check install -q --no-index --force-reinstall --no-deps "$@" > "$T/pip" 2>&1 || fail "pip: $(cat "$T/pip")"
}
count_ini() {
	cat <<-END
	[env tree]
	interpreter = $python
	uses = Model.Tree
	[env plot]
	interpreter = $python
	uses = plotter[fast]
	[stage train]
	cmd  = echo train >> "\$COUNT"; cat $site/numb_ers/*.py > {{outs}} 2> /dev/null || :
	env  = tree
	outs = tree.txt
	[stage draw]
	cmd  = echo draw >> "\$COUNT"; cat $site/colours/*.py > {{outs}}
	env  = plot
	outs = plot.txt
	[stage plain]
	cmd  = echo plain >> "\$COUNT"; echo plain > {{outs}}
	outs = plain.txt
	END
}

begin 'those that are used, and what they require, transitively'
new_project story <<END
$(count_ini)
END
pip_install "$(wheel model-tree 1.0 'numb_ers (>=1.0)' 'absent ; python_version < "3"' 'unasked ; extra == "gpu"')" "$(wheel numb-ers 1.0 'model-tree')" \
	"$(wheel plotter 1.0 'speed[deep] ; extra == "fast"')" "$(wheel speed 1.0 'colours ; extra == "deep"')" "$(wheel colours 1.0)" \
	"$(wheel unasked 1.0)" "$(wheel apart 1.0)"
mm 0; ran train draw plain
is "$(sed -n 's/^env package:\([^ ]*\) "\([^ ]*\) [0-9a-f]\{64\}"$/\1=\2/p' mlmake.lock | tr '\n' ' ')" \
	'colours=1.0 plotter=1.0 speed=1.0 model-tree=1.0 numb-ers=1.0 ' 'what counts'
check 'and the interpreter' grep -q '^env \[python\] "3\.[0-9.]* [0-9a-f]\{64\}' mlmake.lock
mm 0; ran; said 'nothing to do'

begin 'upgrading one rebuilds its users alone'
pip_install "$(wheel apart 2.0)" "$(wheel unasked 2.0)"; mm 0; ran
pip_install "$(wheel numb-ers 1.1 model-tree)"
mm 0 -n; said 'numb-ers: 1.0 -> 1.1'
mm 0 why train; said 'env +numb-ers: 1.0 -> 1.1'; said 'is stale'
mm 0 status --json
is "$(json "$T/out" '[(r["kind"], r["name"], r["old"], r["new"]) for i in d["instances"] for r in i["reasons"]]')" \
	'[["env", "package:numb-ers", "1.0", "1.1"]]' 'the reason'
mm 0; ran train
mm 0 diff $(git rev-list -n 2 --reverse "$(git for-each-ref --format='%(refname)' refs/mlmake/log)"); said 'package:numb-ers +1.0 -> 1.1 +\(train\)'
pip_install "$(wheel colours 1.5)"; mm 0; ran draw; said 'colours: 1.0 -> 1.5'
pip_install "$(wheel numb-ers 1.0 model-tree)"; mm 0; ran; said 'restored'
mm 0; said 'nothing to do'

begin 'an edit in place, and a build of the same version that is another'
echo 'version = "patched"' >> "$site/numb_ers/more.py"
mm 0; ran train; said 'numb-ers: 1.0 \([0-9a-f]{8}\) -> 1.0 \([0-9a-f]{8}\)'
WHEEL_TEXT='text = "rebuilt"'; export WHEEL_TEXT
pip_install "$(wheel numb-ers 1.0 model-tree)"; mm 0; ran train; said 'numb-ers: 1.0 \('
unset WHEEL_TEXT
pip_install "$(wheel numb-ers 1.0 model-tree)"; mm 0; ran; said 'restored'
rm "$site/colours/more.py"; mm 0; ran draw; said 'colours: 1.5 \('
pip_install "$(wheel colours 1.5)"; mm 0; ran

begin 'of a script that was installed with it, all but where the interpreter lies'
record=$(echo "$site"/numb_ers-*.dist-info/RECORD)
cp "$record" "$T/record"
printf '#!/old/python\nimport numb_ers\n' > "$T/venv/bin/numb"
echo '../../../bin/numb,,' >> "$record"
mm 0; ran train
printf '#!/new/python\nimport numb_ers\n' > "$T/venv/bin/numb"; mm 0; ran
printf "#!/bin/sh\n'''exec' \"/a/long/python\" \"\$0\" \"\$@\"\n' '''\nimport numb_ers\n" > "$T/venv/bin/numb"; mm 0; ran train
printf "#!/bin/sh\n'''exec' \"/a/longer/python\" \"\$0\" \"\$@\"\n' '''\nimport numb_ers\n" > "$T/venv/bin/numb"; mm 0; ran
printf "#!/bin/sh\n'''exec' \"/a/longer/python\" \"\$0\" \"\$@\"\n' '''\nimport other\n" > "$T/venv/bin/numb"; mm 0; ran train
rm "$T/venv/bin/numb"; cp "$T/record" "$record"
mm 0; ran

begin 'a RECORD that is empty or broken hides nothing'
for text in '' '"numb_ers/__init__.py,,'; do
	printf '%s' "$text" > "$record"
	mm 0
	: > "$COUNT"
	echo "edited = '$text'" >> "$site/numb_ers/__init__.py"
	mm 0; ran train
done
cp "$T/record" "$record"
pip_install "$(wheel numb-ers 1.0 model-tree)"; mm 0

begin 'a module that somebody put beside those of a package counts'
settled; echo 'extra = 1' > "$site/numb_ers/extra.py"; mm 0; ran train; said 'numb-ers: 1.0 \('
settled; echo 'extra = 2' > "$site/numb_ers/extra.py"; mm 0; ran train
rm "$site/numb_ers/extra.py"; mm 0; ran; said 'restored'
settled; echo 'a note' > "$site/numb_ers/extra.txt"; mkdir "$site/numb_ers/sub"; : > "$site/numb_ers/sub/x.txt"; mm 0; ran
: > "$site/numb_ers/sub/deep.py"; mm 0; ran train
rm -r "$site/numb_ers/extra.txt" "$site/numb_ers/sub"; mm 0; ran

begin 'a directory that distributions share is theirs by what each lists'
# shared NAME: has a module in a directory of its own in space, and says that space/__init__.py is its own, as each does.
shared() {
	mkdir -p "$site/space/$1" "$site/shared_$1-1.0.dist-info"
	: > "$site/space/__init__.py"; echo "name = '$1'" > "$site/space/$1/__init__.py"
	printf 'Name: shared_%s\nVersion: 1.0\n' "$1" > "$site/shared_$1-1.0.dist-info/METADATA"
	printf '%s,,\n' space/__init__.py "space/$1/__init__.py" "shared_$1-1.0.dist-info/METADATA" "shared_$1-1.0.dist-info/RECORD" \
		> "$site/shared_$1-1.0.dist-info/RECORD"
}
shared one; shared two
new_project shared <<END
[env one]
interpreter = $python
uses = shared-one
[stage s]
cmd  = echo s >> "\$COUNT"; echo > {{outs}}
env  = one
outs = s.txt
END
mm 0; ran s
echo 'more = 1' >> "$site/space/two/__init__.py"; mm 0; ran
: > "$site/space/two/extra.py"; rm "$site/space/two/extra.py"; shared three; mm 0; ran; said 'nothing to do'
echo 'more = 1' >> "$site/space/one/__init__.py"; mm 0; ran s
: > "$site/space/stray.py"; mm 0; ran s
rm -r "$site"/space "$site"/shared_*
cd "$T/w/story" || exit 1

begin 'byte code, and installing the same again, change nothing'
"$python" -c 'import numb_ers.more, model_tree, plotter, colours'
mm 0; said 'nothing to do'; ran
pip_install "$(wheel numb-ers 1.0 model-tree)"; mm 0; said 'nothing to do'; ran

begin 'a build with nothing to do starts no Python, and takes a glance'
settled
chmod 644 "$T"/venv/bin/python*; mm 0; said 'nothing to do'; mm 0 status --check
chmod 755 "$T"/venv/bin/python*
settled; echo >> "$site/speed/__init__.py"; mm 0; ran draw
settled; mkdir "$T/dir"; echo "$T/dir" > "$site/dir.pth"; mm 0; ran
cp -r "$site"/model_tree-1.0.dist-info "$T/dir/other-1.0.dist-info"
settled; mv "$site/speed-1.0.dist-info" "$T/gone"; mm 0 -v; ran draw; said 'speed: 1.0 -> \(none\)'; said 'colours: 1.5 -> \(none\)'
mv "$T/gone" "$site/speed-1.0.dist-info"; mm 0; ran
settled; printf 'include-system-site-packages = true\n' >> "$T/venv/pyvenv.cfg"; mm 0; ran
sed -i '$d' "$T/venv/pyvenv.cfg"

begin 'what is not installed is an error, with the nearest that is'
sed 's/Model.Tree/Modle_Tree/' mlmake.ini > bad.ini
mm 2 -f bad.ini; said "bad.ini:3: error: 'modle-tree', which \[env tree\] uses, is not installed for .*; did you mean 'model-tree'\?; \`.* -m pip install modle-tree\` installs it"
ran
sed 's/Model.Tree/>=1/' mlmake.ini > bad.ini; mm 2 -f bad.ini; said "'>=1' is no name of a Python distribution"
sed "s|= $python|= no-such-python|" mlmake.ini > bad.ini; mm 2 -f bad.ini; said "there is no interpreter 'no-such-python'"
mm 0 plain -f bad.ini; said_not error
sed 's/uses = Model.Tree/uses = Model.Tree\nrun = docker run x/' mlmake.ini > bad.ini; mm 2 -f bad.ini; said 'cannot be seen from here'

begin 'all of them'
sed -i 's/Model.Tree/*/' mlmake.ini; mm 0; ran train
check 'pip counts, too' grep -q '^env package:pip ' mlmake.lock
pip_install "$(wheel apart 3.0)"; mm 0; ran train; said 'apart: 2.0 -> 3.0'

begin 'code that runs at each start has to be asked, once'
new_project asked <<END
$(count_ini)
END
mm 0 -q; ran train draw plain
echo 'import sys; sys.path.append("'"$T/added"'")' > "$site/zzz-added.pth"
mkdir "$T/added"
mm 0 status; said 'the Python of \[env tree\] is known only after a build has asked'
mm 0; ran; said 'fresh|nothing to do'
mm 0 status; said_not 'known only'
settled
cp -r "$site/apart" "$site/apart-3.0.dist-info" "$T/added"; rm -rf "$site/apart" "$site/apart-3.0.dist-info"
sed 's/Model.Tree/apart/' mlmake.ini > apart.ini; mm 0 -f apart.ini; ran train; said 'apart: \(none\) -> 3.0'
chmod 644 "$T"/venv/bin/python*
mm 0 -f apart.ini; said 'nothing to do'
chmod 755 "$T"/venv/bin/python*
echo '# more' >> "$site/zzz-added.pth"; mm 0 -f apart.ini; ran
rm "$site/zzz-added.pth"; mm 2 -f apart.ini; said "'apart'.*is not installed"

begin 'a wrapper is asked each time'
new_project wrapper <<END
[env e]
interpreter = ./py
uses = model-tree
[stage s]
cmd  = echo s >> "\$COUNT"; echo > {{outs}}
env  = e
outs = s.txt
END
printf '#!/bin/sh\necho asked >> "$COUNT"\nexec "$(cat which)" "$@"\n' > py; chmod +x py; echo "$python" > which
mm 0; ran asked s
mm 0; ran asked; said 'nothing to do'
mm 0 status --check; ran
pip_install "$(wheel numb-ers 1.2)"; mm 0; ran asked s; said 'numb-ers: 1.0 -> 1.2'
echo /nowhere/python > which; mm 2; said 'mlmake.ini:1: \[env e\] is not known'; ran asked
printf '#!/bin/sh\necho nonsense\n' > py; mm 2; said 'cannot be understood'

begin 'PATH says which, and PYTHONPATH adds'
new_project path <<'END'
[env e]
uses = model-tree elsewhere
[stage s]
cmd  = echo s >> "$COUNT"; echo > {{outs}}
env  = e
outs = s.txt
END
mkdir "$T/elsewhere"
( cd "$T/elsewhere" && "$python" -m zipfile -e "$(wheel elsewhere 0.1)" . )
old=$PATH PATH=$T/venv/bin:$PATH
mm 2; said "'elsewhere'.* is not installed"
PYTHONPATH=$T/elsewhere; export PYTHONPATH
mm 0; ran s; mm 0; said 'nothing to do'
echo >> "$T/elsewhere/elsewhere/more.py"; mm 0; ran s
PATH=$old
unset PYTHONPATH

begin 'an editable one is the files of its directory'
mkdir -p "$T/edit/src/editme"
echo 'one = 1' > "$T/edit/src/editme/__init__.py"
mkdir "$site/editme-1.0.dist-info"
printf 'Name: editme\nVersion: 1.0\n' > "$site/editme-1.0.dist-info/METADATA"
printf '{"dir_info": {"editable": true}, "url": "file://%s"}' "$T/edit" > "$site/editme-1.0.dist-info/direct_url.json"
printf '%s\n' editme-1.0.dist-info/METADATA,, editme-1.0.dist-info/direct_url.json,, __editable__.editme.pth,, editme-1.0.dist-info/RECORD,, > "$site/editme-1.0.dist-info/RECORD"
echo "$T/edit/src" > "$site/__editable__.editme.pth"
new_project editable <<END
[env e]
interpreter = $python
uses = editme
[stage s]
cmd  = echo s >> "\$COUNT"; echo > {{outs}}
env  = e
outs = s.txt
END
mm 0; ran s; mm 0; said 'nothing to do'
echo 'one = 2' > "$T/edit/src/editme/__init__.py"; mm 0; ran s; said 'editme: 1.0 \('
settled; echo 'more = 2' > "$T/edit/src/editme/more.py"; mm 0; ran s
mkdir "$T/edit/src/editme/__pycache__"; echo x > "$T/edit/src/editme/__pycache__/more.pyc"; mm 0; ran
cd "$T/edit" && cp "$T/w/editable/mlmake.ini" . && git init -q -b main .
mm 0; ran s; mm 0; ran; said 'nothing to do'

begin 'one that a stage makes has to be there first'
new_project made <<END
[env e]
interpreter = own/bin/python3
uses = model-tree
[stage own]
cmd  = mkdir own; cp -r "$T/venv/bin" "$T/venv/lib" "$T/venv/pyvenv.cfg" own; rm -rf own/lib64
outs = own
watch = off
cache = no
[stage s]
cmd  = echo s >> "\$COUNT"; echo > {{outs}}
env  = e
outs = s.txt
END
mm 2; said "mlmake.ini:1: error: \[env e\]: what is installed has to be there .*\`mlmake own\` makes 'own/bin/python3'"
mm 0 own; ran; mm 0; ran s; mm 0; said 'nothing to do'
printf '%s\n' own s.txt > .gitignore; git add . && git commit -q -m 1
mm 0 -B s; ran s
mm 0 reproduce --stage s HEAD; said identical; ran s

begin 'one that changes while a stage uses it'
new_project moving <<END
[env e]
interpreter = $python
uses = numb-ers
[stage s]
cmd  = echo s >> "\$COUNT"; [ ! -e do ] || { echo x >> "$site/numb_ers-1.2.dist-info/METADATA"; rm do; }; echo > {{outs}}
env  = e
watch = off
outs = s.txt
END
: > do
mm 1; ran s; said 'numb-ers was changed or installed anew since mlmake looked at \[env e\], so its result is not recorded'
mm 0; ran s
finish
