#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Completions know every command and option that --help shows.
. "${srcdir:-.}/tests/shell/lib.sh"
new_project p <<'END'
[stage train]
matrix seed = 1 2
cmd  = echo > {{outs}}
outs = m{{seed}}
END

for shell in bash zsh fish; do
	begin "$shell: every command and option of --help is there"
	mm 0 completions $shell
	cp "$T/out" "$T/comp.$shell"
	# fish writes options without their dashes
	if [ $shell = fish ]; then dashes=''; else dashes='--'; fi
	mm 0 --help
	commands=$(sed -n 's/^  \([a-z][a-z]*\)  *.*/\1/p' "$T/out")
	[ "$(echo "$commands" | wc -l)" -ge 10 ] || fail "too few commands: $commands"
	for c in $commands; do
		check "$c" grep -qw -e "$c" "$T/comp.$shell"
		mm 0 "$c" --help
		options=$(sed -n 's/^  .*--\([a-z-]*\).*/\1/p' "$T/out" | sort -u)
		[ -n "$options" ] || fail "no options of $c"
		for o in $options; do
			check "--$o of $c" grep -q -e "$dashes$o" "$T/comp.$shell"
		done
	done
	if command -v $shell > /dev/null 2>&1; then
		check "$shell -n" $shell -n "$T/comp.$shell"
	fi
done

begin 'the names of targets'
mm 0 completions --targets
for t in train train@1 train@2; do
	check "$t" grep -qx -e "$t" "$T/out"
done

begin 'what is installed is what the program prints'
for pair in bash:mlmake.bash bash:mlmake zsh:_mlmake fish:mlmake.fish; do
	file=$srcdir/completions/${pair#*:}
	[ ! -e "$file" ] || check "$file" cmp "$file" "$T/comp.${pair%%:*}"
done

if command -v bash > /dev/null 2>&1; then
	begin 'bash completes commands, options and targets'
	cat > "$T/try.bash" <<'END'
PATH=$(dirname "$MLMAKE"):$PATH
source "$T/comp.bash"
spec=$(complete -p mlmake) || exit 1
f=${spec##*-F }; f=${f%% *}
try() {
	COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMPREPLY=()
	"$f" mlmake "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
	echo "${COMPREPLY[*]}"
}
try mlmake sta
try mlmake status --che
try mlmake why tra
END
	bash "$T/try.bash" > "$T/out" 2> "$T/err"
	said '^status ?$'
	said '^--check ?$'
	said 'train'

	begin 'bash completes runs, branches and tags where a command takes a run'
	printf 'm1\nm2\n' > .gitignore; git add -A; git commit -qm one; git tag v1.0; mm 0; mm 0 -B
	ids=$("$MLMAKE" log | cut -d' ' -f1 | grep '^20')
	mm 0 completions --runs
	is "$(head -n 2 "$T/out")" "$ids" 'the newest first'
	said '^v1.0$'; said '^main$'
	newest=$(echo "$ids" | head -n 1)
	printf 'try mlmake %s\n' "show 2" "diff 2" "reproduce v1" "checkout mai" "why --run 2" "show tra" >> "$T/try.bash"
	bash "$T/try.bash" > "$T/all" 2> "$T/err"
	sed 1,3d "$T/all" > "$T/out"
	# shellcheck disable=SC2086
	both=$(echo $ids)
	is "$(cat "$T/out")" "$(printf '%s\n' "$both" "$both" v1.0 main "$both" train)"
fi
finish
