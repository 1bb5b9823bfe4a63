libmlmake_a_SOURCES += \
	src/run/aside.c \
	src/run/aside.h \
	src/run/build.c \
	src/run/build.h \
	src/run/events.h \
	src/run/finish.c \
	src/run/finish.h \
	src/run/job.c \
	src/run/job.h \
	src/run/jobserver.c \
	src/run/jobserver.h \
	src/run/keeper.c \
	src/run/keeper.h \
	src/run/keeperd.c \
	src/run/keeperd.h \
	src/run/launcher.h \
	src/run/order.c \
	src/run/order.h \
	src/run/probe.c \
	src/run/probe.h \
	src/run/procs.c \
	src/run/procs.h \
	src/run/recover.c \
	src/run/resources.c \
	src/run/resources.h \
	src/run/tail.c \
	src/run/tail.h
