EXTRA_DIST = tests/lsan.supp tests/layers.txt tests/layers.sh tests/shell/lib.sh $(SHELL_TESTS)

unit_tests = \
	test_util \
	test_digest \
	test_gitdb \
	test_lineage \
	test_closure \
	test_store \
	test_params \
	test_pipeline \
	test_graph \
	test_stale \
	test_glance \
	test_keyed \
	test_hooks \
	test_gate \
	test_build \
	test_keeper \
	test_sandbox \
	test_jobserver \
	test_resources \
	test_report \
	test_remote \
	test_release \
	test_rows \
	test_tables \
	test_values \
	test_drift \
	test_csvdiff \
	test_code \
	test_env \
	test_display

LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
SH_LOG_DRIVER = $(LOG_DRIVER)
TEST_EXTENSIONS = .sh
AM_TESTS_ENVIRONMENT = srcdir='$(abs_srcdir)' builddir='$(abs_builddir)' MLMAKE='$(abs_builddir)/mlmake' \
	LC_ALL=C.UTF-8 TZ=UTC GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null VALGRIND='$(VALGRIND)' \
	LSAN_OPTIONS="suppressions=$(abs_srcdir)/tests/lsan.supp:print_suppressions=0:$$LSAN_OPTIONS" \
	TSAN_OPTIONS="die_after_fork=0:$$TSAN_OPTIONS"; \
	export srcdir builddir MLMAKE LC_ALL TZ GIT_CONFIG_NOSYSTEM GIT_CONFIG_GLOBAL VALGRIND LSAN_OPTIONS TSAN_OPTIONS; unset MAKEFLAGS MAKELEVEL MFLAGS;
LOG_COMPILER = $(VALGRIND)
SH_LOG_COMPILER = $(SHELL)

SHELL_TESTS =
include tests/shell/local.mk

TESTS = tests/layers.sh $(SHELL_TESTS)
if UNIT_TESTS
check_PROGRAMS = $(unit_tests) code_tool env_tool drift_tool
TESTS += $(unit_tests)
endif

include tests/crash/local.mk

