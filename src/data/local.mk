libmlmake_a_SOURCES += \
	src/data/ahead.c \
	src/data/ahead.h \
	src/data/drift.c \
	src/data/drift.h \
	src/data/jsonrows.c \
	src/data/jsonrows.h \
	src/data/pattern.c \
	src/data/pattern.h \
	src/data/rows.c \
	src/data/rows.h \
	src/data/scan.c \
	src/data/scan.h \
	src/data/score.c \
	src/data/score.h \
	src/data/source.c \
	src/data/source.h \
	src/data/split.c \
	src/data/split.h \
	src/data/stats.c \
	src/data/stats.h \
	src/data/summary.c \
	src/data/summary.h \
	src/data/unique.c \
	src/data/unique.h \
	src/data/value.c \
	src/data/value.h
