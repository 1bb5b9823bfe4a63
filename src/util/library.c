/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "util/library.h"

#include <dlfcn.h>
#include <string.h>

int library_open(const char *soname, const struct library_symbol *symbols, size_t n, struct err *err)
{
	void *library = dlopen(soname, RTLD_LAZY | RTLD_LOCAL);
	size_t i;

	if (!library)
		return err_set(err, ERR_IO, "cannot load a library that mlmake needs: %s", dlerror());
	for (i = 0; i < n; i++) {
		void *address = dlsym(library, symbols[i].name);

		if (!address)
			return err_set(err, ERR_IO, "'%s' lacks %s", soname, symbols[i].name);
		memcpy(symbols[i].slot, &address, sizeof(address));
	}
	return 0;
}
