/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A git host: the lineage by git, payloads by git-lfs, which is told what to move by their SHA-256.
 *
 * Some hosts delete payloads that no pointer file names, and others refuse a pointer whose payload they do not have. So after the
 * payloads a commit is pushed to refs/mlmake/keep/<writer>, with a pointer file for each at aa/bb/<sha256>-<size>; its parent is
 * the one before. These commits are also the list of what is there.
 *
 * All this is done in a bare repository of our own, which sees the user's objects and configuration: git-lfs writes into that of the
 * repository that it works in. It gets a storage directory on its command line; downloads go to one that is empty, and enter the
 * store verified. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remote/transport.h"
#include "util/file.h"
#include "util/pool.h"

#define KEEP "refs/mlmake/keep/"
#define LIST_LIMIT ((size_t)1 << 30)

struct lfs_transport {
	struct transport t;
	struct scratch scratch;
	char *repository;        /* ours */
	struct remote_here beside; /* as here, with that */
	char *env[8];            /* for commands in it */
	size_t n_env;
	bool listed;
	char *keep;             /* the commit that our keep ref has there, NULL: none */
	struct payload *listed_v; /* what the keep refs name, sorted */
	size_t n_listed, cap;
};

static struct lfs_transport *of(struct transport *t)
{
	return (struct lfs_transport *)t;
}

static const char *writer_of(const struct transport *t)
{
	return t->here->writer ? t->here->writer : "clone";
}

static int run(struct lfs_transport *l, const struct strvec *argv, const struct strbuf *input, struct strbuf *out, const char *what,
	       struct err *err)
{
	return wire_run(&l->t, argv, l->env, input ? input->buf : NULL, input ? input->len : 0, out, what, err);
}

/* ---- what is there ---- */

static int list_tree(struct lfs_transport *l, const char *commit, struct strbuf *out, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;

	wire_begin(&l->beside, &argv);
	strvec_push(&argv, "ls-tree");
	strvec_push(&argv, "-r");
	strvec_push(&argv, "--full-tree");
	strvec_push(&argv, commit);
	return run(l, &argv, NULL, out, "cannot read what the remote says it keeps", err);
}

/* The refs are those that git told; names are checked like those of chains. */
static int fetch_kept(struct lfs_transport *l, struct strvec *refs, struct strvec *ids, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	size_t i;

	if (!refs->n)
		return 0;
	wire_begin(&l->beside, &argv);
	strvec_push(&argv, "fetch");
	strvec_push(&argv, "--quiet");
	strvec_push(&argv, "--no-tags");
	strvec_push(&argv, "--no-write-fetch-head");
	strvec_push(&argv, l->t.git);
	for (i = 0; i < refs->n; i++)
		strvec_push(&argv, refs->v[i]);
	if (run(l, &argv, NULL, NULL, "cannot fetch what the remote says it keeps", err) < 0)
		return -1;
	for (i = 0; i < ids->n; i++) {
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

		if (list_tree(l, ids->v[i], &text, err) < 0)
			return -1;
		kept_parse(text.buf, &l->listed_v, &l->n_listed, &l->cap);
	}
	return 0;
}

static void read_keep_refs(struct lfs_transport *l, const char *text, struct strvec *refs, struct strvec *ids)
{
	while (*text) {
		CLEANUP(freep) char *line = xstrndup(text, strcspn(text, "\n"));
		char *tab = strchr(line, '\t');
		const char *writer;

		text += strlen(line);
		text += *text == '\n';
		if (!tab)
			continue;
		*tab = '\0';
		if (!commit_is_good(line) || !skip_prefix(tab + 1, KEEP, &writer) || !writer_is_good(writer))
			continue;
		strvec_push(refs, tab + 1);
		strvec_push(ids, line);
		if (streq(writer, writer_of(&l->t)) && !l->keep)
			l->keep = xstrdup(line);
	}
}

static int list_kept(struct lfs_transport *l, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT, refs = STRVEC_INIT, ids = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (l->listed)
		return 0;
	wire_begin(&l->beside, &argv);
	strvec_push(&argv, "ls-remote");
	strvec_push(&argv, "--refs");
	strvec_push(&argv, l->t.git);
	strvec_push(&argv, KEEP "*");
	if (run(l, &argv, NULL, &text, "cannot list what it keeps", err) < 0)
		return -1;
	read_keep_refs(l, text.buf, &refs, &ids);
	if (fetch_kept(l, &refs, &ids, err) < 0)
		return -1;
	payloads_sort(l->listed_v, l->n_listed);
	l->listed = true;
	return 0;
}

