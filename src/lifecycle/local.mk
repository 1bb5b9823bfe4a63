libmlmake_a_SOURCES += \
	src/lifecycle/registry.c \
	src/lifecycle/registry.h \
	src/lifecycle/release.c \
	src/lifecycle/release.h
