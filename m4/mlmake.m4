dnl SPDX-License-Identifier: GPL-3.0-or-later

dnl The warnings that the code is kept free of. --enable-werror makes them errors.
AC_DEFUN([MLMAKE_WARNINGS], [
AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [treat compiler warnings as errors])], [], [enable_werror=no])
WARN_CFLAGS=
for flag in -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wpointer-arith \
	-Wformat=2 -Wno-unused-parameter -Wno-missing-field-initializers; do
	saved_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -Werror $flag"
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM()], [WARN_CFLAGS="$WARN_CFLAGS $flag"])
	CFLAGS=$saved_CFLAGS
done
AS_IF([test "x$enable_werror" = xyes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
AC_SUBST([WARN_CFLAGS])
])

dnl Debian's inih has its limits as variables that are set at run time; other systems have them fixed when it is built.
AC_DEFUN([MLMAKE_INIH], [
saved_CFLAGS=$CFLAGS
CFLAGS="$CFLAGS $INIH_CFLAGS"
AC_CHECK_DECLS([ini_max_line, ini_use_stack, ini_allow_realloc, ini_allow_inline_comments], [], [], [[#include <ini.h>]])
CFLAGS=$saved_CFLAGS
])

dnl Unit tests need CUnit; without it they are left out, which the summary says.
AC_DEFUN([MLMAKE_CUNIT], [
PKG_CHECK_MODULES([CUNIT], [cunit], [unit_tests=yes],
	[AC_CHECK_HEADER([CUnit/CUnit.h], [CUNIT_LIBS=-lcunit; unit_tests=yes],
		[unit_tests="no (CUnit is missing: libcunit1-dev)"])])
AM_CONDITIONAL([UNIT_TESTS], [test "x$unit_tests" = xyes])
])

dnl --with-sanitizers=address,undefined   --enable-coverage   --enable-fuzzers (clang)
AC_DEFUN([MLMAKE_INSTRUMENT], [
AC_ARG_WITH([sanitizers], [AS_HELP_STRING([--with-sanitizers=LIST], [build with -fsanitize=LIST])],
	[sanitizers=$withval], [sanitizers=no])
AC_ARG_ENABLE([coverage], [AS_HELP_STRING([--enable-coverage], [build with --coverage])], [], [enable_coverage=no])
AC_ARG_ENABLE([fuzzers], [AS_HELP_STRING([--enable-fuzzers], [build the fuzzers (needs clang)])], [], [enable_fuzzers=no])
INSTRUMENT=
AS_IF([test "x$sanitizers" != xno], [INSTRUMENT="-fsanitize=$sanitizers -fno-omit-frame-pointer -fno-sanitize-recover=all"])
AS_IF([test "x$enable_coverage" = xyes], [INSTRUMENT="$INSTRUMENT --coverage"])
AS_IF([test "x$enable_fuzzers" = xyes], [INSTRUMENT="$INSTRUMENT -fsanitize=fuzzer-no-link"])
AM_CONDITIONAL([FUZZERS], [test "x$enable_fuzzers" = xyes])
AC_SUBST([INSTRUMENT])
])
