#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Is a stage deterministic? It runs once more, or twice, apart; the answer is kept.
. "${srcdir:-.}/tests/shell/lib.sh"

everything() {
	find . -path ./.git -prune -o -printf '%p %y %i %m %s %T@ %l\n' | sort
	find .git/mlmake/work -type f -printf '%p %i %s %T@\n' | sort
	find . -path ./.git -prune -o -type f -exec sha256sum '{}' + | sort
	sha256sum .git/index .git/HEAD
}

new_project p <<'END'
[project]
params = params.ini
[stage clean]
cmd  = sort {{data}} > {{outs}}; echo clean >> "$COUNT"
data = raw.txt
outs = clean.txt
[stage train]
cmd  = head -n {{n}} {{data}} > {{outs}}; date +%N >> {{outs}}; printf '{"auc": 0.%s}' "$(date +%N)" > {{metrics}}; echo train >> "$COUNT"
data = clean.txt
outs = model.txt
metrics = m.json
END
printf 'b\na\n' > raw.txt; echo 'n = 1' > params.ini
printf '%s\n' raw.txt clean.txt model.txt m.json > .gitignore
git add .; git commit -q -m one
mm 0; : > "$COUNT"

begin 'a stage that comes out the same: twice; raw data that git does not track is there'
everything > "$T/before"
mm 0 verify clean --twice
ran clean clean
said '^identical +clean +clean.txt'
said '^the second time: 1 identical'
everything > "$T/after"; check 'untouched' diff "$T/before" "$T/after"
is "$(find .git/mlmake/trees -mindepth 1 -not -name lock)" '' 'what is left'
mm 0 why clean; said 'built again once from the same and came out the same'

begin 'one that does not: exit status 1, by how much, and why tells'
mm 1 verify train --twice
ran train train
said '^differs +train +model.txt'
said '^differs +train +m.json +auc 0\.[0-9]* -> 0\.[0-9]* \([+-]'
mm 0 why train; said 'it is not deterministic'
mm 0; ran

begin 'once: compared with the result that is there'
mm 0 verify clean
ran clean
said '^once more: 1 identical'
mm 0 why clean; said 'built again 2 times from the same and came out the same each time'

begin 'what is not built: once cannot say, twice can'
echo 'n = 2' > params.ini
mm 2 verify train
said "'train' is stale, so there is no result to verify"
mm 1 verify train --twice; : > "$COUNT"
mm 1 verify train --twice n=1 -q; ran train train
printf 'c\n' >> raw.txt
mm 2 verify train --twice; said 'reads what is not built yet'
mm 0 verify clean --twice; : > "$COUNT"

begin 'uncommitted work, and files that git does not know'
cp mlmake.ini "$T/ini"
printf '[stage new]\ncmd = sh new.sh > {{outs}}; echo new >> "$COUNT"\ncode = new.sh\nouts = new.txt\n' >> mlmake.ini
echo 'echo fresh' > new.sh
mm 0 verify new --twice
ran new new
missing new.txt
git rm -q --cached mlmake.ini params.ini
mm 0 verify new --twice
cp "$T/ini" mlmake.ini; git add mlmake.ini params.ini; : > "$COUNT"

begin 'several at once, an instance, a failing one'
cat >> mlmake.ini <<'END'
[stage m]
cmd  = test {{v}} != 3; echo {{v}} > {{outs}}
matrix v = 1 2 3
outs = m-{{v}}.txt
END
mm 0 verify m@1 m@2 --twice
said '2 identical'
mm 1 verify m@3 --twice
said '^missing +m@3'
mm 2 verify
mm 2 verify nothing

begin 'without git it says so'
mkdir -p "$T/w/none" && cd "$T/w/none" || exit 1
printf '[stage a]\ncmd = echo > {{outs}}\nouts = a.txt\n' > mlmake.ini
mm 0
mm 2 verify a --twice
said 'needs git'
finish
