libmlmake_a_SOURCES += \
	src/lineage/lineage.c \
	src/lineage/lineage.h \
	src/lineage/run.c \
	src/lineage/run.h
