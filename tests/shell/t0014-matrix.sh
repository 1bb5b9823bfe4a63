#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Instances: matrix and foreach, globs and aggregates.
. "${srcdir:-.}/tests/shell/lib.sh"

begin 'a matrix makes one instance for each value, two variables every pair'
new_project m <<'END'
[stage train]
matrix seed = 1 2
matrix eta  = 0.1 high
cmd  = echo {{seed}} {{eta}} > {{outs}}; echo train-{{seed}}-{{eta}} >> "$COUNT"
outs = models/m-{{seed}}-{{eta}}.txt
[stage sum]
cmd  = cat {{data}} > {{outs}}; echo sum >> "$COUNT"
data = models/m-*.txt
outs = sum.txt
END
mm 0
ran train-1-0.1 train-1-high train-2-0.1 train-2-high sum
holds sum.txt '1 0.1' '1 high' '2 0.1' '2 high'

begin 'a value added runs its own instances and the aggregate'
sed 's/= 1 2$/= 1 2 10/' mlmake.ini > n && mv n mlmake.ini
mm 0
ran train-10-0.1 train-10-high sum
holds sum.txt '1 0.1' '1 high' '10 0.1' '10 high' '2 0.1' '2 high'

begin 'a value removed: its output leaves the aggregate, though it is still on disk'
sed 's/= 1 2 10$/= 1 10/' mlmake.ini > n && mv n mlmake.ini
mm 0
ran sum
exists models/m-2-high.txt
holds sum.txt '1 0.1' '1 high' '10 0.1' '10 high'
mm 0; ran
mm 0 -B -q; : > "$COUNT" # also when the lock and the state have forgotten it
mm 0 -B sum; holds sum.txt '1 0.1' '1 high' '10 0.1' '10 high'
mm 0; : > "$COUNT"

begin 'a value that comes back is not computed again'
sed 's/= 1 10$/= 1 2/' mlmake.ini > n && mv n mlmake.ini
mm 0
ran
holds sum.txt '1 0.1' '1 high' '2 0.1' '2 high'

begin 'a file on disk that no stage made is part of a glob, too'
echo mine > models/m-x.txt
mm 0; ran sum
holds sum.txt '1 0.1' '1 high' '2 0.1' '2 high' mine
rm models/m-x.txt
mm 0; ran
holds sum.txt '1 0.1' '1 high' '2 0.1' '2 high'

begin 'foreach over files on disk: a file added, edited, removed'
new_project f <<'END'
[stage clean]
foreach = data/raw/*.csv
cmd  = sort {{item}} > {{outs}}; echo {{stem}} >> "$COUNT"
data = {{item}}
outs = data/clean/{{stem}}.csv
[stage all]
cmd  = cat {{data}} > {{outs}}; echo all >> "$COUNT"
data = data/clean/*.csv
outs = all.csv
END
mkdir -p data/raw
printf '2\n1\n' > data/raw/a.csv; printf '4\n3\n' > data/raw/b.csv
mm 0; ran a b all; holds all.csv 1 2 3 4
printf '6\n5\n' > data/raw/c.csv
mm 0; ran c all; holds all.csv 1 2 3 4 5 6
printf '7\n4\n' > data/raw/b.csv
mm 0; ran b all; holds all.csv 1 2 4 7 5 6
rm data/raw/a.csv
mm 0; ran all; holds all.csv 4 7 5 6
mm 0 status; said_not 'a\.csv'

begin 'foreach over the outputs of a stage'
new_project g <<'END'
[stage make]
matrix i = 1 2 3
cmd  = echo {{i}} > {{outs}}; echo make{{i}} >> "$COUNT"
outs = parts/p{{i}}.txt
[stage up]
foreach = parts/*.txt
cmd  = echo {{dir}} {{stem}} $(cat {{item}}) > {{outs}}; echo up-{{stem}} >> "$COUNT"
data = {{item}}
outs = up/{{stem}}.txt
END
mm 0; ran make1 make2 make3 up-p1 up-p2 up-p3
holds up/p2.txt 'parts p2 2'
mm 0; ran

begin 'globs across directories, in byte order'
new_project h <<'END'
[stage list]
cmd  = printf '%s\n' {{data}} > {{outs}}; echo list >> "$COUNT"
data = in/**/*.txt
outs = list.txt
END
mkdir -p in/b/deep in/a
: > in/b/deep/z.txt; : > in/a/B.txt; : > in/a/a.txt; : > in/top.txt; : > in/a/no.csv; : > in/a/.hidden.txt
mm 0; ran list
holds list.txt in/a/B.txt in/a/a.txt in/b/deep/z.txt in/top.txt
mv in/a/a.txt in/a/c.txt
mm 0; ran list

begin 'two hundred instances'
new_project big <<'END'
[stage s]
matrix a = 0 1 2 3 4 5 6 7 8 9
matrix b = 0 1 2 3 4 5 6 7 8 9
matrix c = 0 1
cmd  = echo {{a}}{{b}}{{c}} > {{outs}}
outs = o/{{a}}{{b}}{{c}}
[stage sum]
cmd  = cat {{data}} | wc -l > {{outs}}
data = o/*
outs = n.txt
END
mm 0 -q; holds n.txt 200
mm 0 status --check
finish
