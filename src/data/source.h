/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes in order, from wherever they come, that can be read again from the beginning. */
#ifndef DATA_SOURCE_H
#define DATA_SOURCE_H

#include "util/base.h"
#include "util/err.h"

struct data_source {
	/* Reads up to n bytes: how many, 0 at the end, -1. */
	ssize_t (*read)(void *ctx, void *buf, size_t n, struct err *err);
	/* Back to the beginning. */
	int (*rewind)(void *ctx, struct err *err);
	void *ctx;
};

/* A file as a source. */
struct data_file {
	struct data_source src; /* to hand on; stands as long as this does */
	int fd;
	const char *path;       /* borrowed, for messages */
};
#define DATA_FILE_INIT {.fd = -1}

/* ERR_NOTFOUND if it is not there, ERR_INVALID if it is no regular file. */
NODISCARD int data_file_open(struct data_file *f, const char *path, struct err *err);
void data_file_close(struct data_file *f);

#endif
