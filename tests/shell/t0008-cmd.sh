#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The command of a stage. PEERS.md, failure 8.
. "${srcdir:-.}/tests/shell/lib.sh"

begin 'dvc-8: the lines of a cmd are one shell: variables, loops and cd go on'
new_project p <<'END'
[stage s]
cmd  = total=0
       for i in 1 2 3; do
           total=$((total + i))
       done
       mkdir -p sub; cd sub
       echo $total > ../{{outs}}
       [ "$(basename "$PWD")" = sub ]; echo s >> "$COUNT"
outs = o.txt
END
mm 0; ran s
holds o.txt 6

begin 'dvc-8: a line that fails stops the command, an unset variable too'
new_project q <<'END'
[stage s]
cmd  = echo 1 > {{outs}}
       false
       echo 2 > {{outs}}; echo s >> "$COUNT"
outs = o.txt
END
mm 1; ran; missing o.txt
new_project r <<'END'
[stage s]
cmd  = echo "$no_such_variable_here" > {{outs}}; echo s >> "$COUNT"
outs = o.txt
END
mm 1; ran; missing o.txt

begin "the shell's own signs are left alone"
new_project t <<'END'
[project]
params = params.ini
[stage s]
cmd  = echo '${x}' {a} "#" ';' "\\" a=b [c] % '{ {' : '$(' "it's" > {{outs}} ; echo tail # a remark
outs = o.txt
END
: > params.ini
mm 0
holds o.txt '${x} {a} # ; \ a=b [c] % { { : $( it'"'"'s'

begin 'a here document keeps its indentation below the first line'
new_project u <<'END'
[stage s]
cmd  = cat > {{outs}} <<X
       one
         two
       X
outs = o.txt
END
mm 0
holds o.txt one '  two'

begin 'template names'
new_project v <<'END'
[project]
params = params.ini
[stage s]
matrix m = 7
cmd  = printf '%s\n' {{data}} {{data.2}} {{code}} {{outs.1}} {{metrics}} {{plots}} {{m}} {{a.b}} > {{outs.1}}
       echo '{}' > {{metrics}}; : > {{plots}}; : > {{outs.2}}
data = 'a b.txt' c.txt
code = k.sh
outs = o-{{m}}.txt o2.txt
metrics = m.json
plots = p.csv x=a y=b
END
sed "s/'a b.txt'/\"a b.txt\"/" mlmake.ini > n && mv n mlmake.ini
: > 'a b.txt'; : > c.txt; : > k.sh; printf '[a]\nb = c d\n' > params.ini
mm 0
holds o-7.txt 'a b.txt' c.txt c.txt k.sh o-7.txt m.json p.csv 7 'c d'

begin 'the run prefix of an environment goes before the command'
new_project run <<'END'
[env e]
run = env FROM_ENV=yes
[stage s]
cmd  = echo "$FROM_ENV" > {{outs}}
env  = e
outs = o.txt
END
mm 0; holds o.txt yes

begin 'a stage reads from nothing and its directories of outputs are there'
new_project dirs <<'END'
[stage s]
cmd  = cat > a/b/c/o.txt
outs = a/b/c/o.txt
END
echo from-a-terminal | "$MLMAKE" > "$T/out" 2> "$T/err" || fail 'build'
exists a/b/c/o.txt
is "$(wc -c < a/b/c/o.txt)" 0 'size'
finish
