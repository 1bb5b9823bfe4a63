#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Pushes: held if what is pushed was not built well; on a server they build, and the results come back.
# shellcheck disable=SC2016
. "$srcdir/tests/shell/lib.sh"

built() { "$MLMAKE" hook watch "$@" > "$T/watched" 2>&1; }
push() { git push "$@" > "$T/pushed" 2>&1; }
pushed() { grep -Eq -e "$1" "$T/pushed" || fail "push does not say: $1: $(cat "$T/pushed")"; }

begin 'a push of what was not built, or failed, is held'
three gated
printf '[hook post-commit]\nbuild = count\n[hook pre-push]\nbranch = main\nbuild = count\n' >> mlmake.ini
git init -q --bare "$T/origin.git" && git remote add origin "$T/origin.git"
mm 0 hook install
git add . && MLMAKE_HOOKS=0 git commit -q -m first
refuse 'push' push origin main
pushed "push held: main: $(git rev-parse --short=9 HEAD) was not built"; pushed 'git push --no-verify'
refuse 'push of a commit named by words' push origin 'HEAD^{/first| no such words}:refs/heads/main'
pushed "push held: main: $(git rev-parse --short=9 HEAD) was not built"
"$MLMAKE" hook run post-commit; built; ran clean up count
check 'push' push origin main
echo 'exit 1' > up.sh && git commit -q -a -m broken
built; : > "$COUNT"
refuse 'push' push origin main
pushed 'was built, and failed: up: exit status 1'
ran

begin 'git has ways around it, other branches pass, and so do what says so, tags and deletions'
check 'no-verify' push --no-verify origin main
git commit -q --allow-empty -m 'not built' -n; MLMAKE_HOOKS=0 check 'environment' git push -q origin main
git tag v1 && check 'tag' push origin v1
git checkout -q -b topic && git commit -q --allow-empty -m topic
check 'topic' push origin topic
check 'deletion' push origin :topic
git checkout -q main; built

begin 'the files count: an amended message passes; a commit that wants no build is judged by what it stands on'
git revert --no-edit HEAD~1 > /dev/null 2>&1; built
check 'fixed' push origin main
MLMAKE_HOOKS=0 git commit -q --allow-empty -m 'same files'
check 'same files' push origin main
echo > README && git add . && git commit -q -m 'words [mlmake skip]'; built
check 'skipped' push origin main
echo >> README && MLMAKE_HOOKS=0 git commit -q -a -m 'words'
refuse 'unknown' push origin main
mm 0 count
check 'built by hand' push origin main

begin 'without `build` all that plain mlmake builds must have been built, not some stage'
new_project part <<'END'
[stage prepare]
cmd  = echo 1 > {{outs}}
outs = p.txt
[stage train]
cmd  = cat {{data}} go > {{outs}}
data = p.txt
outs = m.txt
[hook pre-push]
END
printf '%s\n' p.txt m.txt go mlmake.lock > .gitignore
git init -q --bare "$T/part.git" && git remote add origin "$T/part.git"
mm 0 hook install
git add . && git commit -q -m first
mm 0 build prepare
mm 1
refuse 'half' push origin main
pushed 'was built, and failed: train: exit status 1'
echo > go
mm 0 -v; said '1 fresh'
check 'one ran, one was fresh' push origin main
sed -i 's/^\[hook.*/&\nbuild = train prepare/' mlmake.ini
git commit -q -a -m named; echo 2 > go; mm 0 -B train
check 'what is fresh or needed counts, whatever it was called' push origin main

begin 'a build that was broken off, of another pipeline, or run once more and failed, holds and lets pass nothing'
new_project again <<'END'
[project]
params = params.ini
[stage train]
cmd  = sh train.sh {{train.eta}} > {{outs}}
outs = m.txt
vars = T
[hook pre-push]
END
printf '[train]\neta = 1\n' > params.ini
echo 'echo $1; test $1 != 99 || exit 9; test ! -e "$T/slow" || { : > "$T/begun"; sleep 60; }; test ! -e "$T/flaky"' > train.sh
printf '%s\n' m.txt mlmake.lock > .gitignore
git init -q --bare "$T/again.git" && git remote add origin "$T/again.git"
mm 0 hook install
git add . && git commit -q -m first
mm 0
: > "$T/slow"; "$MLMAKE" -B > "$T/out" 2>&1 & pid=$!
until_true 'has begun' test -e "$T/begun"
kill "$pid"; wait "$pid"; rm "$T/slow"
mm 0 log -n 1; said interrupted
check 'broken off' push --dry-run origin main
mm 1 train.eta=99
check 'an experiment that failed' push --dry-run origin main
: > "$T/flaky"; mm 1 -B; rm "$T/flaky"
check 'what stands' push --dry-run origin main
sed -i 's/^eta.*/eta = 99/' params.ini; git commit -q -a -m 99
mm 1; mm 0 train.eta=2
refuse 'an experiment that went well' push origin main
pushed 'was built, and failed: train: exit status 9'

