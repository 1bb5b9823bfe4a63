#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The timers of monitors with the real cron, whose clock runs sixty times as fast and whose directories are its own, and before the real
# systemd-analyze.
# shellcheck disable=SC2016
. "${srcdir:-.}/tests/shell/lib.sh"

new_project "50% off" <<'END'
[monitor drift]
data    = prod/*.csv
against = train.csv
drift   = psi 0.2 x
every   = 1m
END
# Retraining finds what stands in the PATH of who installed the timer.
cat >> mlmake.ini <<'END'
then    = retrain
[stage train]
cmd  = only-here > {{outs}}
data = train.csv
outs = model.txt
END
mkdir "$T/own" && printf '#!/bin/sh\necho found\n' > "$T/own/only-here" && chmod +x "$T/own/only-here"
PATH=$T/own:$PATH
export PATH
awk 'BEGIN { print "x"; for (i = 0; i < 600; i++) print i }' > train.csv
mkdir prod; awk 'BEGIN { print "x"; for (i = 0; i < 600; i++) print i + 500 }' > prod/1.csv

# What needs namespaces of its own: it installs, lets cron run until the monitor has looked, and takes the line away. The machine's own jobs
# are covered; and when this script ends, which is the first process of its namespace, so does all that it has started.
cat > "$T/with-cron" <<'END'
[ "$$" = 1 ] || exit 77
mount -t tmpfs none /var/spool/cron && mkdir -m 1730 /var/spool/cron/crontabs && mount -t tmpfs none /run || exit 77
mount -t tmpfs none /dev/shm || exit 77 # where faketime has names by the numbers of processes, which are others here
chgrp crontab /var/spool/cron/crontabs 2> /dev/null
: > "$T/empty"
for f in /etc/crontab /etc/anacrontab; do [ ! -e $f ] || mount --bind "$T/empty" $f || exit 77; done
for d in /etc/cron.*; do [ ! -d "$d" ] || mount -t tmpfs none "$d" || exit 77; done
[ -z "$(cat /etc/crontab 2> /dev/null)$(ls /etc/cron.*/ 2> /dev/null | grep -v '^/etc/cron\|^$')" ] || exit 77
echo '0 0 1 1 * true' | crontab - || exit 77
"$MLMAKE" monitor --install --with cron || exit 1
crontab -l > "$T/installed"
faketime -f '+0 x60' cron -f &
tries=0
until grep -q '"why"' .git/mlmake/monitor/drift 2> /dev/null || [ $tries = 600 ]; do tries=$((tries + 1)); sleep 0.1; done
"$MLMAKE" monitor --uninstall || exit 1
crontab -l > "$T/left"
exit 0
END

have_all() { for c; do command -v "$c" > /dev/null 2>&1 || return 1; done; }
which='the real cron runs what was installed'
if ! have_all unshare mount cron crontab faketime || [ "$(id -u)" != 0 ]; then
	skip "$which" 'it takes root, cron, faketime and unshare'
elif ! unshare -m -p -f --kill-child --mount-proc --propagation private true 2> /dev/null; then
	skip "$which" 'there are no namespaces here'
else
	unshare -m -p -f --kill-child --mount-proc --propagation private sh "$T/with-cron" > "$T/out" 2> "$T/err"
	code=$?
	if [ "$code" = 77 ]; then
		skip "$which" 'nothing can be mounted here'
	else
		begin "$which"
		is "$code" 0 'exit status'
		is "$(grep -c 'monitor --due' "$T/installed")" 1 'lines of ours'
		check 'it has looked' grep -q '"outcome": *"drift"' .git/mlmake/monitor/drift
		check 'what it said is kept' grep -q '^drift' .git/mlmake/monitor/timer.out
		check 'and retrained' grep -q 'retrain: retrained;' .git/mlmake/monitor/timer.out
		holds model.txt found
		holds "$T/left" '0 0 1 1 * true'
	fi
fi

which='systemd reads the units'
mkdir "$T/bin" && printf '#!/bin/sh\nexit 0\n' > "$T/bin/systemctl" && chmod +x "$T/bin/systemctl"
unset XDG_CONFIG_HOME
if ! have_all systemd-analyze; then
	skip "$which" 'there is no systemd-analyze'
else
	mkdir -m 700 "$T/runtime"
	PATH=$T/bin:$PATH mm 0 monitor --install --with systemd
	set -- "$HOME"/.config/systemd/user/mlmake-monitor-*
	XDG_RUNTIME_DIR=$T/runtime systemd-analyze verify --user "$@" > "$T/verified" 2>&1
	code=$?
	if grep -q 'Failed to initialize manager' "$T/verified"; then
		skip "$which" 'systemd-analyze does not work here'
	else
		begin "$which"
		is "$#" 2 units
		is "$code" 0 'exit status'
		is "$(grep mlmake-monitor "$T/verified")" '' 'complaints'
		said 'enable-linger'
		begin 'what the service runs looks'
		rm -rf .git/mlmake/monitor
		mkdir .git/mlmake/monitor
		for unit; do sed -n 's/^ExecStart=.bin.sh -c "\(.*\)"$/\1/p' "$unit"; done | sed 's/%%/%/g; s/\$\$/$/g; s/\\\(.\)/\1/g' > "$T/line"
		rm -f model.txt; echo >> train.csv
		PATH=/usr/bin:/bin sh "$T/line"
		is "$?" 5 'exit status'
		check 'it has looked' grep -q '"outcome": *"drift"' .git/mlmake/monitor/drift
		holds model.txt found
	fi
fi
finish
