#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# push and pull through a directory: what travels, what is refused, what is said.
. "${srcdir:-.}/tests/shell/lib.sh"
. "${srcdir:-.}/tests/shell/remote.sh"

begin 'what one clone built and pushed, another that pulls puts in place without running anything'
shared_project a ../lab
mm 0 push -n
said "^lab: would send $FILES files \(1\.4 MiB\)$"
missing ../lab
mm 0 push
said "^lab: sent $FILES files \(1\.4 MiB\)$"
said '^lab: lineage: 1 chain new$'
is "$(find ../lab/objects -type f | wc -l)" "$FILES" 'files there'
is "$(find ../lab/objects -type f ! -perm 444 | wc -l)" 0 'files that can be written to'
(cd ../lab/objects && find . -type f | while read -r f; do is "$(sha "$f")" "${f##*/}" 'name'; done)
clone_of a b
mm 0 pull -n
said '^lab: would fetch 3 files \(879 KiB\), and what else the runs there name$'
missing .git/mlmake/objects
mm 0 pull
said "^lab: fetched $FILES files \(1\.4 MiB\)$"
missing model-1.bin
mm 0
ran
same_results a
mm 0 log
said 'ran in'

begin 'a second push and pull have nothing to do'
in_project a
mm 0 push
said "^lab: sent 0 files$|^lab: sent 0 files, "
said '^lab: lineage: 1 chain the same$'
in_project b
mm 0 pull
said "^lab: fetched 0 files, $FILES were here$"

begin 'only what is new travels'
in_project a
echo 'size = 8' > params.ini
mm 0
git commit -q -a -m 'Larger'
mm 0 push
said "^lab: sent $FILES files "
said '^lab: lineage: 1 chain brought up to date$'
in_project b
git pull -q
mm 0 pull
said "^lab: fetched $FILES files "
: > "$COUNT"
mm 0
ran
same_results a

begin 'an earlier run comes by its name, its commit or the word all'
clone_of a c
mm 0 pull
mm 1 checkout HEAD~1 -n
said 'missing'
mm 0 pull --at HEAD~1 -n
said "would fetch $FILES files"
mm 0 pull --at HEAD~1
mm 0 checkout HEAD~1
is "$(tail -n 1 model-1.bin)" 7
clone_of a c2
mm 0 pull --all
said "^lab: fetched $((2 * FILES)) files "
mm 0 checkout HEAD~1
is "$(tail -n 1 model-1.bin)" 7

begin 'a target limits what is fetched'
clone_of a d
mm 0 pull model@2
said '^lab: fetched 1 file '
mm 0 pull d/large
said '^lab: fetched 2 files |^lab: fetched 1 file '
mm 2 pull modle
said "mlmake.lock has no stage, instance or artifact 'modle'"

begin 'history alone'
clone_of a e
mm 0 pull --lineage
said '^lab: fetched 0 files$'
is "$(find .git/mlmake/objects -type f 2>/dev/null | wc -l)" 0
mm 0 log
said 'ran in'

begin 'a byte flipped in the store is noticed, and neither pushed nor taken for the result'
shared_project f ../lab2
file=$(find .git/mlmake/objects -type f | head -n 1)
chmod u+w "$file" && printf X | dd of="$file" bs=1 seek=1000 conv=notrunc 2> /dev/null
chmod 444 "$file"
mm 1 push
said 'does not hash to its name here, was moved to the store.s corrupt/ and not sent'
is "$(find ../lab2/objects -type f | wc -l)" $((FILES - 1))
missing "../lab2/objects/${file#.git/mlmake/objects/}"
missing ../lab2/lineage.git
exists ".git/mlmake/corrupt/${file##*/}"
mm 1 push
said 'is neither here nor there'
said 'the history of runs was not sent'
mm 0 push --allow-missing
said '^lab: lineage: 1 chain new$'

begin 'a byte flipped there is refused, and can be pushed again'
shared_project g ../lab3
mm 0 push
file=$(find ../lab3/objects -type f | head -n 1)
chmod u+w "$file" && printf X | dd of="$file" bs=1 seek=1000 conv=notrunc 2> /dev/null
clone_of g h
mm 1 pull
said 'does not hash to its name there and was refused'
missing ".git/mlmake/objects/${file#../lab3/objects/}"
missing "$file"
in_project g
mm 0 push --all
said '^lab: sent 1 file '
in_project h
mm 0 pull
said '^lab: fetched 1 file '

begin 'one that was cut off there is sent again'
in_project g
chmod u+w "$file" && truncate -s 1000 "$file"
mm 0 push --all
said '^lab: sent 1 file '
is "$(sha "$file")" "${file##*/}"

begin 'a place that was emptied is filled again, also with what earlier runs named'
in_project a
rm -rf ../lab
mm 0 push
said "^lab: sent $((2 * FILES)) files "
said '^lab: lineage: 1 chain new$'
in_project h

begin 'machines can read it'
if have_python; then
	in_project h
	mm 0 pull --json
	is "$(json "$T/out" 'd["remote"], d["way"], d["whole"], d["files"]["wanted"], d["files"]["there"]')" "[\"lab\", \"pull\", true, $FILES, $FILES]"
	is "$(json "$T/out" '[c["state"] for c in d["chains"]]')" '["same"]'
fi

begin 'errors say what is wrong and what to do'
in_project h
mm 2 push --remote=lap
said "there is no \[remote lap\] in mlmake.ini; did you mean 'lab'\?"
mv ../lab3 ../away
mm 2 pull
said "remote 'lab': the directory '../lab3' is not there; is its disk mounted\? .mlmake push. makes it"
mv ../away ../lab3
new_project none <<'EOF'
[stage a]
cmd = echo > {{outs}}
outs = a
EOF
mm 2 push
said 'mlmake.ini has no remote; write a section \[remote NAME\]'
printf '[remote x]\nurll = /x\n[remote y]\nurl = http://u:geheim@h/x\n' >> mlmake.ini
mm 2 lint
said "unknown key 'urll' in \[remote x\]; did you mean 'url'\?"
said '\[remote x\] has no url'
said "http://u:\*\*\*@h/x': is a git host"
said_not geheim

begin 'a project with errors elsewhere can still be pushed and pulled'
in_project h
printf '[stage broken]\ncmdd = x\n' >> mlmake.ini
mm 0 pull
git checkout -q mlmake.ini

begin 'without git, too'
mkdir "$T/w/nogit" "$T/w/nogit2"
cd "$T/w/nogit" || exit 1
cp "$T/w/h/mlmake.ini" "$T/w/h/params.ini" .
sed -i 's|lab3|lab4|' mlmake.ini
mm 0
mm 0 push
cp mlmake.ini params.ini mlmake.lock ../nogit2
cd ../nogit2 || exit 1
mm 0 pull
: > "$COUNT"
mm 0
ran
same_results nogit

finish
