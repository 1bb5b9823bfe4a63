libmlmake_a_SOURCES += \
	src/graph/graph.c \
	src/graph/graph.h \
	src/graph/imports.c \
	src/graph/imports.h
