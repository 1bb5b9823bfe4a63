libmlmake_a_SOURCES += \
	src/lineage/lineage.c \
	src/lineage/lineage.h \
	src/lineage/pinned.c \
	src/lineage/pinned.h \
	src/lineage/run.c \
	src/lineage/run.h
