#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# retrain: fetch, build, gate, deploy; or what is deployed stays as it is, and why is said
. "${srcdir:-.}/tests/shell/lib.sh"
. "$srcdir/tests/shell/deploy.sh"

begin 'new data are fetched, trained on, judged and deployed in one'
deploys p
cat >> mlmake.ini <<'END'
[source raw]
cmd   = echo fetch >> "$COUNT"; cat "$T/upstream" > {{outs}}
probe = cat "$T/version"
outs  = raw.txt
END
git rm -q --cached raw.txt; rm raw.txt; echo raw.txt >> .gitignore
git add -A; git commit -qm source
echo 0.7 > "$T/upstream"; echo 1 > "$T/version"
mm 0 retrain --events=ev; ran fetch train ship health
live production 0.7 v0.0.1
is "$(grep -c '"event":"end"' ev)" 3 'fetched, built, shipped'

begin 'nothing new: nothing is fetched, built or shipped'
mm 0 retrain; ran
said 'its probe says what it said: not fetched'
said 'v0.0.1 is in production already: nothing is shipped'

begin 'new data that say the same: nothing is built or shipped'
echo 2 > "$T/version"
mm 0 retrain; ran fetch
said 'nothing is shipped'

begin 'a model that is worse: the gate refuses, and what is deployed stays as it is'
echo 0.3 > "$T/upstream"; echo 3 > "$T/version"
mm 3 retrain; ran fetch train
said 'nothing is deployed: a gate refuses'
live production 0.7 v0.0.1

begin 'a source that cannot be asked, a stage that fails: likewise'
rm "$T/version"
mm 1 retrain; ran
said "'raw' is not fetched"
said 'not retrained: not every source could be fetched; what is deployed stays as it is'
echo 4 > "$T/version"; : > "$T/upstream"
sed -i 's/^cmd     = echo train/cmd     = test -s {{data}}; echo train/' mlmake.ini; git commit -qam check
mm 1 retrain; ran fetch
said 'nothing is deployed: not everything that it needs could be built'
live production 0.7 v0.0.1

begin 'a model that is better is deployed, one that does not get well is undone'
echo 0.8 > "$T/upstream"; echo 5 > "$T/version"
mm 0 retrain; ran fetch train ship health
live production 0.8 v0.0.2
echo 0.9 > "$T/upstream"; echo 6 > "$T/version"; echo 0.9 > "$T/sick"
mm 1 retrain
said 'in production is what was there before: v0.0.2'
live production 0.8 v0.0.2
rm "$T/sick"
mm 0 retrain
live production 0.9 v0.0.3

begin 'from another directory, and with a dry run'
cd .. || exit 1
echo 0.95 > "$T/upstream"; echo 7 > "$T/version"; : > "$COUNT"
mm 0 -C p retrain -n; ran
mm 0 -C p retrain; ran fetch train ship health
cd p || exit 1
live production 0.95 v0.0.4

begin 'without deploys the default targets are built'
new_project plain <<'END'
[source raw]
cmd  = echo fetch >> "$COUNT"; echo x > {{outs}}
outs = raw.txt
[stage s]
cmd  = echo s >> "$COUNT"; cat {{data}} > {{outs}}
data = raw.txt
outs = s.txt
END
mm 0 retrain; ran fetch s
mm 2 deploy; said 'there is no .deploy NAME. in mlmake.ini'
finish