unit_ldadd = libmlmake.a $(FYAML_LIBS) $(INIH_LIBS) $(JANSSON_LIBS) $(XXHASH_LIBS) $(CUNIT_LIBS)
tap = tests/unit/tap.c tests/unit/tap.h
test_util_SOURCES = tests/unit/test_util.c $(tap)
test_util_LDADD = $(unit_ldadd)
test_digest_SOURCES = tests/unit/test_digest.c $(tap)
test_digest_LDADD = $(unit_ldadd)
test_closure_SOURCES = tests/unit/test_closure.c $(tap)
test_closure_LDADD = $(unit_ldadd)
test_lineage_SOURCES = tests/unit/test_lineage.c $(tap)
test_lineage_LDADD = $(unit_ldadd)
test_gitdb_SOURCES = tests/unit/test_gitdb.c $(tap)
test_gitdb_LDADD = $(unit_ldadd)
test_store_SOURCES = tests/unit/test_store.c $(tap)
test_store_LDADD = $(unit_ldadd)
test_params_SOURCES = tests/unit/test_params.c $(tap)
test_params_LDADD = $(unit_ldadd)
test_pipeline_SOURCES = tests/unit/test_pipeline.c $(tap)
test_pipeline_LDADD = $(unit_ldadd)
test_graph_SOURCES = tests/unit/test_graph.c tests/unit/fake_disk.h $(tap)
test_graph_LDADD = $(unit_ldadd)
test_stale_SOURCES = tests/unit/test_stale.c tests/unit/fake_disk.h $(tap)
test_stale_LDADD = $(unit_ldadd)
test_glance_SOURCES = tests/unit/test_glance.c tests/unit/fake_disk.h $(tap)
test_glance_LDADD = $(unit_ldadd)
test_keyed_SOURCES = tests/unit/test_keyed.c $(tap)
test_keyed_LDADD = $(unit_ldadd)
test_hooks_SOURCES = tests/unit/test_hooks.c $(tap)
test_hooks_LDADD = $(unit_ldadd)
test_build_SOURCES = tests/unit/test_build.c tests/unit/fake_disk.h $(tap)
test_build_LDADD = $(unit_ldadd)
test_keeper_SOURCES = tests/unit/test_keeper.c $(tap)
test_keeper_LDADD = $(unit_ldadd)
test_sandbox_SOURCES = tests/unit/test_sandbox.c $(tap)
test_sandbox_LDADD = $(unit_ldadd)
test_jobserver_SOURCES = tests/unit/test_jobserver.c $(tap)
test_jobserver_LDADD = $(unit_ldadd)
test_resources_SOURCES = tests/unit/test_resources.c $(tap)
test_resources_LDADD = $(unit_ldadd)
test_remote_SOURCES = tests/unit/test_remote.c $(tap)
test_remote_LDADD = $(unit_ldadd)
test_release_SOURCES = tests/unit/test_release.c $(tap)
test_release_LDADD = $(unit_ldadd)
test_report_SOURCES = tests/unit/test_report.c $(tap)
test_report_LDADD = $(unit_ldadd)
drift_tool_SOURCES = tests/unit/drift_tool.c
drift_tool_LDADD = $(mlmake_LDADD)
test_drift_SOURCES = tests/unit/test_drift.c tests/unit/slow_rows.h $(tap)
test_drift_LDADD = $(unit_ldadd)
test_tables_SOURCES = tests/unit/test_tables.c tests/unit/slow_rows.h $(tap)
test_tables_LDADD = $(unit_ldadd)
test_values_SOURCES = tests/unit/test_values.c tests/unit/slow_rows.h $(tap)
test_values_LDADD = $(unit_ldadd)
test_rows_SOURCES = tests/unit/test_rows.c tests/unit/slow_rows.h $(tap)
test_rows_LDADD = $(unit_ldadd)
test_gate_SOURCES = tests/unit/test_gate.c $(tap)
test_gate_LDADD = $(unit_ldadd)
test_csvdiff_SOURCES = tests/unit/test_csvdiff.c $(tap)
test_csvdiff_LDADD = $(unit_ldadd)
test_display_SOURCES = tests/unit/test_display.c $(tap)
test_display_LDADD = $(unit_ldadd)

env_tool_SOURCES = tests/unit/env_tool.c
env_tool_LDADD = $(mlmake_LDADD)
code_tool_SOURCES = tests/unit/code_tool.c
code_tool_LDADD = $(mlmake_LDADD)
test_env_SOURCES = tests/unit/test_env.c $(tap)
test_env_LDADD = $(unit_ldadd)
test_code_SOURCES = tests/unit/test_code.c $(tap)
test_code_LDADD = $(unit_ldadd)

