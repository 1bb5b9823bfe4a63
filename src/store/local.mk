libmlmake_a_SOURCES += \
	src/store/closure.c \
	src/store/closure.h \
	src/store/collect.c \
	src/store/collect.h \
	src/store/find.c \
	src/store/keyed.c \
	src/store/keyed.h \
	src/store/linked.c \
	src/store/objects.c \
	src/store/objects.h \
	src/store/payload.c \
	src/store/payload.h \
	src/store/place.c \
	src/store/put.c \
	src/store/small.c \
	src/store/small.h \
	src/store/store.c \
	src/store/store.h \
	src/store/storeroom.h \
	src/store/taken.c \
	src/store/transfer.c \
	src/store/transfer.h
