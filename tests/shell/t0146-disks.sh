#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A disk that is full while something is shipped, looked at or judged; and one that vanishes under the worker of a hook. Each on a small
# file system of its own.
. "${srcdir:-.}/tests/shell/lib.sh"
. "$srcdir/tests/shell/deploy.sh"

small=$T/small
mkdir "$small"
away() { cd / && umount -l "$small" 2> /dev/null; leave; }
[ "$(id -u)" = 0 ] && mount -t tmpfs -o size=6m none "$small" 2> /dev/null || skip_all 'only root can mount a small disk'
trap away EXIT
mkdir "$T/w" "$small/p" && ln -s "$small/p" "$T/w/full"
fill() { dd if=/dev/zero of="$small/fill" bs=4k 2> /dev/null; }

begin 'nothing is shipped from a full disk, and what is in production is known and stays'
deploys full
cat >> mlmake.ini <<'END'
[monitor drift]
data    = prod.csv
against = raw.txt
header  = no
rows    = 1..
drift   = psi 0.2 1
END
git add -A; git commit -qm monitor
mm 0 deploy; live production 0.7 v0.0.1
data 0.8
mm 0 release
tags=$(git tag -l)
: > "$COUNT"; fill
mm 2 deploy; said 'No space left'; ran
live production 0.7 v0.0.1
mm 2 promote api staging; said 'No space left'; ran
is "$(git tag -l)" "$tags" tags
begin 'and afterwards it is shipped as if nothing had been'
rm "$small/fill"
mm 0 deploy; live production 0.8 v0.0.2
mm 0 fsck
begin 'nor is anything rolled back'
: > "$COUNT"; fill
mm 2 rollback api; said 'No space left'; ran
rm "$small/fill"
live production 0.8 v0.0.2
mm 0 rollback api; live production 0.7 v0.0.1
begin 'a gate that is asked on a full disk does not pass for it'
data 0.2
fill
"$MLMAKE" release > "$T/out" 2>&1 && fail 'it passes'
rm "$small/fill"
mm 3 release
begin 'a look that cannot be written down says so'
echo 0.7 > prod.csv
fill; while echo 1 >> .git/mlmake/monitor.fill; do :; done 2> /dev/null
"$MLMAKE" monitor > "$T/out" 2>&1
is "$?" 1 'exit status'
said 'No space left'
rm "$small/fill" .git/mlmake/monitor.fill
mm 0 monitor
is "$("$MLMAKE" monitor --history | grep -c calm)" 1 looks

begin 'a disk that vanishes under a build leaves no process'
cat > mlmake.ini <<'END'
[stage s]
cmd  = echo s >> "$COUNT"; while [ ! -e "$T/go" ]; do sleep 0.02; done; cat {{data}} > {{outs}}
data = raw.txt
outs = model.txt
[hook post-commit]
END
mm 0 hook install
git add -A; git commit -qm hooked
until_true 'it is built' grep -q s "$COUNT"
pids=$(for p in /proc/[0-9]*; do case $(readlink "$p/cwd" 2> /dev/null) in "$small/p/.git"*) echo "${p#/proc/}" ;; esac; done)
[ -n "$pids" ] || fail 'no worker'
cd "$T" && umount -l "$small"
: > "$T/go"
for p in $pids; do until_true "process $p ends" gone "$p"; done
is "$(ls "$small")" '' 'what stands where it was'
finish