begin 'of a stage all instances must have been built, in one run or several'
new_project matrix <<'END'
[stage train]
matrix seed = 1 2
cmd  = test {{seed}} = 1 -o -e go && echo {{seed}} > {{outs}}
outs = m{{seed}}.txt
[hook pre-push]
build = train
END
printf '%s\n' m1.txt m2.txt go mlmake.lock > .gitignore
git init -q --bare "$T/matrix.git" && git remote add origin "$T/matrix.git"
mm 0 hook install
git add . && git commit -q -m first
mm 0 build train@1
mm 1 build train@2
refuse 'one of two' push origin main
pushed 'was built, and failed: train@2: exit status 1'
echo > go
mm 0 build train@2
check 'both' push origin main

begin 'of a larger build what is asked for counts, and what that needs: it may have failed elsewhere'
new_project larger <<'END'
[project]
jobs = 2
[stage prepare]
cmd  = sh prepare.sh > {{outs}}; echo prepare >> "$COUNT"
code = prepare.sh
outs = p.txt
[stage train]
cmd  = sh train.sh {{data}} > {{outs}}; echo train >> "$COUNT"
code = train.sh
data = p.txt
outs = m.txt
[stage other]
cmd  = sh other.sh > {{outs}}; echo other >> "$COUNT"
code = other.sh
outs = o.txt
[hook post-commit]
[hook pre-push]
build = train
END
# other fails when train is done
echo 'echo 1' > prepare.sh
echo 'cat "$1"; : > "$T/trained"' > train.sh
echo 'until test -e "$T/trained"; do sleep 0.02; done; exit 3' > other.sh
sed -i 's/^outs.*/&\nvars = T COUNT/' mlmake.ini
printf '%s\n' '?.txt' mlmake.lock > .gitignore
git init -q --bare "$T/larger.git" && git remote add origin "$T/larger.git"
mm 0 hook install
git add . && git commit -q -m first
built; is $? 1 'exit of watch'; ran prepare train
mm 0 hook log -n 1; said 'failed .*other: exit status 3'
check 'what it made passes' push origin main
begin 'what was fresh in one that failed counts as well'
echo 'exit 4' > other.sh; git commit -q -a -m worse
built; is $? 1 'exit of watch'; ran
check 'fresh' push origin main

begin 'and in one that went well, though nothing ran'
echo 'echo good' > other.sh; git commit -q -a -m good
built; is $? 0 'exit of watch'; ran other
echo > README; git add README; git commit -q -m words
built; is $? 0 'exit of watch'; ran
check 'nothing ran' push origin main

begin 'what was not reached in it was not built'
echo 'until test -s "$T/failed" && ! kill -0 "$(cat "$T/failed")" 2> /dev/null; do sleep 0.02; done; echo 2' > prepare.sh
echo 'echo $$ > "$T/failed"; exit 5' > other.sh
git commit -q -a -m 'not reached'
built; is $? 1 'exit of watch'; ran prepare
refuse 'not reached' push origin main
pushed "main: $(git rev-parse --short=9 HEAD) was not built"
mm 0 build train; : > "$COUNT"
check 'by hand' push origin main

begin 'and what failed in it is said, whatever passes that is not known'
sed -i 's/^\[hook pre-push\]/&\nunknown = pass/' mlmake.ini
echo 'exit 7' > train.sh; echo 'echo good' > other.sh
git commit -q -a -m fails
built; is $? 1 'exit of watch'
refuse 'failed' push origin main
pushed "main: $(git rev-parse --short=9 HEAD) was built, and failed: train: exit status 7"

