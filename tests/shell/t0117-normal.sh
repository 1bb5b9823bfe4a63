#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# [normal PATTERN]: of a file counts what a command makes of it, for formats that mlmake does not know.
# shellcheck disable=SC1091,SC2016
. "${srcdir:-.}/tests/shell/lib.sh"

project() {
	new_project "$1" <<-'END'
	[normal *.tex]
	cmd = echo filter >> "$T/filtered"; grep -v '^%'
	[stage a]
	cmd  = echo a >> "$COUNT"; cat {{data}} > {{outs}}
	data = doc/x.tex
	outs = a.txt
	[stage b]
	cmd  = echo b >> "$COUNT"; cat doc/x.tex > {{outs}}
	code = doc/x.tex
	outs = b.tex
	[stage c]
	cmd  = echo c >> "$COUNT"; cat {{data}} > {{outs}}
	data = b.tex
	outs = c.txt
	END
	sed -i "s|\$T/filtered|$T/filtered|" mlmake.ini
	mkdir doc; printf '%% one\nx\n' > doc/x.tex
	: > "$T/filtered"
	mm 0; ran a b c
}
filtered() { is "$(wc -l < "$T/filtered")" "$1" 'times filtered'; : > "$T/filtered"; }

begin 'what the filter drops rebuilds nothing, what it keeps does; of data, of code, of what a stage made'
project one; filtered 1
mm 0; ran; filtered 0
printf '%% two\nx\n' > doc/x.tex
mm 0; ran; filtered 1; said 'nothing to do'
mm 0 status; said 'same \(filtered\): doc/x.tex'
printf '%% two\ny\n' > doc/x.tex
mm 0; ran a b c; filtered 1
mm 0 status; said_not 'same'

begin 'what a stage makes is filtered before the next is decided on'
printf '%% three\ny\n' > doc/x.tex; mm 0; ran
mm 0 -B b; ran b; filtered 1 # doc/x.tex; what b made has the same bytes as its input
mm 0; ran; filtered 0

begin 'commands that only read run no filter, and say what they do not know'
printf '%% four\ny\n' > doc/x.tex
mm 4 status --check; filtered 0
said 'a +doc/x.tex has other bytes; a build filters it, and may find it the same'
mm 0 why a; said 'a build filters it'
mm 0 -n; said 'run +a'; filtered 0
mm 0; ran; filtered 1
mm 0 status --check; filtered 0

begin 'what is not remembered any more and is as it was is as it was'
mm 0 -B; ran a b c; : > "$T/filtered"
rm -rf .git/mlmake/code
mm 0 status --check; filtered 0; said_not stale
mm 0; ran; filtered 1 # doc/x.tex and b.tex hold the same
mm 0; filtered 0

begin 'each content is filtered once; going back costs nothing'
printf '%% five\ny\n' > doc/x.tex; mm 0; filtered 1
printf '%% four\ny\n' > doc/x.tex; mm 0; filtered 0; ran

begin 'another filter is another thing, and why says so'
sed -i 's/grep -v/grep -hv/' mlmake.ini
mm 0 why a; said 'env +\[normal\] \*.tex: .*grep -v.* -> .*grep -hv'
mm 4 status --check
mm 0; ran a b c

begin 'a filter that fails: its words, and bytes decide; nothing is missed'
new_project fails <<'END'
[normal *.x]
cmd = echo 'cannot read that' >&2; grep -q good && echo ok
[stage a]
cmd  = echo a >> "$COUNT"; cat {{data}} > {{outs}}
data = d.x
outs = a.txt
END
echo bad > d.x
mm 0; ran a
said "warning: \[normal \*.x\] cannot filter 'd.x', so its bytes count: exit status 1: cannot read that"
mm 0; ran
echo bad2 > d.x; mm 0; ran a
echo good > d.x; mm 0; ran a; said_not warning
echo good2 > d.x; mm 0; ran
echo bad > d.x; mm 0; ran # that result is there
is "$(cat a.txt)" bad a.txt

