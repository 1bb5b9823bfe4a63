#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Targets: stages, instances, patterns, files, defaults.
. "${srcdir:-.}/tests/shell/lib.sh"

new_project p <<'END'
[stage prep]
cmd  = echo 1 > {{outs}}; echo prep >> "$COUNT"
outs = data/prep.txt
[stage train]
matrix s = 1 2 3
cmd  = cat {{data}} > {{outs}}; echo train{{s}} >> "$COUNT"
data = data/prep.txt
outs = m/{{s}}.txt
[stage dir]
cmd  = mkdir -p {{outs}}; echo 1 > {{outs}}/in; echo dir >> "$COUNT"
outs = made
[stage eval]
cmd  = cat {{data}} > {{outs}}; echo eval >> "$COUNT"
data = m/*.txt
outs = eval.txt
END

begin 'a stage, and what it needs'
mm 0 train; ran prep train1 train2 train3
begin 'an instance'
rm -r data m .git/mlmake mlmake.lock
mm 0 train@2; ran prep train2
begin 'a pattern'
mm 0 'train@[12]'; ran train1
mm 0 't*'; ran train3
begin 'a file'
mm 0 eval.txt; ran eval
begin 'a file in an output directory, and the directory'
mm 0 made/in; ran dir
mm 0 made; ran
mm 0 ./made/; ran
begin 'a file seen from a sub-directory'
rm -r .git/mlmake mlmake.lock eval.txt m made data; mkdir -p m
(cd m && mm 0 ../eval.txt; exit "$bad") || bad=1
ran prep train1 train2 train3 eval
(cd m && mm 0 1.txt; exit "$bad") || bad=1
ran
begin 'several targets, one named twice'
mm 0 dir made eval eval.txt; ran dir
begin 'a file that nobody makes is no target'
echo > some.txt
mm 2 some.txt; said 'some\.txt'
mm 2 'zz*'; said 'zz'
begin 'default of the project'
printf '[project]\ndefault = prep\n' >> mlmake.ini
rm -r .git/mlmake mlmake.lock data m made eval.txt
mm 0; ran prep
mm 0 'eval'; ran train1 train2 train3 eval
mm 0 status; said_not dir
begin 'a target after -- may begin with a dash'
mm 2 -- -x; said "'-x'"
mm 0 -- prep
finish