begin 'a gate that refuses holds the push'
three refused
cat >> mlmake.ini <<'END'
[stage score]
cmd     = cat {{data}} > {{metrics}}
data    = score.json
metrics = metrics.json
[gate release]
of      = score
require = accuracy >= 0.9
[hook post-commit]
build = gate:release
[hook pre-push]
build = gate:release
END
echo '{"accuracy": 0.8}' > score.json
echo '*.txt' > .gitignore; echo metrics.json >> .gitignore; git add -f raw.txt
git init -q --bare "$T/refused.git" && git remote add origin "$T/refused.git"
mm 0 hook install
git add . && git commit -q -m first
built; is $? 3 'exit of watch'
mm 0 hook log; said ' refused .*gate:release: accuracy >= 0.9: 0.8 >= 0.9 does not hold'
refuse 'push' push origin main
pushed 'was refused by a gate'
echo '{"accuracy": 0.95}' > score.json; git commit -q -a -m better
built; is $? 0 'exit of watch'
check 'push' push origin main
echo '{"accuracy": 0.7}' > score.json; git commit -q -a -m worse; built
sed -i 's/^\[hook pre-push\]/&\nunknown = pass/' mlmake.ini; git commit -q -a -m unknown
refuse 'worse still' push origin HEAD~1:main

begin 'the hook that stood there before hears the same, and can refuse as well'
printf '#!/bin/sh\ncat > "$T/heard"; exit 9\n' > "$T/mine" && chmod +x "$T/mine"
mm 0 hook uninstall; cp "$T/mine" .git/hooks/pre-push; mm 0 hook install
echo '{"accuracy": 0.99}' > score.json; git commit -q -a -m good; built
T=$T; export T
refuse 'push' push origin main
is "$(cut -d' ' -f1,2 "$T/heard")" "refs/heads/main $(git rev-parse HEAD)" 'what it hears'

# server NAME: a bare repository with $T/NAME.work, and a clone in which the script stands.
server() {
	git init -q --bare -b main "$T/$1.git"
	mm 0 hook install --bare "$T/$1.git" --work "$T/$1.work"
	three "$1"
	git remote add origin "$T/$1.git"
	printf '[hook post-receive]\nbranch = main dev*\n[remote server]\nurl = %s\n' "$T/$1.work" >> mlmake.ini
	printf '%s\n' clean.txt up.txt count.txt other.txt > .gitignore
	git add . && git commit -q -m first
}

begin 'a push builds on the server; the client sees one line, and does not wait'
server train
cat > up.sh <<'END'
while [ ! -e "$T/go" ]; do sleep 0.02; done
tr a-z A-Z < "$1"
END
git commit -q -a -m slow
check 'push' push origin main
is "$(grep -c '^remote:' "$T/pushed")" 1 'lines'
pushed '^remote: mlmake: main will be built'
until_true 'it is begun' grep -q clean "$COUNT"
mm 0 hook status --bare "$T/train.git"; said 'post-receive +installed'; said 'at work'
: > "$T/go"
built --bare "$T/train.git"
ran clean up count other
mm 0 hook log --bare "$T/train.git"; said "done +main +$(git rev-parse --short=9 main)"

begin 'and the results come back'
mm 0 pull
mm 0; said '4 restored'; ran
mm 0 log; said "$(git rev-parse --short=9 main)"

begin 'data that git does not hold goes there by push'
server data
sed -i 's/^data   = raw.txt/data   = big.txt/' mlmake.ini
head -c 300000 /dev/zero | tr '\0' '\n' > big.txt && echo big.txt >> .gitignore
mm 0 clean; : > "$COUNT"
git add . && git commit -q -m 'with data'
mm 0 push
check 'push' push origin main
built --bare "$T/data.git"
ran up count other
mm 0 hook log --bare "$T/data.git"; said 'done +main'
echo other >> big.txt && mm 0 clean; : > "$COUNT"
git commit -q -a -m lock
cp big.txt "$T/data.work/big.txt"
check 'push' push origin main
built --bare "$T/data.git"
mm 0 hook log --bare "$T/data.git"; said 'done +main'

begin 'and so do small ones, which come with the runs'
server small
printf 'raw.txt\n' >> .gitignore && git rm -q --cached raw.txt
mm 0; : > "$COUNT"
git add . && git commit -q -m 'with a lock'
mm 0 push
check 'push' push origin main
built --bare "$T/small.git"
mm 0 hook log --bare "$T/small.git"; said 'done +main'

begin 'many push at once, and all branches are built'
server many
check 'push' push origin main
for i in 1 2 3 4; do
	git clone -q "$T/many.git" "$T/w/many-$i" 2> /dev/null
	(cd "$T/w/many-$i" && git checkout -q -b "dev$i" && echo "$i" >> raw.txt && git commit -q -a -m "$i" && git push -q origin "dev$i" 2> /dev/null) &
done
wait
built --bare "$T/many.git"
for i in 1 2 3 4; do
	"$MLMAKE" hook log -n 0 --bare "$T/many.git" | grep -q "done *dev$i *$(git -C "$T/many.git" rev-parse --short=9 "dev$i")" || fail "dev$i is not built"
