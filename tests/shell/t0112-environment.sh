#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What a stage gets of the environment: a little by itself, what it declares, and some that is the same everywhere.
. "${srcdir:-.}/tests/shell/lib.sh"

begin 'what is not declared does not pass'
new_project small <<'END'
[env e]
vars   = FLAVOUR UNSET
pass   = LIB_* DISPLAY
secret = TOKEN

[stage s]
cmd  = env | LC_ALL=C sort > {{outs}}; echo s >> "$COUNT"
env  = e
outs = out.txt
END
FLAVOUR=sweet LIB_A=a LIB_B=b DISPLAY=:0 TOKEN=swordfish-1729 LEAK=leak LANG=de_DE.UTF-8 LANGUAGE=de OMP_NUM_THREADS=3 PYTHONHASHSEED=17
https_proxy=http://proxy.example:3128
export FLAVOUR LIB_A LIB_B DISPLAY TOKEN LEAK LANG LANGUAGE OMP_NUM_THREADS PYTHONHASHSEED https_proxy
mm 0 -v; ran s
has() { grep -qxF -e "$1" out.txt || fail "no $1 in the environment"; }
hasnt() { ! grep -q "^$1=" out.txt || fail "there is $1 in the environment"; }
for line in FLAVOUR=sweet LIB_A=a LIB_B=b DISPLAY=:0 TOKEN=swordfish-1729 OMP_NUM_THREADS=3 https_proxy=http://proxy.example:3128 \
	LC_ALL=C.UTF-8 TZ=UTC TERM=dumb PYTHONHASHSEED=0 SOURCE_DATE_EPOCH=315532800 "HOME=$HOME" MLMAKE_STAGE=s; do
	has "$line"
done
for name in LEAK LANG LANGUAGE UNSET; do hasnt "$name"; done
LEAK=other LIB_A=x TOKEN=y DISPLAY=:1 OMP_NUM_THREADS=4; mm 0; ran; said 'nothing to do'
FLAVOUR=sour; mm 0; ran s; said 'FLAVOUR: sweet -> sour'
UNSET=set; export UNSET; mm 0; ran s; said 'UNSET: \(unset\) -> set'; has UNSET=set
unset UNSET; mm 0 -q; ran

begin 'a secret is nowhere but in the stage'
TOKEN=swordfish-1729
new_project secret <<'END'
[env e]
secret = TOKEN

[stage s]
cmd  = test "${#TOKEN}" = 14; echo yes > {{outs}}; echo s >> "$COUNT"
env  = e
outs = s.txt
END
mm 0 -v --events="$T/events"; ran s; said_not swordfish; holds s.txt yes
mm 0 -B -v; ran s; said_not swordfish
mm 0 status -v --json; said_not swordfish
mm 0 why s; said_not swordfish
mm 0 show --json; said_not swordfish
check 'the value is in no file' sh -c '! grep -rlaF swordfish-1729 . "$1"' sh "$T/events"
hash=$(printf swordfish-1729 | sha256sum | cut -c1-64)
for object in $(git cat-file --batch-check='%(objectname)' --batch-all-objects); do
	! git cat-file -p "$object" 2> /dev/null | grep -aqE "swordfish|$hash" || fail "it is in the object $object"
done
TOKEN=other; mm 0; said 'nothing to do'

begin 'what counts cannot be secret'
new_project both <<'END'
[env e]
vars   = TOKEN_A
secret = TOKEN_*
[stage s]
cmd  = echo > {{outs}}
outs = s.txt
END
mm 2; said "mlmake.ini:1: error: 'TOKEN_A' stands under 'vars'.*and under 'secret'"

sed -i 's/^vars.*//; s/^cmd/vars = TOKEN_B\nenv = e\ncmd/' mlmake.ini
mm 2; said "mlmake.ini:4: error: 'TOKEN_B' stands under 'vars'.* and \[env e\] says that it does not"

begin 'a number to begin from'
new_project seed <<'END'
[project]
params = params.ini
[stage own]
matrix n = 1 2
cmd  = echo "$MLMAKE_SEED" > {{outs}}
outs = own-{{n}}.txt
[stage matrix]
matrix seed = 7 8
cmd  = echo "$MLMAKE_SEED" > {{outs}}
outs = matrix-{{seed}}.txt
[stage param]
cmd  = echo "$MLMAKE_SEED" > {{outs}}
params = seed
outs = param.txt
END
echo 'seed = 41' > params.ini
MLMAKE_SEED=5; export MLMAKE_SEED
mm 0; unset MLMAKE_SEED
holds matrix-7.txt 7; holds matrix-8.txt 8; holds param.txt 41
one=$(cat own-1.txt) two=$(cat own-2.txt)
check 'each instance has its own' test "$one" != "$two"
check 'they are numbers below 2^31' sh -c 'test "$1" -ge 0 && test "$1" -lt 2147483648 && test "$2" -ge 0 && test "$2" -lt 2147483648' sh "$one" "$two"
want=$(printf 'mlmake-seed 1\nown-1.txt\n' | sha256sum | cut -c1-8)
is "$one" $((0x$want & 0x7fffffff)) 'the seed that follows from the outputs'
echo 'seed = 42' > params.ini; mm 0; holds param.txt 42; mm 0 -B; holds own-1.txt "$one"

