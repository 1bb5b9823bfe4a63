libmlmake_a_SOURCES += src/lifecycle/check.c src/lifecycle/check.h src/lifecycle/check_answer.c src/lifecycle/check_say.c \
	src/lifecycle/checking.c src/lifecycle/infer.c src/lifecycle/joined.c src/lifecycle/monitor.c src/lifecycle/monitor.h \
	src/lifecycle/monitor_say.c src/lifecycle/monitorlog.c src/lifecycle/monitorlog.h src/lifecycle/timer.c src/lifecycle/timer.h \
	src/lifecycle/statistics.c src/lifecycle/statistics.h
libmlmake_a_SOURCES += \
	src/lifecycle/deploy.c \
	src/lifecycle/deploy.h \
	src/lifecycle/gate.c \
	src/lifecycle/gate.h \
	src/lifecycle/kind.c \
	src/lifecycle/kind.h \
	src/lifecycle/past.c \
	src/lifecycle/past.h \
	src/lifecycle/rescore.c \
	src/lifecycle/registry.c \
	src/lifecycle/registry.h \
	src/lifecycle/release.c \
	src/lifecycle/release.h \
	src/lifecycle/shipping.c \
	src/lifecycle/shipping.h \
	src/lifecycle/sources.c \
	src/lifecycle/sources.h \
	src/lifecycle/held.c \
	src/lifecycle/held.h \
	src/lifecycle/hookbuild.c \
	src/lifecycle/hookbuild.h \
	src/lifecycle/hookfile.c \
	src/lifecycle/hookfile.h \
	src/lifecycle/hooklog.c \
	src/lifecycle/hooklog.h \
	src/lifecycle/hookqueue.c \
	src/lifecycle/hookqueue.h \
	src/lifecycle/where.c \
	src/lifecycle/where.h \
	src/lifecycle/worker.c \
	src/lifecycle/worker.h
