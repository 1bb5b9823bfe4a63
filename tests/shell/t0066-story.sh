#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# One clone builds commits with other data, parameters and code, and once what is not committed; it pushes. Another, made afresh
# with plain git, gets any of the results back byte for byte by its hash, builds one once more and finds it identical, and says
# of a stray file which commit and data made it.
. "${srcdir:-.}/tests/shell/lib.sh"
. "${srcdir:-.}/tests/shell/remote.sh"

# The results of a commit or run, by their digests.
results() { find model.bin report features -type f -exec sha256sum '{}' + | sort -k 2; }
# keep WORD: what stands there now is what WORD has to bring back.
keep() { results > "$T/want.$1"; }

new_project a <<'EOF'
[project]
params = params.ini

[remote lab]
url = ../lab

[stage features]
cmd  = mkdir {{outs}}; sh features.sh {{data}} > {{outs}}/train; wc -l < {{outs}}/train > {{outs}}/count
data = raw.csv
code = features.sh
outs = features

[stage train]
cmd  = awk -v n={{train.times}} '{ for (i = 0; i < n; i++) print i, $0 }' {{data}}/train > {{outs}}
data = features
outs = model.bin

[stage report]
cmd  = cksum < {{data}} > {{outs}}
data = model.bin
outs = report
EOF
printf '[train]\ntimes = 400\n' > params.ini
seq 1 200 | sed 's/$/,some,values,of,a,row/' > raw.csv
printf 'tr , " " < "$1"\n' > features.sh
printf '%s\n' /features /model.bin /report > .gitignore

begin 'a clone builds commits with other data, parameters and code, one of them not committed, and pushes'
git add . && git commit -q -m 'First'
mm 0; first=$(git rev-parse HEAD); keep first
git add -A && git commit -q -m 'First, built'
seq 1 300 | sed 's/$/,other,values/' > raw.csv
git commit -q -a -m 'Other data'
mm 0; data=$(git rev-parse HEAD); keep data
git commit -q -a -m 'Other data, built'
sed -i 's/400/500/' params.ini
git commit -q -a -m 'Longer'
mm 0; longer=$(git rev-parse HEAD); keep longer
git commit -q -a -m 'Longer, built'
printf 'tr , "\\t" < "$1"\n' > features.sh
mm 0
dirty=$(sed -n 's/^id //p' <<EOF
$(git show "$(git for-each-ref --format='%(objectname)' refs/mlmake/log):run")
EOF
)
keep dirty
[ -n "$dirty" ] || fail 'the run has no name'
mm 0 push
said 'lineage: 1 chain new'

begin 'a fresh clone gets any of them back byte for byte'
git clone -q "file://$T/w/a" "$T/w/b" && cd "$T/w/b" || exit 1
mm 0 pull --all
for word in first data longer dirty; do
	eval "name=\$$word"
	mm 0 checkout "$name"
	results | cmp -s - "$T/want.$word" || fail "'$word' did not come back as it was"
done
is "$(git status --porcelain)" '' 'the work tree, but for results'

begin 'and by one commit alone, without fetching the rest'
git clone -q "file://$T/w/a" "$T/w/c" && cd "$T/w/c" || exit 1
mm 0 pull --at "$data"
mm 0 checkout "$data"
results | cmp -s - "$T/want.data" || fail 'it did not come back as it was'

begin 'and in one go'
git clone -q "file://$T/w/a" "$T/w/d" && cd "$T/w/d" || exit 1
mm 2 checkout "$dirty"
mm 0 checkout --pull "$dirty"
results | cmp -s - "$T/want.dirty" || fail 'it did not come back as it was'
mm 0 checkout --pull "$first" model.bin -n
mm 0 checkout --pull "$first"
results | cmp -s - "$T/want.first" || fail 'it did not come back as it was'

begin 'built once more it is identical'
in_project b
mm 0 reproduce "$longer"
said identical
mm 0 reproduce "$dirty"
said identical

begin 'a stray model: which run and data made it'
cp model.bin "$T/stray"
mm 0 checkout "$data"
cp model.bin "$T/stray2"
mm 0 lineage "$T/stray2"
said "$(git rev-parse --short=7 "$data")"
said 'raw.csv'
mm 0 lineage "$(sha "$T/stray")"

finish
