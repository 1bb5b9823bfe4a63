#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What is refused before anything runs. PEERS.md, failure 7.
. "${srcdir:-.}/tests/shell/lib.sh"

# refused ERE: a build and a lint exit with 2, say it, and nothing has run.
refused() {
	mm 2
	said "$1"
	ran
	mm 2 lint
	said "$1"
}

begin 'dvc-7: an output that git tracks is refused before anything runs'
new_project tracked <<'END'
[stage first]
cmd  = echo 1 > {{outs}}; echo first >> "$COUNT"
outs = first.txt
[stage long]
cmd  = echo 2 > {{outs}}; echo long >> "$COUNT"
data = first.txt
outs = model.txt
END
echo old > model.txt
git add model.txt && git commit -qm model
refused '^mlmake\.ini:7: error: .*model\.txt.*tracked by git'
holds model.txt old
missing first.txt

begin 'dvc-7: a tracked file inside an output directory is refused as well'
git rm -q --cached model.txt; rm model.txt
mkdir dir; echo 1 > dir/inside; git add dir/inside
cat >> mlmake.ini <<'END'
[stage d]
cmd  = mkdir -p {{outs}}; echo d >> "$COUNT"
outs = dir
END
refused 'dir.*tracked by git'
holds dir/inside 1

begin 'dvc-7: after what the message advises, it builds; cache = no allows a tracked output'
git rm -q --cached -r dir; rm -r dir
mm 0; ran first long d
git add -f first.txt
sed 's/^outs = first.txt/&\ncache = no/' mlmake.ini > n && mv n mlmake.ini
mm 0

begin 'an output that git came to track and that is as it should be: a word, before it is to be made again'
git rm -q --cached first.txt; sed '/^cache = no/d' mlmake.ini > n && mv n mlmake.ini
mm 0; mm 0; said_not 'tracked by git'
git add -f model.txt
mm 0; said "^mlmake\.ini:[0-9]+: warning: 'model\.txt' of stage 'long' is tracked by git"
mm 2 -B; said "error: 'model\.txt' of stage 'long' is tracked by git"
git rm -q --cached model.txt; mm 0; said_not 'tracked by git'

begin 'two stages that make one file'
new_project two <<'END'
[stage a]
cmd  = echo a > {{outs}}; echo a >> "$COUNT"
outs = same.txt
[stage b]
cmd  = echo b > {{outs}}; echo b >> "$COUNT"
outs = ./x/../same.txt
END
refused "^mlmake\.ini:6: error: .*same\.txt.*'a'"

begin 'an output inside another output'
new_project within <<'END'
[stage a]
cmd  = mkdir -p dir; echo a >> "$COUNT"
outs = dir
[stage b]
cmd  = echo b > {{outs}}; echo b >> "$COUNT"
outs = dir/b.txt
END
refused '^mlmake\.ini:[36]: error: .*dir/b\.txt'

begin 'an output that is also an input'
new_project uplink <<'END'
[stage a]
cmd  = echo a >> {{outs}}; echo a >> "$COUNT"
data = in.txt
outs = in.txt
END
echo 1 > in.txt
refused '^mlmake\.ini:[34]: error: .*in\.txt'
holds in.txt 1

begin 'an output outside the project'
new_project out <<'END'
[stage a]
cmd  = echo a > {{outs}}; echo a >> "$COUNT"
outs = ../a.txt
END
refused '^mlmake\.ini:3: error: .*\.\./a\.txt'
missing ../a.txt
sed "s#\.\./a.txt#$T/abs.txt#" mlmake.ini > n && mv n mlmake.ini
refused '^mlmake\.ini:3: error: .*abs\.txt'
missing "$T/abs.txt"

begin 'an output that leads out of the project through a link'
mkdir "$T/elsewhere"; ln -s "$T/elsewhere" link
sed "s#^outs.*#outs = link/a.txt#" mlmake.ini > n && mv n mlmake.ini
refused '^mlmake\.ini:3: error: .*link/a\.txt'
missing "$T/elsewhere/a.txt"

begin 'a link that a stage puts above an output of another while it runs'
new_project between <<'END'
[project]
params = params.ini
[stage first]
cmd  = echo {{link}} > {{outs}}; [ {{link}} = no ] || { mv d d.was; ln -s "$T/elsewhere" d; }
outs = first.txt
[stage second]
cmd  = cat {{data}} > {{outs}}
data = data.txt
outs = d/x.txt
after = first
END
echo one > data.txt; echo 'link = no' > params.ini
mm 0
echo two > data.txt; mm 0
echo one > data.txt; echo 'link = yes' > params.ini
mm 1; said "second.* 'd/x\.txt' leads out of the project through 'd'"
missing "$T/elsewhere/x.txt"
rm d; mv d.was d
mm 0; holds d/x.txt one

