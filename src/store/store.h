/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Artifacts by content: put, get, has, place.
 *
 * An object is bytes called by their SHA-256. A large one is a file, a small one lies in git's database:
 *
 * dir/objects/aa/bb/<sha256>   one file an object, mode 0444
 * dir/small/                   which git blobs the small ones are (store/small.h)
 * dir/trash/                   objects that were collected and are still found (store/collect.h)
 * dir/linked/                 symbolic links that lead to objects (store/linked.c)
 * dir/incoming/                objects being written, each locked (flock) by who writes it; the next run removes the rest
 *
 * An object appears whole or not at all. Every read verifies: by the XXH3 that the bytes had when they were last found to hash to
 * their name, where the stat cache remembers it, else by SHA-256. A file that does not hash to its name is moved to
 * dir/corrupt/ and counts as absent, and so does a damaged blob: what is put again then becomes a file. Calls may be made
 * from several threads at once. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "digest/content.h"
#include "digest/statcache.h"
#include "gitdb/pack.h"
#include "util/err.h"
#include "util/strbuf.h"

struct store;

/* Opens the store in dir, which need not exist: the first put makes it. db holds the small objects. cache learns what put and place
 * see. Both are borrowed. */
struct store *store_new(const char *dir, struct gitdb *db, struct statcache *cache);
void store_free(struct store *s);
/* The pack that store_sync finishes, for what else belongs to the run. What it holds is kept from git's collecting until
 * packer_release_keep. */
struct packer *store_packer(struct store *s);

/* Keeps `mlmake gc` away as long as s lives: to be called before anything is decided by what the store has. Waits if wait, else
 * ERR_LOCKED. A put does so by itself. */
NODISCARD int store_hold(struct store *s, bool wait, struct err *err);

/* Takes in the file, link or directory at path (not followed). *out says what was taken. ERR_MOVED if it changed
 * while it was read, ERR_NOTFOUND, ERR_INVALID (socket, device, a name that no manifest holds). Small objects are found by
 * other processes, and everything is durable, after store_sync. */
NODISCARD int store_put(struct store *s, const char *path, struct content *out, struct err *err);
/* As store_put for content already known, when path is believed to hold it: nothing is read if the store has it. */
NODISCARD int store_put_known(struct store *s, const char *path, const struct content *known, struct err *err);
/* The same, of what a symbolic link at path leads to. */
NODISCARD int store_put_input(struct store *s, const char *path, const struct content *known, struct err *err);
NODISCARD int store_put_bytes(struct store *s, const void *data, size_t n, struct digest *out, struct err *err);

/* From now on a large file of a path that is wanted is taken in while the cache digests it, so that a put finds it here: read once, and written
 * meanwhile. That it cannot be is nobody's error; it is not tried where the file system clones, where there is little room, and with
 * a file as long as one that was there in an earlier run, which may be that one. What nobody puts afterwards is left to gc. wanted is called
 * from several threads at once; NULL: no more files. The cache must be at rest. */
void store_take_digested(struct store *s, bool (*wanted)(void *ctx, const char *path), void *ctx);

/* Somebody who may have what is not here. Called from several threads at once. */
struct store_supplier {
	bool (*has)(void *ctx, const struct content *c); /* all of c that is not here? */
	int (*bring)(void *ctx, const struct content *c, struct err *err); /* afterwards all of c is here, verified */
	void *ctx;
};
/* sup (borrowed, NULL: nobody) is asked by store_can_have, and by store_place and store_prepare for what is not here. */
void store_set_supplier(struct store *s, const struct store_supplier *sup);
/* Is it here, or could the supplier bring it? */
bool store_can_have(struct store *s, const struct content *c);

/* Sees what other processes have put since: to be called when something was read that may be newer than what is known. */
void store_refresh(struct store *s);
/* Is all of it here (of a directory: every file below it)? Looks at names and sizes, not at bytes. */
bool store_has(struct store *s, const struct content *c);
/* Appends the bytes of one object, verified. ERR_NOTFOUND, ERR_CORRUPT, ERR_INVALID if it is larger than limit. */
NODISCARD int store_get_bytes(struct store *s, const struct digest *id, size_t limit, struct strbuf *out,
			      struct err *err);

/* What stands at path (below it, '/' between components) in the directory dir, by its manifests. ERR_NOTFOUND. */
NODISCARD int store_find(struct store *s, const struct content *dir, const char *path, struct content *out,
			 struct err *err);

/* Puts c at path, where nothing may stand; directories above are made. A path must not lead out of the working directory
 * by a link (util/beneath.h): ERR_INVALID. Bytes, executable bits, links and empty
 * directories are as they were taken in; verified. It appears whole or not at all (built beside path, renamed).
 *
 * old, if not NULL: where what stood at path lies now. Files of it that c has as well, as the cache knows by stat from what it knows of
 * path, are not written again: until old is removed they are hard links to those there. */
NODISCARD int store_place(struct store *s, const struct content *c, const char *path, const char *old, struct err *err);

/* The same in two steps and below the directory root, for paths and contents that others wrote: no link on the way to path is
 * followed, what stands there is replaced at once, and many can be made durable in between.
 *
 * store_prepare builds c under a temporary name beside path, with what stands there as store_place's old. store_install gives it its name; what stood there bears the
 * temporary one until store_placing_free removes it. */
enum place_how {
	PLACE_COPY, /* a clone where the file system can, else a copy */
	PLACE_LINK, /* a clone, else a hard link to the object where its mode keeps this process from writing to it, else a copy */
	PLACE_SHARE, /* the same, whatever its mode: store_check_links() finds what was written to */
	PLACE_SYMLINK, /* a clone, else a symbolic link, by an absolute path, on the same condition, else a copy. Who digests what was placed
	                * sees through it (statcache_see_through), and store_linked knows of it */
};
/* How store_place and, unless they are asked for another way, the calls below do it; PLACE_COPY until this is called. */
void store_place_by(struct store *s, enum place_how how);
struct placing;
NODISCARD struct placing *store_prepare(struct store *s, const struct content *c, int root, const char *path,
					enum place_how how, struct err *err);
NODISCARD int store_install(struct placing *p, struct err *err);
void store_placing_free(struct placing *p); /* NULL is nothing */
/* Are the objects that this store handle has made hard links to as they were? ERR_CORRUPT if not: those that are not are moved to
 * corrupt/. To be called before anything else uses them; forgets them. */
NODISCARD int store_check_links(struct store *s, struct err *err);

/* Somebody may have written to objects of c through links: those that are not what their names say are moved to corrupt/. */
void store_doubt(struct store *s, const struct content *c);
/* Calls visit with each object to which a link that was placed still leads. forget: what is noted of others goes. */
NODISCARD int store_linked(struct store *s, bool forget, void (*visit)(void *ctx, const struct digest *id), void *ctx, struct err *err);

/* Where the objects lie to which such links lead: absolute, owned; NULL if there are none. */
char *store_objects_dir(const struct store *s);

/* Removes what store_place left beside path when it was killed. Nobody may be placing path. */
NODISCARD int store_place_sweep(const char *path, struct err *err);
/* The same for store_prepare. A path that cannot be reached without following a link holds nothing. */
NODISCARD int store_prepare_sweep(int root, const char *path, struct err *err);

/* Appends where the object lies, for people who look for it (of a directory: its manifest): the name of a file, or a command that
 * shows it. */
void store_tell_where(struct store *s, const struct digest *id, struct strbuf *out);

/* Makes all puts so far durable. One call for a batch. */
NODISCARD int store_sync(struct store *s, struct err *err);

#endif
