#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The examples.
. "${srcdir:-.}/tests/shell/lib.sh"

# example NAME AS: a copy, in git, and the script stands in it.
example() {
	mkdir -p "$T/w" && cp -R "$srcdir/examples/$1" "$T/w/$2" && chmod -R u+w "$T/w/$2" && cd "$T/w/$2" || exit 1
	git init -q . && git add -A && git commit -qm "$1"
}

first=''
for awk in mawk gawk original-awk 'busybox awk'; do
	if ! command -v "${awk%% *}" > /dev/null 2>&1; then
		skip "breast-cancer under $awk" 'it is not installed'
		continue
	fi
	begin "breast-cancer under $awk"
	example breast-cancer "bc-${awk%% *}"
	mkdir "$T/bin-${awk%% *}"
	printf '#!/bin/sh\nexec %s "$@"\n' "$awk" > "$T/bin-${awk%% *}/awk"
	chmod +x "$T/bin-${awk%% *}/awk"
	# shellcheck disable=SC2030
	( PATH=$T/bin-${awk%% *}:$PATH; export PATH; "$MLMAKE" > "$T/out" 2> "$T/err" < /dev/null ) || fail "mlmake: $?"
	said '11 ran'
	find data/*.csv models plots metrics report.txt -type f -exec sha256sum {} + | sort -k 2 > "$T/sums-${awk%% *}"
	[ "$(wc -l < "$T/sums-${awk%% *}")" -ge 15 ] || fail 'too few outputs'
	if [ -n "$first" ]; then check "the same bytes as $first" diff "$T/sums-$first" "$T/sums-${awk%% *}"; else first=${awk%% *}; fi
done

begin 'breast-cancer: the models are good'
cd "$T/w/bc-$first" || exit 1
if have_python; then
	check 'auc' python3 -c 'import json
d = json.load(open("metrics/best.json"))
print(d)
assert any(k.endswith("auc") and 0.98 < v <= 1 for k, v in d.items())'
fi
check 'git sees no outputs' sh -c 'git status --porcelain | grep -v mlmake.lock | wc -l | grep -qx 0'

begin 'breast-cancer: nothing to do, a parameter changed, the parameter put back'
mm 0; said 'nothing to do'
cp params.ini "$T/params.ini"
sed 's/^threshold *=.*/threshold = 0.3/' params.ini > n && mv n params.ini
refuse 'params.ini changed' cmp params.ini "$T/params.ini"
mm 0; said '5 ran'; said_not 'done +train'
cp "$T/params.ini" params.ini
mm 0; said '5 restored'; said_not ' ran'
find data/*.csv models plots metrics report.txt -type f -exec sha256sum {} + | sort -k 2 > "$T/sums-again"
check 'the same bytes' diff "$T/sums-$first" "$T/sums-again"
mm 0 metrics; said auc

if command -v cc > /dev/null 2>&1; then
	begin 'scale: parallel shards, and the rows do not depend on how many'
	example scale scale
	mm 0 scale.rows=20000
	said 'ran'
	exists model.csv
	model=$(sha model.csv)
	mm 0 scale.rows=20000; said 'nothing to do'
	mm 0 -j1 -B scale.rows=20000
	is "$(sha model.csv)" "$model" 'model'
	sed -e 's/^shards *=.*/shards = 4/' params.ini > n && mv n params.ini
	sed -e 's/^matrix shard = .*/matrix shard = 0 1 2 3/' mlmake.ini > n && mv n mlmake.ini
	mm 0 scale.rows=20000
	is "$(sha model.csv)" "$model" 'model of four shards'
	begin 'scale: a comment in the code compiles again and stops there'
	printf '\n/* a remark */\n' >> src/part.c
	mm 0 scale.rows=20000
	said '1 ran'
else
	skip 'scale' 'there is no C compiler'
fi

if python3 -c 'import sklearn' 2> /dev/null; then
	begin 'sklearn'
	example sklearn sklearn
	mm 0
	exists report.csv
	mm 0; said 'nothing to do'
else
	skip 'sklearn' 'scikit-learn is not installed'
	begin 'sklearn: at least its pipeline file is right'
	example sklearn sklearn
	mm 0 lint
fi

if have_python; then
	begin 'notebook: a change of a cell runs it, a comment in one, its outputs and text do not'
	example notebook notebook
	mm 0; said '2 ran'
	check 'its outputs are in the other file' grep -q '12 plants' explored.ipynb
	holds best.txt mint,1.530
	mm 0; said 'nothing to do'
	cp explored.ipynb explore.ipynb; mm 0; said 'nothing to do'
	sed -e 's/# how much more/# by how much more/' -e 's/Growth by water/Growth/' explore.ipynb > n && mv n explore.ipynb
	mm 0 status; said 'same \(comments only\): explore.ipynb'
	mm 0; said 'nothing to do'
	echo '# lines' >> helper.py; mm 0; said 'nothing to do'
	sed 's/:8}/:9}/' explore.ipynb > n && mv n explore.ipynb
	mm 0; said '1 ran, 1 fresh'
	check 'git sees no outputs' sh -c 'git status --porcelain | grep -c "^??" | grep -qx 1' # mlmake.lock
else
	skip 'notebook' 'there is no python3'
fi

begin 'every example passes lint'
for d in "$srcdir"/examples/*/; do
	cd "$d" && mm 0 lint
done
finish
