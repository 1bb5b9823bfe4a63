#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Deploys that hooks begin: each commit a candidate, and what became of it in the log.
. "${srcdir:-.}/tests/shell/lib.sh"
. "$srcdir/tests/shell/deploy.sh"

built() { "$MLMAKE" hook watch > "$T/out" 2>&1; }
deploys p
cat >> mlmake.ini <<'END'
[hook post-commit]
build = deploy:api
END
printf 'mlmake.lock\n' >> .gitignore

begin 'a commit whose model the gate lets pass is in production, under a tag on it'
mm 0 hook install
git add -A; git commit -qm hooked; built
live production 0.7 v0.0.1
mm 0 hook log -n 1; said "done +main +$(git rev-parse --short=9 HEAD)"
is "$(git rev-parse 'api@v0.0.1^{commit}')" "$(git rev-parse HEAD)" commit

begin 'one that does not get well: the reason, the run and the logs are in the log of hooks, and production is as it was'
echo 0.8 > "$T/sick"
data 0.8; built
said '^failed +api +v0\.0\.2 is not deployed to production'
live production 0.7 v0.0.1
for log in $(sed -n 's/^ *logs: //p' "$T/out"); do exists "$log"; done
mm 0 hook log -n 1
said 'failed +main .* run [0-9T]*-[0-9a-f]+  api: is not deployed to production: health: exit status 1'
run=$(sed -n 's/.* run \([0-9a-fT-]*\) .*/\1/p' "$T/out")
mm 0 show "$run"; said 'deploy:api'

begin 'one that the gate refuses: likewise'
: > "$COUNT"
data 0.2; built; ran train
live production 0.7 v0.0.1
mm 0 hook log -n 1; said 'refused +main .*gate:release: auc >= 0\.5: 0\.2 >= 0\.5 does not hold'

begin 'and the next good one goes out'
data 0.9; built
live production 0.9 v0.0.2
mm 0 hook log -n 1; said 'done +main'
mm 0 fsck

begin 'one that is stopped while it ships is undone, and its logs stay'
sed -i 's/^cmd     = echo ship.*/&; while [ -e "$T\/hold" ]; do sleep 0.02; done/' mlmake.ini
: > "$T/hold"; : > "$COUNT"
data 0.95
until_true 'it ships' grep -q ship "$COUNT"
until_true 'it is there' grep -q 0.95 "$server/production"
mm 0 hook cancel & canceller=$!
until_true 'it is undone' grep -q '^phase undoing' '.git/mlmake/deploys/api#production'
rm "$T/hold"
wait $canceller
built
live production 0.9 v0.0.2
mm 0 hook log -n 1; said 'stopped +main .*as was asked for'
mm 0 hook log "$(awk '{ print $1 }' "$T/out")"; said 'in production is what was there before: v0\.0\.2'
for log in $(sed -n 's/^ *logs: //p' "$T/out"); do exists "$log"; done
finish
