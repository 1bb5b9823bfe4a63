/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lineage/lineage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "gitdb/tidy.h"
#include "util/file.h"
#include "util/hash.h"
#include "util/map.h"
#include "util/text.h"

#define CACHE_LIMIT ((size_t)4 << 30)
#define RUN_LIMIT ((size_t)256 << 20)
#define RACES 100         /* so often the ref is tried; every 10 ms */
#define SHORTEST 4        /* characters of an abbreviated id */
#define PREVIOUS "\nPrevious: "
#define LINE 300          /* bytes of the first line of a block */
#define SUMMED 20         /* what a block's sum is of begins behind "run <sum>" */

/* How far a writer's chain is known. */
struct tip {
	struct git_id commit;
	int64_t order;
};

struct durable {
	int (*make)(void *ctx, struct err *err);
	void *ctx;
};

struct lineage {
	const struct repo *repo;
	struct gitdb *db;
	char *cache_file;
	struct arena arena;
	struct run *v;
	size_t n, cap;
	struct map tips;     /* writer -> struct tip */
	struct map known;    /* hex of a commit -> l */
	size_t cache_len;    /* up to where the cache is whole */
	size_t n_cached;     /* runs that were in it: v[0..n_cached) before they are sorted */
	const char *damage;  /* what of the chains cannot be read, in arena; NULL: nothing */
	bool read;
};

struct lineage *lineage_new(const struct repo *repo, struct gitdb *db)
{
	struct lineage *l = xcalloc(1, sizeof(*l));

	l->repo = repo;
	l->db = db;
	l->cache_file = xstrfmt("%s/runs", repo->shared);
	return l;
}

static void forget(struct lineage *l)
{
	map_release(&l->tips);
	map_release(&l->known);
	arena_release(&l->arena);
	free(l->v);
	l->tips = l->known = (struct map)MAP_INIT;
	l->arena = (struct arena)ARENA_INIT;
	l->v = NULL;
	l->n = l->cap = l->cache_len = l->n_cached = 0;
	l->read = false;
	l->damage = NULL;
}

void lineage_free(struct lineage *l)
{
	if (!l)
		return;
	forget(l);
	free(l->cache_file);
	free(l);
}

/* ---- the cache and the chains */

static bool is_writer(const char *name)
{
	const char *p = name;

	for (; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '-' || *p == '_'))
			return false;
	return p > name && p - name <= 100;
}

static void add_run(struct lineage *l, const struct run *r)
{
	struct tip *tip = map_get(&l->tips, r->writer);
	char *hex = arena_alloc(&l->arena, GIT_ID_HEX + 1);

	if (!tip) {
		tip = arena_calloc(&l->arena, sizeof(*tip));
		map_put(&l->tips, r->writer, tip);
	}
	tip->commit = r->commit;
	tip->order = MAX(tip->order, r->time); /* a clock may go backwards, a chain does not */
	git_id_hex(&r->commit, hex);
	map_put(&l->known, hex, l);
	ALLOC_GROW(l->v, l->n + 1, l->cap);
	l->v[l->n] = *r;
	l->v[l->n].order = tip->order;
	l->v[l->n].turn = l->n;
	l->n++;
}

/* The word at *s, which goes on behind the blank that ends it. */
static bool take_word(const char **s, char *out, size_t size)
{
	size_t n = strcspn(*s, " ");

	if (!n || n >= size)
		return false;
	memcpy(out, *s, n);
	out[n] = '\0';
	*s += n + ((*s)[n] == ' ');
	return true;
}

/* One block of the cache at s: "run <sum> <commit> <previous|-> <writer> <bytes>\n", the text; the sum is of what follows it. Returns what follows; NULL if it is
 * damaged or does not go on where the writer's last one ended. */
