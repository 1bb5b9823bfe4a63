#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Deploys that go wrong: commands that fail and hang, services that never get well, undo that fails, kills, two at once, tags that are taken
. "${srcdir:-.}/tests/shell/lib.sh"
. "$srcdir/tests/shell/deploy.sh"

# state: what --status --json says of production.
state() { "$MLMAKE" deploy --status --json > "$T/status" && json "$T/status" 'd["deploys"][0]["state"]'; }
is_state() { if have_python; then is "$(state)" "$1" state; fi; }

begin 'what never gets well: what was there before is shipped again, and all of it is said and recorded'
deploys p
mm 0 deploy; : > "$COUNT"
printf '0.8\n' > "$T/sick"
data 0.8
mm 1 deploy
said 'failed +api +v0.0.2 is not deployed to production'
said 'health: .*(after|attempts)'
said 'in production is what was there before: v0.0.1'
check 'it was tried more than once' test "$(grep -c health "$COUNT")" -gt 2
is "$(grep -c ship "$COUNT")" 2 'times that something was shipped'
live production 0.7 v0.0.1
is_state live
is "$(git tag -l | sort | tr '\n' ' ')" 'api#production#1 api@v0.0.1 ' tags
mm 0 log; said failed
mm 0 show "$("$MLMAKE" log | sed -n '1s/ .*//p')"; said 'health'
mm 0 why deploy:api; said 'it failed'; said 'health:'

begin 'it gets well while it is looked at: that is enough'
: > "$COUNT"
rm "$T/sick"
sed -i 's|^health  = .*|health  = echo health >> "$COUNT"; test "$(grep -c health "$COUNT")" -ge 3|; s/^wait .*/wait    = 1m/' mlmake.ini
git commit -qam slow
mm 0 deploy; ran ship health health health
live production 0.8 v0.0.2
git revert -n HEAD > /dev/null; git commit -qm back

begin 'a command that fails is undone with undo, if there is one'
: > "$COUNT"
sed -i 's|^cmd     = echo ship.*|&; test "$MLMAKE_VERSION_BEFORE" = v0.0.2; exit 7|; /^wait/a undo = echo undo >> "$COUNT"; echo "$MLMAKE_VERSION" > "$server/undone"; echo 0.8 > "$server/$MLMAKE_ENVIRONMENT"' mlmake.ini
data 0.81
mm 1 deploy; ran train ship undo health
said 'cmd: exit status 7'
holds "$server/undone" v0.0.3
live production 0.8 v0.0.2

begin 'undo that fails: said loudly, remembered, and not forgotten until something is known to be there'
sed -i 's|^undo = .*|undo = echo undo >> "$COUNT"; exit 9|' mlmake.ini; git commit -qam undo
mm 1 deploy; ran ship undo
said 'WHAT IS IN production IS NOT KNOWN'
said 'undoing it failed, too: undo: exit status 9'
is_state unknown
mm 0 deploy --status
said 'not known what is there: the deploy of v0.0.3 to production, begun .* by tester .*, failed and could not be undone: cmd: exit status 7'
sed -i 's|; test "$MLMAKE_VERSION_BEFORE" = v0.0.2; exit 7||' mlmake.ini; git commit -qam well
data 0.8
mm 0 deploy; ran ship health # the registry has it there already, but who knows
said 'failed and could not be undone.*so it is shipped again'
is_state live
live production 0.8 v0.0.2

begin 'after that rollback goes to what was there before it'
sed -i 's|^cmd     = echo ship.*|&; exit 7|' mlmake.ini; data 0.82
mm 1 deploy; : > "$COUNT"
sed -i 's|; exit 7||' mlmake.ini; git commit -qam well
mm 0 rollback api; ran ship health
live production 0.8 v0.0.2
is_state live

begin 'without undo and with nothing there before, what is there is not known'
deploys first
printf '0.7\n' > "$T/sick"
mm 1 deploy
said "there is no 'undo', and nothing was there before"
is_state unknown
rm "$T/sick"
mm 0 deploy
is_state live

begin 'a command that hangs is stopped at its timeout'
data 0.8
sed -i 's|^cmd     = echo ship|timeout = 300ms\ncmd     = if grep -q 0.8 {{ship}}; then sleep 98765; fi; echo ship|' mlmake.ini; git commit -qam hang
: > "$COUNT"
mm 1 deploy; ran train ship health
said 'cmd: it took longer than its timeout of 0.30s and was stopped'
live production 0.7 v0.0.1

# damage VERSION: the bytes of it in the store.
damage() {
	object=$(find .git/mlmake/objects -name "$(git cat-file -p "api@$1" | sed -n 's/^Mlmake-Ship: f \([0-9a-f]*\) .*/\1/p')")
	chmod u+w "$object"; printf x | dd of="$object" bs=1 seek=100 conv=notrunc 2> /dev/null; chmod u-w "$object"
}

