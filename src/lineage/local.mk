libmlmake_a_SOURCES += \
	src/lineage/runlog.c \
	src/lineage/runlog.h