static const char *take_block(struct lineage *l, const char *s, const char *end)
{
	char said[17], commit[GIT_ID_HEX + 1], before[GIT_ID_HEX + 1], writer[101], line[LINE];
	const char *nl = memchr(s, '\n', (size_t)(end - s));
	struct run r = {.id = NULL};
	struct git_id previous;
	const struct tip *tip;
	const char *at;
	int64_t len;

	if (!nl || nl - s >= LINE)
		return NULL;
	memcpy(line, s, (size_t)(nl - s));
	line[nl - s] = '\0';
	if (!skip_prefix(line, "run ", &at) || !take_word(&at, said, sizeof(said)) || !take_word(&at, commit, sizeof(commit)) ||
	    !take_word(&at, before, sizeof(before)) || !take_word(&at, writer, sizeof(writer)) ||
	    !text_parse_int(at, 0, end - nl - 1, &len) || !git_id_parse(commit, &r.commit) || !is_writer(writer) ||
	    hash_bytes(s + SUMMED, (size_t)(nl + 1 - s) - SUMMED + (size_t)len) != strtoull(said, NULL, 16))
		return NULL;
	tip = map_get(&l->tips, writer);
	if (streq(before, "-") ? tip != NULL : !tip || !git_id_parse(before, &previous) || !git_id_eq(&previous, &tip->commit))
		return NULL;
	r.writer = arena_strdup(&l->arena, writer);
	if (run_parse(nl + 1, (size_t)len, &l->arena, &r, NULL) < 0)
		return NULL;
	add_run(l, &r);
	return nl + 1 + len;
}

static void read_cache(struct lineage *l)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *s, *end, *next;

	if (file_read(l->cache_file, CACHE_LIMIT, &text, NULL) < 0)
		return;
	for (s = text.buf, end = s + text.len; s < end; s = next) {
		next = take_block(l, s, end);
		if (!next)
			break;
	}
	l->cache_len = (size_t)(s - text.buf);
	l->n_cached = l->n;
}

/* The run before it, if its message says so; the other parent is the source. */
static bool has_previous(const struct commit *c)
{
	const char *at = strstr(c->message, PREVIOUS);
	struct git_id id;

	return at && c->n_parents && git_id_parse(at + strlen(PREVIOUS), &id) && git_id_eq(&id, &c->parents[0]);
}

static int read_file(struct lineage *l, const struct git_id *tree, const char *path, size_t limit, struct strbuf *out, struct err *err)
{
	struct tree_entry e;
	int got = tree_find(l->db, tree, path, &e, err);

	if (got < 0)
		return -1;
	if (got == 0)
		return err_set(err, ERR_NOTFOUND, "the run holds no '%s'", path);
	return gitdb_read(l->db, &e.id, GITDB_BLOB, limit, out, err);
}

/* Reads the run that a commit holds. */
static int read_commit(struct lineage *l, const struct git_id *id, const struct commit *c, const char *writer, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct run r = {.commit = *id, .writer = writer};

	if (read_file(l, &c->tree, "run", RUN_LIMIT, &text, err) < 0 || run_parse(text.buf, text.len, &l->arena, &r, err) < 0)
		return -1;
	add_run(l, &r);
	return 0;
}

static void note_damage(struct lineage *l, const char *writer, const struct err *why)
{
	if (!l->damage)
		l->damage = arena_fmt(&l->arena, "a part of the history of '%s' cannot be read: %s", writer, why->msg);
}

/* Reads what the chain up to *id has that is not known yet, oldest first. What lies behind a commit that cannot be read stays unknown. */
static void read_chain(struct lineage *l, const char *writer, const struct git_id *id)
{
	CLEANUP(err_release) struct err why = ERR_INIT;
	CLEANUP(freep) struct git_id *ids = NULL;
	CLEANUP(freep) struct commit *commits = NULL;
	size_t n = 0, cap = 0, cap_commits = 0;
	struct git_id at = *id;
	char hex[GIT_ID_HEX + 1];
	bool more = true;

	for (git_id_hex(&at, hex); more && !map_get(&l->known, hex); git_id_hex(&at, hex)) {
		ALLOC_GROW(ids, n + 1, cap);
		ALLOC_GROW(commits, n + 1, cap_commits);
		if (commit_read(l->db, &at, &l->arena, &commits[n], &why) < 0) {
			note_damage(l, writer, &why);
			break;
		}
		ids[n] = at;
		more = has_previous(&commits[n]);
		if (more)
			at = commits[n].parents[0];
		n++;
	}
	while (n--)
		if (read_commit(l, &ids[n], &commits[n], writer, &why) < 0)
			note_damage(l, writer, &why);
}

