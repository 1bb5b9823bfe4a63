#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The rooms of src/ include what tests/layers.txt allows and nothing else. With violations planted in a copy, to see that
# it would notice.
set -u
srcdir=$(cd "${srcdir:-.}" && pwd) || exit 1
T=$(mktemp -d "${TMPDIR:-/tmp}/mlmake-layers.XXXXXX") || exit 1
trap 'rm -rf "$T"' EXIT

# violations TOP TABLE: one line each, nothing if all is well.
violations() (
	cd "$1" || exit 1
	find src tests/unit tests/fuzz -name '*.[ch]' 2> /dev/null | sort > "$T/files"
	awk '
	FNR == 1 { reading++ }
	reading == 1 {
		sub(/#.*/, "")
		if (split($0, half, /:/) < 2)
			next
		known[half[1]] = 1
		n = split(half[2], words, /[ \t]+/)
		for (i = 1; i <= n; i++)
			if (words[i] != "")
				may[half[1], words[i]] = 1
		next
	}
	reading == 2 {
		files[++n_files] = $0
		next
	}
	function check(file, room, line,    name, to, bracket) {
		if (match(line, /^[ \t]*#[ \t]*include[ \t]*"[^"]*"/)) {
			name = line
			sub(/^[^"]*"/, "", name)
			sub(/".*/, "", name)
			if (room == "")
				return
			if (name !~ /\//) {
				print file ": \"" name "\" does not name its room"
				return
			}
			to = name
			sub(/\/.*/, "", to)
			if (to != room && to != "util" && !((room, to) in may) && !((room, "*") in may))
				print file ": " room " may not include " name
		} else if (match(line, /^[ \t]*#[ \t]*include[ \t]*<[^>]*>/)) {
			bracket = line
			sub(/^[^<]*/, "", bracket)
			sub(/>.*/, ">", bracket)
			if (bracket in known && !((bracket, file) in may))
				print file ": " bracket " belongs to another file"
			else if (!(bracket in known) && bracket ~ /^<(ini|jansson|libfyaml|xxhash|xxh3|git2|zlib|openssl|CUnit)[.\/]/)
				print file ": " bracket " belongs to no file yet"
		}
	}
	END {
		for (f = 1; f <= n_files; f++) {
			n = split(files[f], part, "/")
			room = part[1] == "src" && n > 2 ? part[2] : ""
			if (room != "" && !(room in known) && !told[room]++)
				print files[f] ": the room " room " is not in the table"
			if (room != "") {
				base = part[n]
				if (base ~ /\.c$/ && (base in seen) && seen[base] != room)
					print files[f] ": there is a " base " in " seen[base] " as well"
				if (base ~ /\.c$/)
					seen[base] = room
			}
			while ((getline line < files[f]) > 0)
				check(files[f], room, line)
			close(files[f])
		}
	}' "$2" "$T/files"
)

n=0
# result TITLE WANTED-ERE: of the violations in $T/found; an empty ERE wants none.
result() {
	n=$((n + 1))
	if [ -z "$2" ] && [ ! -s "$T/found" ]; then
		echo "ok $n - $1"
	elif [ -n "$2" ] && grep -Eq -e "$2" "$T/found"; then
		echo "ok $n - $1"
	else
		sed 's/^/# /' "$T/found"
		echo "not ok $n - $1"
	fi
}

echo 1..9
violations "$srcdir" "$srcdir/tests/layers.txt" > "$T/found"
result 'the rooms include what they may' ''
n_files=$(wc -l < "$T/files")
if [ "$n_files" -gt 50 ]; then : > "$T/found"; else echo "only $n_files files were found" > "$T/found"; fi
result 'there was something to look at' ''

# plant FILE LINE: a tree of one right file and this one.
plant() {
	rm -rf "$T/tree"
	mkdir -p "$T/tree/src/util" "$T/tree/$(dirname "$1")"
	printf '#include <stdio.h>\n#include "util/right.h"\n' > "$T/tree/src/util/right.c"
	printf '%s\n' "$2" >> "$T/tree/$1"
	violations "$T/tree" "$srcdir/tests/layers.txt" > "$T/found"
}
plant src/cli/x.c '#include "store/store.h"'
result 'cli may include everything' ''
plant src/digest/x.c '#include "run/build.h"'
result 'planted: a room that includes another above it' '^src/digest/x\.c: digest may not include run/build\.h$'
plant src/util/x.h '  #  include "digest/digest.h"'
result 'planted: util that includes a room, with blanks' '^src/util/x\.h: util may not include digest/digest\.h$'
plant src/cellar/x.c '#include "util/base.h"'
result 'planted: a room that is not in the table' '^src/cellar/x\.c: the room cellar is not in the table$'
plant src/store/right.c '#include "store/store.h"'
result 'planted: one name in two rooms' '^src/util/right\.c: there is a right\.c in store as well$'
plant src/report/x.c '#include <jansson.h>'
result 'planted: a library in a second file' '^src/report/x\.c: <jansson\.h> belongs to another file$'
plant src/digest/digest.c '#include <openssl/rand.h>'
result 'planted: a header of a library that nobody owns' '^src/digest/digest\.c: <openssl/rand\.h> belongs to no file yet$'
