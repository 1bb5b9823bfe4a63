#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Names of files and directories that shells and parsers stumble over.
. "${srcdir:-.}/tests/shell/lib.sh"

begin 'blanks, quotes, dollars, UTF-8, brackets, a leading dash'
new_project "a dir with blanks, 'quotes' and \$dollars é" <<'END'
[stage copy]
cmd  = for f in {{data}}; do cat -- "$f"; done > {{outs}}; echo copy >> "$COUNT"
data = "two words.txt" "it's.txt" "$HOME.txt" "größe.txt" "[a].txt" "-dash.txt" "a=b.txt" "semi;colon.txt" "per%cent.txt" "back\slash.txt"
outs = "out dir/all 'of' it.txt"
[stage dash]
cmd  = cat -- {{data}} > ./{{outs}}; echo dash >> "$COUNT"
data = "out dir/all 'of' it.txt"
outs = -o.txt
END
for f in 'two words.txt' "it's.txt" '$HOME.txt' 'größe.txt' '[a].txt' '-dash.txt' 'a=b.txt' 'semi;colon.txt' 'per%cent.txt' 'back\slash.txt'; do
	printf '%s\n' "$f" > "./$f"
done
mm 0 lint
mm 0; ran copy dash
holds "out dir/all 'of' it.txt" 'two words.txt' "it's.txt" '$HOME.txt' 'größe.txt' '[a].txt' '-dash.txt' 'a=b.txt' 'semi;colon.txt' 'per%cent.txt' 'back\slash.txt'
exists ./-o.txt
mm 0; ran
mm 0 status --check

begin 'they are noticed, restored and explained like others'
echo more >> './-dash.txt'
mm 0 why copy; said '"?-dash\.txt'
mm 0; ran copy dash
echo -dash.txt > ./-dash.txt
mm 0; ran
rm ./-o.txt; mm 0; ran; exists ./-o.txt
mm 0 "out dir/all 'of' it.txt"; ran
mm 0 -- -o.txt; ran

begin 'the lock with such names survives being read again'
rm -rf .git/mlmake
mm 0; ran
mm 0 status --check

begin 'a name with a control character cannot be part of an artifact, and plays no tricks with the message'
new_project nl <<'END'
[stage s]
cmd  = ls in | wc -l > {{outs}}; echo s >> "$COUNT"
data = in
outs = o.txt
END
mkdir in; : > "in/a
b"; : > in/c
mm 2; said '^mlmake\.ini:3: error: .*in/a b.*control character'
is "$(wc -l < "$T/err")" 1 'lines of the message'
rm in/a*; : > "in/$(printf 'x\033[2Jy')"
mm 2; said_not "$(printf '\033')"
ran
rm in/x*
mm 0; ran s

begin 'what a stage made with such a name is not recorded'
sed 's#^cmd.*#cmd  = mkdir {{outs}}; : > {{outs}}/"$(printf "a\\012b")"; echo s >> "$COUNT"#' mlmake.ini > n && mv n mlmake.ini
mm 1; said 'control character'; ran s

begin 'a name that is no UTF-8'
new_project latin <<'END'
[stage s]
cmd  = cat in/* > {{outs}}; echo s >> "$COUNT"
data = in
outs = o.txt
END
mkdir in; printf 'x\n' > "in/$(printf 'caf\351')"
mm 0; ran s; mm 0; ran
rm -rf .git/mlmake; mm 0; ran
mm 0 status --check

begin 'very long names'
long=$(printf '%0200d' 7)
new_project long <<END
[stage s$long]
matrix v = $long
cmd  = echo x > {{outs}}; echo s >> "\$COUNT"
outs = $long/$long/$long.txt
END
mm 0; ran s; mm 0; ran
rm -r "$long"; mm 0; ran; exists "$long/$long/$long.txt"
mm 0 log; mm 0 why "s$long"

begin 'matrix values with signs'
new_project signs <<'END'
[stage s]
matrix v = "a b" "x/y" "ä" "-1" "1%"
cmd  = printf '%s\n' {{v}} > {{outs}}; printf '%s\n' {{v}} | tr ' ' _ >> "$COUNT"
outs = "o/{{v}}.txt"
END
mm 0
ran a_b x/y ä -1 1%
holds o/x/y.txt x/y
mm 0; ran
mm 0 's@a b'; ran

begin 'files of strange kinds are told, not read forever'
new_project fifo <<'END'
[stage s]
cmd  = echo > {{outs}}
data = pipe
outs = o.txt
END
mkfifo pipe
mm 2; said 'pipe'
rm pipe; ln -s pipe pipe
mm 2; said 'pipe'

begin 'an output that is a symbolic link, and an input through one'
new_project link <<'END'
[stage s]
cmd  = ln -s ../real.txt {{outs}}; echo s >> "$COUNT"
outs = l/link
[stage t]
cmd  = cat {{data}} > {{outs}}; echo t >> "$COUNT"
data = in
outs = t.txt
END
echo 1 > real.txt; ln -s real.txt in
mm 0; ran s t
mm 0; ran
rm l/link; mm 0; ran; is "$(readlink l/link)" ../real.txt link
echo 2 > real.txt; mm 0; ran t; holds t.txt 2

begin 'an input through a link whose content no output has, kept for why'
new_project linked <<'END'
[stage t]
cmd  = wc -c < {{data}} > {{outs}}; echo t >> "$COUNT"
data = in
outs = t.txt
END
printf '1\n2\n' > real.txt; ln -s real.txt in
mm 0; ran t
printf '1\n3\n' > real.txt
mm 0 why t
said '-.*2'; said '\+.*3'
mm 0; ran t
finish