static int visit_ref(void *ctx, const char *name, const struct git_id *id)
{
	struct lineage *l = ctx;
	const char *writer;

	if (skip_prefix(name, LINEAGE_REFS, &writer) && is_writer(writer))
		read_chain(l, arena_strdup(&l->arena, writer), id);
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return x->turn < y->turn ? -1 : 1;
}

static int read_all(struct lineage *l, struct err *err)
{
	struct err failed = ERR_INIT;

	if (l->read)
		return 0;
	read_cache(l);
	if (gitdb_open(l->db, &failed) < 0) {
		if (failed.code != ERR_NOTFOUND)
			return err_move(err, &failed);
		err_release(&failed);
	} else if (gitdb_refs(l->db, LINEAGE_REFS "*", visit_ref, l, err) < 0) {
		return -1;
	}
	l->read = true;
	return 0;
}

static int read_name(const char *file, char **out)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (file_read(file, 256, &text, NULL) < 0)
		return -1;
	strbuf_trim(&text);
	if (!is_writer(text.buf))
		return -1;
	*out = strbuf_detach(&text);
	return 0;
}

static void mark_own(struct lineage *l)
{
	CLEANUP(freep) char *file = xstrfmt("%s/writer", l->repo->shared);
	CLEANUP(freep) char *writer = NULL;
	size_t i;

	if (read_name(file, &writer) < 0)
		return;
	for (i = 0; i < l->n; i++)
		l->v[i].own = streq(l->v[i].writer, writer) && streq(l->v[i].project, l->repo->prefix);
}

int lineage_runs(struct lineage *l, const struct run **runs, size_t *n, struct err *err)
{
	bool first = !l->read;

	if (read_all(l, err) < 0)
		return -1;
	if (first)
		mark_own(l);
	if (first && l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), by_time);
	*runs = l->v;
	*n = l->n;
	return 0;
}

bool lineage_newest(struct lineage *l, const char *writer, struct git_id *out)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	const struct tip *tip = read_all(l, &ignored) == 0 ? map_get(&l->tips, writer) : NULL;

	if (tip)
		*out = tip->commit;
	return tip != NULL;
}

const char *lineage_damage(const struct lineage *l)
{
	return l->damage;
}

const struct run *lineage_find(struct lineage *l, const char *word, struct err *err)
{
	const struct run *runs, *found = NULL;
	size_t n, i, len = strlen(word);
	char hex[GIT_ID_HEX + 1];

	if (lineage_runs(l, &runs, &n, err) < 0)
		return NULL;
	for (i = 0; i < n && len >= SHORTEST; i++) {
		git_id_hex(&runs[i].commit, hex);
		if (streq(runs[i].id, word) || streq(hex, word))
			return &runs[i];
		if (strncmp(runs[i].id, word, len) != 0 && strncmp(hex, word, len) != 0)
			continue;
		if (found) {
			err_set(err, ERR_INVALID, "'%s' is the beginning of several runs, as %s and %s; write more of it", word, found->id,
				runs[i].id);
			return NULL;
		}
		found = &runs[i];
	}
	if (!found)
		err_set(err, ERR_NOTFOUND, "there is no run '%s'", word);
	return found;
}

static bool left_lock(struct lineage *l, const struct run *r, const struct git_id *lock)
{
	struct tree_entry e;

	return lineage_entry(l, r, "mlmake.lock", &e, NULL) == 1 && git_id_eq(&e.id, lock);
}

bool lineage_is_of(const struct lineage *l, const struct run *r, const struct git_id *tree)
{
	return r->has_tree && git_id_eq(&r->tree, tree) && streq(r->project, l->repo->prefix);
}

