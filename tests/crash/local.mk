# Kills mlmake at every call that writes, and looks whether the next run makes everything right.
if UNIT_TESTS
check_PROGRAMS += test_crash test_return test_share test_accept
TESTS += test_crash test_return test_share test_accept
check_PROGRAMS += test_collect test_hook_kill test_deploy
TESTS += test_collect test_hook_kill test_deploy
endif
test_crash_SOURCES = tests/crash/crash.c tests/crash/trace.c tests/crash/trace.h
test_crash_LDADD = libmlmake.a
test_return_SOURCES = tests/crash/return.c tests/crash/trace.c tests/crash/trace.h
test_return_LDADD = libmlmake.a
test_accept_SOURCES = tests/crash/accept.c tests/crash/trace.c tests/crash/trace.h
test_accept_LDADD = libmlmake.a
test_share_SOURCES = tests/crash/share.c tests/crash/trace.c tests/crash/trace.h
test_share_LDADD = libmlmake.a
test_collect_SOURCES = tests/crash/collect.c tests/crash/trace.c tests/crash/trace.h
test_collect_LDADD = libmlmake.a
test_hook_kill_SOURCES = tests/crash/hooks.c tests/crash/trace.c tests/crash/trace.h
test_hook_kill_LDADD = libmlmake.a
test_deploy_SOURCES = tests/crash/deploy.c tests/crash/trace.c tests/crash/trace.h
test_deploy_LDADD = libmlmake.a
