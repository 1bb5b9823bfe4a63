#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A small pipeline, built and built again.
. "${srcdir:-.}/tests/shell/lib.sh"

begin 'a first build runs every stage, and dependents after what they need'
three p
mm 0
holds clean.txt apple fig pear
holds up.txt APPLE FIG PEAR
holds count.txt APPLE FIG
holds other.txt hello
check 'clean runs before up, up before count' sh -c 'grep -v other "$COUNT" | tr "\n" " " | grep -qx "clean up count "'
ran clean up count other
said '4 ran'

begin 'a second build runs nothing and says so'
mm 0
ran
said 'nothing to do'

begin 'a touch makes nothing stale'
touch -d '2001-02-03 04:05:06' raw.txt up.sh
touch clean.txt up.txt params.ini mlmake.ini
mm 0 status --check
mm 0
ran

begin 'an edit of data rebuilds its dependents and nothing else'
printf 'pear\napple\nfig\nblackberry\n' > raw.txt
mm 0
ran clean up count
holds clean.txt apple blackberry fig pear
holds count.txt APPLE BLACKBERRY

begin 'an edit of code rebuilds from there'
printf 'tr a-z A-Z < "$1" | tr E 3\n' > up.sh
mm 0
ran up count
holds count.txt APPL3 BLACKB3RRY

begin 'an output that comes out the same stops the rebuild there'
printf 'fig\nblackberry\npear\napple\n' > raw.txt
mm 0
ran clean
mm 0
ran

begin 'an output that was edited by hand is made again'
echo spoilt > up.txt
mm 4 status --check
mm 0
holds up.txt APPL3 BLACKB3RRY FIG P3AR
mm 0
ran

begin 'an output that was removed is there again'
rm up.txt
mm 0
holds up.txt APPL3 BLACKB3RRY FIG P3AR

begin 'a description, another stage and the order of sections make nothing stale'
sed 's/^data   = raw.txt/desc   = sorts fruit\n&/' mlmake.ini > "$T/new.ini"
{ printf '[stage first]\ncmd = echo 1 > {{outs}}; echo first >> "$COUNT"\nouts = first.txt\n\n'; cat "$T/new.ini"; } > mlmake.ini
: > "$COUNT"
mm 0
ran first

begin 'the lock names the digests that sha256sum finds'
for f in raw.txt clean.txt up.txt count.txt; do
	check "$f in mlmake.lock" grep -q "$(sha "$f").* $f\$" mlmake.lock
done
begin 'status says it once'
mm 0 status
is "$(wc -l < "$T/out" | tr -d ' ')" 1 "$(cat "$T/out")"
finish
