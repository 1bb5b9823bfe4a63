/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "gitdb/gitdb.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest/digest.h"
#include "gitdb/libgit2.h"
#include "util/file.h"
#include "util/path.h"

_Static_assert(sizeof(struct git_id) == sizeof(git_oid), "git_id and git_oid are the same bytes");

struct gitdb {
	char *dir, *top; /* top: it is opened by; NULL: by dir */
	git_repository *repo;
	git_odb *odb;
	pthread_mutex_t mutex; /* of opening */
};

static const git_oid *as_oid(const struct git_id *id)
{
	return (const git_oid *)(const void *)id->b;
}

void git_id_hex(const struct git_id *id, char out[GIT_ID_HEX + 1])
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < GIT_ID_LEN; i++) {
		out[2 * i] = digits[id->b[i] >> 4];
		out[2 * i + 1] = digits[id->b[i] & 15];
	}
	out[GIT_ID_HEX] = '\0';
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool git_id_parse(const char *s, struct git_id *out)
{
	size_t i;

	for (i = 0; i < GIT_ID_LEN; i++) {
		int hi = nibble(s[2 * i]), lo = hi < 0 ? -1 : nibble(s[2 * i + 1]);

		if (lo < 0)
			return false;
		out->b[i] = (unsigned char)(hi << 4 | lo);
	}
	return true;
}

void gitdb_name(enum gitdb_kind kind, const void *data, size_t n, struct git_id *out)
{
	static const char *const words[] = {[GITDB_COMMIT] = "commit", [GITDB_TREE] = "tree", [GITDB_BLOB] = "blob",
					    [GITDB_TAG] = "tag"};
	char head[32];
	int len = snprintf(head, sizeof(head), "%s %zu", words[kind], n);
	struct sha1 s;

	sha1_init(&s);
	sha1_update(&s, head, (size_t)len + 1);
	sha1_update(&s, data, n);
	sha1_final(&s, out->b);
}

struct gitdb *gitdb_new(const char *dir)
{
	struct gitdb *db = xcalloc(1, sizeof(*db));

	db->dir = xstrdup(dir);
	pthread_mutex_init(&db->mutex, NULL);
	return db;
}

struct gitdb *gitdb_new_in(const char *dir, const char *top)
{
	struct gitdb *db = gitdb_new(dir);

	db->top = xstrdup(top);
	return db;
}

static void let_go(struct gitdb *db)
{
	if (db->odb)
		p_git_odb_free(db->odb);
	if (db->repo)
		p_git_repository_free(db->repo);
	db->odb = NULL;
	db->repo = NULL;
}

void gitdb_free(struct gitdb *db)
{
	if (!db)
		return;
	let_go(db);
	pthread_mutex_destroy(&db->mutex);
	free(db->dir);
	free(db->top);
	free(db);
}

/* The file is git's way to name others, and libgit2's. */
static int write_alternates(struct gitdb *db, const char *dir, struct err *err)
{
	CLEANUP(freep) char *objects = path_join(db->dir, "objects");
	CLEANUP(freep) char *real = realpath(objects, NULL);
	CLEANUP(freep) char *file = path_join(dir, "info/alternates");
	CLEANUP(freep) char *line = NULL;

	if (!real)
		return err_errno(err, "cannot find '%s'", objects);
	if (strchr(real, '\n'))
		return err_set(err, ERR_INVALID, "no git repository with a line break in its path can be another's source");
	line = xstrfmt("%s\n", real);
	return file_write(file, line, strlen(line), 0644, false, err);
}

struct gitdb *gitdb_apart(struct gitdb *db, const char *dir, struct err *err)
{
	struct gitdb *apart;

	if (gitdb_open(db, err) < 0 || write_alternates(db, dir, err) < 0)
		return NULL;
	apart = gitdb_new(dir);
	if (p_git_odb_open(&apart->odb, dir) == 0)
		return apart;
	libgit2_fail(err, "cannot open the objects in '%s'", dir);
	apart->odb = NULL;
	gitdb_free(apart);
	return NULL;
}

const char *gitdb_dir(const struct gitdb *db)
{
	return db->dir;
}

