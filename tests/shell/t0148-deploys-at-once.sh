#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Deploys at once: of one project one waits, whatever it ships and wherever it was begun, and goes by what stands then.
. "${srcdir:-.}/tests/shell/lib.sh"
. "$srcdir/tests/shell/deploy.sh"

# pair NAME: a project with two deploys behind a gate that compares with production, and a second work tree. A deploy says that it ships
# ($T/began), and waits for $T/go.
pair() {
	deploys "$1"
	sed -i 's|^require = .*|require = auc >= production.auc|; s|^of  .*|&\nfirst   = pass|
		s|^cmd     = echo ship >> "$COUNT"; |cmd     = : > "$T/began"; until test -e "$T/go"; do sleep 0.02; done; echo ship {{environment}} >> "$COUNT"; |' mlmake.ini
	sed -n '/^\[deploy api\]/,$p' mlmake.ini | sed 's/^\[deploy api\]/\n[deploy web]/; s/^environments.*/environments = production/; s|\$server/|$server/web.|g' >> mlmake.ini
	git commit -qam pair
	: > "$T/go"; mm 0 deploy; rm "$T/began" "$T/go"
	git worktree add -q "$T/w/$1.beside" -b "$1.beside"
	: > "$COUNT"
}
# beside DIR ARG...: runs mlmake there, in the background. beside_ends CODE.
beside() {
	: > "$T/err2"
	( cd "$T/w/$1" && shift && "$MLMAKE" "$@" > "$T/out2" 2> "$T/err2"; echo $? > "$T/code2" ) &
	second=$!
}
beside_ends() {
	wait "$second"
	is "$(cat "$T/code2")" "$1" "exit code of the second; it says: $(cat "$T/out2" "$T/err2")"
}
waits() { until_true 'the second waits' grep -q "^mlmake: mlmake with process id $pid is $1; waiting for it to end" "$T/err2"; }
second_said() { check "the second says '$1'" grep -Eq -e "$1" "$T/out2" "$T/err2"; }

begin 'another deploy in another work tree waits, and its gate judges against what was brought there meanwhile: it refuses'
pair worse
data 0.9
( cd "$T/w/worse.beside" && data 0.8 ) > "$T/check"
mm_start deploy api
until_true 'it ships' test -e "$T/began"
beside worse.beside deploy web
waits "deploying 'api'"
: > "$T/go"
mm_end 0
beside_ends 3
second_said "what is in production has changed since the gates of 'web' let it pass, so they judge again"
second_said '0\.8 >= 0\.9 does not hold'
second_said 'nothing is deployed: a gate refuses'
live production 0.9 v0.0.2
holds "$server/web.production" 0.7

begin 'one that is better still is shipped then'
rm "$T/began" "$T/go"
data 0.91
( cd "$T/w/worse.beside" && data 0.95 ) > "$T/check"
mm_start deploy api
until_true 'it ships' test -e "$T/began"
beside worse.beside deploy web --events="$T/ev"
waits "deploying 'api'"
: > "$T/go"
mm_end 0
beside_ends 0
second_said 'so they judge again'
second_said 'deployed web  v0.0.2 is in production'
holds "$server/web.production" 0.95
is "$(grep -c '"event":"begin"' "$T/ev") $(grep -c '"event":"end"' "$T/ev")" '3 3' 'built, judged again, shipped'
mm 0 fsck

begin '-B builds all once, not once more for the gate'
rm "$T/began" "$T/go"
data 0.96
( cd "$T/w/worse.beside" && data 0.97 ) > "$T/check"
: > "$COUNT"
mm_start deploy api
until_true 'it ships' test -e "$T/began"
beside worse.beside build -B deploy:web
waits "deploying 'api'"
: > "$T/go"
mm_end 0
beside_ends 0
is "$(grep -c train "$COUNT")" 2 'times that it was trained'

begin 'what does not wait says who is at it, and exits with 75'
rm "$T/began" "$T/go"
data 0.98
mm_start deploy api
until_true 'it ships' test -e "$T/began"
beside worse.beside promote --no-wait api staging
beside_ends 75
second_said "mlmake: error: mlmake with process id $pid is deploying 'api'"

begin 'a rollback that waited does not take back what it was not meant for'
beside worse.beside rollback api
waits "deploying 'api'"
: > "$T/go"
mm_end 0
beside_ends 2
second_said "'api' was shipped by another mlmake while this waited, and v[0-9.]* is in production now; look, and run it again"
holds "$server/production" 0.98

