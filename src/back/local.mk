libmlmake_a_SOURCES += \
	src/back/artifacts.c \
	src/back/artifacts.h \
	src/back/origin.c \
	src/back/origin.h \
	src/back/putback.c \
	src/back/putback.h