/* Git itself reads these; libgit2 does not, and says so in words that help nobody. */
static int refuse_sha256(const struct gitdb *db, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(freep) char *config = path_join(db->dir, "config");
	char *p;

	if (file_read(config, 1 << 20, &text, NULL) < 0)
		return 0;
	for (p = text.buf; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	p = strstr(text.buf, "objectformat");
	if (!p || strncmp(p + 12 + strspn(p + 12, " \t="), "sha256", 6) != 0)
		return 0;
	return err_set(err, ERR_INVALID,
		       "the git repository '%s' names its objects by SHA-256, which libgit2 cannot read; mlmake needs one that uses "
		       "SHA-1 (`git init --object-format=sha1`)", db->dir);
}

static int fail_open(const struct gitdb *db, int code, struct err *err)
{
	char path[512];
	struct err why = ERR_INIT;

	snprintf(path, sizeof(path), "%s/HEAD", db->dir);
	if (access(path, F_OK) < 0)
		return err_set(err, ERR_NOTFOUND, "there is no git repository in '%s'", db->dir);
	if (code == GIT_EOWNER || code == GIT_ENOTFOUND)
		return err_set(err, ERR_INVALID,
			       "the git repository '%s' belongs to another user; if you trust it: `git config --global --add "
			       "safe.directory DIRECTORY`", db->dir);
	libgit2_fail(&why, "cannot open the git repository '%s'", db->dir);
	why.code = ERR_INVALID;
	return err_move(err, &why);
}

static int open_locked(struct gitdb *db, struct err *err)
{
	git_repository *repo = NULL;
	git_odb *odb = NULL;
	int got;

	if (libgit2_load(err) < 0 || refuse_sha256(db, err) < 0)
		return -1;
	got = p_git_repository_open(&repo, db->top ? db->top : db->dir);
	if (got < 0)
		return fail_open(db, got, err);
	if (p_git_repository_odb(&odb, repo) < 0) {
		libgit2_fail(err, "cannot open the objects of '%s'", db->dir);
		p_git_repository_free(repo);
		return -1;
	}
	db->repo = repo;
	__atomic_store_n(&db->odb, odb, __ATOMIC_RELEASE);
	return 0;
}

int gitdb_open(struct gitdb *db, struct err *err)
{
	int got = 0;

	if (__atomic_load_n(&db->odb, __ATOMIC_ACQUIRE))
		return 0;
	pthread_mutex_lock(&db->mutex);
	if (!db->odb)
		got = open_locked(db, err);
	pthread_mutex_unlock(&db->mutex);
	return got;
}

git_repository *gitdb_repository(struct gitdb *db, struct err *err)
{
	return gitdb_open(db, err) < 0 ? NULL : db->repo;
}

int gitdb_make(struct gitdb *db, struct err *err)
{
	CLEANUP(freep) char *head = path_join(db->dir, "HEAD");
	CLEANUP(freep) char *lock = xstrfmt("%s.lock", db->dir);
	CLEANUP(closep) int fd = -1;
	git_repository *repo = NULL;

	if (file_exists(head))
		return 0;
	if (libgit2_load(err) < 0 || file_mkdirs(db->dir, err) < 0)
		return -1;
	fd = file_lock(lock, true, true, err); /* of two that make one, the second fails half-way */
	if (fd < 0)
		return -1;
	if (file_exists(head))
		return 0;
	if (p_git_repository_init(&repo, db->dir, 1) < 0)
		return libgit2_fail(err, "cannot make a git repository in '%s'", db->dir);
	p_git_repository_free(repo);
	return 0;
}

bool gitdb_is_shallow(struct gitdb *db)
{
	return gitdb_open(db, NULL) == 0 && p_git_repository_is_shallow(db->repo) == 1;
}

bool gitdb_has(struct gitdb *db, const struct git_id *id, bool refresh)
{
	return gitdb_open(db, NULL) == 0 && p_git_odb_exists_ext(db->odb, as_oid(id), refresh ? 0 : GIT_ODB_LOOKUP_NO_REFRESH);
}

/* Nothing is fetched unasked: it might be much. */
static bool is_partial(const struct gitdb *db)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(freep) char *config = path_join(db->dir, "config");

	return file_read(config, 1 << 20, &text, NULL) == 0 && strstr(text.buf, "promisor = true");
}

static int missing(const struct gitdb *db, const struct git_id *id, int code, struct err *err)
{
	struct err why = ERR_INIT;
	char hex[GIT_ID_HEX + 1];

	git_id_hex(id, hex);
	if (code == GIT_ENOTFOUND)
		return err_set(err, ERR_NOTFOUND, "the git repository '%s' lacks object %s%s", db->dir, hex,
			       is_partial(db) ? ", for it is a partial clone; `git cat-file -e` with that name fetches it" : "");
	libgit2_fail(&why, "cannot read object %s of '%s'", hex, db->dir);
	why.code = ERR_CORRUPT;
	return err_move(err, &why);
}

