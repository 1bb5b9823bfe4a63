libmlmake_a_SOURCES += \
	src/upkeep/gc.c \
	src/upkeep/gc.h \
	src/upkeep/marks.c \
	src/upkeep/marks.h \
	src/upkeep/roots.c \
	src/upkeep/roots.h