begin 'one that takes too long'
sed -i 's/^cmd = echo .cannot.*/cmd = sleep 1000\ntimeout = 100ms/' mlmake.ini
mm 0; said "cannot filter 'd.x', so its bytes count: "

begin 'one that prints without end'
sed -i 's/^cmd = sleep 1000/cmd = truncate -s 2G \/proc\/self\/fd\/1; sleep 1000/; s/^timeout = 100ms/timeout = 1h/' mlmake.ini
mm 0; said "cannot filter 'd.x', so its bytes count: .*prints more than 1\.0 GiB"
check 'nothing of it is left' test ! -e .git/mlmake/work/top/normal/printed

begin 'with {{data}}, by a pattern with directories; the first that matches; code-exact'
new_project names <<'END'
[normal doc/*.t]
cmd = cut -d: -f1 {{data}}
[normal *.t]
cmd = cut -d: -f2
[stage a]
cmd  = echo a >> "$COUNT"; cat {{data}} > {{outs}}
data = "doc/a b.t" b.t
outs = a.txt
[stage e]
cmd  = echo e >> "$COUNT"; cat b.t > {{outs}}
code = b.t
code-exact = *.t
outs = e.txt
END
mkdir doc; echo 1:2 > 'doc/a b.t'; echo 1:2 > b.t
mm 0; ran a e
echo 1:3 > 'doc/a b.t'; mm 0; ran
echo 2:2 > b.t; mm 0; ran e
echo 2:3 > b.t; mm 0; ran a e
echo 2:3 > 'doc/a b.t'; mm 0; ran a

begin 'what it prints counts to the last byte'
new_project bytes <<'END'
[normal *.t]
cmd = head -c 3
[stage a]
cmd  = echo a >> "$COUNT"; cat {{data}} > {{outs}}
data = a.t
outs = a.txt
END
printf 'ab\n' > a.t; mm 0; ran a
printf 'ab\nmore' > a.t; mm 0; ran
printf 'ab ' > a.t; mm 0; ran a
printf 'ab' > a.t; mm 0; ran a

begin 'interrupted while it filters'
new_project stop <<'END'
[normal *.t]
cmd = echo > "$T/begun"; sleep 1000
[stage a]
cmd  = cat {{data}} > {{outs}}
data = a.t
outs = a.txt
END
sed -i "s|\$T/begun|$T/begun|" mlmake.ini; echo > a.t
mm_start; until_true 'it filters' test -s "$T/begun"
kill -INT "$pid"; mm_end 130
missing a.txt

begin 'gc forgets what code says and filters make of contents that nothing needs'
known() { cat .git/mlmake/code/* | grep -a '^mlmake-code 1 ' | awk '{ n += $3 } END { print n + 0 }'; }
new_project gc <<'END'
[normal *.t]
cmd = head -c 2
[stage a]
cmd  = echo a >> "$COUNT"; : python3 a.py; cat {{data}} > {{outs}}
data = a.t
outs = a.txt
END
echo 'x = 1' > a.py; printf 'a\n1' > a.t
mm 0; is "$(known)" 2 known
for i in 1 2 3; do
	echo "x = 1 # $i" > a.py; printf 'a\n2%s' $i > a.t
	mm 0
done
is "$(known)" 8 known
mm 0 gc --grace=0; is "$(known)" 2 known
echo 'x = 1' > a.py; printf 'a\n1' > a.t
ran a; mm 0 status --check; said_not 'other bytes'; mm 0; ran

begin 'mistakes'
new_project wrong <<'END'
[normal *.t]
timeout = soon
[normal]
cmd = cat
[stage a]
cmd  = echo > {{outs}}
outs = a.txt
END
mm 2
said "mlmake.ini:1: error: \[normal \*.t\] has no cmd"
said "mlmake.ini:2: error: 'soon' is no duration"
said 'mlmake.ini:3: error: a section without a name'
finish
