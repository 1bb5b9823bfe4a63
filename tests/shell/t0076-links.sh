#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# reproduce links large inputs instead of copying them, and looks afterwards whether they are unharmed. A process that may write to
# everything gets copies.
. "${srcdir:-.}/tests/shell/lib.sh"

new_project p <<'END'
[stage make]
cmd  = seq 100000 > {{outs}}
outs = big.txt
[stage look]
cmd  = stat -c '%h %a' {{data}} > $T/seen; [ ! -e $T/harm ] || { chmod u+w {{data}}; echo harm >> {{data}}; }; wc -l < {{data}} > {{outs}}
data = big.txt
outs = lines.txt
END
printf '%s\n' big.txt lines.txt > .gitignore

# plain ARG...: as a user who may not write to everything.
if [ "$(id -u)" = 0 ]; then
	command -v setpriv > /dev/null || skip_all 'root without setpriv'
	plain() { setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$HOME" "$MLMAKE" "$@" > "$T/out" 2> "$T/err" < /dev/null; }
	chmod 755 "$T" && chown -R 65534:65534 "$T" || skip_all 'files cannot be given away'
	plain --version || skip_all 'mlmake cannot be run by others here'
else
	plain() { "$MLMAKE" "$@" > "$T/out" 2> "$T/err" < /dev/null; }
fi

last='as a plain user'
plain || fail build
[ "$(id -u)" != 0 ] || setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$HOME" sh -c 'git add . && git commit -q -m one'
[ "$(id -u)" = 0 ] || { git add . && git commit -q -m one; }
id=$(sha big.txt)
object=.git/mlmake/objects/$(echo "$id" | cut -c1-2)/$(echo "$id" | cut -c3-4)/$id

begin 'a large input is a read-only link to the object, or a clone of it'
exists "$object"
plain reproduce HEAD --stage look || fail reproduce
said '1 identical'
case $(cat "$T/seen") in
'2 444') ;;
'1 '*) cp --reflink=always big.txt "$T/clone" 2> "$T/err" || fail "neither linked nor cloned: $(cat "$T/seen")" ;;
*) fail "seen: $(cat "$T/seen")" ;;
esac
is "$(stat -c %h "$object")" 1 'links afterwards'
is "$(sha "$object")" "$id" 'the object'

if [ "$(id -u)" = 0 ]; then
	begin 'root, whom no mode keeps from writing, gets a copy'
	chown -R 0:0 .
	mm 0 reproduce HEAD --stage look
	said '1 identical'
	case $(cat "$T/seen") in '1 '*) ;; *) fail "seen: $(cat "$T/seen")" ;; esac
	chown -R 65534:65534 .
fi

begin 'with --dir there are copies only'
plain reproduce HEAD --stage look --dir="$T/there" || fail reproduce
case $(cat "$T/seen") in '1 '*) ;; *) fail "seen: $(cat "$T/seen")" ;; esac

begin 'a stage that makes its input writable and writes to it: that is noticed, and the object is used no more'
: > "$T/harm"
if plain reproduce HEAD --stage look; then fail 'no harm was noticed'; fi
if [ "$(sed 's/ .*//' "$T/seen")" = 2 ]; then
	said 'wrote to one of its inputs'
	missing "$object"
	rm "$T/harm"
	plain reproduce HEAD --stage look || fail 'the work tree has it still'
	said '1 identical'
	plain status --check || fail 'the work tree was harmed'
fi
finish
