#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The man pages: their form, their options against those of the program, their keys against those of the reader, and their
# examples, which are executed.
#
# In EXAMPLES a line "$ COMMAND" is run (with the lines up to END, if it ends in << 'END'), all of a page in one directory and
# one shell; the lines that follow are what it prints. Durations, times and the names of runs are made equal first, and
# whether a closing line tells of time saved depends on how fast the machine is.
set -u
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
PATH=$(dirname "$MLMAKE"):$PATH
HOME=$scratch
export PATH HOME
unset NO_COLOR CLICOLOR_FORCE GITHUB_ACTIONS MAKEFLAGS CUDA_VISIBLE_DEVICES
page1=$srcdir/man/mlmake.1
page5=$srcdir/man/mlmake.ini.5
n=0

ok()
{
	n=$((n + 1))
	what=$1
	shift
	if "$@" > "$scratch/said" 2>&1; then
		echo "ok $n - $what"
	else
		sed 's/^/# /' "$scratch/said"
		echo "not ok $n - $what"
	fi
}

# ---- form

lint()
{
	# STYLE says more than is wrong; what mandoc of this version does not know is not the page's fault.
	mandoc -T lint -W warning "$1"
}

# ---- options

# The options of a command, as the program has them: "-j", "--jobs=N", ... one a line.
options_of()
{
	mlmake "$1" --help | sed -n 's/^  \(-.,\)\{0,1\} *\(--[^ ]*\).*/\1 \2/p' | tr -d ,
}

# The same as the section $1 of the page has them.
documented()
{
	awk -v "section=.Ss $1" '
		$0 == section { inside = 1; next }
		/^\.S[sh] / { inside = 0 }
		inside && /^\.\\" options-of / { print "see " $3 }
		inside && /^\.It Fl / {
			line = $0
			sub(/^\.It /, "", line)
			gsub(/Fl /, "-", line)
			gsub(/ Ns = Ns Ar /, "=", line)
			gsub(/ , /, " ", line)
			print line
		}' "$page1"
}

same_options()
{
	options_of "$1" | grep -v -F -x -f "$scratch/common" | sed 's/^ //' | sort > "$scratch/program"
	documented "$1" | sort > "$scratch/page"
	case $(cat "$scratch/page") in
	'see '*)
		read -r _ other < "$scratch/page"
		documented "$other" | sort > "$scratch/page"
		;;
	esac
	diff "$scratch/program" "$scratch/page"
}

common_options()
{
	sed 's/^ //' "$scratch/common" | sort > "$scratch/program"
	documented "Common options" | sort > "$scratch/page"
	diff "$scratch/program" "$scratch/page"
}

commands_documented()
{
	mlmake help | sed -n 's/^  \([a-z]\{1,\}\)  *.*/\1/p' | sort > "$scratch/program"
	sed -n 's/^\.Ss \([a-z]*\)$/\1/p' "$page1" | sort > "$scratch/page"
	diff "$scratch/program" "$scratch/page"
}

# ---- keys: each that is documented is taken by the reader, and the reader has no other

# The keys of the section $1 of the page, without the names behind them.
keys_documented()
{
	awk -v "section=.Ss [$1" '
		index($0, section) == 1 { inside = 1; next }
		/^\.S[sh] / { inside = 0 }
		inside && /^\.It Cm / { print $3 }' "$page5" | sort -u
}

# Asks for a key that is not there; all keys that are have been offered one by one.
keys_taken()
{
	type=$1
	mkdir -p "$scratch/keys"
	for key in $(keys_documented "$type"); do
		case $key in
		matrix) line="matrix v = 1" ;;
		set) line="set k = 1" ;;
		*) line="$key = 1" ;;
		esac
		case $type in
		project) header='[project]' ;;
		*) header="[$type a]" ;;
		esac
		printf '%s\n%s\n' "$header" "$line" > "$scratch/keys/mlmake.ini"
		! mlmake -C "$scratch/keys" lint | grep 'unknown key' || return 1
	done
	[ -n "$key" ]
}

# Keys in the source's tables that no section of the page names.
keys_missing()
{
	[ -f "$srcdir/src/pipeline/read.c" ] || return 0
	sed -n '/_keys\[\] = {/,/^};\|}};$/p' "$srcdir/src/pipeline/read.c" | grep -o '{"[a-z]*"' | tr -d '{"' | sort -u |
		while read -r key; do
			grep -q -w -e "Cm .*$key" "$page5" || echo "'$key' is not in mlmake.ini(5)"
		done | { ! grep .; }
}

# ---- examples

# Writes the commands of a page to $2.sh and what they print to $2.expected; each command is preceded by a line with its text.
extract()
{
	awk -v "script=$2.sh" -v "expected=$2.expected" '
		/^\.Sh / { examples = $2 == "EXAMPLES" }
		!examples { next }
		/^\.Bd -literal/ { block = 1; next }
		/^\.Ed/ { block = 0; next }
		!block { next }
		{
			gsub(/\\\(aq/, "\047")
			gsub(/\\\(dq/, "\"")
			gsub(/\\&/, "")
			gsub(/\\e/, "\\")
		}
		here { print > script; here = $0 != "END"; next }
		/^\$ / {
			text = substr($0, 3)
			shown = $0
			gsub(/\047/, "\047\\\047\047", shown)
			print "printf \"%s\\n\" \047" shown "\047" > script
			print text > script
			print > expected
			here = text ~ /<< .END.$/
			next
		}
		{ print > expected }' "$1"
}

level()
{
	sed -E -e 's/[0-9]+\.[0-9]+s/TIME/g' -e 's/; TIME saved$//' -e 's/run [0-9]{8}T[0-9]{6}-[0-9a-f]{8}/run RUN/' \
		-e 's/of [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}/of DATE/' "$1"
}

# Stages that run side by side end in any order, but the pages show chains and closing lines only.
examples()
{
	dir=$scratch/$2
	mkdir -p "$dir" && extract "$1" "$scratch/$2" && (cd "$dir" && sh "../$2.sh" 2>&1) > "$scratch/$2.got"
	level "$scratch/$2.expected" > "$scratch/$2.a"
	level "$scratch/$2.got" > "$scratch/$2.b"
	[ -s "$scratch/$2.a" ] && diff "$scratch/$2.a" "$scratch/$2.b"
}

commands=$(mlmake help | sed -n 's/^  \([a-z]\{1,\}\)  *.*/\1/p')
options_of lint | grep -v -e --json -e --fix > "$scratch/common"
sections='project stage source env profile'
set -- $commands
echo "1..$((2 + 2 + $# + 5 + 1 + 2))"

for page in "$page1" "$page5"; do
	if command -v mandoc > /dev/null; then
		ok "$(basename "$page") is well formed" lint "$page"
	else
		n=$((n + 1))
		echo "ok $n - $(basename "$page") is well formed # SKIP mandoc is missing"
	fi
done
ok "every command has its section, and no other" commands_documented
ok "the common options are those of the program" common_options
for command in $commands; do
	ok "the options of $command are those of the program" same_options "$command"
done
for type in $sections; do
	ok "the keys of [$type] are taken" keys_taken "$type"
done
ok "no key is left out" keys_missing
ok "the examples of mlmake(1) do what they say" examples "$page1" one
ok "the examples of mlmake.ini(5) do what they say" examples "$page5" five
