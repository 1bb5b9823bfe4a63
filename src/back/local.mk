libmlmake_a_SOURCES += \
	src/back/artifacts.c \
	src/back/artifacts.h \
	src/back/lists.c \
	src/back/lists.h \
	src/back/makers.c \
	src/back/makers.h \
	src/back/outfit.c \
	src/back/outfit.h \
	src/back/modules.c \
	src/back/modules.h \
	src/back/origin.c \
	src/back/origin.h \
	src/back/private.c \
	src/back/private.h \
	src/back/putback.c \
	src/back/putback.h \
	src/back/rerun.c \
	src/back/rerun.h \
	src/back/rerun_work.h \
	src/back/snapshot.c \
	src/back/snapshot.h \
	src/back/supply.c \
	src/back/within.c \
	src/back/within.h \
	src/back/verdict.c \
	src/back/verdict.h
