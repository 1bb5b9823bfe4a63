libmlmake_a_SOURCES += \
	src/env/distributions.c \
	src/env/distributions.h \
	src/env/environment.c \
	src/env/environment.h \
	src/env/host.c \
	src/env/host.h \
	src/env/image.c \
	src/env/image.h \
	src/env/interpreter.c \
	src/env/interpreter.h \
	src/env/metadata.c \
	src/env/metadata.h \
	src/env/requirement.c \
	src/env/requirement.h