if FUZZERS
fuzzers = fuzz_params fuzz_manifest fuzz_statcache fuzz_pipeline fuzz_metrics fuzz_history fuzz_lock fuzz_artifacts fuzz_csv fuzz_code fuzz_code_book fuzz_installed fuzz_remote fuzz_release fuzz_hooks fuzz_rows fuzz_expr fuzz_tables
noinst_PROGRAMS = $(fuzzers)
endif
fuzz_ldflags = -fsanitize=fuzzer $(INSTRUMENT)
fuzz_remote_SOURCES = tests/fuzz/fuzz_remote.c
fuzz_remote_LDADD = $(mlmake_LDADD)
fuzz_remote_LDFLAGS = $(fuzz_ldflags)
fuzz_installed_SOURCES = tests/fuzz/fuzz_installed.c
fuzz_installed_LDADD = $(mlmake_LDADD)
fuzz_installed_LDFLAGS = $(fuzz_ldflags)
fuzz_expr_SOURCES = tests/fuzz/fuzz_expr.c
fuzz_expr_LDADD = $(mlmake_LDADD)
fuzz_expr_LDFLAGS = $(fuzz_ldflags)
fuzz_hooks_SOURCES = tests/fuzz/fuzz_hooks.c
fuzz_hooks_LDADD = $(mlmake_LDADD)
fuzz_hooks_LDFLAGS = $(fuzz_ldflags)
fuzz_release_SOURCES = tests/fuzz/fuzz_release.c
fuzz_release_LDADD = $(mlmake_LDADD)
fuzz_release_LDFLAGS = $(fuzz_ldflags)
fuzz_params_SOURCES = tests/fuzz/fuzz_params.c
fuzz_params_LDADD = $(mlmake_LDADD)
fuzz_params_LDFLAGS = $(fuzz_ldflags)
fuzz_manifest_SOURCES = tests/fuzz/fuzz_manifest.c
fuzz_manifest_LDADD = $(mlmake_LDADD)
fuzz_manifest_LDFLAGS = $(fuzz_ldflags)
fuzz_statcache_SOURCES = tests/fuzz/fuzz_statcache.c
fuzz_statcache_LDADD = $(mlmake_LDADD)
fuzz_statcache_LDFLAGS = $(fuzz_ldflags)
fuzz_pipeline_SOURCES = tests/fuzz/fuzz_pipeline.c
fuzz_pipeline_LDADD = $(mlmake_LDADD)
fuzz_pipeline_LDFLAGS = $(fuzz_ldflags)
fuzz_metrics_SOURCES = tests/fuzz/fuzz_metrics.c
fuzz_metrics_LDADD = $(mlmake_LDADD)
fuzz_metrics_LDFLAGS = $(fuzz_ldflags)
fuzz_history_SOURCES = tests/fuzz/fuzz_history.c
fuzz_history_LDADD = $(mlmake_LDADD)
fuzz_history_LDFLAGS = $(fuzz_ldflags)
fuzz_tables_SOURCES = tests/fuzz/fuzz_tables.c tests/unit/slow_rows.h
fuzz_tables_LDADD = $(mlmake_LDADD)
fuzz_tables_LDFLAGS = $(fuzz_ldflags)
fuzz_rows_SOURCES = tests/fuzz/fuzz_rows.c tests/unit/slow_rows.h
fuzz_rows_LDADD = $(mlmake_LDADD)
fuzz_rows_LDFLAGS = $(fuzz_ldflags)
fuzz_csv_SOURCES = tests/fuzz/fuzz_csv.c
fuzz_csv_LDADD = $(mlmake_LDADD)
fuzz_csv_LDFLAGS = $(fuzz_ldflags)
fuzz_artifacts_SOURCES = tests/fuzz/fuzz_artifacts.c
fuzz_artifacts_LDADD = $(mlmake_LDADD)
fuzz_artifacts_LDFLAGS = $(fuzz_ldflags)
fuzz_lock_SOURCES = tests/fuzz/fuzz_lock.c
fuzz_lock_LDADD = $(mlmake_LDADD)
fuzz_lock_LDFLAGS = $(fuzz_ldflags)
fuzz_code_book_SOURCES = tests/fuzz/fuzz_code_book.c
fuzz_code_book_LDADD = $(mlmake_LDADD)
fuzz_code_book_LDFLAGS = $(fuzz_ldflags)
fuzz_code_SOURCES = tests/fuzz/fuzz_code.c
fuzz_code_LDADD = $(mlmake_LDADD)
fuzz_code_LDFLAGS = $(fuzz_ldflags)

# A thousand commits with rebases, merges, kills and work trees at random; make soak COMMITS=200 SEED=3
COMMITS = 1000
SEED = 1
soak: mlmake
	MLMAKE_SOAK_COMMITS=$(COMMITS) MLMAKE_SOAK_SEED=$(SEED) $(MAKE) check TESTS=tests/shell/t0129-hook-soak.sh
.PHONY: soak
