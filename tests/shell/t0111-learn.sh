#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What a stage was seen to depend on counts from then on.
# shellcheck disable=SC1091,SC2016
. "${srcdir:-.}/tests/shell/lib.sh"

new_project probe <<'END'
[stage a]
cmd  = cat other.txt > {{outs}}
outs = out.txt
END
echo 2 > other.txt
"$MLMAKE" > "$T/out" 2>&1
if grep -q 'not watched' "$T/out"; then
	skip_all "$(cat "$T/out")"
fi

begin 'a file that nobody declared is reported, learned, and then counts'
new_project one <<'END'
[project]
watch = learn
[stage train]
cmd  = cat {{data}} conf/a.yaml > {{outs}}; echo train >> "$COUNT"
data = in.txt
outs = out.txt
[stage eval]
cmd  = wc -l < {{data}} > {{outs}}; echo eval >> "$COUNT"
data = out.txt
outs = eval.txt
END
mkdir conf; echo 1 > in.txt; echo a > conf/a.yaml
mm 0
ran train eval
said 'note: train: it read conf/a.yaml, which .* does not declare; what it read counts from now on'
mm 0
ran
echo b > conf/a.yaml
mm 4 status --check
said 'conf/a.yaml changed \(which it was seen to read\)'
mm 0 why train
said 'conf/a.yaml'
mm 0
ran train eval
said_not 'does not declare'
holds out.txt 1 b

begin 'back to what it was: the result comes back without running'
echo a > conf/a.yaml
mm 0
ran
said 'restored train'
holds out.txt 1 a

begin 'it is gone: the stage runs, and fails as it would'
mv conf/a.yaml "$T/kept"
mm 4 status --check
said 'conf/a.yaml is gone'
mm 1
ran
mv "$T/kept" conf/a.yaml
mm 0

begin 'a fresh clone knows it from mlmake.lock'
git add mlmake.ini mlmake.lock in.txt conf; git commit -q -m one
git clone -q . "$T/w/clone"; cd "$T/w/clone" || exit 1
: > "$COUNT"
mm 0
ran train eval
echo c > conf/a.yaml
mm 0
ran train eval

begin 'looked for and not found: its appearing counts, its going too'
new_project missing <<'END'
[stage a]
watch = learn
cmd   = if test -f my.rc; then cat my.rc; fi > {{outs}}; echo a >> "$COUNT"
outs  = out.txt
END
mm 0; ran a
mm 0; ran
echo 1 > my.rc
mm 4 status --check
said 'my.rc: no -> yes'
mm 0; ran a
holds out.txt 1
mm 0; ran
echo 2 > my.rc
mm 0; ran a
rm my.rc
mm 0; holds out.txt

begin 'a directory that was listed counts by its names; outputs in it do not'
new_project listed <<'END'
[stage a]
watch = learn
cmd   = ls d > {{outs}}; echo a >> "$COUNT"
outs  = out.txt
[stage b]
cmd   = echo > {{outs}}
outs  = d/made.txt
END
mkdir d; echo 1 > d/x
mm 0 a; ran a
mm 0 b
mm 0; ran
echo 2 > d/x
mm 0; ran
echo 1 > d/y
mm 0; ran a
said '\[names\] d: x -> x y'

begin 'what another stage makes is waited for'
new_project edge <<'END'
[project]
watch = learn
[stage make]
cmd  = cp {{data}} {{outs}}; echo make >> "$COUNT"
data = in.txt
outs = mid.txt
[stage use]
cmd  = cat mid.txt > {{outs}}; echo use >> "$COUNT"
after = make
outs = out.txt
END
echo 1 > in.txt
mm 0; ran_order make use
sed -i '/^after/d' mlmake.ini
mm 0; ran
echo 2 > in.txt
mm 0; ran_order make use
holds out.txt 2

begin 'what is read only under some parameters'
new_project params <<'END'
[project]
params = params.ini
[stage a]
watch = learn
cmd   = cat {{which}}.cfg > {{outs}}; echo a >> "$COUNT"
outs  = out.txt
END
echo 'which = x' > params.ini; echo 1 > x.cfg; echo 2 > y.cfg
mm 0; ran a
mm 0 which=y; ran a
echo 3 > x.cfg
mm 0; ran a; holds out.txt 3
echo 4 > y.cfg
mm 0; ran

begin 'changed while it ran: no record'
new_project moved <<'END'
[stage a]
watch = learn
cmd   = cat x.cfg > {{outs}}; : > "$T/go"; while [ -e "$T/go" ]; do :; done
outs  = out.txt
END
echo 1 > x.cfg
mm_start
until_true 'it has read' test -e "$T/go"
echo 2 > x.cfg
rm "$T/go"
mm_end 1
said "'x.cfg', which it was seen to read, changed while it ran"

begin 'lint --fix writes it down, keeps all else, and once is enough'
new_project fix <<'END'
; a comment
[project]
watch = learn

[stage a]   ; of a
cmd  = cat in.txt 'b c.txt' > {{outs}}
       echo a >> "$COUNT"
outs = out.txt
; the end of a

[stage b]
cmd  = cat {{data}} in.txt > {{outs}}; echo b >> "$COUNT"
data = 'b
outs = b.txt
END
sed -i "s/^data = 'b/data = out.txt/" mlmake.ini
echo 1 > in.txt; echo 2 > 'b c.txt'; chmod 640 mlmake.ini
sed -i 's/^\[stage a\].*/[stage a]/' mlmake.ini
mm 0; ran a b
cp mlmake.ini "$T/before"
mm 0 lint --fix
said 'mlmake.ini: \[stage a\]: data = "b c.txt"'
is "$(diff "$T/before" mlmake.ini | tr '\n' '~')" '8a9,10~> data = "b c.txt"~> data = in.txt~14a17~> code = in.txt~' 'what was written'
is "$(stat -c %a mlmake.ini)" 640 mode
cp mlmake.ini "$T/after"
mm 0 lint --fix
cmp -s mlmake.ini "$T/after" || fail 'it wrote again'
mm 0
ran b
mm 0
ran

begin 'lint --fix and names that cannot stand in the file'
new_project hostile <<'END'
[stage a]
watch = learn
cmd   = cat bad* > {{outs}}
outs  = out.txt
END
odd=$(printf 'bad\033[31m\nx'); echo 1 > "$odd"; echo 2 > 'bad "q" \ {{x}}'; echo 3 > 'bad "q" \'
mm 0
mm 0 lint --fix
said 'cannot be written here'
if grep -q "$(printf '\033')" "$T/out" "$T/err"; then fail 'an escape sequence came through'; fi
mm 0 lint
mm 0 status --check

begin 'off again: what was learned is forgotten'
new_project off <<'END'
[stage a]
watch = learn
cmd   = cat in.txt > {{outs}}; echo a >> "$COUNT"
outs  = out.txt
END
echo 1 > in.txt
mm 0; ran a
sed -i 's/learn/off/' mlmake.ini
mm 0; ran a
echo 2 > in.txt
mm 0; ran
finish
