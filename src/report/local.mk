libmlmake_a_SOURCES += \
	src/report/csvdiff.c \
	src/report/csvdiff.h \
	src/report/acceptances.c \
	src/report/acceptances.h \
	src/report/boxes.c \
	src/report/boxes.h \
	src/report/drawing.c \
	src/report/drawing.h \
	src/report/layout.c \
	src/report/log.c \
	src/report/log.h \
	src/report/metrics.c \
	src/report/metrics.h \
	src/report/metrics_parse.c \
	src/report/rebuilt.c \
	src/report/rebuilt.h \
	src/report/returned.c \
	src/report/returned.h \
	src/report/status.c \
	src/report/status.h \
	src/report/svg.c \
	src/report/why.c \
	src/report/why.h \
	src/report/wording.c \
	src/report/wording.h
