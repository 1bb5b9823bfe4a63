#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# All columns of the reference: those that are gone, that changed their kind, that are new, that are left out. How much of a history is shown.
. "${srcdir:-.}/tests/shell/lib.sh"

# table FROM TO: an id, a number, a class, the label.
table() {
	awk -v from="$1" -v to="$2" 'BEGIN { print "id,x,plan,churned"
		for (i = from; i < to; i++) { r = i * 7919 % 1000 / 1000; s = i * 104729 % 997 / 997
			printf "%d,%.3f,%s,%d\n", i, r, s < 0.3 ? "basic" : "pro", (r > 0.5) } }'
}
new_project p <<'END'
[monitor drift]
data    = prod.csv
against = train.csv
drift   = psi 0.2 * !churned !id
          wasserstein 0.5 * !id
END
table 0 2000 > train.csv
cp mlmake.ini "$T/ini"

begin 'what a measure is about, but for what is left out'
table 2000 3000 > prod.csv
mm 0 monitor; said '^calm +monitor:drift +0 of 4 drifted'
said_not 'psi +churned'; said_not ' id '; said 'wasserstein +churned'; said_not 'wasserstein +plan'; said_not ' new '
sed -i 's/wasserstein 0.5 \* !id/wasserstein 0.5 * !id !churned/' mlmake.ini
table 2000 3000 | cut -d, -f1-3 > prod.csv
mm 0 monitor; said '^calm +monitor:drift +0 of 3 drifted'

begin 'a column of the reference that is gone is no calm'
table 2000 3000 | cut -d, -f1,3 > prod.csv
mm 2 monitor
said '^unknown +monitor:drift +1 of 3 could be measured'
said "\\? +psi +x +there is no column 'x' now"; said "\\? +wasserstein +x +there is no column 'x' now"
mm 0 monitor --history; said "unknown +there is no column 'x' now"
begin 'nor is one without values, or with other values'
table 2000 3000 | awk -F, -v OFS=, 'NR > 1 { $2 = "" } 1' > prod.csv
mm 2 monitor; said '\? +psi +x +all values are missing now'
table 2000 3000 | awk -F, -v OFS=, 'NR > 1 { $2 = "v" $2 } 1' > prod.csv
mm 5 monitor; said '\? +wasserstein +x +wasserstein is about numbers, and now it has others'; said 'drift +psi +x'
begin 'drift beside it is drift'
table 2000 3000 | cut -d, -f1,3 | sed 's/,pro$/,gold/' > prod.csv
mm 5 monitor; said 'drift +psi +plan'; said "\\? +psi +x +there is no column"
begin 'for missing it is missing in all rows'
sed -i 's/psi 0.2 .*/missing 0.05 */; /wasserstein/d' mlmake.ini
table 2000 3000 | cut -d, -f1,3 > prod.csv
mm 5 monitor; said "drift +missing +x +there is no column 'x' now"

begin 'a new column is named, and is no drift'
cp "$T/ini" mlmake.ini
table 2000 3000 | sed 's/^/t,/; 1s/^t/asked at/; s/$/,z/' > prod.csv
mm 0 monitor; said '^calm'; said '^  new    the reference lacks asked at, z$'
if have_python; then
	mm 0 monitor -n --json
	is "$(json "$T/out" 'd["monitors"][0]["new"]')" '["asked at", "z"]'
fi
sed -i 's/\* !churned !id/* !churned !id !z "!asked at"/; /wasserstein/d' mlmake.ini
mm 0 monitor -n; said_not ' new '
sed -i 's/\*.*/x !id/' mlmake.ini
mm 2 lint; said "mlmake.ini:4: error: 'drift': '!id' leaves a column out of '\*', which is not there"

begin 'names of columns do nothing to a terminal'
cp "$T/ini" mlmake.ini; cp train.csv "$T/train"
{ printf 'id,\033[31mx,plan,churned\n'; tail -n +2 "$T/train"; } > train.csv
{ printf 'id,\033[32mx,plan,churned\n'; table 2000 3000 | tail -n +2; } > prod.csv
mm 2 monitor -n; said 'there is no column'; said ' new '
mm 2 monitor
for what in '' --history; do
	# shellcheck disable=SC2086
	"$MLMAKE" monitor -n $what > "$T/said" 2>&1
	refuse 'an escape' grep -q "$(printf '\033')" "$T/said"
done
cp "$T/train" train.csv

begin 'of a long history the end is shown, or as much as one asks for'
cp "$T/ini" mlmake.ini
rm -r .git/mlmake/monitor
table 2000 3000 > prod.csv
mm 0 monitor
line=$(cat .git/mlmake/monitor/drift)
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24; do echo "$line"; done >> .git/mlmake/monitor/drift
mm 0 monitor --history; said '^monitor:drift: the last 20 of 25 lines$'; is "$(grep -c ' calm' "$T/out")" 20 lines
mm 0 monitor --history --lines=3; is "$(grep -c ' calm' "$T/out")" 3 lines
mm 0 monitor --history --lines=0; said '^monitor:drift: 25 lines$'; is "$(grep -c ' calm' "$T/out")" 25 lines
mm 2 monitor --history --lines=x; said "takes a number from 0"
if have_python; then
	mm 0 monitor --history --lines=2 --json
	is "$(json "$T/out" 'len(d["history"])')" 2
fi
finish
