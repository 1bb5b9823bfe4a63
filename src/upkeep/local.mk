libmlmake_a_SOURCES += \
	src/upkeep/fsck.c \
	src/upkeep/fsck.h \
	src/upkeep/gc.c \
	src/upkeep/gc.h \
	src/upkeep/needs.c \
	src/upkeep/needs.h \
	src/upkeep/roots.c \
	src/upkeep/roots.h
