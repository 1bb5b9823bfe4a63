# SPDX-License-Identifier: GPL-3.0-or-later
dist_man_MANS = man/mlmake.1 man/mlmake.ini.5
EXTRA_DIST += man/test-man.sh
TESTS += man/test-man.sh
