# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What the shell tests share. A test script reads
#
#	. "${srcdir:-.}/tests/shell/lib.sh"
#	begin 'a second build does nothing'
#	mm 0
#	ran
#	finish
#
# begin opens a test and closes the one before; every check that fails makes the open test fail and tells why. finish
# prints the plan, so a script that dies on the way is an error. The script stands in a directory of its own, with a HOME
# of its own; stages tell that they ran by `echo NAME >> "$COUNT"`, a file outside all projects.
set -u
: "${MLMAKE:?the path of the program}"
srcdir=$(cd "${srcdir:-.}" && pwd) || exit 1
T=$(mktemp -d "${TMPDIR:-/tmp}/mlmake-test.XXXXXX") || exit 1
T=$(cd "$T" && pwd -P) || exit 1
COUNT=$T/count
export COUNT MLMAKE T srcdir
unset MAKEFLAGS MFLAGS MAKELEVEL CUDA_VISIBLE_DEVICES CI GITHUB_ACTIONS NO_COLOR GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE \
	CDPATH COLUMNS MLMAKE_PARAMS
MLMAKE_GLANCE=${MLMAKE_GLANCE-check} # whatever is seen at a glance must be so when it is looked at in full
export MLMAKE_GLANCE
# What of the tests' own stages get: no stage of a user's declares them.
MLMAKE_TEST_PASS='COUNT T MLMAKE srcdir GIT_* *SAN_OPTIONS'
export MLMAKE_TEST_PASS
HOME=$T/home LC_ALL=C.UTF-8 TZ=UTC GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
GIT_AUTHOR_NAME=tester GIT_AUTHOR_EMAIL=tester@example.org
GIT_COMMITTER_NAME=tester GIT_COMMITTER_EMAIL=tester@example.org
export HOME LC_ALL TZ GIT_CONFIG_NOSYSTEM GIT_CONFIG_GLOBAL GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME \
	GIT_COMMITTER_EMAIL
mkdir "$HOME"
: > "$COUNT"; : > "$T/out"; : > "$T/err"
tests=0 title='' bad=0 finished=0 started=''

leave() {
	for pid in $started; do
		kill -KILL "$pid" 2>/dev/null
	done
	[ "$finished" = 1 ] || echo "Bail out! the script ended early in '$title'"
	cd / && chmod -R u+rwx "$T" 2>/dev/null
	rm -rf "$T"
}
trap leave EXIT
trap 'exit 1' INT TERM HUP

# diag TEXT...: as comments of the TAP stream.
diag() { printf '%s\n' "$*" | sed 's/^/# /'; }

# fail TEXT: the open test fails. What the last mlmake said is shown once a test.
fail() {
	diag "$*"
	if [ "$bad" = 0 ]; then
		diag "last: mlmake ${last:-}"
		sed 's/^/#   out: /' "$T/out"
		sed 's/^/#   err: /' "$T/err"
	fi
	bad=1
}

close_test() {
	[ -n "$title" ] || return 0
	tests=$((tests + 1))
	if [ "$bad" = 0 ]; then echo "ok $tests - $title"; else echo "not ok $tests - $title"; fi
	title='' bad=0
}

begin() {
	close_test
	title=$1
	: > "$COUNT"
}

