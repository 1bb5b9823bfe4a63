#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What Python files mean and import, against CPython's tokenize and ast over its standard library. MLMAKE_CODE_PYTHON: another
# Python than python3; MLMAKE_CODE_FILES=0 MLMAKE_CODE_EACH=100: all files, and more changes in each.
set -u
python=${MLMAKE_CODE_PYTHON:-python3}
if ! "$python" -c 'import tokenize, ast' 2> /dev/null; then
	echo "1..0 # SKIP there is no python3"
	exit 0
fi
exec "$python" "$srcdir/tests/code/against_python.py" "$builddir/code_tool" "${MLMAKE_CODE_FILES:-100}" "${MLMAKE_CODE_EACH:-24}"
