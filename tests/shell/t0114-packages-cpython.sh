#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Installed Python distributions as mlmake sees them, against importlib.metadata, sys.path and packaging.
set -u
if ! python3 -c 'import importlib.metadata, venv' 2> /dev/null; then
	echo "1..0 # SKIP there is no python3"
	exit 0
fi
T=$(mktemp -d "${TMPDIR:-/tmp}/mlmake-test.XXXXXX") || exit 1
trap 'rm -rf "$T"' EXIT
python3 "$srcdir/tests/env/against_python.py" "$builddir/env_tool" python3 "$T"
