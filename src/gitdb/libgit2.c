/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "gitdb/libgit2.h"

#include <pthread.h>
#include <stdlib.h>

#include "util/library.h"
#include "util/strbuf.h"

#define STRING_(x) #x
#define STRING(x) STRING_(x)
#define LIBRARY "libgit2.so." STRING(LIBGIT2_VER_MAJOR) "." STRING(LIBGIT2_VER_MINOR)

#define DEFINE(name) __typeof__(name) *p_##name;
GITDB_FUNCTIONS(DEFINE)

#define WINDOW ((size_t)1 << 20) /* of a pack that is mapped at a time, */
#define MAPPED ((size_t)4 << 20) /* and of all packs */

/* A pack of many small payloads is not to fill the memory. libgit2 checks what it reads by a slow SHA-1; gitdb_read does by a fast one. */
static int configure(void)
{
	return p_git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, WINDOW) < 0 ||
			       p_git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, MAPPED) < 0 ||
			       p_git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0) < 0
		       ? -1
		       : 0;
}

/* Extensions of a repository that change nothing in what is done here: settings of single work trees, objects that are elsewhere until they
 * are fetched, and that nothing of the user's may be pruned. */
static void allow_extensions(void)
{
#if LIBGIT2_VER_MAJOR > 1 || (LIBGIT2_VER_MAJOR == 1 && LIBGIT2_VER_MINOR >= 4)
	static const char *const known[] = {"worktreeconfig", "partialclone", "preciousobjects", "relativeworktrees"};

	p_git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, known, ARRAY_SIZE(known));
#endif
}

static int load(struct err *err)
{
#define SYMBOL(name) {#name, &p_##name},
	static const struct library_symbol symbols[] = {GITDB_FUNCTIONS(SYMBOL)};

	if (library_open(LIBRARY, symbols, ARRAY_SIZE(symbols), err) < 0)
		return -1;
	if (p_git_libgit2_init() < 0 || configure() < 0)
		return err_set(err, ERR_IO, "libgit2 does not start");
	allow_extensions();
	p_git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1); /* a ref that a power cut leaves empty would lose its chain */
	return 0;
}

int libgit2_load(struct err *err)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static bool loaded;
	int got = 0;

	pthread_mutex_lock(&mutex);
	if (!loaded) {
		got = load(err);
		loaded = got == 0;
	}
	pthread_mutex_unlock(&mutex);
	return got;
}

int libgit2_fail(struct err *err, const char *fmt, ...)
{
	CLEANUP(strbuf_release) struct strbuf what = STRBUF_INIT;
	const git_error *e = p_git_error_last();
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&what, fmt, ap);
	va_end(ap);
	return err_set(err, ERR_IO, "%s: %s", what.buf, e && e->message ? e->message : "unknown git error");
}
