/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Many objects into a git directory at once: a pack that is written as a stream while a run goes on.
 *
 * The pack grows under a temporary name in objects/pack, locked (flock) by who writes it; the next packer removes what kills
 * left. packer_finish makes it and its index durable under their names, with a .keep beside them so that no `git gc` takes what no
 * ref reaches yet; packer_release_keep takes that away when the ref stands. Objects may be added from several threads. */
#ifndef GITDB_PACK_H
#define GITDB_PACK_H

#include "gitdb/gitdb.h"
#include "util/strvec.h"

struct packer;

/* Writes to db (borrowed). Makes no file until an object is added. */
struct packer *packer_new(struct gitdb *db);
/* What was not finished is dropped. */
void packer_free(struct packer *p);

/* Adds an object; *out is its name. What this pack or the database has already is not written again, for which a caller who knows that
 * it is new can spare the look (fresh). compress: worth it for text that is not read often; payloads are stored as they are. */
enum packer_how { PACKER_STORED = 0, PACKER_COMPRESSED = 1, PACKER_FRESH = 2 };
NODISCARD int packer_add(struct packer *p, enum gitdb_kind kind, const void *data, size_t n, unsigned how, struct git_id *out,
			 struct err *err);
/* Is it in the pack under way? */
bool packer_has(struct packer *p, const struct git_id *id);
/* As gitdb_read, also of what the pack under way holds. */
NODISCARD int packer_read(struct packer *p, const struct git_id *id, enum gitdb_kind kind, size_t limit, struct strbuf *out,
			  struct err *err);

/* Makes what was added part of the database, durable when this returns; another pack begins with the next object. Nothing added:
 * nothing done. */
NODISCARD int packer_finish(struct packer *p, struct err *err);
/* Appends the names ("<40 hex>") of the packs that were finished since packer_release_keep. */
void packer_finished(struct packer *p, struct strvec *names);
/* Adds an entry as it stands in another pack, where it is whole and no difference to another. */
NODISCARD int packer_add_raw(struct packer *p, const struct git_id *id, const void *bytes, size_t n, struct err *err);
/* Moves the packs that git made in the object directory objects to the database, kept like those that were finished. */
NODISCARD int packer_adopt(struct packer *p, const char *objects, struct err *err);
/* Does the database that p writes to have it, looking anew? */
bool packer_stands(struct packer *p, const struct git_id *id);
/* Lets git collect what is in the packs that this packer finished, unless a ref reaches it. */
void packer_release_keep(struct packer *p);
/* The same for what killed processes left. Nobody may be writing. Returns how many there were. */
size_t packs_unkeep(struct gitdb *db);

#endif