const struct run *lineage_built(struct lineage *l, const struct git_id *tree, const struct git_id *lock)
{
	const struct run *runs, *newest = NULL, *refused = NULL;
	size_t n;

	if (lineage_runs(l, &runs, &n, NULL) < 0)
		return NULL;
	while (n--) {
		const struct run *r = &runs[n];

		if (!lineage_is_of(l, r, tree))
			continue;
		if (!refused && streq(r->outcome, "refused"))
			refused = r;
		if (!streq(r->outcome, "done"))
			continue;
		if (!lock || left_lock(l, r, lock))
			return r;
		newest = newest ? newest : r;
	}
	return newest ? newest : refused;
}

int lineage_entry(struct lineage *l, const struct run *r, const char *path, struct tree_entry *out, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct commit c;

	return commit_read(l->db, &r->commit, &a, &c, err) < 0 ? -1 : tree_find(l->db, &c.tree, path, out, err);
}

int lineage_file(struct lineage *l, const struct run *r, const char *path, size_t limit, struct strbuf *out, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct commit c;

	return commit_read(l->db, &r->commit, &a, &c, err) < 0 ? -1 : read_file(l, &c.tree, path, limit, out, err);
}

int lineage_own(const struct lineage *l, char **out)
{
	CLEANUP(freep) char *file = xstrfmt("%s/writer", l->repo->shared);

	return read_name(file, out);
}

size_t lineage_sources(struct lineage *l, const char *head, struct git_id out[2])
{
	CLEANUP(freep) char *file = xstrfmt("%s/writer", l->repo->shared);
	CLEANUP(freep) char *writer = NULL;
	CLEANUP(freep) char *source = NULL;
	size_t n = 0;

	if (head && gitdb_resolve(l->db, head, GITDB_TREE, &out[n], NULL) == 0)
		n++;
	if (read_name(file, &writer) == 0) {
		source = xstrfmt(LINEAGE_REFS "%s:source", writer);
		n += gitdb_resolve(l->db, source, GITDB_TREE, &out[n], NULL) == 0;
	}
	return n;
}

/* ---- writing */

/* "<host>-<8 hex digits>": readable, and one clone's own. */
static void make_name(char out[64])
{
	char host[64] = "";
	unsigned salt = 0;
	size_t i, n = 0;

	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	for (i = 0; host[i] && host[i] != '.' && n < 24; i++) {
		char c = host[i] >= 'A' && host[i] <= 'Z' ? (char)(host[i] - 'A' + 'a') : host[i];

		out[n++] = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
	}
	if (getrandom(&salt, sizeof(salt), 0) != sizeof(salt))
		salt = (unsigned)getpid() ^ (unsigned)time(NULL);
	snprintf(out + n, 64 - n, "%s%08x", n ? "-" : "", salt);
}

int lineage_writer(struct lineage *l, char **out, struct err *err)
{
	CLEANUP(freep) char *file = xstrfmt("%s/writer", l->repo->shared);
	CLEANUP(freep) char *own = xstrfmt("%s.%ld", file, (long)getpid());
	char name[64];
	int got;

	*out = NULL;
	if (read_name(file, out) == 0)
		return 0;
	make_name(name);
	if (file_write(own, name, strlen(name), 0644, false, err) < 0) /* if the machine dies soon after, there will be another chain */
		return -1;
	got = link(own, file); /* the first of several wins */
	if (got < 0 && errno == EEXIST && read_name(file, out) < 0)
		got = rename(own, file);
	if (got < 0 && errno != EEXIST)
		err_errno(err, "cannot write '%s'", file);
	unlink(own);
	if (!*out && read_name(file, out) < 0)
		return err && err->msg ? -1 : err_set(err, ERR_IO, "cannot write '%s'", file);
	return 0;
}

static void add_block(struct strbuf *out, const struct run *r, const struct git_id *previous)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	char hex[GIT_ID_HEX + 1], before[GIT_ID_HEX + 1] = "-", sum[SUMMED + 1];
	size_t start = out->len;

	run_write(r, &text);
	git_id_hex(&r->commit, hex);
	if (previous)
		git_id_hex(previous, before);
	strbuf_addf(out, "run %016d %s %s %s %zu\n", 0, hex, before, r->writer, text.len);
	strbuf_add(out, text.buf, text.len);
	snprintf(sum, sizeof(sum), "run %016llx",
		 (unsigned long long)hash_bytes(out->buf + start + SUMMED, out->len - start - SUMMED));
	memcpy(out->buf + start, sum, SUMMED);
}

