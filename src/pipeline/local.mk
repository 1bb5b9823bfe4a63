libmlmake_a_SOURCES += \
	src/pipeline/chars.c \
	src/pipeline/chars.h \
	src/pipeline/facts.c \
	src/pipeline/fields.c \
	src/pipeline/fields_project.c \
	src/pipeline/inputs.c \
	src/pipeline/load.h \
	src/pipeline/made.c \
	src/pipeline/outputs.c \
	src/pipeline/pipeline.c \
	src/pipeline/pipeline.h \
	src/pipeline/read.c \
	src/pipeline/scripts.c \
	src/pipeline/scripts.h \
	src/pipeline/shquote.c \
	src/pipeline/shquote.h \
	src/pipeline/template.c \
	src/pipeline/template.h \
	src/pipeline/undeclared.c \
	src/pipeline/validate.c \
	src/pipeline/words.c \
	src/pipeline/words.h
