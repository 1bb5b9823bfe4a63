#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Files that stages touch without declaring them are named.
# shellcheck disable=SC1091,SC2016
. "${srcdir:-.}/tests/shell/lib.sh"

new_project probe <<'END'
[stage a]
cmd  = cat {{data}} other.txt > {{outs}}
data = in.txt
outs = out.txt
END
echo 1 > in.txt; echo 2 > other.txt
"$MLMAKE" > "$T/out" 2>&1
if grep -q 'not watched' "$T/out"; then
	skip_all "$(cat "$T/out")"
fi

begin 'what is read, listed and written is named once, with what to write'
new_project one <<'END'
[stage train]
cmd  = cat {{data}} conf/a.yaml > {{outs}}; sh -c 'cat "b c.txt"' >> {{outs}}; ls conf > /dev/null; echo x > side.log
data = in.txt
outs = out.txt
END
mkdir conf; echo 1 > in.txt; echo 2 > conf/a.yaml; echo 3 > 'b c.txt'
mm 0
said 'note: train: it read conf/a.yaml, b c.txt; listed conf; wrote side.log, which \[stage train\] does not declare'
said "write there 'code = conf/a.yaml \"b c.txt\"', 'outs = side.log'"
mm 0
said_not 'does not declare'

begin 'why tells it again, of the result that is there, and so does show'
mm 0 why train
said 'when it ran, in run [0-9T]*-[0-9a-f]*: it read conf/a\.yaml, b c\.txt; listed conf; wrote side\.log, which \[stage train\] does not declare'
mm 0 show; said 'it read conf/a\.yaml, b c\.txt'
echo 4 > in.txt
mm 0 why train; said_not 'when it ran'
git checkout -q . 2> /dev/null; echo 1 > in.txt
mm 0 why train; said 'when it ran, in run .* which \[stage train\] does not declare'

begin 'of a file of parameters the keys are to be written'
new_project params <<'END'
[project]
params = params.ini
[stage train]
cmd  = cat {{data}} params.ini conf.txt > {{outs}}
data = in.txt
outs = out.txt
END
echo 'eta = 1' > params.ini; echo 1 > in.txt; echo 2 > conf.txt
mm 0
said 'it read params.ini, conf.txt, which \[stage train\] does not declare'
said "; write there 'code = conf.txt', 'params = KEY' for each that it reads of params.ini\$"
echo 'params = eta' >> mlmake.ini
mm 0
said 'it read conf.txt, which \[stage train\] does not declare'
said_not 'params'