done
is "$(find "$T/many.git/mlmake/queue" -name '0*' | wc -l)" 0 entries

begin 'several branches in one push are one line; other branches and tags build nothing'
git checkout -q -b dev8 && git commit -q --allow-empty -m 8 && git checkout -q -b dev9 && git commit -q --allow-empty -m 9
check 'push' push origin dev8 dev9
pushed 'remote: mlmake: 2 branches will be built'
is "$(grep -c '^remote:' "$T/pushed")" 1 'lines'
built --bare "$T/many.git"
before=$("$MLMAKE" hook log -n 0 --bare "$T/many.git" | wc -l)
git tag v1 && check 'tag' push origin v1
check 'deletion' push origin :dev8
echo z >> raw.txt && git commit -q -a -m z
check 'option' push -o mlmake.skip origin dev9
built --bare "$T/many.git"
is "$("$MLMAKE" hook log -n 0 --bare "$T/many.git" | wc -l)" "$before" 'builds'

begin 'of a branch that mlmake.ini leaves out it is said that it is not built, to the client and in the log'
git checkout -q -b feature
check 'push' push origin feature
pushed '^remote: mlmake: feature is not built: \[hook post-receive\] builds only main dev\*'
is "$(grep -c '^remote:' "$T/pushed")" 1 'lines'
built --bare "$T/many.git"; is $? 0 'exit of watch'
mm 0 hook log -n 1 --bare "$T/many.git"; said 'skipped .*feature .*builds only main dev\*'
git commit -q --allow-empty -m more && git checkout -q -b dev7 && git commit -q --allow-empty -m 7
check 'push' push origin feature dev7
pushed '^remote: mlmake: dev7 will be built'
built --bare "$T/many.git"
git checkout -q dev9

begin 'a push while mlmake gc is at work waits for nothing, and is built after it'
echo y >> raw.txt && git commit -q -a -m y
check 'push' push origin dev9
git clone -q "$T/many.git" "$T/w/many-gc" 2> /dev/null
(flock 9; check 'push again' push origin HEAD:dev9; sleep 0.2) 9> "$T/many.git/mlmake/gc.lock"
built --bare "$T/many.git"
"$MLMAKE" hook log -n 0 --bare "$T/many.git" | grep -q "done *dev9 *$(git rev-parse --short=9 HEAD)" || fail 'dev9 is not built'

begin 'of a project below the top of its repository as well'
git init -q --bare -b main "$T/below.git"
new_project below < /dev/null
rm mlmake.ini && mkdir proj && cd proj || exit 1
cat > mlmake.ini <<'END'
[stage s]
cmd  = echo s >> "$COUNT"; cat {{data}} > {{outs}}
data = in.txt
outs = out.txt
[hook post-receive]
END
echo in > in.txt; echo out.txt > .gitignore
mm 0 hook install --bare "$T/below.git" --work "$T/below.work"
mm 0 hook status --bare "$T/below.git"; said '^post-receive +installed$'
git remote add origin "$T/below.git" && git add . && git commit -q -m first
check 'push' push origin main
pushed '^remote: mlmake: main will be built'
built --bare "$T/below.git"
ran s
mm 0 hook log --bare "$T/below.git"; said "done +main +$(git rev-parse --short=9 main)"
git checkout -q -b bare && git mv mlmake.ini gone.ini && git commit -q -m gone
check 'push' push origin bare
pushed "^remote: mlmake: bare is not built: it has no 'proj/mlmake.ini'"
built --bare "$T/below.git"
mm 0 hook log -n 1 --bare "$T/below.git"; said "error .*it has no 'proj/mlmake.ini'"
cd "$T" || exit 1
mm 0 hook status --bare "$T/below.git"; said '^post-receive +installed$'
mm 0 hook uninstall --bare "$T/below.git"; said 'removed .*/post-receive'
missing "$T/below.git/hooks/post-receive"

begin 'taken away without a trace'
git init -q --bare "$T/trace.git"
cp -a "$T/trace.git/hooks" "$T/hooks-before"; cp "$T/trace.git/config" "$T/config-before"
mm 0 hook install --bare "$T/trace.git" --work "$T/trace.work"
is "$(git -C "$T/trace.git" config receive.advertisePushOptions)" true 'push options'
mm 0 hook uninstall --bare "$T/trace.git"
check 'hooks' diff -r "$T/hooks-before" "$T/trace.git/hooks"
check 'config' cmp "$T/config-before" "$T/trace.git/config"
is "$(ls "$T/trace.work")" '' 'work'

finish
