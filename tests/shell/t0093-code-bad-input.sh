#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Code that is no code: it counts by its bytes, no change of it is missed, and nothing takes long or crashes.
. "${srcdir:-.}/tests/shell/lib.sh"

project() {
	new_project "$1" <<-'END'
	[stage s]
	cmd  = : python3 a.py; : jupyter a.ipynb; : sh a.sh; : Rscript a.R; : psql a.sql; echo x > {{outs}}; echo s >> "$COUNT"
	code = a.json a.c
	outs = o.txt
	END
	echo 1 > other.py
}
fill() { for ending in py ipynb sh R sql json c; do cat "$1" > a.$ending; done; }
# noticed: with one more byte behind each of them in turn it runs again; as it was it does not.
noticed() {
	mm 0; ran s; mm 0; ran
	for ending in py ipynb sh R sql json c; do
		printf 'x' >> a.$ending
		mm 0; ran s
	done
	mm 0; ran
}

begin 'bytes of any kind'
project noise
awk 'BEGIN { x = 1; for (i = 0; i < 60000; i++) { x = (x * 1103515245 + 12345) % 2147483648; printf "%c", int(x / 65536) % 256 } }' > "$T/noise"
fill "$T/noise"; noticed

begin 'nothing at all, and NULs alone'
project empty
fill /dev/null; noticed
head -c 100000 /dev/zero > "$T/zeros"; fill "$T/zeros"; noticed

begin 'no UTF-8'
project latin
printf 'x = "\344"\nimport other\n' > "$T/latin"; fill "$T/latin"; noticed
echo 2 > other.py; mm 0; ran s

begin 'notebooks that are none: cut short, of another shape, with keys twice; no change of one is missed'
new_project nearly <<'END'
[stage s]
cmd  = : jupyter a.ipynb; echo x > {{outs}}; echo s >> "$COUNT"
outs = o.txt
END
nb() { printf '{"cells": %s, "metadata": {"kernelspec": {"name": "python3", "language": "python"}}, "nbformat": 4}\n' "$1" > a.ipynb; }
nb '[{"cell_type": "code", "source": ["x = 1"], "outputs": []}]'; mm 0; ran s
nb '[{"cell_type": "code", "source": ["x = 1"], "outputs": [1]}]'; mm 0; ran # as it is meant
head -c 60 a.ipynb > n && mv n a.ipynb; mm 0; ran s
printf ' ' >> a.ipynb; mm 0; ran s
for cells in 3 null '"x = 1"' '{"source": "x = 1"}' '[3]' '[{"cell_type": "code"}]' '[{"cell_type": "code", "source": 1}]' \
	'[{"cell_type": "code", "source": ["x = 1", 2]}]' '[{"cell_type": "code", "source": {"a": "x"}}]' '[{"cell_type": 1, "source": "x = 1"}]' \
	'[{"cell_type": "code", "source": "x = 1", "source": "x = 2"}]' '[{"cell_type": "code", "source": "\\ud800"}]' \
	'[{"cell_type": "code", "source": "x = \\u0000"}]' '[{"cell_type": "code", "source": "x = (1"}]' '[], "cells": [{"cell_type": "code", "source": "x = 3"}]'; do
	nb "$cells"; mm 0; ran s
done
nb '[], "cells": [{"cell_type": "code", "source": "x = 4"}]'; mm 0; ran s
echo '[]' > a.ipynb; mm 0; ran s
echo '[] []' > a.ipynb; mm 0; ran s

begin 'nested deep, in all kinds of brackets'
project deep
awk 'BEGIN { for (i = 0; i < 300000; i++) printf "%s", substr("([{", i % 3 + 1, 1) }' > "$T/deep"; fill "$T/deep"; noticed
awk 'BEGIN { for (i = 0; i < 3000; i++) printf "f\"{"; print "" }' > "$T/deep"; fill "$T/deep"; noticed
awk 'BEGIN { for (i = 0; i < 2000; i++) { printf "%*sif x:\n", i, ""; } printf "%*spass\n", 2000, "" }' > "$T/deep"; fill "$T/deep"; noticed

begin 'one line of 12 MB, understood or not; one of 100 MB, of which nothing is read'
project long
head -c 12000000 /dev/zero | sed 's/\x00/x=1; /g' | head -c 12000000 > "$T/long"
fill "$T/long"; noticed
yes 'import (' | head -c 12000000 | tr '\n' ' ' > a.py; mm 0; ran s
head -c 100000000 /dev/zero | tr '\0' '(' > "$T/long"; fill "$T/long"; noticed

begin 'names that are directories, links to nowhere and around, and what cannot be read'
project names
echo 'import d, loop, gone, sub.loop.sub.loop.other, fifo' > "$T/names"; fill "$T/names"
mkdir -p d.py sub; ln -s loop.py loop.py; ln -s nowhere gone.py; ln -s .. sub/loop; mkfifo fifo.py
mm 0; ran s; mm 0; ran
check 'it is found through links' grep -q ' sub/loop/sub/loop/other.py$' mlmake.lock
echo 3 > other.py; mm 0; ran s

begin 'imports that lead out of the project bring in nothing'
project out
echo 1 > "$T/w/outside.py"; ln -s "$T/w" link
printf 'from ..... import outside\nfrom .. import outside\nimport outside\n' > a.py
printf '#include "../outside.py"\n#include "/etc/passwd"\n' > a.c
printf '. ../outside.py\n' > a.sh; echo 'source("/etc/passwd")' > a.R; : > a.ipynb; : > a.sql; : > a.json
mm 0; ran s
refuse 'nothing from outside' grep -q 'outside\|passwd' mlmake.lock
finish