static int lfs_look(struct transport *t, struct haul *h, struct err *err)
{
	struct lfs_transport *l = of(t);
	size_t i;

	if (list_kept(l, err) < 0)
		return -1;
	for (i = 0; i < h->n; i++) {
		const struct payload *kept = payloads_find(l->listed_v, l->n_listed, &h->v[i].id);

		h->v[i].state = PAYLOAD_ABSENT;
		if (!kept || (h->v[i].size >= 0 && h->v[i].size != kept->size))
			continue;
		h->v[i].size = kept->size;
		if (!t->doubt || !payloads_has(h->here, &h->v[i].id, kept->size))
			h->v[i].state = PAYLOAD_THERE;
	}
	return 0;
}

/* ---- pointers ---- */

static int write_pointer(const struct payload *p, const char *file, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	char hex[DIGEST_HEX + 1];

	digest_hex(&p->id, hex);
	strbuf_addf(&text, "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %jd\n", hex, (intmax_t)p->size);
	return file_write(file, text.buf, text.len, 0644, false, err);
}

/* Appends a line for `git update-index --index-info` for each pointer in the list of blobs. */
static int name_pointers(const struct payload *const *v, size_t n, const char *blobs, struct strbuf *info, struct err *err)
{
	size_t i;

	for (i = 0; i < n; i++) {
		size_t len = strcspn(blobs, "\n");

		if (!len)
			return err_set(err, ERR_FAILED, "git made no pointers");
		strbuf_addf(info, "100644 blob %.*s\t", (int)len, blobs);
		payload_path(&v[i]->id, info);
		strbuf_addf(info, "-%jd\n", (intmax_t)v[i]->size);
		blobs += len + (blobs[len] == '\n');
	}
	return 0;
}

static int add_pointers(struct lfs_transport *l, const struct payload *const *v, size_t n, struct strbuf *info, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf names = STRBUF_INIT, blobs = STRBUF_INIT;
	size_t i;

	for (i = 0; i < n; i++) {
		size_t start = names.len;

		strbuf_addf(&names, "%s/pointers/%zu", l->scratch.dir, i);
		if (write_pointer(v[i], names.buf + start, err) < 0)
			return -1;
		strbuf_addch(&names, '\n');
	}
	wire_begin(&l->beside, &argv);
	strvec_push(&argv, "hash-object");
	strvec_push(&argv, "-w");
	strvec_push(&argv, "--no-filters");
	strvec_push(&argv, "--stdin-paths");
	if (n && run(l, &argv, &names, &blobs, "cannot make pointers", err) < 0)
		return -1;
	return name_pointers(v, n, blobs.buf, info, err);
}

static int git_line(struct lfs_transport *l, const char *const *words, const struct strbuf *input, struct strbuf *out, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;

	wire_begin(&l->beside, &argv);
	for (; *words; words++)
		strvec_push(&argv, *words);
	if (run(l, &argv, input, out, "cannot make a commit of pointers", err) < 0)
		return -1;
	strbuf_trim(out);
	return 0;
}

/* A commit whose tree has a pointer for each of v[0..n), and all that `parent` has (NULL: nothing). */
static int commit_pointers(struct lfs_transport *l, const struct payload *const *v, size_t n, const char *parent, struct strbuf *out,
			   struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf info = STRBUF_INIT, tree = STRBUF_INIT, ignored = STRBUF_INIT;
	CLEANUP(freep) char *index = xstrfmt("%s/index", l->scratch.dir);
	static const char *const fill[] = {"update-index", "--index-info", NULL}, *const write[] = {"write-tree", NULL};
	const char *commit[] = {"commit-tree", "-m", "mlmake: pointers to payloads, so that this host keeps them", "TREE", NULL, NULL,
				NULL};

	unlink(index);
	if (parent && list_tree(l, parent, &info, err) < 0)
		return -1;
	if (add_pointers(l, v, n, &info, err) < 0 || git_line(l, fill, &info, &ignored, err) < 0 ||
	    git_line(l, write, NULL, &tree, err) < 0)
		return -1;
	commit[3] = tree.buf;
	commit[4] = parent ? "-p" : NULL;
	commit[5] = parent;
	return git_line(l, commit, NULL, out, err);
}

/* ---- batches ---- */

