libmlmake_a_SOURCES += \
	src/stale/accept.c \
	src/stale/accept.h \
	src/stale/decide.c \
	src/stale/decide.h \
	src/stale/glance.c \
	src/stale/glance.h \
	src/stale/history.c \
	src/stale/history.h \
	src/stale/learned.c \
	src/stale/learned.h \
	src/stale/lockfile.c \
	src/stale/lockfile.h \
	src/stale/plan.c \
	src/stale/plan.h \
	src/stale/record.c \
	src/stale/record.h \
	src/stale/world.c
