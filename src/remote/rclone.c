/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whatever rclone reaches:
 *
 *     PATH/objects/aa/bb/<sha256>
 *     PATH/lineage/<writer>/<length>.<from>.<to>.<size>.bundle
 *     PATH/corrupt/<sha256>
 *
 * Such places have neither git nor a way to change a file only if it is what one thinks it is. So a chain is a set of files that are
 * never changed: each is a git bundle with the commits from `from` (0: from the beginning) to `to`, where the chain is `length`
 * commits long by first parents. A file that is not `size` bytes long was not written to its end and does not count. The chain's end is
 * the `to` of the greatest length. When many bundles have come to more bytes than the last that begins at the beginning, the next
 * does so too.
 *
 * Payloads are looked at by size; an upload that was cut off is another size. Downloads go to a directory of their own and enter
 * the store verified. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "remote/transport.h"
#include "util/file.h"
#include "util/pool.h"
#include "util/text.h"

#define LIST_LIMIT ((size_t)1 << 30)
#define NAMED_LIMIT 1000 /* up to here files are looked at one by one, beyond all are listed */
#define NO_DIRECTORY 3   /* exit status of rclone's */
#define NO_FILE 4
#define MANY_PARTS 16
#define TOO_MANY_PARTS 200

struct rclone_transport {
	struct transport t;
	struct scratch scratch;
	struct bundles bundles;
};

static struct rclone_transport *of(struct transport *t)
{
	return (struct rclone_transport *)t;
}

/* ---- bundles ---- */

static const struct bundle *last_bundle(const struct bundles *b, const char *writer)
{
	const struct bundle *last = NULL;
	size_t i;

	for (i = 0; i < b->n; i++)
		if (streq(b->v[i].writer, writer) &&
		    (!last || b->v[i].length > last->length ||
		     (b->v[i].length == last->length && strcmp(b->v[i].to, last->to) > 0)))
			last = &b->v[i];
	return last;
}

/* Of those that lead to `to`, one from the beginning if there is one. What leads there has a lesser length before it, so that a path
 * backwards comes to an end. */
static const struct bundle *bundle_to(const struct bundles *b, const char *writer, const char *to, int64_t below)
{
	const struct bundle *found = NULL;
	size_t i;

	for (i = 0; i < b->n; i++)
		if (streq(b->v[i].writer, writer) && streq(b->v[i].to, to) && b->v[i].length < below &&
		    (!found || streq(b->v[i].from, "0")))
			found = &b->v[i];
	return found;
}

/* ---- rclone ---- */

static char *path_below(const struct transport *t, const char *below)
{
	const char *path = t->address->path;

	return xstrfmt("%s%s%s", path, ends_with(path, ":") || ends_with(path, "/") ? "" : "/", below);
}

static void rclone_begin(struct strvec *argv, const char *command, int jobs)
{
	strvec_push(argv, "rclone");
	strvec_push(argv, command);
	strvec_push(argv, "--ask-password=false");
	strvec_push(argv, "--log-level=NOTICE");
	strvec_push(argv, "--stats=0");
	if (!getenv("RCLONE_RETRIES")) /* these multiply: with what rclone does by itself a host that went away takes hours */
		strvec_push(argv, "--retries=1");
	if (!getenv("RCLONE_LOW_LEVEL_RETRIES"))
		strvec_push(argv, "--low-level-retries=3");
	if (jobs) {
		strvec_pushf(argv, "--transfers=%d", jobs);
		strvec_pushf(argv, "--checkers=%d", 2 * jobs);
	}
}

/* Exit status of rclone's; -1 and err for any but 0 and those two that say that nothing is there. */
static int run(const struct transport *t, const struct strvec *argv, struct strbuf *out, const char *what, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf errors = STRBUF_INIT, ignored = STRBUF_INIT;
	const struct process_start how = {.argv = argv};
	int status = process_run(&how, NULL, 0, LIST_LIMIT, out ? out : &ignored, &errors, err);

	if (status < 0)
		return -1;
	if (status == 0 || status == NO_DIRECTORY || status == NO_FILE)
		return status;
	return explain(t, what, &errors, err);
}

/* ---- payloads ---- */

