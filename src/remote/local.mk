libmlmake_a_SOURCES += \
	src/remote/chains.c \
	src/remote/dir.c \
	src/remote/explain.c \
	src/remote/lfs.c \
	src/remote/marks.c \
	src/remote/marks.h \
	src/remote/rclone.c \
	src/remote/remote.c \
	src/remote/remote.h \
	src/remote/remoteroom.h \
	src/remote/ssh.c \
	src/remote/tips.c \
	src/remote/transport.h \
	src/remote/wanted.c \
	src/remote/wanted.h \
	src/remote/wire.c