static void lfs_begin(struct lfs_transport *l, const char *storage, int jobs, struct strvec *argv)
{
	wire_begin(&l->beside, argv);
	strvec_push(argv, "-c");
	strvec_pushf(argv, "lfs.storage=%s", storage);
	strvec_push(argv, "-c");
	strvec_pushf(argv, "lfs.concurrenttransfers=%d", jobs);
	if (l->t.address->lfs) {
		strvec_push(argv, "-c");
		strvec_pushf(argv, "lfs.url=%s", l->t.address->lfs);
	}
}

static int upload(struct lfs_transport *l, struct haul *h, const size_t *batch, size_t n, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf ids = STRBUF_INIT;
	CLEANUP(freep) char *storage = xstrfmt("%s/out", l->scratch.dir);
	size_t k;

	for (k = 0; k < n; k++) {
		char hex[DIGEST_HEX + 1];

		if (h->v[batch[k]].state != PAYLOAD_ABSENT)
			continue;
		digest_hex(&h->v[batch[k]].id, hex);
		strbuf_addf(&ids, "%s\n", hex);
	}
	if (!ids.len)
		return 0;
	lfs_begin(l, storage, h->jobs, &argv);
	strvec_push(&argv, "lfs");
	strvec_push(&argv, "push");
	strvec_push(&argv, "--object-id");
	strvec_push(&argv, "--stdin");
	strvec_push(&argv, l->t.git);
	if (run(l, &argv, &ids, NULL, "git-lfs could not send payloads", err) < 0)
		return -1;
	for (k = 0; k < n; k++) {
		const struct payload *p = &h->v[batch[k]];
		bool listed = payloads_find(l->listed_v, l->n_listed, &p->id) != NULL; /* offered once more; git-lfs does not tell more */

		if (p->state == PAYLOAD_ABSENT)
			haul_note(h, batch[k], listed ? PAYLOAD_THERE : PAYLOAD_MOVED, p->size);
	}
	return 0;
}

/* A link to the objects, so that what git-lfs writes beside them does not come into the store. */
static int link_objects(struct lfs_transport *l, struct haul *h, struct err *err)
{
	CLEANUP(freep) char *link = xstrfmt("%s/out/objects", l->scratch.dir);
	CLEANUP(freep) char *here = realpath(payloads_dir(h->here), NULL);
	CLEANUP(freep) char *objects = xstrfmt("%s/objects", here ? here : "");

	if (file_mkdirs_for(link, err) < 0)
		return -1;
	if (!file_exists(link) && symlink(objects, link) < 0)
		return err_errno(err, "cannot make '%s'", link);
	return 0;
}

/* Sizes are known of all that is here. */
static void learn_sizes(struct haul *h)
{
	size_t i;

	for (i = 0; i < h->n; i++) {
		struct err ignored = ERR_INIT;
		int64_t size;
		int fd;

		if (h->v[i].state != PAYLOAD_ABSENT || h->v[i].size >= 0)
			continue;
		fd = payloads_open(h->here, &h->v[i].id, &size, &ignored);
		if (fd >= 0)
			h->v[i].size = size;
		closep(&fd);
		err_release(&ignored);
	}
}

static int push_kept(struct lfs_transport *l, struct haul *h, struct err *err)
{
	CLEANUP(freep) const struct payload **v = xcalloc(h->n + 1, sizeof(*v));
	CLEANUP(strbuf_release) struct strbuf commit = STRBUF_INIT;
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	size_t n = 0, i;

	for (i = 0; i < h->n; i++)
		if (h->v[i].state == PAYLOAD_MOVED)
			v[n++] = &h->v[i];
	if (!n)
		return 0;
	if (commit_pointers(l, v, n, l->keep, &commit, err) < 0)
		return -1;
	wire_begin(&l->beside, &argv);
	strvec_push(&argv, "push");
	strvec_push(&argv, "--quiet");
	strvec_push(&argv, "--no-verify");
	strvec_push(&argv, l->t.git);
	strvec_pushf(&argv, "%s:" KEEP "%s", commit.buf, writer_of(&l->t));
	if (run(l, &argv, NULL, NULL, "the payloads are there, and the list of them could not be sent", err) < 0)
		return -1;
	free(l->keep);
	l->keep = strbuf_detach(&commit);
	return 0;
}

