#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What the key contains. PEERS.md, failure 3: changes of the definition and of the environment.
. "${srcdir:-.}/tests/shell/lib.sh"

begin 'dvc-3: a dependency removed from the definition is noticed'
new_project deps <<'END'
[stage s]
cmd  = echo x > {{outs}}; echo s >> "$COUNT"
data = a.txt b.txt
outs = o.txt
END
echo a > a.txt; echo b > b.txt
mm 0; ran s; mm 0; ran
sed 's/a.txt b.txt/a.txt/' mlmake.ini > n && mv n mlmake.ini
mm 4 status --check
mm 0 why s
said 'b\.txt'
mm 0; ran s
mm 0; ran

begin 'dvc-3: a dependency added, and the order of two, are noticed'
echo 'data = c.txt' >> mlmake.ini; echo c > c.txt
mm 0; ran s; mm 0; ran

begin 'dvc-3: a declared environment variable that changed is noticed, and put back is restored'
new_project env <<'END'
[env e]
vars = FLAVOUR
secret = TOKEN
[stage s]
cmd  = echo "${FLAVOUR:-none}" > {{outs}}; echo s >> "$COUNT"
env  = e
outs = o.txt
END
FLAVOUR=sweet TOKEN=1; export FLAVOUR TOKEN
mm 0; ran s; holds o.txt sweet; mm 0; ran
FLAVOUR=sour
mm 4 status --check
said 'FLAVOUR'
mm 0; ran s; holds o.txt sour
FLAVOUR=sweet
mm 0; ran; holds o.txt sweet
unset FLAVOUR
mm 0; ran s; holds o.txt none
FLAVOUR=''; export FLAVOUR
mm 0; ran s

begin 'a secret passes and does not count'
FLAVOUR=sweet TOKEN=2
mm 0; ran
check 'the secret is written nowhere' sh -c '! grep -r "TOKEN" .git/mlmake mlmake.lock'

begin 'a variable that was not declared does not count'
HUMIDITY=3; export HUMIDITY
mm 0; ran

begin 'a probe that answers otherwise rebuilds; a lock file too'
new_project probe <<'END'
[env e]
probe = cat "$T/version"
lock  = e.lock
[stage s]
cmd  = echo s > {{outs}}; echo s >> "$COUNT"
env  = e
outs = o.txt
END
echo 1 > "$T/version"; echo 1 > e.lock
mm 0; ran s; mm 0; ran
echo 2 > "$T/version"; mm 0; ran s; mm 0; ran
echo 2 > e.lock; mm 0; ran s; mm 0; ran
echo 1 > "$T/version"; echo 1 > e.lock; mm 0; ran

begin 'a probe that fails stops the build and says which'
rm "$T/version"
mm 2
said 'cat "\$T/version"'
ran

begin 'a script named in a command is code without being declared'
new_project script <<'END'
[stage s]
cmd  = sh tool/make.sh > {{outs}}; echo s >> "$COUNT"
outs = o.txt
END
mkdir tool; echo 'echo 1' > tool/make.sh
mm 0; ran s; holds o.txt 1
echo 'echo 2' > tool/make.sh
mm 0; ran s; holds o.txt 2

begin 'a command that changed rebuilds; the name of an output too'
sed 's/o\.txt/p.txt/' mlmake.ini > n && mv n mlmake.ini
mm 0; ran s; holds p.txt 2

begin 'stage names and file names that look alike are not mixed up'
new_project twins <<'END'
[stage a]
cmd  = cat {{data}} > {{outs}}; echo a >> "$COUNT"
data = x y
outs = o1
[stage a-b]
cmd  = cat {{data}} > {{outs}}; echo a-b >> "$COUNT"
data = "x y"
outs = o2
END
echo x > x; echo y > y; echo xy > 'x y'
mm 0; ran a a-b
holds o1 x y; holds o2 xy
echo z > 'x y'; mm 0; ran a-b
finish
