#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A timer for monitors: with systemd or cron, put in place and taken away; others' lines stay as they are.
. "${srcdir:-.}/tests/shell/lib.sh"

mkdir "$T/bin"
cat > "$T/bin/crontab" <<'END'
#!/bin/sh
[ ! -e "$T/no-cron" ] || { echo 'crontab: you are not allowed' >&2; exit 1; }
case $1 in
-l) [ -e "$T/crontab" ] || { echo "no crontab for tester" >&2; exit 1; }; cat "$T/crontab" ;;
-) cat > "$T/crontab" ;;
-r) rm "$T/crontab" ;;
esac
END
cat > "$T/bin/systemctl" <<'END'
#!/bin/sh
[ -e "$T/systemd" ] || { echo 'Failed to connect to bus' >&2; exit 1; }
echo "$*" >> "$T/systemctl"
END
chmod +x "$T/bin/crontab" "$T/bin/systemctl"
PATH=$T/bin:$PATH
export PATH
unset XDG_CONFIG_HOME

new_project "50% off" <<'END'
[monitor drift]
data    = prod/*.csv
against = train.csv
drift   = psi 0.2 x
every   = 6h
END

begin 'a line of the crontab, beside those of others, which stay to the byte'
printf '# mine\n\n0 1 * * *  backup 100\\%%\nMAILTO=x\n@daily  other # mlmake-monitor 0000000000000000\n17 3 * * * no newline at the end' > "$T/crontab"
cp "$T/crontab" "$T/before"
mm 0 monitor --install; said 'a line of the crontab looks every 6h00m'
is "$(grep -c 'monitor --due' "$T/crontab")" 1
line=$(grep 'monitor --due' "$T/crontab")
# shellcheck disable=SC2016
case $line in
[0-9]*' * * * * cd '*'50\% off'*' monitor --due >> '*' 2>&1 # mlmake-monitor '*) ;;
*) fail "the line is: $line" ;;
esac
begin 'twice is once'
mm 0 monitor --install
is "$(grep -c 'monitor --due' "$T/crontab")" 1
begin 'another project has a line of its own'
mkdir ../other; cp mlmake.ini ../other; (cd ../other && git init -q && mm 0 monitor --install --with cron; exit "$bad") || bad=1
is "$(grep -c 'monitor --due' "$T/crontab")" 2
(cd ../other && mm 0 monitor --uninstall; exit "$bad") || bad=1
begin 'taken away, all is as it was'
mm 0 monitor --uninstall; said 'the line of the crontab is taken away'
(cat "$T/before"; echo) > "$T/want"
check 'the others' cmp "$T/crontab" "$T/want"
mm 0 monitor --uninstall; said 'nothing to take away'
begin 'no crontab yet'
rm "$T/crontab"
mm 0 monitor --install
is "$(wc -l < "$T/crontab")" 1
begin 'what the line says works when sh runs it'
sed 's/^[^c]*//; s/\\%/%/g' "$T/crontab" > "$T/line"
awk 'BEGIN { print "x"; for (i = 0; i < 600; i++) print i }' > train.csv
mkdir prod; cp train.csv prod/1.csv
check 'the line' sh "$T/line"
is "$(wc -l < .git/mlmake/monitor/drift)" 1
check 'not due again' sh "$T/line"
is "$(wc -l < .git/mlmake/monitor/drift)" 1
begin 'and again none, where there was none'
mm 0 monitor --uninstall
missing "$T/crontab"
mm 0 monitor --uninstall; said 'nothing to take away'
begin 'a crontab that cannot be read is not overwritten'
echo keep > "$T/crontab"; : > "$T/no-cron"
mm 2 monitor --install; said 'not allowed'
is "$(cat "$T/crontab")" keep
rm "$T/no-cron"
begin 'a timer of systemd'
: > "$T/systemd"
mm 0 monitor --install; said 'a timer of systemd'
set -- "$HOME"/.config/systemd/user/mlmake-monitor-*.timer
exists "$1"; check 'every 6 hours' grep -qx 'OnUnitActiveSec=21600' "$1"
service=${1%.timer}.service
check 'drift is no failure' grep -qx 'SuccessExitStatus=5' "$service"
check 'per cent signs are doubled' grep -q '50%% off' "$service"
check 'enabled' grep -q 'enable --now' "$T/systemctl"
is "$(cat "$T/crontab")" keep
mm 0 monitor --uninstall; said 'the timer of systemd is taken away'
missing "$1"; missing "$service"
check 'disabled' grep -q 'disable --now' "$T/systemctl"
begin 'bad calls'
mm 2 monitor --install --with at; said 'systemd or cron'
sed -i '/every/d' mlmake.ini
mm 2 monitor --install; said "give it 'every = 1d'"
finish