begin 'bytes that are damaged in the store are never shipped'
deploys damaged
sed -i 's|cat {{data}} > {{outs}};|head -c 3000000 /dev/zero > {{outs}}; cat {{data}} >> {{outs}};|' mlmake.ini; git commit -qam large
mm 0 deploy
data 0.8; mm 0 deploy; : > "$COUNT"
damage v0.0.1
mm 1 rollback api; ran
said 'in production is what was there before: v0.0.2'
is_state live

begin 'what is there was not known, and nothing could be shipped: it is not known still'
sed -i 's|^cmd     = echo ship.*|&; exit 7|; /^wait/a undo = exit 9' mlmake.ini; data 0.9
mm 1 deploy
said 'WHAT IS IN production IS NOT KNOWN'
damage v0.0.2; : > "$COUNT"
mm 1 rollback api --to=v0.0.2; ran
said 'WHAT IS IN production IS NOT KNOWN.*before, it was v0.0.2'
said_not 'is what was there before'
is_state unknown

begin 'after undo, health looks at the copies of what was there before, under its version'
deploys looks
echo 'undo    = echo 0.7 > "$server/{{environment}}"' >> mlmake.ini
sed -i 's|^health .*|health  = { echo "${MLMAKE_VERSION-unset}"; cat {{ship}}; } >> "$T/looks"; cmp -s {{ship}} "$server/{{environment}}"|' mlmake.ini
git commit -qam looks
mm 0 deploy
sed -i 's|^cmd     = echo ship.*|&; exit 7|' mlmake.ini; data 0.8
: > "$T/looks"
mm 1 deploy
said 'in production is what was there before: v0.0.1'
holds "$T/looks" v0.0.1 0.7

begin 'a version that is not known is no version for the commands'
git cat-file -p 'api#production#1' | sed '1,/^$/d; /^Mlmake-Version/d' > "$T/message"
git tag -d 'api#production#1' api@v0.0.1 > /dev/null
git tag -a -F "$T/message" 'api#production#1' HEAD~1
: > "$T/looks"
mm 1 deploy
said 'in production is what was there before: a version that is not known'
holds "$T/looks" unset 0.7

begin 'of what was there before and does not say what it ships, the health is not looked at'
git tag -f -a -m gto 'api#production#1' HEAD~1 > /dev/null
: > "$T/looks"
mm 1 deploy
said 'in production is what was there before: a version that is not known'
holds "$T/looks"

begin 'the tag of what is there cannot be read: nothing is taken for known'
deploys unread
mm 0 deploy; : > "$COUNT"
git tag -f 'api#production#1' "$(git rev-parse HEAD:raw.txt)" > /dev/null
mm 2 deploy --again; ran
said "the tag 'api#production#1' cannot be read, so what is deployed is not known"
mm 0 status deploy:api; said 'live: not known'
git tag -d 'api#production#1' > /dev/null
mm 0 deploy; ran ship health

begin 'two projects of one repository: the state of one is not the state of the other'
deploys two
mkdir one other; git mv mlmake.ini raw.txt one; cp one/mlmake.ini one/raw.txt other
sed -i 's|^cmd     = echo ship.*|&; exit 7|; /^wait/a undo = exit 9' one/mlmake.ini
git add -A; git commit -qm two
mm 1 -C one deploy
said 'WHAT IS IN production IS NOT KNOWN'
mm 0 -C other deploy
said_not 'is not known'
mm 0 -C one deploy --status
said 'not known what is there'

begin 'interrupted: what was there before comes back'
deploys stopped
mm 0 deploy
data 0.8
sed -i 's|^cmd     = echo ship >> "$COUNT"; |&if grep -q 0.8 {{ship}}; then : > "$T/hangs"; sleep 98765; fi; |' mlmake.ini; git commit -qam slow
mm 0; : > "$COUNT"
mm_start deploy
until_true 'it ships' test -e "$T/hangs"
kill -INT "$pid"
mm_end 130
ran ship ship health
said 'cmd: it was interrupted'
live production 0.7 v0.0.1
is_state live

begin 'killed: no process stays; the next says that what is there is not known, and ships'
rm "$T/hangs"; : > "$COUNT"
mm_start deploy
until_true 'it ships' test -e "$T/hangs"
is_state busy
kill -KILL "$pid"
wait "$pid" 2> /dev/null
until_true 'the command is gone' sh -c '! grep -qs "9876[5]" /proc/[0-9]*/cmdline'
is_state unknown
mm 0 deploy --status; said 'did not end: it was being shipped'
git revert -n HEAD > /dev/null; git commit -qm back; data 0.7
: > "$COUNT"
mm 0 deploy; ran ship health
said 'did not end: it was being shipped; what is there is not known, so it is shipped again'
is_state live
live production 0.7 v0.0.1