/* Whatever the object claims, no more than limit bytes are made of it. */
static int check_object(struct gitdb *db, const struct git_id *id, enum gitdb_kind kind, size_t limit, struct err *err)
{
	enum gitdb_kind is;
	char hex[GIT_ID_HEX + 1];
	size_t size;

	git_id_hex(id, hex);
	if (gitdb_look(db, id, &is, &size, err) < 0)
		return -1;
	if (is != kind)
		return err_set(err, ERR_INVALID, "git object %s is of another kind than it should be", hex);
	if (size > limit)
		return err_set(err, ERR_INVALID, "git object %s has %zu bytes, more than the %zu that it may have", hex, size, limit);
	return 0;
}

static int check_name(struct gitdb *db, const struct git_id *id, enum gitdb_kind kind, const void *data, size_t n, struct err *err)
{
	struct git_id is;
	char hex[GIT_ID_HEX + 1];

	gitdb_name(kind, data, n, &is);
	if (git_id_eq(&is, id))
		return 0;
	git_id_hex(id, hex);
	return err_set(err, ERR_CORRUPT, "object %s of '%s' does not hold what its name says", hex, db->dir);
}

int gitdb_read(struct gitdb *db, const struct git_id *id, enum gitdb_kind kind, size_t limit, struct strbuf *out, struct err *err)
{
	git_odb_object *o;
	int got;

	if (check_object(db, id, kind, limit, err) < 0)
		return -1;
	got = p_git_odb_read(&o, db->odb, as_oid(id));
	if (got < 0)
		return missing(db, id, got, err);
	got = check_name(db, id, kind, p_git_odb_object_data(o), p_git_odb_object_size(o), err);
	if (got == 0)
		strbuf_add(out, p_git_odb_object_data(o), p_git_odb_object_size(o));
	p_git_odb_object_free(o);
	return got;
}

int gitdb_look(struct gitdb *db, const struct git_id *id, enum gitdb_kind *kind, size_t *size, struct err *err)
{
	git_object_t type;
	int got;

	if (gitdb_open(db, err) < 0)
		return -1;
	got = p_git_odb_read_header(size, &type, db->odb, as_oid(id));
	if (got < 0)
		return missing(db, id, got, err);
	*kind = (enum gitdb_kind)type;
	return 0;
}

int gitdb_resolve(struct gitdb *db, const char *revision, enum gitdb_kind want, struct git_id *out, struct err *err)
{
	git_object *o = NULL, *peeled = NULL;
	int got;

	if (gitdb_open(db, err) < 0)
		return -1;
	got = p_git_revparse_single(&o, db->repo, revision);
	if (got == GIT_EAMBIGUOUS)
		return err_set(err, ERR_INVALID, "'%s' is the beginning of several objects of git's; write more of it", revision);
	if (got < 0)
		return err_set(err, ERR_NOTFOUND, "git knows no '%s'", revision);
	if (want && p_git_object_peel(&peeled, o, (git_object_t)want) < 0) {
		p_git_object_free(o);
		return err_set(err, ERR_NOTFOUND, "'%s' names no %s", revision,
			       want == GITDB_COMMIT ? "commit" : want == GITDB_TREE ? "tree" : "file");
	}
	memcpy(out->b, p_git_object_id(peeled ? peeled : o), GIT_ID_LEN);
	p_git_object_free(peeled);
	p_git_object_free(o);
	return 0;
}

int gitdb_ref(struct gitdb *db, const char *name, struct git_id *out, struct err *err)
{
	git_oid id;
	int got;

	if (gitdb_open(db, err) < 0)
		return -1;
	got = p_git_reference_name_to_id(&id, db->repo, name);
	if (got == GIT_ENOTFOUND)
		return 0;
	if (got < 0)
		return libgit2_fail(err, "cannot read ref '%s'", name);
	memcpy(out->b, &id, GIT_ID_LEN);
	return 1;
}

int gitdb_set_ref(struct gitdb *db, const char *name, const struct git_id *old, const struct git_id *id, const char *why,
		  struct err *err)
{
	static const git_oid none;
	git_reference *ref = NULL;
	int got;

