#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Changes taken as harmless: who said so, when, why and what differed stays with the result.
. "${srcdir:-.}/tests/shell/lib.sh"

three p
printf '*.txt\n!raw.txt\n' > .gitignore
mm 0; git add -A; git commit -qm base

begin 'DVC failure 11: a harmless change of the code need not train again, and who said so, when and why is kept'
printf ': in capitals\n' >> up.sh
mm 4 status --check
: > "$COUNT"
mm 0 accept up --because 'only a comment was added'
ran
said '^accepted up  up.sh changed$'
mm 0 status --check
mm 0; ran
check 'who, in the lock' grep -q '^by tester <tester@example.org>$' mlmake.lock
check 'why, in the lock' grep -q '^because only a comment was added$' mlmake.lock
check 'when, in the lock' grep -Eq '^step [0-9]{8}T[0-9]{6}-[0-9a-f]{8} [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z [0-9a-f]{64}$' mlmake.lock
check 'what differed, in the lock' grep -Eq "^was code f [0-9a-f]{64} [0-9]+ ~[0-9a-f]{64} up.sh$" mlmake.lock
check 'what is there, in the lock' grep -q "^code f $(sha up.sh) [0-9]* ~[0-9a-f]* up.sh$" mlmake.lock
check 'it is no run' grep -q '^accepted [0-9a-f]\{64\}$' mlmake.lock

begin 'why tells it, with the changed lines; so does the log'
mm 0 why up
said '^up is fresh: it will not run'
said 'tester, [0-9-]* [0-9:]*: only a comment was added'
said 'code +up.sh changed'
said '\+2: : in capitals'
mm 0 status -v
said '^    accepted  tester, .*: only a comment was added$'
mm 0 log -n 1
said 'accepted'
said 'tester: only a comment was added'
if have_python; then
	mm 0 log --json
	is "$(json "$T/out" 'd["runs"][0]["outcome"] + d["runs"][0]["author"] + d["runs"][0]["because"]')" \
		'acceptedtester <tester@example.org>only a comment was added'
	mm 0 why --json up
	is "$(json "$T/out" 'd["instances"][0]["accepted"][0]["reasons"][0]["name"]')" 'up.sh'
	is "$(json "$T/out" '[d["instances"][0]["accepted"][0][k] for k in ("who", "because")]')" \
		'["tester <tester@example.org>", "only a comment was added"]'
fi
git add -A; git commit -qm accepted

begin 'another clone honours it and can tell it'
git clone -q . "$T/clone"
(cd "$T/clone" && cp "$T/w/p/"*.txt .) || exit 1
cd "$T/clone" || exit 1
mm 0 status --check
mm 0 why up
said 'tester, .*: only a comment was added'
: > "$COUNT"; mm 0; ran
is "$(git status --porcelain)" '' 'git status'

begin 'in that clone it can be taken back, too: the change counts again, for the same reason'
mm 0 accept up --undo
said '^undone   up  tester, .*: only a comment was added'
mm 0 status
said 'up +up.sh changed'
refuse 'the lock says accepted' grep -q '^accepted\|^because' mlmake.lock
mm 0; ran up
cd "$T/w/p" || exit 1

begin 'what was accepted comes back with its inputs, like any result'
sed 's/lines = 2/lines = 3/' params.ini > n && mv n params.ini
mm 0; : > "$COUNT"
git show HEAD~1:up.sh > up.sh; mm 0; ran
printf ': in capitals\n' >> up.sh
mm 0; ran
mm 0 why up; said 'only a comment was added'

begin 'taken back, it no longer counts, though its record was kept by its key'
cp mlmake.lock "$T/lock"
mm 0 accept up --undo
mm 4 status --check
mm 0 log -n 1; said 'undone'
git show HEAD~1:up.sh > up.sh; mm 0; ran
printf ': in capitals\n' >> up.sh
mm 0 status; said 'up +up.sh changed'
mm 2 accept up --undo
said "what is known of 'up' is from a run"
mm 0; ran up
git checkout -q mlmake.lock up.sh params.ini

begin 'one acceptance upon another: the chain leads back to what really ran'
three q
mm 0
echo ': one' >> up.sh; mm 0 accept up --because one
echo ': two' >> up.sh; mm 0 accept up --because two
is "$(grep -c '^step ' mlmake.lock)" 2 'steps'
mm 0 why up
said 'tester, .*: one'; said 'tester, .*: two'; said '\+2: : one'; said '\+3: : two'
mm 0 accept up --undo
is "$(grep '^because' mlmake.lock)" 'because one'
mm 4 status --check
mm 0 accept up --because 'two again'
mm 0 accept up --undo; mm 0 accept up --undo
refuse 'accepted' grep -q '^because' mlmake.lock
mm 2 accept up --undo
: > "$COUNT"; mm 0; ran up
refuse 'accepted' grep -q '^accepted' mlmake.lock

begin 'parameters, variables, data and the command may be accepted as well, and several stages at once'
sed 's/lines = 2/lines = 02/; s/hello/hullo/' params.ini > n && mv n params.ini
printf 'fig\napple\npear\n' > raw.txt
mm 0 accept other clean --because 'a spelling'
said 'accepted clean'; said 'accepted other'
mm 0 status --check
check 'the parameter before' grep -q '^was param other.word .*hello' mlmake.lock
sed 's/^cmd    = sort/cmd    = LC_ALL=C sort/' mlmake.ini > n && mv n mlmake.ini
echo ': three' >> up.sh
mm 2 accept up --because 'spoken too soon'
said "'up' cannot be accepted: 'clean' is not fresh; build it first, or accept both"
mm 0 accept up clean --because 'both at once'
mm 0 status --check

