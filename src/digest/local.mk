libmlmake_a_SOURCES += \
	src/digest/cache_dirs.c \
	src/digest/cache_marks.c \
	src/digest/cache_memory.c \
	src/digest/cache_memory.h \
	src/digest/cache_save.c \
	src/digest/content.c \
	src/digest/content.h \
	src/digest/digest.c \
	src/digest/digest.h \
	src/digest/digestset.c \
	src/digest/digestset.h \
	src/digest/entry.c \
	src/digest/entry.h \
	src/digest/fasthash.c \
	src/digest/fasthash.h \
	src/digest/look.c \
	src/digest/look.h \
	src/digest/manifest.c \
	src/digest/manifest.h \
	src/digest/secret.c \
	src/digest/statcache.c \
	src/digest/statcache.h \
	src/digest/table.c \
	src/digest/table.h \
	src/digest/walk.c \
	src/digest/walk.h