	if (gitdb_open(db, err) < 0)
		return -1;
	got = p_git_reference_create_matching(&ref, db->repo, name, as_oid(id), 1, old ? as_oid(old) : &none, why);
	if (got == GIT_EMODIFIED || got == GIT_ELOCKED || got == GIT_EEXISTS)
		return err_set(err, ERR_MOVED, "another has changed ref '%s' meanwhile", name);
	if (got < 0)
		return libgit2_fail(err, "cannot set ref '%s'", name);
	p_git_reference_free(ref);
	return 0;
}

/* What is damaged is a file of its own; behind it an older value may lie among those that are packed. */
int gitdb_mend_ref(struct gitdb *db, const char *name, const struct git_id *id, const char *why, struct err *err)
{
	CLEANUP(freep) char *file = xstrfmt("%s/%s", db->dir, name);
	struct git_id packed;
	int got;

	if (unlink(file) < 0 && errno != ENOENT)
		return err_errno(err, "cannot remove '%s'", file);
	got = gitdb_ref(db, name, &packed, err);
	return got < 0 ? -1 : gitdb_set_ref(db, name, got ? &packed : NULL, id, why, err);
}

void gitdb_break_lock(struct gitdb *db, const char *name)
{
	CLEANUP(freep) char *file = xstrfmt("%s/%s.lock", db->dir, name);

	unlink(file);
}

struct ref_visit {
	struct gitdb *db;
	int (*visit)(void *ctx, const char *name, const struct git_id *id);
	void *ctx;
	int result;
};

static int visit_ref(const char *name, void *payload)
{
	struct ref_visit *v = payload;
	struct git_id id;

	if (gitdb_ref(v->db, name, &id, NULL) != 1)
		return 0;
	v->result = v->visit(v->ctx, name, &id);
	return v->result ? GIT_EUSER : 0;
}

int gitdb_refs(struct gitdb *db, const char *glob, int (*visit)(void *ctx, const char *name, const struct git_id *id), void *ctx,
	       struct err *err)
{
	struct ref_visit v = {db, visit, ctx, 0};
	int got;

	if (gitdb_open(db, err) < 0)
		return -1;
	got = p_git_reference_foreach_glob(db->repo, glob, visit_ref, &v);
	if (got < 0 && got != GIT_EUSER)
		return libgit2_fail(err, "cannot list the refs of '%s'", db->dir);
	return v.result;
}

static char *broken_below(struct gitdb *db, const char *name)
{
	CLEANUP(freep) char *path = path_join(db->dir, name);
	DIR *dir = opendir(path);
	char *found = NULL;
	struct dirent *e;

	while (dir && !found && (e = readdir(dir))) {
		CLEANUP(freep) char *ref = xstrfmt("%s/%s", name, e->d_name);
		CLEANUP(freep) char *file = path_join(db->dir, ref);
		struct git_id id;
		struct stat st;

		if (e->d_name[0] == '.' || ends_with(ref, ".lock") || stat(file, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			found = broken_below(db, ref);
		else if (gitdb_ref(db, ref, &id, NULL) < 0)
			found = xstrdup(ref);
	}
	if (dir)
		closedir(dir);
	return found;
}

char *gitdb_broken_ref(struct gitdb *db)
{
	return gitdb_open(db, NULL) < 0 ? NULL : broken_below(db, "refs");
}

char *gitdb_user(struct gitdb *db)
{
	const struct passwd *pw;
	git_signature *s;
	const char *name = getenv("GIT_AUTHOR_NAME"), *mail = getenv("GIT_AUTHOR_EMAIL");
	char host[256];
	char *user;

	if (name && *name && mail && !strpbrk(name, "<>\n") && !strpbrk(mail, "<>\n"))
		return xstrfmt("%s <%s>", name, mail);
	if (gitdb_open(db, NULL) == 0 && p_git_signature_default(&s, db->repo) == 0) {
		user = xstrfmt("%s <%s>", s->name, s->email);
		p_git_signature_free(s);
		return user;
	}
	pw = getpwuid(geteuid());
	if (gethostname(host, sizeof(host)) < 0)
		strcpy(host, "localhost");
	host[sizeof(host) - 1] = '\0';
	return xstrfmt("%s <%s@%s>", pw ? pw->pw_name : "unknown", pw ? pw->pw_name : "unknown", host);
}
