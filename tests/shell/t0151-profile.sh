#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What the columns of a table hold; a check that the data pass; more rows than memory.
. "${srcdir:-.}/tests/shell/lib.sh"

new_project p <<'END'
[stage one]
cmd  = echo 1 > {{outs}}
outs = one
END
awk 'BEGIN { print "id;age;score;plan;note"; for (i = 1; i <= 400; i++)
	printf "%d;%s;%.2f;%s;\"text %d\"\n", i, i % 10 ? i % 90 : "NA", i / 7, i % 3 ? "basic" : "pro", i * 7919 % 400 }' > t.csv

begin 'types, missing values, moments, quantiles, frequent values'
mm 0 profile t.csv; said '400 rows, 5 columns'; said 'id +int +- missing  400 different  1..400  mean 200.5 sd 115.614'
said 'plan +text +- missing  2 different  basic 66.8%, pro 33.2%'
begin 'nothing is kept where mlmake has never been; then the same bytes are read once'
missing .git/mlmake
mm 0
mm 0 profile t.csv --na NA; said 'age +int +10% missing'
is "$(find .git/mlmake/statistics -type f | wc -l)" 1
cp t.csv u.csv; cp "$T/out" "$T/first"
mm 0 profile u.csv --na NA
is "$(find .git/mlmake/statistics -type f | wc -l)" 1
check 'the same' cmp "$T/out" "$T/first"
begin 'what is kept may be damaged or lost'
for f in .git/mlmake/statistics/*; do chmod u+w "$f"; echo damaged > "$f"; done
mm 0 profile t.csv --na NA
check 'the same' cmp "$T/out" "$T/first"
sed -i 's/^sample [^ ]*/sample 0.5/' .git/mlmake/statistics/*
check 'it is edited' grep -q '^sample 0.5' .git/mlmake/statistics/*
mm 0 profile t.csv --na NA
check 'the same' cmp "$T/out" "$T/first"
refuse 'made anew' grep -q '^sample 0.5' .git/mlmake/statistics/*
rm -r .git/mlmake/statistics
mm 0 profile t.csv --na NA
begin 'a table that changes between two readings is kept as what was read'
if command -v strace > /dev/null 2>&1 && strace -o /dev/null true 2> /dev/null; then
	printf 'a\n1\n2\n' > then.csv; cp then.csv moving.csv
	strace -f -qq -o "$T/trace" -e trace=fadvise64 -e inject=fadvise64:delay_enter=2000000:when=2 \
		"$MLMAKE" profile moving.csv > "$T/moving" 2>&1 &
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		grep -q fadvise64 "$T/trace" 2> /dev/null && break; sleep 0.1
	done
	sleep 0.3; printf 'a\n1\n2\n3\n' > moving.csv; wait $!
	check 'what was read is told' grep -q '3 rows' "$T/moving"
	mm 0 profile then.csv; said '^2 rows'
	rm -r .git/mlmake/statistics
	mm 0 profile t.csv --na NA
else
	skip 'a table that changes' 'strace does not work here'
fi
if have_python; then
	begin 'as JSON'
	mm 0 profile t.csv --na NA --json
	is "$(json "$T/out" '[d["version"], d["rows"], [c["type"] for c in d["columns"]]]')" '[1, 400, ["int", "int", "number", "text", "text"]]'
	is "$(json "$T/out" 'd["columns"][0]["quantiles"]["0.5"], d["columns"][1]["missing"], d["columns"][3]["top"][0]')" \
		'[200.5, 40, {"count": 267, "value": "basic"}]'
fi
begin 'a section is proposed that the data pass, and other data do not'
mm 0 check --infer t.csv
cp "$T/out" proposed
said '^\[check t\]$'; said '^data = t.csv$'; said '^na = NA$'; said '^rows = 200..$'; said '^column id = int unique missing 0$'
said '^column age = int 0..89 missing 20%$'; said '^column plan = text set basic pro missing 0$'
cat proposed >> mlmake.ini
mm 0 check; said 'passed +check:t'
echo '7;200;1;free;x' >> t.csv
mm 1 check; said 't.csv:402: 7, as on line 8'; said 't.csv:402: 200'; said 't.csv:402: free'
begin 'gc forgets what nobody has asked for in a quarter of a year, and nothing else'
printf 'a\n1\n' > one.csv; printf 'a\n2\n' > two.csv
rm -rf .git/mlmake/statistics
mm 0 profile one.csv; mm 0 profile two.csv
touch -d '100 days ago' .git/mlmake/statistics/*
mm 0 profile two.csv
mm 0 gc
is "$(ls .git/mlmake/statistics | wc -l | tr -d ' ')" 1
touch -d '80 days ago' .git/mlmake/statistics/*
mm 0 gc
is "$(ls .git/mlmake/statistics | wc -l | tr -d ' ')" 1

begin 'a name that comes twice in the header is said each time, with the columns, and check says it as well'
printf 'id,x,y,x,x\n1,2,3,4,5\n' > twice.csv
for time in first again; do
	mm 0 profile twice.csv
	said "^mlmake: warning: twice\.csv:1: 'x' is the name of columns 2 and 4; the first of them is looked at alone\$"
	said "columns 4 and 5; "
done
mm 0 check --infer twice.csv; said "twice\.csv:1: 'x' is the name of columns 2 and 4"
cp "$T/out" mlmake.ini
mm 1 check; said "twice\.csv:1: 'x' is the name of columns 2 and 4\$"
mm 0 profile --no-header twice.csv; said_not 'is the name of'

begin 'bad calls'
mm 2 profile; said 'which file'
mm 2 profile nowhere.csv; said "'nowhere.csv' is not there"
mm 2 profile --separator ab t.csv; said 'one character'
mm 2 profile --format xls t.csv; said 'csv, tsv or jsonl'
mm 2 check --infer nowhere.csv

begin 'more values than memory holds are all looked at'
awk 'BEGIN { print "id,x"; for (i = 0; i < 2000000; i++) print i * 7 ",some text that makes it longer"; print "7000007,x"; print "21,y" }' > big.csv
cat > mlmake.ini <<'END'
[check big]
data = big.csv
unique = id
column id = int 0..
END
# Data and heap of the process, in KiB.
if sanitized; then
	most=unlimited
else
	most=65536
fi
(ulimit -d "$most"; mm 1 check; exit "$bad") || bad=1
said '2 of 2,000,002 values'; said 'big.csv:2000003: 21, as on line 5'
(ulimit -d "$most"; mm 0 profile big.csv; exit "$bad") || bad=1
said '2000002 rows|2,000,002 rows'
is "$(find . -name 'mlmake-unique*')" ''
finish