begin 'in the same work tree, too; one that names a version knows what it wants'
rm "$T/began" "$T/go"
data 0.985
mm_start deploy api
until_true 'it ships' test -e "$T/began"
beside worse rollback api
until_true 'it waits' grep -q "mlmake with process id $pid is at work in this project; waiting" "$T/err2"
: > "$T/go"
mm_end 0
beside_ends 2
second_said 'while this waited'
mm 0 rollback api --to=v0.0.2
holds "$server/production" 0.9

begin 'what another deploy ships meanwhile is no matter to a rollback'
rm "$T/began" "$T/go"
data 0.99
mm_start deploy web
until_true 'it ships' test -e "$T/began"
beside worse.beside rollback api
waits "deploying 'web'"
: > "$T/go"
mm_end 0
beside_ends 0
second_said 'is in production'

begin 'what a hook ships waits as well, and is shipped then'
pair hooked
printf '[hook post-commit]\nbuild = deploy:api\n' >> mlmake.ini
git commit -qam hook
data 0.8
mm_start deploy web
until_true 'it ships' test -e "$T/began"
"$MLMAKE" hook install > "$T/check" 2>&1 || fail 'no hook is installed'
data 0.9
out=.git/mlmake/queue/out
until_true 'the hook waits' grep -q "mlmake with process id $pid is deploying 'web'; waiting" $out/1
: > "$T/go"
mm_end 0
"$MLMAKE" hook watch > "$T/check" 2>&1
live production 0.9 v0.0.2
mm 0 hook log -n 1; said 'done +main'

begin 'and while it waits it can be stopped'
rm "$T/began" "$T/go"
mm_start deploy --again web
until_true 'it ships' test -e "$T/began"
data 0.95
until_true 'the hook waits' grep -q "mlmake with process id $pid is deploying 'web'; waiting" $out/2
"$MLMAKE" hook cancel > "$T/check" 2>&1
: > "$T/go"
mm_end 0
"$MLMAKE" hook watch > "$T/check" 2>&1
mm 0 hook log -n 1; said 'stopped +main .*as was asked for'
live production 0.9 v0.0.2

begin 'who is killed lets go, when what it started is dead'
pair killed
data 0.9
( cd "$T/w/killed.beside" && data 0.95 ) > "$T/check"
mm_start deploy api
until_true 'it ships' test -e "$T/began"
keeper=$(cat "/proc/$pid/task/$pid/children")
started="$started $keeper"
kill -STOP $keeper
kill -KILL "$pid"
wait "$pid" 2> /dev/null
beside killed.beside deploy --no-wait web
beside_ends 75
kill -CONT $keeper
until_true 'the keeper is gone' gone $keeper
: > "$T/go"
cd "$T/w/killed.beside" || exit 1
mm 0 deploy web
holds "$server/web.production" 0.95
mm 0 deploy --status; said 'did not end: it was being shipped'

begin 'what a deploy runs deploys nothing else of the project: it would wait for itself'
cd "$T/w/killed" || exit 1
: > "$T/go"
sed -i 's|^cmd     = : > "$T/began"|cmd     = test {{environment}} = production \|\| "$MLMAKE" -C ../killed.beside deploy web 2> "$T/inner" \|\| echo $? >> "$T/inner"; : > "$T/began"|' mlmake.ini
git commit -qam inner
mm 0 promote api staging
check 'it is refused' grep -q "is deploying 'api' and waits for this command to end, so this one does not wait for it" "$T/inner"
is "$(tail -n 1 "$T/inner")" 75 'exit code of the inner one'
git reset -q --hard HEAD^

begin 'a reader of the events of a deploy sees one stream: the build, and what is shipped'
cd "$T/w/killed" || exit 1
data 0.96; mm 0 deploy api; data 0.97
mkfifo "$T/fifo"
mm_start deploy api --events="$T/fifo"
cat "$T/fifo" > "$T/ev"
mm_end 0
is "$(grep -c '"event":"end"' "$T/ev")" 2 'built, shipped'
check 'shipped' grep -q '"event":"done".*"instance":"deploy:api"' "$T/ev"

begin 'rollback and promote go where -C says'
cd "$T/w" || exit 1
mm 0 -C killed promote api staging
mm 0 -C killed rollback api
said 'is in production'
finish
