#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The example of the whole loop, as a person runs it: hooks train, gates judge, deploys replace a service that is being asked.
. "${srcdir:-.}/tests/shell/lib.sh"

missing=''
for program in git sqlite3 curl cc; do
	command -v $program > /dev/null || missing=$program
done
if [ "$missing" ]; then
	skip 'loop' "$missing is missing"
	finish
	exit
fi

begin 'loop: the story ends well'
mkdir "$T/bin"
ln -s "$MLMAKE" "$T/bin/mlmake"
# A port that nobody listens at: one of those that no program is given by chance.
PREDICTD_PORT=$((20000 + $$ % 10000))
export PREDICTD_PORT
PATH=$T/bin:$PATH "$srcdir/examples/loop/play" "$T/loop" > "$T/out" 2> "$T/err" || fail "it ends with $?"
said '^deployed service  v0\.0\.1 is in production'
said '^deployed service  v0\.0\.2 is in production, before it was v0\.0\.1'
said '^[0-9]+ requests meanwhile, 0 of them lost$'
said '^refused  gate:release'
said '^deployed service  v0\.0\.3'

begin 'what is in use at the end is what was deployed before it, and nothing runs on'
at=$T/loop/project
cd "$at"
is "$(git tag --list 'service@*' | wc -l | tr -d ' ')" 3 'versions'
refuse 'the service is gone' curl -fsS "http://127.0.0.1:$PREDICTD_PORT/health"
finish