begin 'a stage that puts a link above its own output: nothing that leads out is recorded, moved or put back'
new_project uplink <<'END'
[stage s]
cmd  = cat {{code}} > {{outs}}; . ./{{code}}
code = run.sh
outs = d/x.txt
END
echo ': 1' > run.sh
mm 0; holds d/x.txt ': 1'
cat > run.sh <<'END'
rm -r d; ln -s "$T/elsewhere" d; echo 2 > d/x.txt
END
mm 1; said "'d/x\.txt' leads out of the project through 'd'"
holds "$T/elsewhere/x.txt" 2
mm 2; said "cannot put back what was there before: 'd/x\.txt' leads out of the project"
holds "$T/elsewhere/x.txt" 2
rm d; echo ': 1' > run.sh
mm 0; holds d/x.txt ': 1'
holds "$T/elsewhere/x.txt" 2

begin 'mlmake.ini, .git and mlmake.lock are no outputs'
for name in mlmake.ini .git/x mlmake.lock .mlmake/x; do
	printf '[stage a]\ncmd = echo a > {{outs}}; echo a >> "$COUNT"\nouts = %s\n' "$name" > mlmake.ini
	refused "^mlmake\\.ini:3: error: .*$name"
done

begin 'a missing input that no stage makes'
new_project missing <<'END'
[stage a]
cmd  = echo a > {{outs}}; echo a >> "$COUNT"
outs = a.txt
[stage b]
cmd  = cat {{data}} > {{outs}}; echo b >> "$COUNT"
data = a.txt
       nowhere.csv
outs = b.txt
END
refused '^mlmake\.ini:7: error: .*nowhere\.csv'

begin 'a glob that matches nothing'
sed 's/nowhere.csv/nowhere-*.csv/' mlmake.ini > n && mv n mlmake.ini
refused '^mlmake\.ini:7: error: .*nowhere-\*\.csv'

begin 'a cycle is shown as the way around'
new_project cycle <<'END'
[stage a]
cmd  = cat {{data}} > {{outs}}; echo a >> "$COUNT"
data = c.txt
outs = a.txt
[stage b]
cmd  = cat {{data}} > {{outs}}; echo b >> "$COUNT"
data = a.txt
outs = b.txt
[stage c]
cmd  = cat {{data}} > {{outs}}; echo c >> "$COUNT"
data = b.txt
outs = c.txt
END
refused "^mlmake\.ini:[0-9]+: error: .*(a.*b.*c.*a|b.*c.*a.*b|c.*a.*b.*c|a.*c.*b.*a|b.*a.*c.*b|c.*b.*a.*c)"

begin 'a cycle through after'
new_project cycle2 <<'END'
[stage a]
cmd   = echo a > {{outs}}; echo a >> "$COUNT"
after = b
outs  = a.txt
[stage b]
cmd   = cat {{data}} > {{outs}}; echo b >> "$COUNT"
data  = a.txt
outs  = b.txt
END
refused '^mlmake\.ini:[0-9]+: error: .*(a.*b.*a|b.*a.*b)'

begin 'an input that is what another stage makes, by the name of a link'
new_project alias <<'END'
[stage a]
cmd  = echo a > {{outs}}; echo a >> "$COUNT"
outs = real/a
[stage b]
cmd  = cat {{data}} > {{outs}}; echo b >> "$COUNT"
data = alias/a
outs = b.txt
END
mkdir real; ln -s real alias; echo old > real/a
refused '^mlmake\.ini:6: error: .alias/a.*real/a.*stage .a. makes'

begin 'an output that is what another stage makes, by the name of a link'
new_project alias2 <<'END'
[stage a]
cmd  = echo a > {{outs}}; echo a >> "$COUNT"
outs = real/a
[stage b]
cmd  = echo b > {{outs}}; echo b >> "$COUNT"
outs = alias/a
END
mkdir real; ln -s real alias
refused '^mlmake\.ini:6: error: output .alias/a.*real/a.*stage .a. makes'

begin 'more gpus than there are'
new_project gpu <<'END'
[project]
gpus = 0
[stage a]
cmd = echo a > {{outs}}; echo a >> "$COUNT"
use = gpu=2
outs = a.txt
END
mm 2; said '^mlmake\.ini:3: error: .*gpu'; ran

begin 'no pipeline file'
mkdir "$T/empty"; cd "$T/empty" || exit 1
mm 2
said 'mlmake\.ini'
said 'mlmake init'
finish
