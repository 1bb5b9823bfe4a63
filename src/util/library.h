/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared libraries opened when they are first needed: those that take long to load and that most runs do without. */
#ifndef UTIL_LIBRARY_H
#define UTIL_LIBRARY_H

#include "util/base.h"
#include "util/err.h"

/* A function of a library, and where its address goes: a pointer to a pointer to that function. */
struct library_symbol {
	const char *name;
	void *slot;
};

/* Opens soname for the rest of the process and fills the slots. */
NODISCARD int library_open(const char *soname, const struct library_symbol *symbols, size_t n, struct err *err);

#endif
