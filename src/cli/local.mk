libmlmake_a_SOURCES += \
	src/cli/args.c \
	src/cli/cmd_accept.c \
	src/cli/cmd_build.c \
	src/cli/cmd_build.h \
	src/cli/cmd_checkout.c \
	src/cli/cmd_completions.c \
	src/cli/cmd_fetch.c \
	src/cli/cmd_graph.c \
	src/cli/cmd_help.c \
	src/cli/cmd_init.c \
	src/cli/cmd_lint.c \
	src/cli/cmd_log.c \
	src/cli/cmd_merge_lock.c \
	src/cli/cmd_metrics.c \
	src/cli/cmd_status.c \
	src/cli/cmd_why.c \
	src/cli/command.h \
	src/cli/display.c \
	src/cli/display.h \
	src/cli/event_stream.c \
	src/cli/event_stream.h \
	src/cli/guard.c \
	src/cli/guard.h \
	src/cli/project.c \
	src/cli/project.h \
	src/cli/recorder.c \
	src/cli/recorder.h
