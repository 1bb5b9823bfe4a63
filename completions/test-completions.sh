#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The files that are installed are what the program prints, and what they hold is good for the shells that are here.
echo 1..6
n=0

# ok NAME COMMAND...
ok()
{
	n=$((n + 1))
	what=$1
	shift
	if "$@"; then
		echo "ok $n - $what"
	else
		echo "not ok $n - $what"
	fi
}

same()
{
	"$MLMAKE" completions "$1" | cmp - "$srcdir/completions/$2" ||
		{ echo "# run: make update-completions"; return 1; }
}

# parse NAME SHELL FILE
parse()
{
	if command -v "$2" > /dev/null; then
		ok "$1" "$2" -n "$srcdir/completions/$3"
	else
		n=$((n + 1))
		echo "ok $n - $1 # SKIP $2 is missing"
	fi
}

ok "bash: the file is what the program prints" same bash mlmake.bash
ok "zsh: the file is what the program prints" same zsh _mlmake
ok "fish: the file is what the program prints" same fish mlmake.fish
parse "bash reads it" bash mlmake.bash
parse "zsh reads it" zsh _mlmake
parse "fish reads it" fish mlmake.fish
