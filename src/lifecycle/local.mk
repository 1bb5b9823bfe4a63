libmlmake_a_SOURCES += \
	src/lifecycle/gate.c \
	src/lifecycle/gate.h \
	src/lifecycle/kind.c \
	src/lifecycle/kind.h \
	src/lifecycle/past.c \
	src/lifecycle/past.h \
	src/lifecycle/registry.c \
	src/lifecycle/registry.h \
	src/lifecycle/release.c \
	src/lifecycle/release.h \
	src/lifecycle/sources.c \
	src/lifecycle/sources.h
