libmlmake_a_SOURCES += \
	src/lineage/git.c \
	src/lineage/git.h \
	src/lineage/repo.c \
	src/lineage/repo.h \
	src/lineage/runlog.c \
	src/lineage/runlog.h
