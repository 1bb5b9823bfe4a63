/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libgit2, opened by name when it is needed, for it takes 10 ms to load and start. Internal to the room: p_NAME is git's NAME. */
#ifndef GITDB_LIBGIT2_H
#define GITDB_LIBGIT2_H

#include <git2.h>

#include "util/err.h"

#define GITDB_FUNCTIONS(X)                                                                                 \
	X(git_libgit2_opts)                                                                                \
	X(git_libgit2_init)                                                                                \
	X(git_libgit2_opts)                                                                                \
	X(git_error_last)                                                                                  \
	X(git_repository_open)                                                                             \
	X(git_repository_init)                                                                             \
	X(git_repository_free)                                                                             \
	X(git_repository_index)                                                                            \
	X(git_repository_odb)                                                                              \
	X(git_repository_is_shallow)                                                                       \
	X(git_index_open)                                                                                  \
	X(git_index_free)                                                                                  \
	X(git_index_find)                                                                                  \
	X(git_index_get_byindex)                                                                           \
	X(git_index_find_prefix)                                                                           \
	X(git_reference_name_to_id)                                                                        \
	X(git_reference_create_matching)                                                                   \
	X(git_reference_foreach_glob)                                                                      \
	X(git_reference_free)                                                                              \
	X(git_reference_remove)                                                                            \
	X(git_oid_tostr)                                                                                   \
	X(git_odb_open)                                                                                    \
	X(git_odb_read)                                                                                    \
	X(git_odb_read_header)                                                                             \
	X(git_odb_exists_ext)                                                                              \
	X(git_odb_refresh)                                                                                 \
	X(git_odb_free)                                                                                    \
	X(git_odb_object_data)                                                                             \
	X(git_odb_object_size)                                                                             \
	X(git_odb_object_type)                                                                             \
	X(git_odb_object_free)                                                                             \
	X(git_object_id)                                                                                   \
	X(git_object_peel)                                                                                 \
	X(git_object_free)                                                                                 \
	X(git_revparse_single)                                                                             \
	X(git_signature_default)                                                                           \
	X(git_signature_free)                                                                              \
	X(git_status_list_new)                                                                             \
	X(git_status_list_entrycount)                                                                      \
	X(git_status_byindex)                                                                              \
	X(git_status_list_free)                                                                            \
	X(git_status_options_init)                                                                         \
	X(git_tree_lookup)                                                                                 \
	X(git_tree_free)                                                                                   \
	X(git_diff_options_init)                                                                           \
	X(git_diff_tree_to_tree)                                                                           \
	X(git_diff_tree_to_workdir_with_index)                                                             \
	X(git_diff_num_deltas)                                                                             \
	X(git_diff_get_delta)                                                                              \
	X(git_diff_free)

#define GITDB_DECLARE(name) extern __typeof__(name) *p_##name;
GITDB_FUNCTIONS(GITDB_DECLARE)

/* db's, opened; borrowed. NULL and err. */
struct gitdb;
git_repository *gitdb_repository(struct gitdb *db, struct err *err);
/* Loads and starts it, once for the process; any thread may be the first. */
NODISCARD int libgit2_load(struct err *err);
/* Sets ERR_IO with what libgit2 said last in this thread; always returns -1. */
PRINTF(2, 3) int libgit2_fail(struct err *err, const char *fmt, ...);

#endif
