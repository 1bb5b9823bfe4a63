libmlmake_a_SOURCES += \
	src/upkeep/gc.c \
	src/upkeep/gc.h \
	src/upkeep/needs.c \
	src/upkeep/needs.h \
	src/upkeep/roots.c \
	src/upkeep/roots.h
