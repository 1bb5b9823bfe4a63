#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Gates over files that are not what they should be: refused, each with a word.
. "${srcdir:-.}/tests/shell/lib.sh"

new_project a <<'END'
[stage evaluate]
cmd     = cat {{data}} > {{metrics}}
data    = raw
metrics = eval.json
[gate g]
of      = evaluate
require = auc >= 0.8
END
put() { printf '%s\n' "$1" > raw; }
rule() { sed -i "s/^require.*/require = $1/" mlmake.ini; }

begin 'missing, misspelt, no number, NaN, infinite'
put '{"acu": 0.9}'
mm 3
said "eval\.json has no 'auc'; did you mean 'acu'"
put '{"auc": "high"}'
mm 3
said "'auc' is no number: high"
put '{"auc": null}'
mm 3
said "'auc' is no number: null"
put '{"auc": NaN}'
mm 3
said 'auc is nan'
put '{"auc": Infinity}'
mm 3
said 'auc is inf'
put '{"auc": 1e999}'
mm 3
said_not '^passed'
put ''
mm 3
said 'eval\.json:[0-9]+:[0-9]+: '
put '{"auc": 0.9'
mm 3
said 'eval\.json:[0-9]+:[0-9]+: '
put '{"auc": 0.9}'
mm 0
rule 'auc \/ zero > 1'
put '{"auc": 0.9, "zero": 0}'
mm 3
said 'a quotient is inf'
rule 'zero < 1 or none > 1'
mm 3
said "has no 'none'"
begin 'a misspelt side or stage is no metric: what was meant is said'
put '{"auc": 0.9}'
for w in prevous:previous prodution:production bset:best evalate:evaluate; do
	rule "auc > 0.5 or ${w%:*}.auc > 1"
	mm 3
	said "eval\.json has no '${w%:*}.auc'; did you mean '${w#*:}.auc'"
done

begin 'formats: YAML, TOML-like lines, CSV, TSV'
for f in 'eval.yaml|test: {auc: 0.9}' 'eval.txt|[test]
auc = 0.9' 'eval.csv|test.auc,n
0.9,3' 'eval.tsv|test.auc	n
0.9	3'; do
	sed -i "s/^metrics.*/metrics = ${f%%|*}/" mlmake.ini
	put "${f#*|}"
	rule 'test.auc = 0.9'
	mm 0
done

begin 'a file in place of metrics: a value in it, a log, a directory, one that is not there, one that is far too large'
sed -i 's/^metrics.*/metrics = eval.json/' mlmake.ini
put '{"auc": 0.9}'
echo 'auc = 0.7' > more.txt
rule 'file("more.txt").auc < auc'
mm 0
printf 'epoch 1 loss=0.9\nepoch 2 loss=0.3\ndone\n' > train.log
rule 'match("train.log", "loss=([0-9.]+)") < 0.5'
mm 0
echo 'epoch 3 loss=0.6' >> train.log
mm 3
said '0\.6 < 0\.5 does not hold'
rule 'match("train.log", "acc=(.*)") < 0.5'
mm 3
said "train\.log: no line matches 'acc=\(\.\*\)'"
rule 'match("train.log", "loss=([0-9.+") < 0.5'
mm 3
said 'is no regular expression'
rule 'match("train.log", "(epoch)") < 0.5'
mm 3
said "what matches is no number: 'epoch'"
mkdir dir && touch dir/x
rule 'file("dir").auc < 1'
mm 3
said "'dir' is a directory"
rule 'match("dir", "x") < 1'
mm 3
said "'dir' is a directory"
rule 'file("gone.json").auc < 1'
mm 2
said "'gate:g' needs 'gone.json', which is not there"
truncate -s 1G large.json
rule 'file("large.json").auc < 1'
mm 3
said "'large\.json' has 1\.0 GiB, and no more than 1\.0 MiB are read"
rm large.json
rule 'auc < 1'
sed -i 's/^cmd.*/cmd = mkdir {{metrics}}; echo x > {{metrics}}\/x/' mlmake.ini
mm 3
said "'eval\.json' is a directory"
sed -i 's/^cmd.*/cmd = truncate -s 1G {{metrics}}/' mlmake.ini
printf 'cache = no\n' > "$T/cache"
sed -i "/^metrics/r $T/cache" mlmake.ini
mm 3
said "'eval\.json' has 1\.0 GiB"
mm 0 metrics
said 'more than the 1048576 that are read'

begin 'what is wrong in a metrics file is told with file, line and column, as anywhere else'
cp mlmake.ini "$T/ini"
sed -i 's/^cmd.*/cmd = cat {{data}} > {{metrics}}/' mlmake.ini
put '{"auc": 0.9, "auc": 1}'
mm 3
said "eval\.json:1:[0-9]+: "; said_not 'eval\.json: 1:'
mm 0 metrics; said 'eval\.json:1:[0-9]+: '
cp "$T/ini" mlmake.ini

begin 'errors in rules: file, line, column'
sed -i 's/^cmd.*/cmd = cat {{data}} > {{metrics}}/' mlmake.ini
rule 'auc >= 0.8 adn auc < 1'
mm 2
said "^mlmake\.ini:8: error: 'require': column 12: 'adn auc < 1' is not expected here"
rule 'auc'
mm 2
said 'compare it with another'
rule 'maen(auc) > 1'
mm 2
said "did you mean 'mean'"

begin 'nothing is left of what was performed'
put '{"auc": 0.9}'
rule 'auc > 0.5'
mm 0
check 'no tasks are left' test -z "$(ls .git/mlmake/work/top/tasks 2> /dev/null)"
finish