static int lfs_send(struct transport *t, struct haul *h, struct err *err)
{
	struct lfs_transport *l = of(t);
	CLEANUP(freep) size_t *batch = xcalloc(HAUL_BATCH, sizeof(*batch));
	CLEANUP(err_release) struct err kept = ERR_INIT;
	size_t at = 0, n;
	int result = 0;

	if (list_kept(l, err) < 0 || link_objects(l, h, err) < 0)
		return -1;
	learn_sizes(h);
	while (result == 0 && (n = haul_batch(h, &at, batch)) > 0) {
		haul_check(h, batch, n);
		result = upload(l, h, batch, n, err);
	}
	if (push_kept(l, h, &kept) < 0 && result == 0) /* what was sent is listed, even if not all could be */
		result = err_move(err, &kept);
	return result;
}

/* ---- download ---- */

/* What did not arrive of batch[k]: git-lfs tells of each one that is not there, and of each that was not what it should be. */
static void note_absent(struct haul *h, size_t i, const char *hex, bool failed, const char *said, bool *lost)
{
	enum payload_state state = lfs_said(said, hex);

	if (state == PAYLOAD_UNKNOWN && failed)
		*lost = true; /* it may be there */
	else
		haul_note(h, i, state == PAYLOAD_UNKNOWN ? PAYLOAD_MISSING : state, 0);
}

/* Takes what has arrived in storage. *lost: some did not for another reason than that they are not there. */
static int adopt(struct haul *h, const char *storage, const size_t *batch, size_t n, bool failed, const char *said, size_t *arrived,
		 bool *lost, struct err *err)
{
	size_t k;

	for (k = 0; k < n; k++) {
		CLEANUP(err_release) struct err here = ERR_INIT;
		CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT;
		struct payload *p = &h->v[batch[k]];

		strbuf_addf(&path, "%s/objects/", storage);
		payload_path(&p->id, &path);
		if (!file_exists(path.buf)) {
			note_absent(h, batch[k], path.buf + path.len - DIGEST_HEX, failed, said, lost);
			continue;
		}
		++*arrived;
		if (payloads_adopt(h->here, path.buf, &p->id, &here) == 0)
			haul_note(h, batch[k], PAYLOAD_MOVED, p->size);
		else if (here.code == ERR_CORRUPT)
			haul_note(h, batch[k], PAYLOAD_CORRUPT, 0);
		else
			return err_move(err, &here);
	}
	return 0;
}

static int download(struct transport *t, struct haul *h, const size_t *batch, size_t n, size_t *arrived, struct err *err)
{
	struct lfs_transport *l = of(t);
	CLEANUP(freep) const struct payload **v = xcalloc(n + 1, sizeof(*v));
	CLEANUP(strbuf_release) struct strbuf commit = STRBUF_INIT, said = STRBUF_INIT;
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(freep) char *storage = xstrfmt("%s/in", l->scratch.dir);
	const struct process_start how = {.argv = &argv, .env = l->env};
	bool lost = false;
	int status;
	size_t k;

	for (k = 0; k < n; k++)
		v[k] = &h->v[batch[k]];
	if (file_remove_tree(storage, err) < 0 || commit_pointers(l, v, n, NULL, &commit, err) < 0)
		return -1;
	lfs_begin(l, storage, h->jobs, &argv);
	strvec_push(&argv, "-c");
	strvec_push(&argv, "lfs.fetchinclude=");
	strvec_push(&argv, "-c");
	strvec_push(&argv, "lfs.fetchexclude=");
	strvec_push(&argv, "lfs");
	strvec_push(&argv, "fetch");
	strvec_push(&argv, l->t.git);
	strvec_push(&argv, commit.buf);
	status = process_run(&how, NULL, 0, LIST_LIMIT, &said, &said, err); /* some of it goes to either */
	if (status < 0)
		return -1;
	if (adopt(h, storage, batch, n, status != 0, said.buf, arrived, &lost, err) < 0)
		return -1;
	return lost ? explain(&l->t, "git-lfs could not fetch payloads", &said, err) : 0;
}

/* A payload whose size nobody knows cannot be asked for. */
static int lfs_take(struct transport *t, struct haul *h, struct err *err)
{
	struct lfs_transport *l = of(t);
	size_t i;

	if (list_kept(l, err) < 0)
		return -1;
	for (i = 0; i < h->n; i++) {
		const struct payload *kept = payloads_find(l->listed_v, l->n_listed, &h->v[i].id);

		if (h->v[i].state != PAYLOAD_ABSENT || h->v[i].size >= 0)
			continue;
		if (kept)
			h->v[i].size = kept->size;
		else
			haul_note(h, i, PAYLOAD_MISSING, 0);
	}
	return haul_take(h, download, t, err);
}

/* ---- open and close ---- */

static int lfs_tips(struct transport *t, struct tips *out, struct err *err)
{
	return wire_tips(t, out, err);
}

