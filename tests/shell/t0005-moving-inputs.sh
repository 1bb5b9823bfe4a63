#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# PEERS.md, failure 1: inputs that move while a stage runs.
. "${srcdir:-.}/tests/shell/lib.sh"

# The stage tells that it has read its code and waits until it is let go on.
begin 'dvc-1: code edited while its stage runs: the result is not recorded as made by the new code'
new_project p <<'END'
[stage train]
cmd  = sh train.sh > {{outs}}; echo train >> "$COUNT"
       : > "$T/started"; while [ ! -e "$T/go" ]; do sleep 0.02; done
code = train.sh
outs = model.txt
END
echo 'echo old' > train.sh
mm_start
until_true 'the stage starts' test -e "$T/started"
echo 'echo new' > train.sh
: > "$T/go"
mm_end 1
said 'train\.sh'
ran train
mm 4 status --check

begin 'dvc-1: the next build runs the new code'
mm 0; ran train; holds model.txt new
mm 0; ran; holds model.txt new

begin 'dvc-1: and the old model was not recorded for the old code either'
echo 'echo old' > train.sh
mm 0
holds model.txt old

begin 'dvc-1: data edited and put back while the stage runs is noticed'
new_project q <<'END'
[stage s]
cmd  = : > "$T/started2"; while [ ! -e "$T/go2" ]; do sleep 0.02; done
       cat {{data}} > {{outs}}; echo s >> "$COUNT"
data = in.txt
outs = out.txt
[stage after]
cmd  = cat {{data}} > {{outs}}; echo after >> "$COUNT"
data = out.txt
outs = end.txt
END
echo good > in.txt
: > "$COUNT"
mm_start
until_true 'the stage starts' test -e "$T/started2"
echo evil > in.txt
: > "$T/go2"
mm_end 1
ran s
said 'in\.txt'
missing end.txt
echo good > in.txt
mm 0
holds out.txt good
holds end.txt good

begin 'data edited, read, and put back before the stage ends is noticed too'
new_project r <<'END'
[stage s]
cmd  = : > "$T/started3"; while [ ! -e "$T/go3" ]; do sleep 0.02; done
       cat dir/sub/in.txt > {{outs}}; echo s >> "$COUNT"
       : > "$T/read3"; while [ ! -e "$T/end3" ]; do sleep 0.02; done
data = PLACE
outs = out.txt
END
mkdir -p dir/sub
cp mlmake.ini pattern
for place in dir/sub dir dir/sub/in.txt; do
	sed "s#PLACE#$place#" pattern > mlmake.ini
	rm -f "$T/started3" "$T/go3" "$T/read3" "$T/end3"
	echo good > dir/sub/in.txt
	mm_start
	until_true 'the stage starts' test -e "$T/started3"
	echo evil > dir/sub/in.txt
	: > "$T/go3"
	until_true 'the stage has read it' test -e "$T/read3"
	echo good > dir/sub/in.txt
	: > "$T/end3"
	mm_end 1
	said 'written to while it ran'
	mm 4 status --check
	mm 0
	holds out.txt good
	mm 0 status --check
done

begin 'one linked elsewhere, or whose mode is set, by its stage was not written to'
new_project v <<'END'
[stage s]
cmd  = ln -f {{data}} {{outs}}; chmod 600 {{data}}
data = in.txt
outs = out.txt
END
echo good > in.txt
mm 0
mm 0 status --check

begin 'a parameter edited while its stage runs, which may read the file: the result is not recorded'
new_project m <<'END'
[project]
params = params.ini
[stage s]
cmd  = : > "$T/started4"; while [ ! -e "$T/go4" ]; do sleep 0.02; done; cat params.ini > {{outs}}
params = a
outs = out.txt
END
params() { printf 'a = %s\nb = %s\n' "$1" "$2" > params.ini; }
params 1 1
mm_start
until_true 'the stage starts' test -e "$T/started4"
params 2 1
: > "$T/go4"
mm_end 1
said "parameter 'a' changed while it ran"
params 1 1
mm 4 status --check
mm 0
holds out.txt 'a = 1' 'b = 1'

begin 'one that is not its own, or that only its command has, may be edited'
rm "$T/started4" "$T/go4"
params 3 1
mm_start
until_true 'the stage starts' test -e "$T/started4"
params 3 2
: > "$T/go4"
mm_end 0
rm "$T/started4" "$T/go4"
sed 's/cat params.ini/echo {{a}}/; /^params = a/d' mlmake.ini > n && mv n mlmake.ini
mm_start
until_true 'the stage starts' test -e "$T/started4"
params 4 2
: > "$T/go4"
mm_end 0
holds out.txt 3
mm 4 status --check
mm 0 a=3
holds out.txt 3
finish
