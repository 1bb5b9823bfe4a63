#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What stages share: order alone, cores, gpu ids, named locks.
. "${srcdir:-.}/tests/shell/lib.sh"

# By this stages see each other: it notes how many are inside. The sleep makes it likelier that a mistake is seen;
# nothing that is right depends on it.
enter='mkdir "$T/in.$$"; ls -d "$T"/in.* | wc -l >> "$T/inside"; sleep 0.05; rmdir "$T/in.$$"'
most() { sort -n "$T/inside" | tail -n 1; }

begin 'after gives order and nothing else'
new_project after <<'END'
[stage late]
after = early
cmd  = echo late > {{outs}}; echo late >> "$COUNT"
outs = late.txt
[stage early]
cmd  = sleep 0.1; cat {{data}} > {{outs}}; echo early >> "$COUNT"
data = in.txt
outs = early.txt
END
echo 1 > in.txt
mm 0; ran_order early late
echo 2 > in.txt
mm 0; ran early

begin 'without limits stages run side by side'
new_project free <<END
[stage s]
matrix i = 1 2
cmd  = : > "\$T/here{{i}}"; while [ ! -e "\$T/here1" ] || [ ! -e "\$T/here2" ]; do sleep 0.02; done; echo > {{outs}}
outs = o{{i}}
END
mm 0 -j2
exists o1; exists o2

begin '-j1 runs one at a time'
new_project j1 <<END
[stage s]
matrix i = 1 2 3 4
cmd  = $enter; echo > {{outs}}; echo s{{i}} >> "\$COUNT"
outs = o{{i}}
END
: > "$T/inside"
mm 0 -j1; ran s1 s2 s3 s4
is "$(most)" 1 'at once'

begin 'a named lock keeps its holders apart'
new_project lock <<END
[stage s]
matrix i = 1 2 3 4
use  = lock=db
cmd  = $enter; echo > {{outs}}
outs = o{{i}}
END
: > "$T/inside"
mm 0 -j4
is "$(most)" 1 'at once'

begin 'cpu=N counts as N of -j'
new_project cpu <<END
[stage s]
matrix i = 1 2 3 4
use  = cpu=2
cmd  = $enter; echo > {{outs}}
outs = o{{i}}
END
: > "$T/inside"
mm 0 -j3
is "$(most)" 1 'at once'

begin 'a stage that wants more cores than there are runs alone'
sed 's/cpu=2/cpu=64/' mlmake.ini > n && mv n mlmake.ini
: > "$T/inside"; rm o*
mm 0 -j4 -B
is "$(most)" 1 'at once'

begin 'gpu: two stages at a time get different ids, and never more than there are'
new_project gpu <<'END'
[project]
gpus = 3 GPU-b
[stage s]
matrix i = 1 2 3 4
use  = gpu=1
cmd  = mkdir "$T/gpu.$CUDA_VISIBLE_DEVICES"; sleep 0.05; echo $CUDA_VISIBLE_DEVICES > {{outs}}; rmdir "$T/gpu.$CUDA_VISIBLE_DEVICES"
outs = o{{i}}
[stage both]
use  = gpu=2
cmd  = echo $CUDA_VISIBLE_DEVICES > {{outs}}
data = o*
outs = both
[stage none]
cmd  = echo "none:${CUDA_VISIBLE_DEVICES-unset}" > {{outs}}
outs = none
END
sed 's/data = o\*/data = o1 o2 o3 o4/' mlmake.ini > n && mv n mlmake.ini
mm 0 -j4
holds both 3,GPU-b
is "$(cat o1 o2 o3 o4 | sort -u | tr '\n' ' ')" '3 GPU-b ' 'ids'
# Two stages of which each waits for the other must run at once, with an id each.
cat > mlmake.ini <<'END'
[project]
gpus = 3 GPU-b
[stage s]
matrix i = 1 2
use  = gpu=1
cmd  = echo $CUDA_VISIBLE_DEVICES > "$T/g{{i}}"; until [ -s "$T/g1" ] && [ -s "$T/g2" ]; do sleep 0.02; done
       echo $CUDA_VISIBLE_DEVICES > {{outs}}
outs = p{{i}}
END
mm 0 -j2
is "$(cat p1 p2 | sort | tr '\n' ' ')" '3 GPU-b ' 'ids at once'

begin 'gpu ids come from CUDA_VISIBLE_DEVICES where nothing else is said'
new_project cuda <<'END'
[stage s]
use  = gpu=1
cmd  = echo $CUDA_VISIBLE_DEVICES > {{outs}}
outs = o
END
CUDA_VISIBLE_DEVICES=7; export CUDA_VISIBLE_DEVICES
mm 0; holds o 7
unset CUDA_VISIBLE_DEVICES

begin 'the longest path goes first, known from the run before'
new_project long <<'END'
[stage a]
cmd  = echo a >> "$COUNT"; cat in.txt > {{outs}}
data = in.txt
outs = a.txt
[stage b]
cmd  = echo b >> "$COUNT"; [ -e "$T/slept" ] || sleep 1; : > "$T/slept"; cat in.txt > {{outs}}
data = in.txt
outs = b.txt
END
echo 1 > in.txt
mm 0 -j1; ran a b
echo 2 > in.txt
mm 0 -j1; ran_order b a
finish
