#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Checks: rules of tables, as instances that guard their data.
. "${srcdir:-.}/tests/shell/lib.sh"

new_project p <<'END'
[stage clean]
cmd  = cat {{data}} > {{outs}}; echo clean >> "$COUNT"
data = raw.csv
outs = clean.csv

[check clean]
data = clean.csv
rows = 2..
unique = id
column tenure = int 0..{{most}} missing 0
column contract = set monthly one-year "two year"
column day = date 2020-01-01.. warn

[stage train]
cmd  = wc -l < {{data}} > {{outs}}; echo train >> "$COUNT"
data = clean.csv
outs = model.txt
[project]
params = params.ini
END
echo 'most = 120' > params.ini
good() { printf '%s\n' id,tenure,contract,day 1,5,monthly,2024-01-01 2,120,'two year',2021-05-06 > raw.csv; }

begin 'what reads checked data comes after the check'
good
mm 0; ran_order clean train; said 'passed +check:clean'
mm 0; said 'nothing to do'
begin 'broken rules stop what reads the data: which, how often, where, and what stands there'
printf 'id,tenure,contract,day\r\n1,5,monthly,2024-01-01\r\n1,121,"two\nyears",2019-01-01\r\n3,,monthly,2024-02-30\r\n' > raw.csv
mm 1; ran clean
said 'failed +check:clean .*unique id: 1 of 3 values has been there before, clean.csv:3; and 3 more'
said 'clean.csv:3: 1, as on line 2'
said 'column tenure: 1 of 3 values \(33.3 %\) is missing, and at most none may be'
said 'clean.csv:5: \(missing\)'
said 'column tenure: 1 of 2 values is not in 0..120'
said 'none of monthly, one-year, two year'
said 'clean.csv:3: two\\nyears'
said 'note: check:clean: column day: 1 of 3 values is no date'
said 'skipped +train +needs check:clean, which failed'
mm 1; ran; said 'failed +check:clean'
begin 'what is only warned of stops nothing'
printf '%s\n' id,tenure,contract,day 1,5,monthly,2019-01-01 2,7,one-year,2024-01-01 > raw.csv
mm 0; ran clean train; said 'note: check:clean: column day: 1 of 2 values is not in 2020-01-01..'
begin 'a rule that changed is named; a parameter in it counts'
sed -i 's/rows = 2../rows = 1../' mlmake.ini
mm 0 why check:clean; said 'rows = 2..' ; said 'rows = 1..'
mm 0; ran
echo 'most = 6' > params.ini
mm 1; said 'not in 0..6'; ran
mm 0 why check:clean; said 'most: 120 -> 6'
echo 'most = 120' > params.ini
begin '`mlmake check` judges what lies there, builds nothing and records nothing'
good
mm 0; ran; said 'restored clean'
mm 0 check; said 'passed +check:clean +nothing to complain about in 2 rows'
echo 3,999,weekly,x >> clean.csv
find .git/mlmake -type f | sort > "$T/before"
mm 1 check clean; said 'failed +check:clean +2 errors, 1 warning in 3 rows'; said 'clean.csv:4: 999'; ran
find .git/mlmake -type f | sort > "$T/after"
check 'nothing is written' cmp "$T/before" "$T/after"
mm 1 check check:clean
mm 2 check train; said 'check:train'
mm 2 check nothing
if have_python; then
	mm 1 check --json
	is "$(json "$T/out" 'd["version"], d["checks"][0]["outcome"], d["checks"][0]["rows"], d["checks"][0]["findings"][0]["rule"]')" \
		'[1, "failed", 3, "column tenure"]'
	is "$(json "$T/out" 'd["checks"][0]["findings"][0]["examples"]')" '[{"file": "clean.csv", "line": 4, "value": "999"}]'