begin 'of two at once one waits, in another work tree, too; with --no-wait it exits with 75'
deploys atonce
sed -i 's|^cmd     = echo ship >> "$COUNT"; |&: > "$T/began"; until test -e "$T/go"; do sleep 0.02; done; |' mlmake.ini; git commit -qam slow
mm 0
git worktree add -q "$T/w/other" -b other
: > "$COUNT"; rm -f "$T/go"
mm_start deploy; first=$pid
until_true 'it ships' test -e "$T/began"
( cd "$T/w/other" && "$MLMAKE" -q > /dev/null && "$MLMAKE" deploy --no-wait > "$T/out2" 2> "$T/err2"; echo $? > "$T/code2" )
is "$(cat "$T/code2")" 75 'exit code'
check 'it says why' grep -q "mlmake with process id $first is deploying 'api'" "$T/err2"
( cd "$T/w/other" && "$MLMAKE" deploy > "$T/out2" 2> "$T/err2"; echo $? > "$T/code2" ) &
second=$!
until_true 'the second waits' grep -q "^mlmake: mlmake with process id $first is deploying 'api'; waiting for it to end" "$T/err2"
: > "$T/go"
wait "$second"
pid=$first; mm_end 0
is "$(cat "$T/code2")" 0 'exit code'
check 'the second had nothing to ship' grep -q 'already: nothing is shipped' "$T/out2"
is "$(grep -c ship "$COUNT")" 1 'times that it was shipped'

begin 'what waited is not shipped on the word of a gate that compared with what was there before: it judges again'
deploys compared
sed -i 's|^require = .*|require = auc >= production.auc|; s|^of  .*|&\nfirst   = pass|
	s|^cmd     = echo ship >> "$COUNT"; |&: > "$T/began"; until test -e "$T/go"; do sleep 0.02; done; |' mlmake.ini
git commit -qam compares
: > "$T/go"; mm 0 deploy; rm "$T/began" "$T/go" "$T/err2"
git worktree add -q "$T/w/worse" -b worse
data 0.9
( cd "$T/w/worse" && data 0.8 ) > "$T/check"
mm_start deploy; first=$pid
until_true 'it ships' test -e "$T/began"
( cd "$T/w/worse" && "$MLMAKE" deploy > "$T/out2" 2> "$T/err2"; echo $? > "$T/code2" ) &
second=$!
until_true 'the second waits' grep -q "^mlmake: mlmake with process id $first is deploying 'api'; waiting for it to end" "$T/err2"
: > "$T/go"
wait "$second"
pid=$first; mm_end 0
is "$(cat "$T/code2")" 3 'exit code'
check 'it says why' grep -q "what is in production has changed since the gates of 'api' let it pass" "$T/err2"
check 'the gate refuses' grep -q '0\.8 >= 0\.9 does not hold' "$T/out2"
live production 0.9 v0.0.2

begin 'tags that are taken meanwhile: nothing of theirs is lost, the next name is taken'
deploys taken
sed -i 's|^cmd     = echo ship.*|&; git tag -a -m mine api@v0.0.1 HEAD; git tag -a -m mine "api#production#1" HEAD|' mlmake.ini; git commit -qam taken
mm 0 deploy
said 'v0.0.2 is in production'
is "$(git tag -l --format='%(contents:subject)' api@v0.0.1)" mine 'the tag of another'
is "$(git tag -l --format='%(contents:subject)' 'api#production#1')" mine 'the tag of another'
is "$(git tag -l | sort | tr '\n' ' ')" 'api#production#1 api#production#2 api@v0.0.1 api@v0.0.2 ' tags

begin 'a tag cannot be written: it is said that it was shipped, and known afterwards'
deploys readonly
sed -i 's|^cmd     = echo ship.*|&; if test -e "$T/break"; then mv .git/refs/tags .git/refs/away; : > .git/refs/tags; fi|' mlmake.ini
git commit -qam breaks
: > "$T/break"
mm 1 deploy
said 'was shipped to production and works, but that could not be written down'
rm .git/refs/tags "$T/break"; mv .git/refs/away .git/refs/tags
mm 0 deploy --status; said 'it worked, and that was being written down'
: > "$COUNT"
mm 0 deploy; ran ship health
is_state live

begin 'what is remembered of a deploy that did not end is damaged: it is said, and nothing is taken for known'
echo nonsense > '.git/mlmake/deploys/api#production'
mm 2 deploy; said 'does not begin as it should'
mm 2 deploy --status; said 'does not begin as it should'
rm '.git/mlmake/deploys/api#production'
mm 0 deploy; said already
begin 'tags of others: withdrawn versions keep their names, numbers that cannot be counted on stop a deploy before it ships'
deploys tags
mm 0 deploy
git tag -a 'api@v0.0.2' -m x HEAD; git tag -a 'api@v0.0.2!' -m withdrawn HEAD
data 0.8
mm 2 deploy api --as=v0.0.2; said 'v0.0.2 was withdrawn'
mm 0 deploy
live production 0.8 v0.0.3
git tag -a 'api#production#999999999999999' -m x HEAD
data 0.81
: > "$COUNT"
mm 2 deploy; said 'end of their numbers'; refuse 'shipped' grep -q ship "$COUNT"
git tag -d 'api#production#999999999999999' > /dev/null
mm 0 deploy
live production 0.81 v0.0.4
git tag -a 'api@v0.0.999999999999999' -m x HEAD
data 0.82
: > "$COUNT"
mm 2 deploy; said 'too long'; refuse 'shipped' grep -q ship "$COUNT"
finish