/* Opens and locks the cache. */
static int open_cache(struct lineage *l, struct err *err)
{
	if (file_mkdirs_for(l->cache_file, err) < 0)
		return -1;
	return file_lock(l->cache_file, true, true, err);
}

int lineage_rebuild(struct lineage *l, struct err *err)
{
	if (unlink(l->cache_file) < 0 && errno != ENOENT)
		return err_errno(err, "cannot remove '%s'", l->cache_file);
	return lineage_refresh(l, err);
}

/* What follows the cache's whole part is replaced by the blocks of the runs that it lacks. */
int lineage_refresh(struct lineage *l, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(closep) int lock = open_cache(l, err);
	CLEANUP(closep) int fd = -1;
	CLEANUP(map_release) struct map last = MAP_INIT;
	size_t i;

	if (lock < 0)
		return -1;
	forget(l);
	if (read_all(l, err) < 0)
		return -1;
	for (i = 0; i < l->n; i++) {
		const struct run *before = map_put(&last, l->v[i].writer, &l->v[i]);

		if (i >= l->n_cached)
			add_block(&text, &l->v[i], before ? &before->commit : NULL);
	}
	fd = open(l->cache_file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || ftruncate(fd, (off_t)l->cache_len) < 0 || lseek(fd, 0, SEEK_END) < 0)
		return err_errno(err, "cannot write '%s'", l->cache_file);
	if (fd_write_all(fd, text.buf, text.len, err) < 0)
		return err_wrap(err, "'%s'", l->cache_file);
	forget(l); /* unsorted; whoever reads reads anew */
	return 0;
}

