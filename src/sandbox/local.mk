libmlmake_a_SOURCES += \
	src/sandbox/bounds.c \
	src/sandbox/bounds.h \
	src/sandbox/confine.c \
	src/sandbox/confine.h \
	src/sandbox/filter.c \
	src/sandbox/filter.h \
	src/sandbox/names.c \
	src/sandbox/names.h \
	src/sandbox/seen.c \
	src/sandbox/seen.h \
	src/sandbox/watch.c \
	src/sandbox/watch.h
