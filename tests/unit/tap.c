/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "tap.h"

#include <CUnit/CUnit.h>
#include <CUnit/TestRun.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/file.h"

static int number;
static char dir[] = "/tmp/mlmake-unit-XXXXXX";

const char *tap_dir(void)
{
	return dir;
}

void tap_check(bool ok, const char *file, int line, const char *fmt, ...)
{
	char msg[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	CU_assertImplementation(ok, (unsigned)line, msg, file, "", CU_FALSE);
}

void tap_check_str(const char *got, const char *want, const char *what, const char *file, int line)
{
	bool ok = got == want || (got && want && strcmp(got, want) == 0);

	tap_check(ok, file, line, "%s is \"%s\", not \"%s\"", what, got ? got : "(null)", want ? want : "(null)");
}

static void completed(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failure)
{
	const CU_FailureRecord *f;

	(void)suite;
	printf("%sok %d - %s\n", failure ? "not " : "", ++number, test->pName);
	for (f = failure; f; f = f->pNext)
		printf("# %s:%u: %s\n", f->strFileName, f->uiLineNumber, f->strCondition);
	fflush(stdout);
}

static void leave(void)
{
	if (chdir("/") == 0 && file_remove_tree(dir, NULL) < 0)
		fprintf(stderr, "# cannot remove %s\n", dir);
}

int tap_run(const char *suite, const struct tap_test *tests, size_t n)
{
	CU_pSuite s;
	size_t i;

	if (!mkdtemp(dir) || chdir(dir) < 0) {
		printf("Bail out! no temporary directory\n");
		return 99;
	}
	atexit(leave);
	printf("1..%zu\n", n);
	if (CU_initialize_registry() != CUE_SUCCESS || !(s = CU_add_suite(suite, NULL, NULL))) {
		printf("Bail out! CUnit does not start\n");
		return 99;
	}
	for (i = 0; i < n; i++)
		if (!CU_add_test(s, tests[i].name, tests[i].fn))
			printf("Bail out! cannot add %s\n", tests[i].name);
	CU_set_test_complete_handler(completed);
	CU_run_all_tests();
	if (CU_get_number_of_suites_run() != 1)
		printf("Bail out! the suite did not run\n");
	CU_cleanup_registry();
	return 0;
}