static int append_to_cache(struct lineage *l, const struct run *r, const struct git_id *previous, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(closep) int lock = -1;
	CLEANUP(closep) int fd = -1;
	off_t end;

	lock = open_cache(l, err);
	if (lock < 0)
		return -1;
	fd = open(l->cache_file, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	if (end < 0)
		return err_errno(err, "cannot write '%s'", l->cache_file);
	if (end == 0 && previous) { /* it was lost: read the whole chain again */
		closep(&lock);
		lock = -1;
		return lineage_refresh(l, err);
	}
	add_block(&text, r, previous);
	if (fd_write_all(fd, text.buf, text.len, err) < 0)
		return err_wrap(err, "'%s'", l->cache_file);
	return 0;
}

static void message(const struct run *r, const struct git_id *previous, struct strbuf *out)
{
	static const char *const results[][2] = {{"done", "ran"},       {"restored", "restored"}, {"failed", "failed"}, {"refused", "refused"},
						 {"interrupted", "interrupted"}, {"accepted", "accepted"},
						 {"undone", "taken back"}, {"same", "the same"},  {"differs", "different"},
						 {"deployed", "deployed"}, {"promoted", "promoted"}, {"rolled-back", "rolled back"}};
	const char *comma = ": ";
	char hex[GIT_ID_HEX + 1];
	size_t i, j, n;

	strbuf_addstr(out, r->outcome);
	for (i = 0; i < ARRAY_SIZE(results); i++) {
		for (n = j = 0; j < r->n_parts; j++)
			n += streq(r->parts[j].result, results[i][0]);
		if (n) {
			strbuf_addf(out, "%s%zu %s", comma, n, results[i][1]);
			comma = ", ";
		}
	}
	strbuf_addf(out, "\n\nRun: %s\n", r->id);
	if (r->source)
		strbuf_addf(out, "Source: %s%s\n", r->source, r->dirty == 1 ? " with changes" : "");
	if (previous) {
		git_id_hex(previous, hex);
		strbuf_addf(out, "Previous: %s\n", hex);
	}
}

/* The commit of r on top of previous (NULL: the first) goes to p; r->commit is its name. */
static int add_commit(struct run *r, const struct git_id *tree, const struct git_id *previous, struct packer *p, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, said = STRBUF_INIT;
	struct git_id parents[2];
	struct commit c = {.tree = *tree, .parents = parents, .author = r->author, .time = r->time / 1000000000};

	if (previous)
		parents[c.n_parents++] = *previous;
	if (r->source && git_id_parse(r->source, &parents[c.n_parents]))
		c.n_parents++;
	message(r, previous, &said);
	c.message = said.buf;
	commit_text(&c, &text);
	return packer_add(p, GITDB_COMMIT, text.buf, text.len, PACKER_COMPRESSED, &r->commit, err);
}

static void pause_briefly(void)
{
	struct timespec t = {0, 10000000L};

	nanosleep(&t, NULL);
}

/* The commit on top of what the ref names now. *lost is set, with ERR_MOVED, if another was faster. */
static int try_append(struct lineage *l, struct run *r, const char *ref, const struct git_id *tree, struct packer *p,
		      const struct durable *d, struct git_id *previous, bool *first, struct err *lost, struct err *err)
{
	int got = gitdb_ref(l->db, ref, previous, err);

	if (got < 0) {
		CLEANUP(freep) char *why = xstrdup(err->msg);

		return err_set(err, ERR_CORRUPT, "%s; `mlmake fsck --repair` mends it", why);
	}
	*first = got == 0;
	if (add_commit(r, tree, *first ? NULL : previous, p, err) < 0 || d->make(d->ctx, err) < 0)
		return -1;
	return gitdb_set_ref(l->db, ref, *first ? NULL : previous, &r->commit, "mlmake", lost);
}

/* Work trees of one clone share a chain, and take turns. Who still finds the ref locked shares it with a `git gc`, which needs a moment, or
 * with the rest of a killed process, whose lock goes. */
static int append_commit(struct lineage *l, struct run *r, const char *ref, const struct git_id *tree, struct packer *p,
			 const struct durable *d, struct git_id *previous, bool *first, struct err *err)
{
	CLEANUP(freep) char *turn = xstrfmt("%s/chain.lock", l->repo->shared);
	CLEANUP(closep) int lock = file_lock(turn, true, true, err);
	CLEANUP(err_release) struct err lost = ERR_INIT;
	int i;

	if (lock < 0)
		return -1;
	for (i = 0; i < RACES; i++) {
		err_clear(&lost);
		if (try_append(l, r, ref, tree, p, d, previous, first, &lost, err) == 0)
			return 0;
		if (lost.code != ERR_MOVED)
			break;
		if (i == RACES / 3)
			gitdb_break_lock(l->db, ref);
		pause_briefly();
	}
	return lost.msg ? err_move(err, &lost) : -1;
}

int lineage_append(struct lineage *l, struct run *r, struct tree_builder *tree, struct packer *p,
		   int (*make_durable)(void *ctx, struct err *err), void *ctx, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	CLEANUP(freep) char *writer = NULL;
	CLEANUP(freep) char *ref = NULL;
	CLEANUP(freep) char *list = xstrfmt("%s/packs", l->repo->shared);
	struct durable d = {make_durable, ctx};
	struct git_id id, previous;
	bool first = true;

	if (gitdb_make(l->db, err) < 0 || lineage_writer(l, &writer, err) < 0)
		return -1;
	ref = xstrfmt(LINEAGE_REFS "%s", writer);
	run_write(r, &text);
	if (packer_add(p, GITDB_BLOB, text.buf, text.len, PACKER_COMPRESSED, &id, err) < 0)
		return -1;
	tree_add(tree, "run", TREE_FILE, &id);
	if (tree_write(tree, p, &id, err) < 0 ||
	    append_commit(l, r, ref, &id, p, &d, &previous, &first, err) < 0)
		return -1;
	if (tidy_packs(l->db, p, list, &ignored) < 0)
		err_clear(&ignored); /* the next run does it */
	packer_release_keep(p);
	r->writer = writer;
	if (append_to_cache(l, r, first ? NULL : &previous, &ignored) < 0)
		err_clear(&ignored); /* it is read from the chain then */
	r->writer = arena_strdup(&l->arena, writer); /* not before: the cache may have been read anew */
	return 0;
}
