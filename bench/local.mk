EXTRA_DIST += \
	bench/README \
	bench/floor.c \
	bench/gen \
	bench/run \
	bench/timeit.c