begin 'the whole environment, and the record says so'
new_project whole <<'END'
[stage s]
cmd  = echo "${LEAK-none} ${LANG-none}" > {{outs}}; echo s >> "$COUNT"
outs = s.txt
END
LEAK=leak; mm 0; ran s; holds s.txt 'none none'
mm 0 status --inherit-env; said 'it gets the whole environment'
mm 0 --inherit-env -n; said 'whole environment'; ran
mm 0 --inherit-env; ran s; holds s.txt 'leak de_DE.UTF-8'
mm 0 --inherit-env; ran; said 'nothing to do'
check 'the lock says so' grep -qxF 'env [environment] "whole"' mlmake.lock
mm 0 why --inherit-env s; said 'fresh'
mm 0 show; said 'whole environment'
mm 0 why s; said 'it ran with the whole environment \(--inherit-env\)'
mm 0; ran; holds s.txt 'none none'
sed -i 's/^\[stage s\]/[env all]\ninherit = yes\n[stage s]\nenv = all/' mlmake.ini
mm 0; ran; holds s.txt 'leak de_DE.UTF-8'
mm 0; said 'nothing to do'

begin 'a stage that fails for want of a variable is told which'
new_project hint <<'END'
[env e]
secret = ABSENT_KEY
pass   = GIVEN
[stage sh]
cmd  = echo "$LEAK" > {{outs}}
outs = sh.txt
[stage py]
cmd  = echo "KeyError: 'LEAK'"; exit 1
env  = e
outs = py.txt
[stage key]
cmd  = echo "please set ABSENT_KEY" >&2; exit 3
env  = e
outs = key.txt
[stage other]
cmd  = echo "GIVEN PATH HOME TERM PWD NOWHERE"; exit 1
env  = e
outs = other.txt
[stage lib]
cmd  = echo "x: error while loading shared libraries: libx.so: cannot open"; exit 127
outs = lib.txt
END
GIVEN=1; export GIVEN
mm 1 sh; said 'LEAK is set here, but a stage does not get it unless it is declared: `vars = LEAK` in \[stage sh\]'; said '`secret = LEAK`, in an \[env\]'
mm 1 py; said '`pass = LEAK`, or `secret = LEAK`, in \[env e\]'
mm 1 key; said 'ABSENT_KEY, which is declared, is not set here'
mm 1 other; said_not 'set here'
mm 1 lib; said_not 'LD_LIBRARY_PATH'
LD_LIBRARY_PATH=${LD_LIBRARY_PATH-}; export LD_LIBRARY_PATH
mm 1 lib; said 'LD_LIBRARY_PATH is set here'
unset LD_LIBRARY_PATH
mm 0 sh --inherit-env; said_not 'set here'

begin 'probes have the same environment'
new_project probe <<'END'
[env e]
probe  = echo "probe ${FLAVOUR-none} ${LEAK-none} $TZ"
vars   = FLAVOUR
[stage s]
cmd  = date +%Z > {{outs}}
env  = e
outs = s.txt
END
TZ=Asia/Tokyo; mm 0; TZ=UTC
check 'the probe' grep -qF 'probe sour none UTC' mlmake.lock
holds s.txt UTC

begin 'reproduce gives what was given'
new_project again <<'END'
[stage s]
cmd  = echo "${LEAK-none} $MLMAKE_SEED" > {{outs}}
outs = s.txt
END
echo s.txt > .gitignore; git add .; mm 0 --inherit-env; git add . && git commit -q -m 1
mm 0 reproduce HEAD; said identical
begin 'an edit of a module within a second, of the same length, is what Python runs'
if command -v python3 > /dev/null; then
	new_project pyc <<-'END'
	[stage t]
	cmd  = python3 {{code}}
	code = t.py
	outs = o.txt
	END
	printf 'import helper\nopen("o.txt", "w").write(helper.f())\n' > t.py
	for i in 1 2 3 4; do
		printf 'def f():\n    return "%s"\n' $i > helper.py
		mm 0 -q
		is "$(cat o.txt)" $i
	done
fi
finish