/* Writes the names of the payloads batch[0..n) that have that state (batch NULL: of all) to a file for --files-from-raw. */
static int write_list(struct rclone_transport *r, const struct haul *h, const size_t *batch, size_t n, enum payload_state state,
		      size_t *listed, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf list = STRBUF_INIT;
	CLEANUP(freep) char *file = xstrfmt("%s/list", r->scratch.dir);
	size_t k;

	*listed = 0;
	for (k = 0; k < n; k++) {
		const struct payload *p = &h->v[batch ? batch[k] : k];

		if (p->state != state)
			continue;
		payload_path(&p->id, &list);
		strbuf_addch(&list, '\n');
		++*listed;
	}
	return file_write(file, list.buf, list.len, 0644, false, err);
}

static void use_list(const struct rclone_transport *r, struct strvec *argv)
{
	strvec_push(argv, "--files-from-raw");
	strvec_pushf(argv, "%s/list", r->scratch.dir);
	strvec_push(argv, "--no-traverse");
}

static void note_there(void *ctx, size_t i, int64_t size)
{
	struct haul *h = ctx;
	struct payload *p = &h->v[i];

	if (p->size >= 0 && p->size != size)
		return;
	p->size = size;
	if (p->state == PAYLOAD_ABSENT)
		p->state = PAYLOAD_THERE;
}

/* Those of the list that are there become PAYLOAD_THERE. */
static int list_there(struct rclone_transport *r, struct haul *h, bool by_name, struct err *err)
{
	CLEANUP(freep) char *objects = path_below(&r->t, "objects");
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf listing = STRBUF_INIT;

	rclone_begin(&argv, "lsf", h->jobs);
	strvec_push(&argv, "--recursive");
	strvec_push(&argv, "--files-only");
	strvec_push(&argv, "--format=sp");
	strvec_push(&argv, "--separator= ");
	if (by_name)
		use_list(r, &argv);
	strvec_push(&argv, "--");
	strvec_push(&argv, objects);
	if (run(&r->t, &argv, &listing, "cannot list what is there", err) < 0)
		return -1;
	listing_parse(listing.buf, listing.len, h->v, h->n, note_there, h);
	return 0;
}

static int rclone_look(struct transport *t, struct haul *h, struct err *err)
{
	size_t i, listed;

	for (i = 0; i < h->n; i++)
		h->v[i].state = PAYLOAD_ABSENT;
	if (write_list(of(t), h, NULL, h->n, PAYLOAD_ABSENT, &listed, err) < 0)
		return -1;
	return listed ? list_there(of(t), h, listed <= NAMED_LIMIT, err) : 0;
}

static int upload(struct rclone_transport *r, struct haul *h, const size_t *batch, size_t n, struct err *err)
{
	CLEANUP(freep) char *objects = path_below(&r->t, "objects");
	CLEANUP(freep) char *here = realpath(payloads_dir(h->here), NULL);
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	size_t k, listed;
	int got;

	if (write_list(r, h, batch, n, PAYLOAD_ABSENT, &listed, err) < 0)
		return -1;
	if (!listed)
		return 0;
	rclone_begin(&argv, "copy", h->jobs);
	strvec_push(&argv, "--size-only");
	use_list(r, &argv);
	strvec_push(&argv, "--");
	strvec_pushf(&argv, "%s/objects", here ? here : payloads_dir(h->here));
	strvec_push(&argv, objects);
	got = run(&r->t, &argv, NULL, "rclone could not send payloads", err);
	if (got < 0 || list_there(r, h, true, err) < 0)
		return -1;
	for (k = 0; k < n; k++) {
		struct payload *p = &h->v[batch[k]];

		if (p->state == PAYLOAD_THERE)
			haul_note(h, batch[k], PAYLOAD_MOVED, p->size);
		else if (p->state == PAYLOAD_ABSENT)
			haul_note(h, batch[k], PAYLOAD_REFUSED, 0);
	}
	return 0;
}

static int rclone_send(struct transport *t, struct haul *h, struct err *err)
{
	CLEANUP(freep) size_t *batch = xcalloc(HAUL_BATCH, sizeof(*batch));
	size_t at = 0, n;

	while ((n = haul_batch(h, &at, batch)) > 0) {
		haul_check(h, batch, n);
		if (upload(of(t), h, batch, n, err) < 0)
			return -1;
	}
	return 0;
}

