libmlmake_a_SOURCES += \
	src/code/book.c \
	src/code/book.h \
	src/code/code.c \
	src/code/code.h \
	src/code/finder.c \
	src/code/finder.h \
	src/code/notebook.c \
	src/code/others.c \
	src/code/pylex.c \
	src/code/pylex.h \
	src/code/python.c \
	src/code/reading.h
