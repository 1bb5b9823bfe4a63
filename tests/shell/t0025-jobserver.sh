#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Under GNU make and above it.
. "${srcdir:-.}/tests/shell/lib.sh"
make=$(command -v gmake || command -v make) || skip_all 'make is missing'
"$make" --version 2> /dev/null | grep -q 'GNU Make' || skip_all 'GNU make is missing'

# inside.* are the stages that run now; the most at one time are the largest number in $T/inside.
stages() {
	new_project "$1" <<'END'
[stage s]
matrix i = 1 2 3 4 5 6
cmd  = mkdir "$T/in.$$"; ls -d "$T"/in.* | wc -l >> "$T/inside"; sleep 0.05; rmdir "$T/in.$$"
       echo {{i}} > {{outs}}; echo s{{i}} >> "$COUNT"
outs = o{{i}}
END
	: > "$T/inside"
}
most() { sort -n "$T/inside" | tail -n 1; }

begin 'mlmake under make -j2 takes its slots from there'
stages p
printf 'all: a b\na:\n\t+"$(MLMAKE)" -C "$(T)/w/p"\nb:\n\t:\n' > "$T/Makefile"
"$make" -j2 -f "$T/Makefile" all > "$T/out" 2> "$T/err" || fail "make: $?"
ran s1 s2 s3 s4 s5 s6
[ "$(most)" -le 2 ] || fail "$(most) at once"
said_not 'jobserver|warning'

begin 'mlmake under make -j1 and under make without -j'
stages q
printf 'all:\n\t+"$(MLMAKE)" -C "$(T)/w/q"\n' > "$T/Makefile"
"$make" -j1 -f "$T/Makefile" > "$T/out" 2> "$T/err" || fail "make: $?"
ran s1 s2 s3 s4 s5 s6
[ "$(most)" -le 2 ] || fail "$(most) at once"
stages r
printf 'all:\n\t"$(MLMAKE)" -j1 -C "$(T)/w/r"\n' > "$T/Makefile"
"$make" -f "$T/Makefile" > "$T/out" 2> "$T/err" || fail "make: $?"
ran s1 s2 s3 s4 s5 s6
is "$(most)" 1 'at once'

begin 'make without + hands out no jobserver: mlmake builds all the same'
stages u
printf 'all:\n\t"$(MLMAKE)" -C "$(T)/w/u"\n' > "$T/Makefile"
"$make" -j2 -f "$T/Makefile" > "$T/out" 2> "$T/err" || fail "make: $?"
ran s1 s2 s3 s4 s5 s6

begin 'a failure goes up to make'
stages v
echo 'outs = never' >> mlmake.ini
printf 'all:\n\t+"$(MLMAKE)" -C "$(T)/w/v"\n' > "$T/Makefile"
sed -i 's/outs = never/[stage bad]\ncmd = false\nouts = never/' mlmake.ini
refuse 'make' "$make" -j2 -f "$T/Makefile"

begin 'make under mlmake -j2 takes its slots from mlmake: never more than two at work'
new_project w <<'END'
[stage m]
matrix i = 1 2
cmd  = make -s -f sub.mk W={{i}} > make{{i}}.log 2>&1; echo {{i}} > {{outs}}
code = sub.mk
outs = m{{i}}
END
sed "s#= make#= $make#" mlmake.ini > n && mv n mlmake.ini
cat > sub.mk <<'END'
all: a b c
a b c:
	+mkdir "$$T/in.$$$$"; ls -d "$$T"/in.* | wc -l >> "$$T/inside"; sleep 0.05; rmdir "$$T/in.$$$$"; echo $(W)$@ >> "$$COUNT"
END
: > "$T/inside"
mm 0 -j2
ran 1a 1b 1c 2a 2b 2c
[ "$(most)" -le 2 ] || fail "$(most) at once"
refuse 'make complains' grep -i 'jobserver\|warning' make1.log make2.log

begin 'make under mlmake -j3, one stage: it really gets more than one slot'
cat > sub.mk <<'END'
all: a b
a:
	: > "$$T/here.a"; until [ -e "$$T/here.b" ]; do sleep 0.02; done
b:
	: > "$$T/here.b"; until [ -e "$$T/here.a" ]; do sleep 0.02; done
END
sed 's/= 1 2/= 7/' mlmake.ini > n && mv n mlmake.ini
mm 0 -j3
exists m7

begin 'mlmake under mlmake'
mkdir -p inner
printf '[stage s]\nmatrix i = 1 2 3 4\ncmd = mkdir "$T/in.$$"; ls -d "$T"/in.* | wc -l >> "$T/inside"; sleep 0.05; rmdir "$T/in.$$"; echo > {{outs}}\nouts = i{{i}}\n' > inner/mlmake.ini
printf '[stage outer]\ncmd = "$MLMAKE" -C inner; cp inner/i4 {{outs}}\nouts = done\n' > mlmake.ini
: > "$T/inside"
mm 0 -j2
exists inner/i4
[ "$(most)" -le 2 ] || fail "$(most) at once"
finish
