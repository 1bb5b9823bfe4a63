# Kills mlmake at every call that writes, and looks whether the next run makes everything right.
if UNIT_TESTS
check_PROGRAMS += test_crash
TESTS += test_crash
endif
test_crash_SOURCES = tests/crash/crash.c tests/crash/trace.c tests/crash/trace.h
test_crash_LDADD = libmlmake.a