begin 'what is declared is silent: directories, links to it, patterns, params, outputs, temporary files'
new_project two <<'END'
[project]
params = params.ini
[stage a]
cmd    = cat d/x link.txt params.ini p/*.csv > {{outs.1}}; mkdir o; echo t > tmp.1; mv tmp.1 o/in; cat o/in {{outs.1}} > /dev/null; ls p d o; echo > gone; rm gone
data   = d in.txt p/*.csv link.txt
params = k
outs   = out.txt o
END
mkdir d p; echo 1 > d/x; echo 2 > in.txt; echo 3 > p/a.csv; ln -s in.txt link.txt; echo 'k = 1' > params.ini
mm 0
said_not 'does not declare'

begin 'a static program and its children are seen'
cat > "$T/static.c" <<'END'
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/wait.h>
int main(void)
{
	if (vfork() == 0)
		execl("/bin/cat", "cat", "by-child.txt", (char *)0);
	wait(0);
	return open("by-static.txt", O_RDONLY) < 0;
}
END
if ! cc -static -o "$T/static" "$T/static.c" 2> /dev/null; then
	title=''
	skip 'a static program' 'cc -static does not work here'
else
	new_project static <<-'END'
	[stage a]
	cmd  = "$T/static" > {{outs}}
	outs = out.txt
	END
	echo 1 > by-child.txt; echo 2 > by-static.txt
	mm 0
	said 'read by-child.txt, by-static.txt'
fi

begin 'Python: imports and byte code are no findings, a file is'
if ! have_python; then
	title=''
	skip 'Python' 'no python3'
else
	new_project py <<-'END'
	[stage a]
	cmd  = python3 src/a.py
	outs = out.txt
	END
	mkdir src; echo 'x = 1' > src/b.py; echo '{}' > conf.json
	printf 'import b, json\nopen("out.txt", "w").write(json.dumps(json.load(open("conf.json"))))\n' > src/a.py
	mm 0
	said 'note: a: it read conf.json, which'
fi

begin 'io_uring is not there: programs fall back'
cat > "$T/ring.c" <<'END'
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
	return !(syscall(425, 8, 0) < 0 && errno == ENOSYS);
}
END
if ! cc -o "$T/ring" "$T/ring.c" 2> /dev/null; then
	title=''
	skip 'io_uring' 'no C compiler'
else
	new_project ring <<-'END'
	[stage a]
	cmd  = "$T/ring" && echo fell back > {{outs}}
	outs = out.txt
	END
	mm 0
	holds out.txt 'fell back'
fi

begin 'what was looked for and not found makes the stage stale when it appears, and is in no key'
new_project absent <<'END'
[project]
params = params.ini
[stage a]
cmd    = cat my.rc > {{outs}} 2> /dev/null || echo none{{n}} > {{outs}}; cat o/gone tmp.1 2> /dev/null || true; echo x > tmp.1; rm tmp.1; echo a >> "$COUNT"
outs   = o/a.txt
[stage b]
cmd    = cat {{data}} > {{outs}}; echo b >> "$COUNT"
data   = o/a.txt
outs   = o/b.txt
END
echo 'n = 1' > params.ini
mm 0; ran a b; holds o/a.txt none1
settled
refuse 'the lock says nothing of it' grep -q 'my\.rc"\|absent' mlmake.lock
: > tmp.1; mm 0; said 'nothing to do'; rm tmp.1
mm 0 n=2; ran a b; mm 0; ran; said 'restored a' # what it looked for changes no key
settled
echo 1 > my.rc; ln -s nowhere other
mm 4 status --check; said 'stale +a +\[there\] my.rc: no -> yes'
mm 0 why a; said '\[there\] my.rc: no -> yes'
mm 0; ran a b; holds o/a.txt 1; said 'note: a: it read my.rc, which \[stage a\] does not declare'
mm 0; ran; said 'nothing to do'
rm my.rc; mm 0 -B -q; : > "$COUNT"
echo 1 > my.rc; mm 0 n=2; ran a; said 'restored b'; holds o/a.txt 1 # what is known of these inputs looked for it, too

begin 'also where it was only asked whether it is there: by the shell, by Python, by a static program'
new_project asked <<'END'
[stage sh]
cmd    = test -f sh.rc || echo none > {{outs}}; echo sh >> "$COUNT"
outs   = o/sh.txt
[stage py]
cmd    = python3 {{code}} 2> /dev/null || true; echo none > {{outs}}; echo py >> "$COUNT"
code   = src/a.py
outs   = o/py.txt
[stage static]
cmd    = "$T/asks" || true; echo none > {{outs}}; echo static >> "$COUNT"
outs   = o/static.txt
END
mkdir src; printf 'import os.path\nfrom pathlib import Path\nprint(Path("py.rc").exists(), os.path.isdir("src/py.d"))\n' > src/a.py
printf '#include <unistd.h>\nint main(void) { return access("static.rc", R_OK); }\n' > "$T/asks.c"
have_python || sed -i 's/python3 {{code}}/test -e py.rc; test -e src\/py.d; : {{code}}/' mlmake.ini
cc -static -o "$T/asks" "$T/asks.c" 2> /dev/null || { echo 'test -e static.rc' > "$T/asks"; chmod +x "$T/asks"; }
mm 0; ran sh py static; settled
echo 1 > sh.rc; mm 4 status --check; said 'sh +\[there\] sh.rc: no -> yes'; rm sh.rc
echo 1 > py.rc; mm 0; ran py; said 'py.rc: no -> yes'
mkdir src/py.d; mm 0; ran py; said 'src/py.d: no -> yes'
echo 1 > static.rc; mm 0; ran static; said 'static.rc: no -> yes'
mm 0; ran; said 'nothing to do'

begin 'so it is with each of many instances'
new_project each <<'END'
[stage s]
cmd    = test -e common.rc || test -e {{i}}.rc || echo > {{outs}}
matrix i = 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20
outs   = o/{{i}}
END
mm 0; settled
echo 1 > 19.rc; mm 4 status --check; said 's@19 +\[there\] 19.rc: no -> yes'; said '1 stale'; rm 19.rc
settled; echo 1 > common.rc; mm 4 status --check; said '20 stale'

begin 'that it appeared can be accepted, and is forgotten where nothing is watched'
new_project appeared <<'END'
[stage a]
cmd    = cat my.rc your.rc > {{outs}} 2> /dev/null || true; echo a >> "$COUNT"
outs   = o/a.txt
END
mm 0; mkdir my.rc; ran a
mm 0 accept a --because='it is of no matter'; mm 0; ran; said 'nothing to do'
echo 1 > your.rc; mm 4 status --check; said_not my.rc; said 'your.rc: no -> yes'; rm your.rc
mm 0 accept --undo a; mm 4 status --check; said 'my.rc: no -> yes'
rmdir my.rc; mm 0; ran; said 'nothing to do'
echo 1 > my.rc; sed -i 's/^cmd /watch = off\ncmd /' mlmake.ini; mm 0; ran; said 'nothing to do'

begin 'off: nothing is watched; for all or one stage; other words are errors'
new_project off <<'END'
[project]
watch = off
[stage a]
cmd  = cat in.txt > {{outs}}
outs = a.txt
[stage b]
watch = warn
cmd  = cat in.txt > {{outs}}
outs = b.txt
END
echo 1 > in.txt
mm 0
said 'note: b: it read in.txt'
said_not 'note: a:'
sed -i 's/watch = warn/watch = maybe/' mlmake.ini
mm 2
said "mlmake.ini:7: error: 'watch' takes"

begin 'many at once: each stage has its own'
for i in 1 2 3 4 5 6 7 8; do
	printf '[stage s%s]\ncmd = for i in 1 2 3 4 5 6 7 8 9; do cat x%s; done > {{outs}}\nouts = o%s\n' "$i" "$i" "$i"
done | new_project many
cd "$T/w/many" || exit 1
for i in 1 2 3 4 5 6 7 8; do echo "$i" > "x$i"; done
mm 0 -j 8
for i in 1 2 3 4 5 6 7 8; do said "note: s$i: it read x$i, which"; done

begin 'of many instances of a stage one speaks'
new_project matrix <<'END'
[stage s]
cmd = cat common.txt > {{outs}}
matrix i = 1 2 3 4 5
outs = o{{i}}
END
echo 1 > common.txt
mm 0
is "$(cat "$T/out" "$T/err" | grep -c 'does not declare')" 1 notes

begin 'names that would move the cursor or break a line are harmless'
new_project hostile <<'END'
[stage a]
cmd  = cat bad*; cat long*; echo > {{outs}}
outs = out.txt
END
odd=$(printf 'bad\033[31m\n\377x'); echo 1 > "$odd"; long=$(printf 'long%0200d' 7); echo 1 > "$long"
mm 0
said 'read bad\\x1b\[31m\\n\\xffx, long0'
if grep -q "$(printf '\033')" "$T/out" "$T/err"; then fail 'an escape sequence came through'; fi
said "write there 'data = long0*7'"

begin 'mlmake is killed: what it watched dies'
new_project kill <<'END'
[stage a]
cmd  = echo $$ > "$T/pid"; while :; do cat in.txt > /dev/null; done
outs = out.txt
END
echo 1 > in.txt
mm_start
until_true 'the stage runs' test -s "$T/pid"
kill -KILL "$pid"
wait "$pid" 2> /dev/null
until_true 'the stage is dead' gone "$(cat "$T/pid")"

begin 'a time limit holds while calls are watched'
new_project limit <<'END'
[stage a]
cmd     = while :; do cat in.txt > /dev/null; done
outs    = out.txt
timeout = 200ms
END
echo 1 > in.txt
mm 1
said 'longer than its timeout'

begin 'mlmake within a watched stage: the outer one sees, the inner one says that it cannot'
new_project nested <<'END'
[stage o]
cmd  = (cd sub && exec "$MLMAKE"); echo > {{outs}}
outs = o.txt
END
mkdir sub; printf '[stage i]\ncmd = cat y.txt > {{outs}}\nouts = i.txt\n' > sub/mlmake.ini; echo 1 > sub/y.txt
mm 0 -v
# The sanitizer of threads makes fork of vfork, and what the child says of itself is lost.
sanitized tsan || said 'something watches what mlmake itself runs in'
said 'note: o: it read sub/mlmake.ini, sub/y.txt'

begin 'as an ordinary user'
if [ "$(id -u)" != 0 ] || ! setpriv --reuid 65534 --regid 65534 --clear-groups true 2> /dev/null; then
	title=''
	skip 'as an ordinary user' 'not root, or no setpriv'
else
	new_project user <<-'END'
	[stage a]
	cmd  = cat other.txt > {{outs}}
	outs = out.txt
	END
	echo 2 > other.txt
	chmod 755 "$T" "$T/w"; chown -R 65534:65534 "$T/w/user"; cp "$MLMAKE" "$T/mlmake"; chmod 755 "$T/mlmake"
	HOME=$T/w/user setpriv --reuid 65534 --regid 65534 --clear-groups "$T/mlmake" > "$T/out" 2> "$T/err" || fail 'it does not build'
	said 'read other.txt'
fi
finish