static void lfs_free(struct transport *t)
{
	struct lfs_transport *l = of(t);

	while (l->n_env)
		free(l->env[--l->n_env]);
	scratch_close(&l->scratch);
	free(l->repository);
	free(l->keep);
	free(l->listed_v);
	free(l);
}

static void add_env(struct lfs_transport *l, char *text)
{
	l->env[l->n_env++] = text;
}

static int configure(struct lfs_transport *l, const char *key, const char *value, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;

	wire_begin(&l->beside, &argv);
	strvec_push(&argv, "config");
	strvec_push(&argv, key);
	strvec_push(&argv, value);
	return wire_run(&l->t, &argv, NULL, NULL, 0, NULL, "cannot configure a repository beside this one", err);
}

/* What is said last counts, so the user's configuration is included first. */
static int make_repository(struct lfs_transport *l, const char *git, struct err *err)
{
	CLEANUP(freep) char *config = xstrfmt("%s/config", git);
	CLEANUP(freep) char *alternates = xstrfmt("%s/objects/info/alternates", l->repository);
	CLEANUP(freep) char *objects = xstrfmt("%s/objects\n", git);
	CLEANUP(freep) char *own = xstrfmt("%s/config", l->repository);
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf format = STRBUF_INIT, first = STRBUF_INIT;

	if (wire_object_format(&l->t, &format, err) < 0)
		return -1;
	strvec_push(&argv, "git");
	strvec_push(&argv, "init");
	strvec_push(&argv, "--quiet");
	strvec_push(&argv, "--bare");
	strvec_push(&argv, "--template=");
	strvec_pushf(&argv, "--object-format=%s", format.buf);
	strvec_push(&argv, l->repository);
	if (wire_run(&l->t, &argv, NULL, NULL, 0, NULL, "cannot make a repository beside this one", err) < 0 ||
	    file_read(own, LIST_LIMIT, &first, err) < 0 || file_write(own, "", 0, 0644, false, err) < 0 ||
	    configure(l, "include.path", config, err) < 0 || file_write(alternates, objects, strlen(objects), 0644, false, err) < 0)
		return -1;
	strbuf_addch(&first, '\n');
	if (file_read(own, LIST_LIMIT, &first, err) < 0)
		return -1;
	strbuf_addstr(&first, "[core]\n\tbare = true\n");
	return file_write(own, first.buf, first.len, 0644, false, err);
}

static int prepare(struct lfs_transport *l, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(freep) char *git = realpath(l->t.here->git, NULL);
	CLEANUP(freep) char *pointers = NULL;

	if (!git)
		return err_errno(err, "cannot find '%s'", l->t.here->git);
	wire_begin(l->t.here, &argv);
	strvec_push(&argv, "lfs");
	strvec_push(&argv, "version");
	if (wire_run(&l->t, &argv, NULL, NULL, 0, NULL, "git-lfs is not installed", err) < 0 ||
	    scratch_open(&l->scratch, l->t.here->shared, "arriving", err) < 0)
		return -1;
	l->repository = xstrfmt("%s/git", l->scratch.dir);
	l->beside = *l->t.here;
	l->beside.git = l->repository;
	pointers = xstrfmt("%s/pointers", l->scratch.dir);
	add_env(l, xstrfmt("GIT_INDEX_FILE=%s/index", l->scratch.dir));
	add_env(l, xstrdup("GIT_AUTHOR_NAME=mlmake"));
	add_env(l, xstrdup("GIT_AUTHOR_EMAIL=mlmake@localhost"));
	add_env(l, xstrdup("GIT_COMMITTER_NAME=mlmake"));
	add_env(l, xstrdup("GIT_COMMITTER_EMAIL=mlmake@localhost"));
	return make_repository(l, git, err) < 0 ? -1 : file_mkdirs(pointers, err);
}

struct transport *lfs_open(const struct address *a, const struct remote_here *here, bool write, struct err *err)
{
	static const struct transport_kind kind = {lfs_look, lfs_send, lfs_take, lfs_tips, wire_push, wire_fetch, lfs_free};
	struct lfs_transport *l = xcalloc(1, sizeof(*l));

	(void)write; /* a host has its repositories made by hand */
	l->t = (struct transport){.kind = &kind, .address = a, .here = here};
	l->scratch = (struct scratch)SCRATCH_INIT;
	if (prepare(l, err) == 0)
		return &l->t;
	lfs_free(&l->t);
	return NULL;
}
