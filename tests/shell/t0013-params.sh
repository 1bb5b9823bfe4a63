#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Parameters: typed, from four formats, and only what uses one is rebuilt.
. "${srcdir:-.}/tests/shell/lib.sh"

# project NAME FILE: two stages that use a section and one key of FILE.
project() {
	new_project "$1" <<END
[project]
params = $2
[stage train]
cmd    = cat "\$MLMAKE_PARAMS" > {{outs}}; echo train >> "\$COUNT"
params = train
outs   = model.json
[stage eval]
cmd    = echo {{eval.cut}} > {{outs}}; echo eval >> "\$COUNT"
outs   = eval.txt
[stage apart]
cmd    = echo x > {{outs}}; echo apart >> "\$COUNT"
outs   = apart.txt
END
}
# write FILE ETA CUT EXTRA
write() {
	case $1 in
	*.ini) printf '; a remark\n[train]\neta = %s\ndepth = 6\n[eval]\ncut = %s\n[none]\nextra = %s\n' "$2" "$3" "$4" ;;
	*.toml) printf '# a remark\n[train]\neta = %s\ndepth = 6\n[eval]\ncut = %s\n[none]\nextra = %s\n' "$2" "$3" "$4" ;;
	*.yaml) printf '# a remark\ntrain:\n  eta: %s\n  depth: 6\neval:\n  cut: %s\nnone: {extra: %s}\n' "$2" "$3" "$4" ;;
	*.json) printf '{"train": {"eta": %s, "depth": 6}, "eval": {"cut": %s}, "none": {"extra": %s}}\n' "$2" "$3" "$4" ;;
	esac > "$1"
}

for format in ini toml yaml json; do
	f=params.$format
	begin "$format: a change rebuilds only what uses it"
	project "$format" "$f"
	write "$f" 0.1 5 1
	mm 0; ran train eval apart
	write "$f" 0.2 5 1
	mm 4 status --check
	mm 0 why train
	said 'train\.eta: 0\.1 -> 0\.2'
	said "$f:[0-9]"
	mm 0; ran train
	write "$f" 0.2 6 1
	mm 0; ran eval; holds eval.txt 6
	write "$f" 0.2 6 2
	mm 0; ran

	begin "$format: going back restores and 0.10 equals 0.1"
	write "$f" 0.10 5 1
	mm 0; ran
	mm 0 status --check
	write "$f" 1e-1 5 1
	mm 0; ran
	write "$f" 0.100001 5 1
	mm 0; ran train

	begin "$format: \$MLMAKE_PARAMS holds what the stage declared, typed, and nothing else"
	if have_python; then
		is "$(json model.json d)" '{"train": {"depth": 6, "eta": 0.100001}}' "$f"
	else
		check eta grep -q 0.100001 model.json
		refuse cut grep -q cut model.json
	fi
done

begin 'NAME=VALUE on the command line overrides, for this run'
project over params.yaml
write params.yaml 0.1 5 1
mm 0; ran train eval apart
mm 0 eval.cut=7; ran eval; holds eval.txt 7
mm 0 status --check eval.cut=7
mm 4 status --check
mm 0; ran; holds eval.txt 5
mm 0 train.eta=0.5 train; ran train
check 'MLMAKE_PARAMS has it' grep -q '0\.5' model.json
mm 0; ran
mm 2 eval.cot=7; said "eval\.cot.*did you mean.*eval\.cut"
mm 2 =7

begin 'a stage that takes one key of a section keeps to it'
sed 's/^params *= train$/params = train.eta/' mlmake.ini > n && mv n mlmake.ini
mm 0; ran train
sed 's/depth: 6/depth: 7/' params.yaml > n && mv n params.yaml
mm 0; ran

begin 'a profile sets parameters and the default target'
cat >> mlmake.ini <<'END'
[profile ci]
set eval.cut = 99
default = eval
END
mm 0 --profile ci; ran eval; holds eval.txt 99
mm 0 --profile ci; ran
mm 0; ran; holds eval.txt 5
mm 2 --profile cy; said "cy.*did you mean.*ci"

begin 'two parameter files, the second goes first'
project two 'params.yaml more.ini'
write params.yaml 0.1 5 1
printf '[eval]\ncut = 11\n' > more.ini
mm 0; holds eval.txt 11

begin 'a parameter that disappears is an error where it is used'
project lost params.json
write params.json 0.1 5 1
mm 0
printf '{"train": {"eta": 1}}' > params.json
mm 2; said '^mlmake\.ini:8: error: .*eval\.cut'
printf '{"train": {"eta": 0.1}, "eval": {"cut": 5}}' > params.json
: > "$COUNT"
mm 0 why train; said 'train\.depth'
mm 0; ran train

begin 'text, truth, lists and big numbers pass unchanged'
new_project types <<'END'
[project]
params = params.json
[stage s]
cmd    = cp "$MLMAKE_PARAMS" {{outs}}; echo s >> "$COUNT"
params = a
outs   = o.json
END
printf '{"a": {"t": "0.10", "b": true, "n": null, "l": [1, "x", [2.5]], "big": 9007199254740993, "u": "\\u00e9 \\"q\\""}}' > params.json
mm 0; ran s
if have_python; then
	is "$(json o.json 'd == json.load(open("params.json"))')" true 'the same document'
fi
printf '{"a": {"t": "0.1", "b": true, "n": null, "l": [1, "x", [2.5]], "big": 9007199254740993, "u": "\\u00e9 \\"q\\""}}' > params.json
mm 0; ran s
printf '{"a": {"t": "0.1", "b": true, "n": null, "l": [1, "x", [2.5]], "big": 9007199254740992, "u": "\\u00e9 \\"q\\""}}' > params.json
mm 0; ran s
finish
