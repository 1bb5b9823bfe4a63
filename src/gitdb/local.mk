libmlmake_a_SOURCES += \
	src/gitdb/changes.c \
	src/gitdb/changes.h \
	src/gitdb/deflate.c \
	src/gitdb/deflate.h \
	src/gitdb/git.c \
	src/gitdb/git.h \
	src/gitdb/gitdb.c \
	src/gitdb/gitdb.h \
	src/gitdb/heal.c \
	src/gitdb/heal.h \
	src/gitdb/libgit2.c \
	src/gitdb/libgit2.h \
	src/gitdb/pack.c \
	src/gitdb/pack.h \
	src/gitdb/repo.c \
	src/gitdb/repo.h \
	src/gitdb/tidy.c \
	src/gitdb/tidy.h \
	src/gitdb/tree.c \
	src/gitdb/tree.h \
	src/gitdb/worktrees.c \
	src/gitdb/worktrees.h
