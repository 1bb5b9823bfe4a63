libmlmake_a_SOURCES += \
	src/params/metrics_file.c \
	src/params/metrics_file.h \
	src/params/params.c \
	src/params/params.h \
	src/params/params_ini.c \
	src/params/params_json.c \
	src/params/params_toml.c \
	src/params/params_tree.c \
	src/params/params_tree.h \
	src/params/params_yaml.c
