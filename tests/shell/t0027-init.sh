#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# init, and what it writes.
. "${srcdir:-.}/tests/shell/lib.sh"

begin 'init in an empty directory: what it writes passes lint, and builds'
mkdir -p "$T/w/e"; cd "$T/w/e" || exit 1
git init -q .
mm 0 init
said 'mlmake\.ini'
mm 0 lint
mm 0
exists mlmake.ini

begin 'init overwrites nothing'
cp mlmake.ini "$T/ini"
mm 2 init; said 'mlmake\.ini'
check 'mlmake.ini' cmp mlmake.ini "$T/ini"

begin 'init finds the scripts that are here'
mkdir -p "$T/w/s/src"; cd "$T/w/s" || exit 1
git init -q .
printf 'print(1)\n' > src/train.py
printf '#!/bin/sh\necho 1\n' > prepare.sh; chmod +x prepare.sh
printf 'x = 1\n' > params.ini
mm 0 init
check 'train.py' grep -q 'src/train\.py' mlmake.ini
check 'prepare.sh' grep -q 'prepare\.sh' mlmake.ini
mm 0 lint

begin 'init keeps a .gitignore that is there'
mkdir -p "$T/w/g"; cd "$T/w/g" || exit 1
git init -q .
printf '/mine\n' > .gitignore
mm 0 init
check 'mine' grep -qx '/mine' .gitignore

begin 'init without git'
mkdir -p "$T/w/n"; cd "$T/w/n" || exit 1
mm 0 init
mm 0 lint
finish