fi
mm 0; ran; said 'restored clean'
begin 'all that is wrong in a section is told at once, with its line'
cat >> mlmake.ini <<'END'
[check bad]
data = clean.csv
rows = many
column a = integer 5..1
column b = match (
END
mm 2 lint; said "mlmake.ini:22: error: 'rows': 'many' is no number"
said "mlmake.ini:23: error: 'column a': 'integer' means nothing here"
said "mlmake.ini:23: error: 'column a': nothing is in 5..1"
said "mlmake.ini:24: error: 'column b': '\\(' is no regular expression"
printf '[check empty]\ndata = clean.csv\n[check none]\nrows = 1..\n' > mlmake.ini
mm 2 lint; said "it has no rules"; said "'check:none' checks nothing"

begin 'several files are one table; a directory is the tables in it'
new_project parts <<'END'
[check all]
data = parts/*.csv
rows = 4
unique = id
[check dir]
data = parts
unique = id
END
mkdir parts
printf 'id,x\n1,a\n2,b\n' > parts/1.csv; printf 'x;id\nc;3\nd;2\n' > parts/2.csv; echo no table > parts/README
mm 1 check all; said '1 of 4 values has been there before'; said 'parts/2.csv:3: 2, as in parts/1.csv:3'
mm 1 check dir; said 'parts/2.csv:3: 2, as in parts/1.csv:3'
mm 1 -k; said 'failed +check:all'; said 'failed +check:dir'
sed -i 's/d;2/d;4/' parts/2.csv
mm 0

begin 'JSON Lines: the columns come as they come, with each file anew'
new_project lines <<'END'
[check all]
data = *.jsonl
rows = 6
unique = id
column id = int missing 0
column n = set a b unique
END
printf '%s\n' '{"id": 1, "n": "a"}' '{"id": 2}' '{"id": 2, "n": null}' > 1.jsonl
printf '%s\n' '{"n": "b", "id": "x"}' 'no object' '{"n": "b", "m": {"k": 1}, "id": 1}' > 2.jsonl
mm 1 check
said 'unique id: 2 of 5 values have been there before'
said '1.jsonl:3: 2, as on line 2'; said '2.jsonl:3: 1, as in 1.jsonl:1'
said 'column n: 1 of 3 values has been there before'; said '2.jsonl:3: b, as on line 1'
said 'column id: 1 of 5 values is no whole number'; said '2.jsonl:1: x'
said '2.jsonl:2: the line is no object'

begin 'a command that prints JSON judges for itself'
new_project cmd <<'END'
[check own]
data = x.bin
cmd  = sh judge.sh {{data}}
code = answer.json
[stage use]
cmd  = echo use >> "$COUNT"; cp {{data}} {{outs}}
data = x.bin
outs = y
END
echo bytes > x.bin
# shellcheck disable=SC2016
cat > judge.sh <<'END'
echo "looked at $1" >&2
cat answer.json
END
echo '{"passed": true}' > answer.json
mm 0; ran use; said 'passed +check:own'
echo '{"passed": false, "findings": [{"rule": "mean", "column": "x", "message": "the mean is 7", "count": 3, "of": 9, "examples": [{"file": "x.bin", "line": 4, "value": "7"}]}]}' > answer.json
mm 1; said 'failed +check:own .*mean: the mean is 7, x.bin:4'; ran
mm 1 check; said 'error +mean: the mean is 7'; said 'looked at x.bin'
echo '{"success": false, "results": [{"success": false, "expectation_config": {"expectation_type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}}, "result": {"unexpected_count": 2, "element_count": 9, "partial_unexpected_list": [5, null]}}]}' > answer.json
mm 1 check; said 'expect_column_values_to_be_unique: column id is not as expected: 2 of 9 values'; said '^ +5$'; said '^ +\(missing\)$'
echo 'no JSON' > answer.json
mm 1 check; said 'no JSON'
mm 1; said 'failed +check:own'
echo '{"passed": true}' > answer.json; echo 'exit 4' >> judge.sh
mm 1 check; said 'exited with 4'

begin 'the files of a directory count once, though a link in it leads elsewhere'
new_project linked <<'END'
[check c]
data = d
unique = id
[monitor m]
data = now.csv
against = d
drift = psi 0.2 id
END
mkdir d "$T/ext"; printf 'id\n1\n2\n' > "$T/ext/x.csv"; ln -s "$T/ext/x.csv" d/x.csv
mm 0 check; said 'in 2 rows'
mm 0; said 'passed +check:c'
check 'two rows' grep -rq 'in 2 rows' .git/mlmake/work/top/log
check 'two rows' grep -rq '^2 rows, 1 columns' .git/mlmake/work/top/log
begin 'and what the link leads to counts'
printf 'id\n1\n1\n' > "$T/ext/x.csv"
mm 1; said 'unique id'

begin 'hostile tables: what is wrong is said, with its line, and nothing falls over'
new_project hostile <<'END'
[check t]
data = t.csv
rows = 0..
END
printf 'a,b\n1,2\n\0x,2\n\377,1\n"a"b,1\n1\n1,2,3\n"open,\n' > t.csv
mm 1 check; said 'has a NUL'; said 't.csv:3: a NUL'; said 't.csv:4: bytes that are no UTF-8'; said 't.csv:5: text behind the quote'
said 't.csv:6: 1 field, not 2'; said 't.csv:7: 3 fields, not 2'; said 't.csv:8: the quote is never closed'
printf 'a,b\n1,2\n"' > t.csv; head -c 3000000 /dev/zero | tr '\0' x >> t.csv
mm 1 check; said 't.csv:3: line 3: a row is longer than 1024 KiB; a quote may not be closed'
printf '\377\376a\0' > t.csv
mm 1 check; said 'UTF-16'
: > t.csv
mm 0 check
printf '\357\273\277a\n\n' > t.csv
mm 0 check; said 'in 1 row'
rm t.csv; mkdir t.csv
mm 1 check; said "'t.csv' is a directory without tables"
rmdir t.csv
mm 1 check; said "'t.csv' is not there"
mkfifo t.csv
mm 1 check; said "'t.csv' is no regular file"
finish
