#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Errors of the pipeline file: all at once, with their places and with a guess at what was meant.
. "${srcdir:-.}/tests/shell/lib.sh"

begin 'all errors of a file are told at once, each with file and line'
new_project p <<'END'
[project]
nmae   = x
params = params.ini

[stgae a]
cmd = true

[stage b]
cmd  = echo {{trian.eta}} > {{outs}}
dta  = x
outs = b.txt
after = bb
use  = cpu=none colour=red

[stage c]
outs = c.txt
timeout = soon
frozen = perhaps

[stage c]
cmd = true
END
printf '[train]\neta = 0.1\n' > params.ini
mm 2 lint
for line in 2 5 9 10 12 13 15 17 18 20; do
	said "^mlmake\\.ini:$line: error: "
done
is "$(cat "$T/out" "$T/err" | grep -c ': error: ')" 11 'number of errors'

begin 'did you mean'
said "^mlmake\\.ini:2: .*nmae.*did you mean.*name"
said "^mlmake\\.ini:5: .*stgae.*did you mean.*stage"
said "^mlmake\\.ini:9: .*trian\\.eta.*did you mean.*train\\.eta"
said "^mlmake\\.ini:10: .*dta.*did you mean.*data"
said "^mlmake\\.ini:12: .*bb.*did you mean.*'b'"

begin 'the build, status and graph tell the same and do nothing'
for c in build status graph 'why b'; do
	# shellcheck disable=SC2086
	mm 2 $c
	is "$(cat "$T/out" "$T/err" | grep -c ': error: ')" 11 "number of errors of $c"
done
missing b.txt

begin 'an unknown target, with a guess'
three q
mm 2 claen
said "claen.*did you mean.*clean"
mm 2 why coutn
said "coutn.*did you mean.*count"
mm 2 status nothing-like-it
said "nothing-like-it"
said_not 'did you mean'
mm 2 clean zzz yyy
said zzz; said yyy
ran

begin 'an unknown command or option, with a guess'
mm 2 --dry-rum
said "did you mean.*--dry-run"
mm 2 staus
said "did you mean .status"
mm 2 no-such-thing
said_not "did you mean"

begin 'errors in parameter files have their places'
new_project r <<'END'
[project]
params = a.ini b.json c.yaml d.toml
[stage s]
cmd  = echo x > {{outs}}
outs = o.txt
END
printf '[a]\nx = 1\nx = 2\n' > a.ini
printf '{"b":\n 1,,\n}' > b.json
printf 'c:\n\t- x\n  y: [\n' > c.yaml
printf 'd = 1\ne = = 2\n' > d.toml
mm 2 lint
said '^a\.ini:3: error: '
said '^b\.json:2: error: '
said '^c\.yaml:[234]: error: '
said '^d\.toml:2: error: '

begin 'a parameter file that is not there'
new_project s <<'END'
[project]
params = nowhere.yaml
[stage s]
cmd  = echo x > {{outs}}
outs = o.txt
END
mm 2
said '^mlmake\.ini:2: error: .*nowhere\.yaml'

begin 'bytes that are no text are refused and do no harm'
printf '[stage s]\ncmd = a\000b\nouts = o\n' > mlmake.ini
mm 2 lint; said '^mlmake\.ini:2: error'
head -c 4096 "$MLMAKE" > mlmake.ini
mm 2 lint

begin 'sections of later versions are read and say that they do nothing yet'
new_project t <<'END'
[stage s]
cmd  = echo x > {{outs}}
outs = o.txt
[sweep s]
through = s
goal = max auc
END
mm 0
said '^mlmake\.ini:4: warning: .*does nothing yet'
printf 'searches = x\n' >> mlmake.ini
mm 2 lint
said '^mlmake\.ini:7: error: .*searches.*did you mean.*search'
finish