# skip TITLE REASON: a test that cannot be made here.
skip() {
	close_test
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

finish() {
	close_test
	echo "1..$tests"
	finished=1
}

# skip_all REASON
skip_all() {
	echo "1..0 # SKIP $1"
	finished=1
	exit 0
}

# mm CODE ARG...: runs mlmake, which must exit with CODE. Its output is in $T/out and $T/err.
mm() {
	want_code=$1
	shift
	last="$*"
	"$MLMAKE" "$@" > "$T/out" 2> "$T/err" < /dev/null
	code=$?
	[ "$code" = "$want_code" ] || fail "mlmake $* exited with $code, not $want_code"
}

# mm_start ARG...: the same in the background; its process is $pid. mm_end CODE waits for it.
mm_start() {
	last="$* &"
	"$MLMAKE" "$@" > "$T/out" 2> "$T/err" < /dev/null &
	pid=$!
	started="$started $pid"
}
mm_end() {
	wait "$pid"
	code=$?
	[ "$code" = "$1" ] || fail "mlmake in the background exited with $code, not $1"
}

# ran NAME...: these stages have run since the last look, each as often as named, in any order. ran_order: in this order.
ran() {
	got=$(sort < "$COUNT" | tr '\n' ' ')
	want=$(for name do printf '%s\n' "$name"; done | sort | tr '\n' ' ')
	: > "$COUNT"
	[ "$got" = "$want" ] || fail "ran: '$got', not '$want'"
}
ran_order() {
	got=$(tr '\n' ' ' < "$COUNT")
	: > "$COUNT"
	[ "$got" = "$* " ] || fail "ran: '$got', not '$* '"
}

# said ERE, said_not ERE: on standard output or error of the last mlmake.
said() { cat "$T/out" "$T/err" | grep -Eq -e "$1" || fail "does not say: $1"; }
said_not() { ! cat "$T/out" "$T/err" | grep -Eq -e "$1" || fail "says: $1"; }
silent() { if [ -s "$T/out" ] || [ -s "$T/err" ]; then fail 'is not silent'; fi; }

# is GOT WANT WHAT: two texts are one.
is() { [ "$1" = "$2" ] || fail "${3:-text}: '$1', not '$2'"; }

# holds FILE LINE...: the file has exactly these lines.
holds() {
	file=$1
	shift
	if [ ! -e "$file" ]; then
		fail "'$file' is missing"
	elif ! for line do printf '%s\n' "$line"; done | cmp -s - "$file"; then
		fail "'$file' holds: $(head -c 400 "$file"); not: $*"
	fi
}

# check WHAT COMMAND...: the command succeeds. refuse: it fails.
check() {
	what=$1
	shift
	"$@" > "$T/check" 2>&1 || fail "$what: $(head -c 1000 "$T/check")"
}
refuse() {
	what=$1
	shift
	! "$@" > "$T/check" 2>&1 || fail "$what: $(head -c 1000 "$T/check")"
}
exists() { [ -e "$1" ] || [ -L "$1" ] || fail "'$1' is missing"; }
missing() { if [ -e "$1" ] || [ -L "$1" ]; then fail "'$1' is there"; fi; }

# until_true WHAT COMMAND...: looks again and again; gives up when nothing can be expected any more.
until_true() {
	what=$1
	shift
	tries=0
	while ! "$@" > /dev/null 2>&1; do
		tries=$((tries + 1))
		if [ "$tries" -gt 6000 ]; then
			fail "waited in vain: $what"
			return 0
		fi
		sleep 0.02
	done
}
# settled: builds until a build is over at a glance, since a file written a moment ago is not believed yet; then nothing has run.
settled() {
	until_true 'a build over at a glance' sh -c 'MLMAKE_GLANCE=tell "$MLMAKE" 2>&1 > /dev/null < /dev/null | grep -q "^mlmake: seen at a glance\$"'
	: > "$COUNT"
}
# sanitized [NAME]: was the program built with a sanitizer (asan or tsan; either)? They make calls and need memory of their own.
sanitized() { grep -Eq "__${1:-[at]san}_init" "$MLMAKE"; }
# faked: can the program be run under another clock? Not with a sanitizer, which hangs in it now and then.
faked() { ! sanitized && command -v faketime > /dev/null 2>&1; }
alive() { [ -d "/proc/$1" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null; }
gone() { ! alive "$1"; }

# new_project NAME: an empty project in git, and the script stands in it. mlmake.ini comes from standard input.
new_project() {
	mkdir -p "$T/w/$1" && cd "$T/w/$1" || exit 1
	git init -q -b main .
	cat > mlmake.ini
}

# state of a project at the top of its work tree.
state_dir() { echo .git/mlmake/work/top; }

sha() { sha256sum "$@" | cut -d' ' -f1; }

# in_git GITDIR FILE, not_in_git: the content of FILE (small) is in the store.
in_git() { git --git-dir="$1" cat-file -e "$(git hash-object --no-filters "$2")" 2> /dev/null || fail "'$2' is not stored in '$1'"; }
not_in_git() { ! git --git-dir="$1" cat-file -e "$(git hash-object --no-filters "$2")" 2> /dev/null || fail "'$2' is stored in '$1'"; }

# json FILE EXPRESSION: a Python expression over the document `d`, printed. Needs have_python.
have_python() { command -v python3 > /dev/null 2>&1 && python3 -c 'import json' 2> /dev/null; }
json() {
	python3 -c 'import json,sys
d = json.load(open(sys.argv[1]))
v = eval(sys.argv[2])
print(v if isinstance(v, str) else json.dumps(v, sort_keys=True))' "$1" "$2" 2>&1
}

# three NAME: a project of three stages in a row, clean -> up -> count, and one apart, other.
three() {
	new_project "$1" <<-'END'
	[project]
	name   = three
	params = params.ini

	[stage clean]
	cmd    = sort {{data}} > {{outs}}; echo clean >> "$COUNT"
	data   = raw.txt
	outs   = clean.txt

	[stage up]
	cmd    = sh up.sh {{data}} > {{outs}}; echo up >> "$COUNT"
	data   = clean.txt
	code   = up.sh
	outs   = up.txt

	[stage count]
	cmd    = head -n {{count.lines}} {{data}} > {{outs}}; echo count >> "$COUNT"
	data   = up.txt
	outs   = count.txt

	[stage other]
	cmd    = echo {{other.word}} > {{outs}}; echo other >> "$COUNT"
	outs   = other.txt
	END
	printf 'pear\napple\nfig\n' > raw.txt
	printf '[count]\nlines = 2\n[other]\nword = hello\n' > params.ini
	# shellcheck disable=SC2016
	printf 'tr a-z A-Z < "$1"\n' > up.sh
}