begin 'an output that is no longer declared, and one that is a metric now'
three r
sed 's/^outs   = count.txt/outs = count.txt more.txt/; s/> {{outs}}; echo count/> {{outs.1}}; : > more.txt; echo count/' mlmake.ini > n && mv n mlmake.ini
mm 0
sed 's/^outs = count.txt more.txt/metrics = count.txt/; s/> {{outs.1}}; : > more.txt; echo count/> {{metrics}}; echo count/' mlmake.ini > n && mv n mlmake.ini
mm 4 status --check
mm 0 accept count --because 'nobody read more.txt'
mm 0 status --check
check 'the output before' grep -q '^was outs f .* more.txt$' mlmake.lock
check 'the metric' grep -q '^added metrics count.txt$' mlmake.lock
: > "$COUNT"; mm 0; ran

begin 'refused: nothing changed, never built, no reason, no stage'
three s
mm 2 accept up --because 'no reason'
said "'up' cannot be accepted: it was never built"
missing mlmake.lock
mm 0; cp mlmake.lock "$T/lock"; echo '#' >> up.sh
mm 2 accept clean --because 'no reason'
said "nothing to accept: 'clean' is fresh"
mm 2 accept up
said 'why is the change harmless'
mm 2 accept up --because '  '
said 'the reason is empty'
mm 2 accept --because 'why not'
mm 2 accept nobody --because 'why not'
check 'lock' cmp mlmake.lock "$T/lock"

begin 'refused: an output is missing, or not as its last run left it, or new'
mv up.txt "$T/up.txt"
mm 2 accept up --because 'why not'
said "its output 'up.txt' is missing"
echo other > up.txt
mm 2 accept up --because 'why not'
said "its output 'up.txt' is not as it was left"
mv "$T/up.txt" up.txt
sed 's/^outs   = up.txt/outs   = up.txt up2.txt/' mlmake.ini > n; cp mlmake.ini "$T/ini"; mv n mlmake.ini
: > up2.txt
mm 2 accept up --because 'why not'
said "no run has made its output 'up2.txt'"
cp "$T/ini" mlmake.ini
check 'lock' cmp mlmake.lock "$T/lock"

begin 'refused: what the inputs give is known already'
mm 0; echo ': more' >> up.sh; echo 'tr a-z b-za < "$1"' > up.sh; mm 0
printf 'tr a-z A-Z < "$1"\n' > up.sh
mm 2 accept up --because 'why not'
said '`mlmake up` puts it back'
mm 0; mm 0 status --check

begin 'one refusal of several: nothing is accepted'
echo ': more' >> up.sh; sed 's/hello/again/' params.ini > n && mv n params.ini; rm other.txt
cp mlmake.lock "$T/lock"
mm 2 accept up other --because 'why not'
check 'lock' cmp mlmake.lock "$T/lock"
mm 4 status --check

begin 'a lock from which the steps were taken out, or which was mixed, does not pass for one of a run'
three u
mm 0; echo ': more' >> up.sh; mm 0 accept up --because 'a comment'
cp mlmake.lock "$T/lock"; rm -r .git/mlmake
for change in '/^step/d' '/^was/d' 's/^accepted/key/' '/^step/,/^was/d' 's/^was code f \(....\)/was code f 0000/' '/^\[up\]/,/^$/s/^outs f ......../outs f 00000000/'; do
	sed "$change" "$T/lock" > mlmake.lock
	case $change in
	'/^step/d'|'s/^accepted/key/'|'/^step/,/^was/d') mm 2 status; said 'mlmake.lock:[0-9]+: ' ;;
	*) mm 4 status --check; mm 0 status; said 'up +' ;;
	esac
done
cp "$T/lock" mlmake.lock; mm 0 status --check

begin 'a reason of several lines, and one that would move the cursor'
echo ': again' >> up.sh
mm 0 accept up --because "$(printf 'first\nsecond \033[31mred\tx')"
is "$(grep -c '^because first\\nsecond \\x1b\[31mred\\tx$' mlmake.lock)" 1 'one line'
mm 0 why up
refuse 'an escape' grep -q "$(printf '\033')" "$T/out"
said 'first second .*red'

begin 'what was accepted elsewhere counts where the lock says it, not because it was pulled'
three shared
printf '[remote r]\nurl = %s\n' "$T/remote" >> mlmake.ini
mm 0; git add -A; git commit -qm base
git clone -q . "$T/other"
sed 's/a-z A-Z/a-z  A-Z/' up.sh > n; mv n up.sh
mm 0 accept up --because 'two blanks'
mm 0 push
cp up.sh "$T/up.sh"; cd "$T/other" || exit 1
mm 0 pull; mm 0; : > "$COUNT"
cp "$T/up.sh" up.sh
mm 4 status --check
mm 0 log; said 'two blanks'
cp "$T/w/shared/mlmake.lock" mlmake.lock
mm 0 status --check

begin 'without git'
mkdir "$T/bare" && cp mlmake.ini params.ini up.sh raw.txt "$T/bare" && cd "$T/bare" || exit 1
mm 0; echo ': a' >> up.sh; mm 0 accept up --because 'no git'
mm 0 status --check
mm 0 why up; said 'no git'

begin 'after a crash it recovers first, and it waits for its turn'
printf 'not a whole line' > .mlmake/work/top/journal
echo ': b' >> up.sh; mm 0 accept up --because 'after a crash'
missing .mlmake/work/top/journal
mm 0 status --check
finish