/* Takes what has arrived. What has not is nowhere, or if something failed stays PAYLOAD_ABSENT: it may be there. */
static int adopt(struct rclone_transport *r, struct haul *h, const size_t *batch, size_t n, bool failed, size_t *arrived, struct err *err)
{
	size_t k;

	for (k = 0; k < n; k++) {
		CLEANUP(err_release) struct err here = ERR_INIT;
		CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT;
		struct payload *p = &h->v[batch[k]];

		strbuf_addf(&path, "%s/in/", r->scratch.dir);
		payload_path(&p->id, &path);
		if (!file_exists(path.buf)) {
			if (!failed)
				haul_note(h, batch[k], PAYLOAD_MISSING, 0);
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
	struct rclone_transport *r = of(t);
	CLEANUP(freep) char *objects = path_below(&r->t, "objects");
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(err_release) struct err failed = ERR_INIT;
	size_t listed;
	int got;

	if (write_list(r, h, batch, n, PAYLOAD_ABSENT, &listed, err) < 0)
		return -1;
	rclone_begin(&argv, "copy", h->jobs);
	use_list(r, &argv);
	strvec_push(&argv, "--");
	strvec_push(&argv, objects);
	strvec_pushf(&argv, "%s/in", r->scratch.dir);
	got = run(&r->t, &argv, NULL, "rclone could not fetch payloads", &failed);
	if (adopt(r, h, batch, n, got < 0, arrived, err) < 0)
		return -1;
	return got < 0 && *arrived < listed ? err_move(err, &failed) : 0;
}

/* One that came corrupt twice is moved away there, so that the next push sends it anew. If that cannot be done it stays. */
static void move_corrupt(struct rclone_transport *r, struct haul *h)
{
	size_t i;

	for (i = 0; i < h->n; i++) {
		CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
		CLEANUP(strbuf_release) struct strbuf from = STRBUF_INIT;
		CLEANUP(freep) char *source = NULL;
		CLEANUP(freep) char *target = NULL;
		char hex[DIGEST_HEX + 1], to[DIGEST_HEX + 9];
		struct err ignored = ERR_INIT;

		if (h->v[i].state != PAYLOAD_CORRUPT)
			continue;
		digest_hex(&h->v[i].id, hex);
		snprintf(to, sizeof(to), "corrupt/%s", hex);
		strbuf_addstr(&from, "objects/");
		payload_path(&h->v[i].id, &from);
		source = path_below(&r->t, from.buf);
		target = path_below(&r->t, to);
		rclone_begin(&argv, "moveto", 0);
		strvec_push(&argv, "--");
		strvec_push(&argv, source);
		strvec_push(&argv, target);
		(void)!run(&r->t, &argv, NULL, "", &ignored);
		err_release(&ignored);
	}
}

static int rclone_take(struct transport *t, struct haul *h, struct err *err)
{
	int got = haul_take(h, download, t, err);

	if (h->again)
		move_corrupt(of(t), h);
	return got;
}

/* ---- lineage ---- */

static int list_bundles(struct rclone_transport *r, struct err *err)
{
	CLEANUP(freep) char *lineage = path_below(&r->t, "lineage");
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf listing = STRBUF_INIT;

	rclone_begin(&argv, "lsf", 0);
	strvec_push(&argv, "--recursive");
	strvec_push(&argv, "--files-only");
	strvec_push(&argv, "--format=sp");
	strvec_push(&argv, "--separator= ");
	strvec_push(&argv, "--");
	strvec_push(&argv, lineage);
	if (run(&r->t, &argv, &listing, "cannot list its lineage", err) < 0)
		return -1;
	bundles_release(&r->bundles);
	bundles_parse(listing.buf, &r->bundles);
	return 0;
}

static int rclone_tips(struct transport *t, struct tips *out, struct err *err)
{
	struct rclone_transport *r = of(t);
	size_t i;

	if (list_bundles(r, err) < 0)
		return -1;
	for (i = 0; i < r->bundles.n; i++)
		if (!tips_find(out, r->bundles.v[i].writer))
			tips_add(out, r->bundles.v[i].writer, last_bundle(&r->bundles, r->bundles.v[i].writer)->to);
	tips_sort(out);
	return 0;
}

/* Is it time for a bundle that holds everything? */
static bool is_long(const struct bundles *b, const char *writer, const char *tip)
{
	const struct bundle *part = bundle_to(b, writer, tip, BUNDLE_LENGTH + 1);
	int64_t bytes = 0;
	size_t n;

	for (n = 0; part && !streq(part->from, "0"); n++) {
		bytes += part->size;
		part = bundle_to(b, writer, part->from, part->length);
	}
	return !part || n >= TOO_MANY_PARTS || (n >= MANY_PARTS && bytes >= part->size);
}

static int count_commits(const struct transport *t, const char *id, int64_t *length, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

	wire_begin(t->here, &argv);
	strvec_push(&argv, "rev-list");
	strvec_push(&argv, "--count");
	strvec_push(&argv, "--first-parent");
	strvec_push(&argv, id);
	if (wire_run(t, &argv, NULL, NULL, 0, &out, "cannot count runs", err) < 0)
		return -1;
	strbuf_trim(&out);
	return text_parse_int(out.buf, 1, BUNDLE_LENGTH, length) ? 0 : err_set(err, ERR_FAILED, "a chain of %s commits is too long",
									      out.buf);
}

/* A bundle is made of refs: of one named by where it points, which holds still meanwhile. */
static int set_ref(const struct transport *t, const char *ref, const char *id, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;

	wire_begin(t->here, &argv);
	strvec_push(&argv, "update-ref");
	if (!id)
		strvec_push(&argv, "-d");
	strvec_push(&argv, ref);
	if (id)
		strvec_push(&argv, id);
	return wire_run(t, &argv, NULL, NULL, 0, NULL, "cannot set a ref", err);
}

static int write_bundle(const struct transport *t, const char *file, const char *ref, const char *from, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;

	wire_begin(t->here, &argv);
	strvec_push(&argv, "bundle");
	strvec_push(&argv, "create");
	strvec_push(&argv, "--quiet");
	strvec_push(&argv, file);
	strvec_push(&argv, ref);
	if (from)
		strvec_pushf(&argv, "^%s", from);
	return wire_run(t, &argv, NULL, NULL, 0, NULL, "cannot make a bundle of runs", err);
}

/* Makes the bundle of tip in the scratch directory, under the name that it shall have. */
static int make_bundle(struct rclone_transport *r, const struct tip *tip, struct err *err)
{
	CLEANUP(freep) char *file = xstrfmt("%s/bundle", r->scratch.dir);
	CLEANUP(freep) char *ref = xstrfmt("refs/mlmake/sending/%s", tip->id);
	CLEANUP(freep) char *name = NULL;
	const char *from = tip->old && !is_long(&r->bundles, tip->writer, tip->old) ? tip->old : NULL;
	int64_t length;
	struct stat st;
	int got;

	if (count_commits(&r->t, tip->id, &length, err) < 0 || set_ref(&r->t, ref, tip->id, err) < 0)
		return -1;
	got = write_bundle(&r->t, file, ref, from, err);
	if (set_ref(&r->t, ref, NULL, got < 0 ? NULL : err) < 0 || got < 0)
		return -1;
	if (stat(file, &st) < 0)
		return err_errno(err, "cannot look at '%s'", file);
	name = xstrfmt("%s/lineage/%s/%08jd.%s.%s.%jd.bundle", r->scratch.dir, tip->writer, (intmax_t)length, from ? from : "0", tip->id,
		       (intmax_t)st.st_size);
	return file_move(file, name, err);
}

static int rclone_push(struct transport *t, struct tips *tips, struct err *err)
{
	struct rclone_transport *r = of(t);
	CLEANUP(freep) char *lineage = path_below(t, "lineage");
	CLEANUP(freep) char *from = xstrfmt("%s/lineage", r->scratch.dir);
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	size_t i;
	int got;

	if (!tips->n)
		return 0;
	if (list_bundles(r, err) < 0 || file_remove_tree(from, err) < 0)
		return -1;
	for (i = 0; i < tips->n; i++) {
		const struct bundle *last = last_bundle(&r->bundles, tips->v[i].writer);

		tips->v[i].ok = last ? tips->v[i].old && streq(last->to, tips->v[i].old) : !tips->v[i].old;
		if (tips->v[i].ok && make_bundle(r, &tips->v[i], err) < 0)
			return -1;
	}
	if (!file_exists(from))
		return 0;
	rclone_begin(&argv, "copy", 0);
	strvec_push(&argv, "--no-traverse");
	strvec_push(&argv, "--");
	strvec_push(&argv, from);
	strvec_push(&argv, lineage);
	got = run(t, &argv, NULL, "cannot send the lineage", err);
	return got > 0 ? err_set(err, ERR_FAILED, "cannot send the lineage: rclone finds no such place") : got;
}

static int has_commit(const struct transport *t, const char *id, bool *has, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	int status;

	wire_begin(t->here, &argv);
	strvec_push(&argv, "cat-file");
	strvec_push(&argv, "-e");
	strvec_pushf(&argv, "%s^{commit}", id);
	status = wire_ask(&argv, NULL, err);
	*has = status == 0;
	return status < 0 ? -1 : 0;
}

static int fetch_bundle(struct rclone_transport *r, const struct bundle *b, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf below = STRBUF_INIT;
	CLEANUP(freep) char *source = NULL;
	CLEANUP(freep) char *file = xstrfmt("%s/bundle", r->scratch.dir);
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT, fetch = STRVEC_INIT;

	strbuf_addf(&below, "lineage/%s/%08jd.%s.%s.%jd.bundle", b->writer, (intmax_t)b->length, b->from, b->to, (intmax_t)b->size);
	source = path_below(&r->t, below.buf);
	rclone_begin(&argv, "copyto", 0);
	strvec_push(&argv, "--");
	strvec_push(&argv, source);
	strvec_push(&argv, file);
	if (file_remove_tree(file, err) < 0 || run(&r->t, &argv, NULL, "cannot fetch its lineage", err) < 0)
		return -1;
	if (!file_exists(file))
		return err_set(err, ERR_FAILED, "cannot fetch its lineage: '%s' has gone", below.buf);
	wire_begin(r->t.here, &fetch);
	strvec_push(&fetch, "fetch");
	strvec_push(&fetch, "--quiet");
	strvec_push(&fetch, "--no-tags");
	strvec_push(&fetch, "--no-write-fetch-head");
	strvec_push(&fetch, file);
	strvec_pushf(&fetch, "refs/mlmake/sending/%s", b->to);
	return wire_run(&r->t, &fetch, NULL, NULL, 0, NULL, "its lineage is damaged", err) < 0
		       ? err_wrap(err, "'%s'", below.buf) : 0;
}

/* From the end back to what is here, then forward. */
static int fetch_chain(struct rclone_transport *r, const struct tip *tip, struct err *err)
{
	const struct bundle **path = NULL;
	CLEANUP(freep) char *wanted = xstrdup(tip->id);
	size_t n = 0, cap = 0;
	int64_t below = BUNDLE_LENGTH + 1;
	bool has = false;
	int got = 0;

	while (got == 0 && !has && !streq(wanted, "0")) {
		const struct bundle *b = bundle_to(&r->bundles, tip->writer, wanted, below);

		if (!b) {
			got = err_set(err, ERR_FAILED, "the lineage of %s is not complete there: no bundle leads to %.12s; nothing of "
				      "it was taken", tip->writer, wanted);
			break;
		}
		ALLOC_GROW(path, n + 1, cap);
		path[n++] = b;
		below = b->length;
		free(wanted);
		wanted = xstrdup(b->from);
		if (!streq(wanted, "0"))
			got = has_commit(&r->t, wanted, &has, err);
	}
	while (got == 0 && n)
		got = fetch_bundle(r, path[--n], err);
	free(path);
	return got;
}

static int rclone_fetch(struct transport *t, const struct tips *tips, struct err *err)
{
	size_t i;

	for (i = 0; i < tips->n; i++)
		if (fetch_chain(of(t), &tips->v[i], err) < 0)
			return -1;
	return 0;
}

/* ---- open and close ---- */

static void rclone_free(struct transport *t)
{
	struct rclone_transport *r = of(t);

	bundles_release(&r->bundles);
	scratch_close(&r->scratch);
	free(r);
}

struct transport *rclone_open(const struct address *a, const struct remote_here *here, bool write, struct err *err)
{
	static const struct transport_kind kind = {rclone_look, rclone_send, rclone_take, rclone_tips, rclone_push, rclone_fetch,
						   rclone_free};
	struct rclone_transport *r = xcalloc(1, sizeof(*r));

	(void)write; /* directories come with the files in them */
	r->t = (struct transport){.kind = &kind, .address = a, .here = here};
	r->bundles = (struct bundles)BUNDLES_INIT;
	if (scratch_open(&r->scratch, here->shared, "arriving", err) == 0)
		return &r->t;
	rclone_free(&r->t);
	return NULL;
}
