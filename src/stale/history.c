/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state file begins with one line
 *
 *     mlmake-state 1 <xxh3-64 of what follows> <what stat says of mlmake.lock as it was written>
 *
 * and goes on with the blocks of record.h, sorted by instance. A journal line is "<xxh3-64 of the rest> <word> <rest>", the words
 * being run, begin, writes, back, end and record. */
#include <config.h>

#include "stale/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stale/lockfile.h"
#include "store/keyed.h"
#include "util/file.h"
#include "util/hash.h"
#include "util/map.h"
#include "util/text.h"

#define STATE_LIMIT ((size_t)1 << 32)
#define STATE_HEAD "mlmake-state 1 %16llx %127s%n" /* as scanf reads it */

/* The last record of one instance, as text, and parsed once somebody asks. */
struct known {
	const char *instance;
	const char *text;
	size_t len;
	struct record *record;
};

/* A stage that the journal found at open speaks of. */
struct begun {
	struct strvec paths;
	enum { BEGUN_TAKES, BEGUN_WRITES, BEGUN_BACK, BEGUN_ENDED } how;
	size_t turn; /* the later, the higher */
};

struct history {
	struct arena arena;
	char *state_file, *journal_file, *lock_file;
	struct keyed *records;
	char *undone_file;
	struct strbuf undone; /* its text, once somebody asks */
	bool undone_read, accepted_in_lock;
	const char *run_id;
	struct strbuf state_text, lock_text, lock_theirs;
	struct map known;    /* instance -> struct known */
	struct map made;     /* every path that a record names as output, once somebody asks */
	bool made_known;
	struct map by_key;   /* hex key -> struct record, of records read or added in this process */
	char lock_stat[128]; /* as the state file says */
	struct keyed_item *new_records; /* in arena: to be archived at the next save */
	size_t n_new;
	int journal;
	off_t journal_len; /* up to where the journal found at open is whole */
	bool dirty;
	const char *crashed_run;
	struct map begun; /* instance -> struct begun */
	size_t turns;
};

static void stat_words(const char *path, char out[128])
{
	struct stat st;

	if (stat(path, &st) < 0)
		snprintf(out, 128, "none");
	else
		snprintf(out, 128, "%jd,%jd.%09ld,%jd.%09ld,%ju", (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec,
			 st.st_mtim.tv_nsec, (intmax_t)st.st_ctim.tv_sec, st.st_ctim.tv_nsec, (uintmax_t)st.st_ino);
}

static const char *block_name(struct arena *a, const char *text, size_t n)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	const char *nl = memchr(text, '\n', n);

	if (!nl || nl - text < 3 || *text != '[' || nl[-1] != ']')
		return NULL;
	if (!memchr(text, '\\', (size_t)(nl - text)))
		return arena_strndup(a, text + 1, (size_t)(nl - text) - 2);
	if (!text_unescape(&sb, text + 1, nl - 1))
		return NULL;
	return arena_strdup(a, sb.buf);
}

static struct known *know(struct history *h, const char *text, size_t n)
{
	const char *name = block_name(&h->arena, text, n);
	struct known *k;

	if (!name)
		return NULL;
	k = map_get(&h->known, name);
	if (!k) {
		k = arena_calloc(&h->arena, sizeof(*k));
		k->instance = name;
		map_put(&h->known, name, k);
	}
	k->text = text;
	k->len = n;
	k->record = NULL;
	return k;
}

static void read_state(struct history *h)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	const char *body, *end;
	unsigned long long sum;
	int used = 0;

	if (file_read(h->state_file, STATE_LIMIT, &h->state_text, &ignored) < 0)
		return;
	body = memchr(h->state_text.buf, '\n', h->state_text.len);
	end = h->state_text.buf + h->state_text.len;
	if (!body || sscanf(h->state_text.buf, STATE_HEAD, &sum, h->lock_stat, &used) != 2 ||
	    h->state_text.buf + used != body || hash_bytes(body + 1, (size_t)(end - body - 1)) != sum) {
		h->lock_stat[0] = '\0';
		return;
	}
	map_reserve(&h->known, h->state_text.len / 256);
	for (body++; body < end;) {
		size_t n = record_block_len(body, end);

		know(h, body, n);
		body += n;
	}
}

static char *arena_hex(struct history *h, const struct digest *d)
{
	char *hex = arena_alloc(&h->arena, DIGEST_HEX + 1);

	digest_hex(d, hex);
	return hex;
}

/* What a lock says, and whether it is all that it says: of the other side of a conflict only what its keys give counts. */
struct reading {
	struct history *h;
	bool other_side, *conflict;
};

/* Takes a block of a lock that others wrote (git, a person): what it says of an instance counts as that instance's last record, unless
 * it is the one we have. */
static int take_lock_block(void *ctx, const struct lock_block *b, struct err *err)
{
	const struct reading *rd = ctx;
	struct history *h = rd->h;
	struct record *r = (struct record *)(uintptr_t)b->record;
	const struct known *old;
	struct digest mine;
	struct known *k;
	bool accepted;

	(void)err;
	if (!b->holds) { /* mixed by a merge, or edited: it does not say what was built from what */
		*rd->conflict = true;
		return 0;
	}
	if (!rd->other_side || !map_get(&h->by_key, arena_hex(h, &r->key)))
		map_put(&h->by_key, arena_hex(h, &r->key), r);
	h->accepted_in_lock |= r->n_accepted > 0;
	old = map_get(&h->known, r->instance);
	if (old && (rd->other_side || (record_peek_key(old->text, old->len, &mine, &accepted) && digest_eq(&r->key, &mine) &&
				       (!accepted || r->n_accepted)))) /* what was run counts more than what was accepted */
		return 0;
	k = know(h, b->text, b->len);
	k->record = r;
	return 0;
}

static int read_lock(struct history *h, bool *conflict, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct reading rd = {h, false, conflict};
	struct err failed = ERR_INIT;

	h->dirty = true;
	if (file_read(h->lock_file, STATE_LIMIT, &text, &failed) < 0) {
		if (failed.code != ERR_NOTFOUND)
			return err_move(err, &failed);
		err_release(&failed);
		return 0;
	}
	if (!lockfile_sides(&text, &h->lock_text, &h->lock_theirs)) {
		strbuf_add(&h->lock_text, text.buf, text.len);
		return lockfile_read(h->lock_file, h->lock_text.buf, h->lock_text.len, false, &h->arena, take_lock_block, &rd, err);
	}
	*conflict = true;
	if (lockfile_read(h->lock_file, h->lock_text.buf, h->lock_text.len, true, &h->arena, take_lock_block, &rd, err) < 0)
		return -1;
	rd.other_side = true;
	return lockfile_read(h->lock_file, h->lock_theirs.buf, h->lock_theirs.len, true, &h->arena, take_lock_block, &rd, err);
}

static void ended(struct history *h, const char *instance)
{
	struct begun *b = map_get(&h->begun, instance);

	if (b)
		b->how = BEGUN_ENDED;
}

/* Also one that another record of its instance follows before the next save is kept by its key. */
static void keep_record(struct history *h, const char *text, size_t n)
{
	struct keyed_item it = {.text = text, .len = n, .age = SIZE_MAX - h->n_new};

	if (!record_peek_key(text, n, &it.key, NULL))
		return;
	h->new_records = arena_grow(&h->arena, h->new_records, h->n_new, sizeof(*h->new_records));
	h->new_records[h->n_new++] = it;
}

/* Stands for a record that mlmake.lock still has and that a journal, which is newer, has taken back. */
static struct record taken_back;

static void take_back(struct history *h, const struct record *now)
{
	struct map_slot *s;
	size_t i = 0;

	while (h->accepted_in_lock && (s = map_next(&h->by_key, &i))) {
		const struct record *r = s->value;

		if (r->n_accepted && streq(r->instance, now->instance) && !digest_eq(&r->key, &now->key))
			s->value = &taken_back;
	}
}

static void replay_record(struct history *h, const char *payload, const char *end)
{
	CLEANUP(strbuf_release) struct strbuf block = STRBUF_INIT;
	struct record r;
	const char *text;

	if (!text_unescape(&block, payload, end) ||
	    record_parse(block.buf, block.len, &h->arena, &r, NULL) < 0)
		return;
	text = arena_strndup(&h->arena, block.buf, block.len);
	know(h, text, block.len);
	keep_record(h, text, block.len);
	take_back(h, &r);
	ended(h, r.instance);
}

static struct begun *begun_of(struct history *h, const char *instance)
{
	struct begun *b = map_get(&h->begun, instance);

	if (!b) {
		b = arena_calloc(&h->arena, sizeof(*b));
		map_put(&h->begun, arena_strdup(&h->arena, instance), b);
	}
	strvec_release(&b->paths);
	b->paths = (struct strvec)STRVEC_INIT;
	b->how = BEGUN_TAKES;
	b->turn = ++h->turns;
	return b;
}

static void replay_begin(struct history *h, const char *payload, const char *end)
{
	CLEANUP(strbuf_release) struct strbuf part = STRBUF_INIT;
	struct begun *b = NULL;
	const char *tab;

	for (; payload < end; payload = tab + 1) {
		tab = memchr(payload, '\t', (size_t)(end - payload));
		tab = tab ? tab : end;
		strbuf_clear(&part);
		if (!text_unescape(&part, payload, tab))
			return;
		if (!b)
			b = begun_of(h, part.buf);
		else
			strvec_push(&b->paths, part.buf);
	}
}

static void free_begun(struct history *h)
{
	struct map_slot *s;
	size_t i = 0;

	while ((s = map_next(&h->begun, &i)))
		strvec_release(&((struct begun *)s->value)->paths);
	map_release(&h->begun);
}

static void replay_how(struct history *h, const char *payload, const char *end, int how)
{
	CLEANUP(strbuf_release) struct strbuf name = STRBUF_INIT;
	struct begun *b;

	if (text_unescape(&name, payload, end) && (b = map_get(&h->begun, name.buf)))
		b->how = how;
}

static void replay_line(struct history *h, const char *p, const char *nl)
{
	const char *rest;

	if (skip_prefix(p, "run ", &rest))
		h->crashed_run = arena_strndup(&h->arena, rest, (size_t)(nl - rest));
	else if (skip_prefix(p, "begin ", &rest))
		replay_begin(h, rest, nl);
	else if (skip_prefix(p, "writes ", &rest))
		replay_how(h, rest, nl, BEGUN_WRITES);
	else if (skip_prefix(p, "back ", &rest))
		replay_how(h, rest, nl, BEGUN_BACK);
	else if (skip_prefix(p, "end ", &rest))
		replay_how(h, rest, nl, BEGUN_ENDED);
	else if (skip_prefix(p, "record ", &rest))
		replay_record(h, rest, nl);
}

/* A line whose checksum does not hold was not written whole; nothing behind it was either. */
static void replay_journal(struct history *h, const struct strbuf *text)
{
	const char *p = text->buf, *end = p + text->len, *nl;

	h->crashed_run = "";
	h->dirty = true;
	for (; (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1) {
		char *sum_end;

		if (nl - p < 18 || strtoull(p, &sum_end, 16) != hash_bytes(p + 17, (size_t)(nl - p - 17)) || sum_end != p + 16)
			break;
		replay_line(h, p + 17, nl);
	}
	h->journal_len = p - text->buf;
}

struct keyed *history_records(const char *shared)
{
	CLEANUP(freep) char *dir = xstrfmt("%s/records", shared);

	return keyed_new(dir, "records");
}

static bool record_is_wrong(void *ctx, const struct digest *key, const char *text, size_t n)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct record r;

	(void)ctx;
	return record_parse(text, n, &a, &r, NULL) < 0 || !digest_eq(&r.key, key) || !record_holds(&r);
}

int history_prune_records(const char *shared, struct err *err)
{
	struct keyed *records = history_records(shared);
	int got = keyed_prune(records, record_is_wrong, NULL, err);

	keyed_free(records);
	return got;
}

const char *history_damage(const char *state)
{
	CLEANUP(freep) char *file = xstrfmt("%s/state", state);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	unsigned long long sum;
	const char *body;

	if (file_read(file, STATE_LIMIT, &text, NULL) < 0)
		return file_exists(file) ? "state' cannot be read" : NULL;
	body = memchr(text.buf, '\n', text.len);
	if (!body || sscanf(text.buf, "mlmake-state 1 %16llx ", &sum) != 1 ||
	    hash_bytes(body + 1, (size_t)(text.buf + text.len - body - 1)) != sum)
		return "state' is damaged; the next build makes it anew from mlmake.lock";
	return NULL;
}

struct history *history_open(const struct history_paths *paths, bool *conflict, struct err *err)
{
	struct history *h = xcalloc(1, sizeof(*h));
	CLEANUP(strbuf_release) struct strbuf journal = STRBUF_INIT;
	char now[128];
	bool crashed;

	*conflict = false;
	h->state_text = h->lock_text = h->lock_theirs = h->undone = (struct strbuf)STRBUF_INIT;
	h->journal = -1;
	h->state_file = xstrfmt("%s/state", paths->state);
	h->journal_file = xstrfmt("%s/journal", paths->state);
	h->records = history_records(paths->shared);
	h->undone_file = xstrfmt("%s/undone", paths->shared);
	h->lock_file = xstrdup(paths->lock);
	/* Before the state, which is newer than it if another process saves in between: what is said twice does no harm. */
	crashed = file_read(h->journal_file, STATE_LIMIT, &journal, NULL) == 0;
	read_state(h);
	stat_words(h->lock_file, now);
	if (!streq(now, h->lock_stat) && read_lock(h, conflict, err) < 0) {
		history_free(h);
		return NULL;
	}
	if (crashed)
		replay_journal(h, &journal);
	return h;
}

bool history_glance(const struct history_paths *paths, struct strbuf *out)
{
	CLEANUP(freep) char *state = xstrfmt("%s/state", paths->state);
	CLEANUP(freep) char *journal = xstrfmt("%s/journal", paths->state);
	CLEANUP(closep) int fd = open(state, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char head[256], then[128], now[128];
	unsigned long long sum;
	int used = 0;
	ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof(head) - 1, 0);

	if (n <= 0)
		return false;
	head[n] = '\0';
	if (sscanf(head, STATE_HEAD, &sum, then, &used) != 2 || head[used] != '\n')
		return false;
	stat_words(paths->lock, now);
	if (!streq(now, then) || file_exists(journal))
		return false;
	strbuf_add(out, head, (size_t)used);
	return true;
}

void history_free(struct history *h)
{
	if (!h)
		return;
	free_begun(h);
	map_release(&h->known);
	map_release(&h->by_key);
	map_release(&h->made);
	strbuf_release(&h->state_text);
	strbuf_release(&h->lock_text);
	strbuf_release(&h->lock_theirs);
	strbuf_release(&h->undone);
	free(h->undone_file);
	arena_release(&h->arena);
	closep(&h->journal);
	free(h->state_file);
	free(h->journal_file);
	keyed_free(h->records);
	free(h->lock_file);
	free(h);
}

const char *history_last_text(const struct history *h, const char *instance, size_t *n)
{
	const struct known *k = map_get(&h->known, instance);

	*n = k ? k->len : 0;
	return k ? k->text : NULL;
}

const struct record *history_last(struct history *h, const char *instance)
{
	struct known *k = map_get(&h->known, instance);
	struct record *r;

	if (!k)
		return NULL;
	if (!k->record) {
		r = arena_alloc(&h->arena, sizeof(*r));
		if (record_parse(k->text, k->len, &h->arena, r, NULL) < 0)
			return NULL;
		k->record = r;
	}
	return k->record;
}

/* The run begins with a digit and the line ends it, so that looking for the line finds nothing else. */
static void add_undone(struct strbuf *out, const char *run, const char *instance)
{
	strbuf_addf(out, "%s ", run);
	text_add_escaped(out, instance, strlen(instance), false);
	strbuf_addch(out, '\n');
}

/* Has one of r's acceptances been taken back in this clone? */
static bool was_undone(struct history *h, const struct record *r)
{
	size_t i;

	if (!r->n_accepted)
		return false;
	if (!h->undone_read && file_read(h->undone_file, STATE_LIMIT, &h->undone, NULL) < 0)
		strbuf_clear(&h->undone);
	h->undone_read = true;
	for (i = 0; i < r->n_accepted; i++) {
		CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;

		add_undone(&line, r->accepted[i].run, r->instance);
		if (strstr(h->undone.buf, line.buf))
			return true;
	}
	return false;
}

static struct record *find_archived(struct history *h, const struct digest *key)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct record *r;

	if (!keyed_find(h->records, key, &text))
		return NULL;
	r = arena_alloc(&h->arena, sizeof(*r));
	if (record_parse(text.buf, text.len, &h->arena, r, NULL) < 0 || !digest_eq(&r->key, key))
		return NULL;
	/* a record that was tampered with does not speak for its key */
	return record_holds(r) && !was_undone(h, r) ? r : NULL;
}

const struct record *history_find(struct history *h, const struct digest *key)
{
	char hex[DIGEST_HEX + 1];
	struct record *r, *archived;

	digest_hex(key, hex);
	r = map_get(&h->by_key, hex);
	if (r == &taken_back)
		r = NULL;
	if (r && !r->n_accepted)
		return r;
	archived = find_archived(h, key);
	if (!archived || (r && archived->n_accepted)) /* what was run counts more than what was accepted */
		return r;
	map_put(&h->by_key, arena_hex(h, key), archived);
	return archived;
}

int history_learn(struct history *h, const char *text, size_t n, struct err *err)
{
	const char *end = text + n;
	struct keyed_item *items = NULL;
	size_t n_items = 0, cap = 0;
	char name[48];
	int result;

	while (text < end) {
		CLEANUP(arena_release) struct arena a = ARENA_INIT;
		size_t len = record_block_len(text, end);
		struct record r;

		if (record_parse(text, len, &a, &r, NULL) == 0 && !r.n_accepted && record_holds(&r) && !keyed_has(h->records, &r.key)) {
			ALLOC_GROW(items, n_items + 1, cap);
			items[n_items] = (struct keyed_item){.key = r.key, .text = text, .len = len, .age = n_items};
			n_items++;
		}
		text += len;
	}
	keyed_name(name);
	result = n_items ? keyed_add(h->records, name, items, n_items, err) : 0;
	free(items);
	return result;
}

const struct record *history_made(struct history *h, const char *path)
{
	struct map_slot *s;
	size_t i = 0, j;

	while (!h->made_known && (s = map_next(&h->known, &i))) {
		const struct record *r = history_last(h, s->key);

		for (j = 0; r && j < r->n_facts; j++)
			if (fact_is_output(r->facts[j].kind))
				map_put(&h->made, r->facts[j].name, (void *)(uintptr_t)r);
	}
	h->made_known = true;
	return map_get(&h->made, path);
}

/* One write for one line, so that a kill leaves whole lines. */
static int append(struct history *h, const char *word, const struct strbuf *rest, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
	uint64_t sum;

	strbuf_addf(&line, "%016d %s ", 0, word);
	strbuf_add(&line, rest->buf, rest->len);
	sum = hash_bytes(line.buf + 17, line.len - 17);
	snprintf(line.buf, 17, "%016llx", (unsigned long long)sum);
	line.buf[16] = ' ';
	strbuf_addch(&line, '\n');
	h->dirty = true;
	if (fd_write_all(h->journal, line.buf, line.len, err) < 0)
		return err_wrap(err, "'%s'", h->journal_file);
	return 0;
}

int history_begin_run(struct history *h, const char *run_id, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf rest = STRBUF_INIT;

	if (h->journal >= 0)
		return 0;
	h->run_id = arena_strdup(&h->arena, run_id);
	if (file_mkdirs_for(h->journal_file, err) < 0)
		return -1;
	if (h->crashed_run && (file_sweep(h->lock_file, err) < 0 || file_sweep(h->state_file, err) < 0))
		return -1;
	h->journal = open(h->journal_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (h->journal < 0)
		return err_errno(err, "cannot open '%s'", h->journal_file);
	/* what follows a line that is not whole is not read, so it must not stand there */
	if (ftruncate(h->journal, h->journal_len) < 0)
		return err_errno(err, "cannot cut '%s'", h->journal_file);
	strbuf_addstr(&rest, run_id);
	return append(h, "run", &rest, err);
}

int history_begin(struct history *h, const char *instance, const char *const *paths, size_t n, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf rest = STRBUF_INIT;
	size_t i;

	text_add_escaped(&rest, instance, strlen(instance), false);
	for (i = 0; i < n; i++) {
		strbuf_addch(&rest, '\t');
		text_add_escaped(&rest, paths[i], strlen(paths[i]), false);
	}
	return append(h, "begin", &rest, err);
}

static int append_name(struct history *h, const char *word, const char *instance, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf rest = STRBUF_INIT;

	text_add_escaped(&rest, instance, strlen(instance), false);
	return append(h, word, &rest, err);
}

int history_writes(struct history *h, const char *instance, struct err *err)
{
	return append_name(h, "writes", instance, err);
}

int history_back(struct history *h, const char *instance, struct err *err)
{
	return append_name(h, "back", instance, err);
}

int history_end(struct history *h, const char *instance, struct err *err)
{
	return append_name(h, "end", instance, err);
}

static int add(struct history *h, const struct record *r, bool new_result, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf block = STRBUF_INIT, rest = STRBUF_INIT;
	struct known *k;
	struct record *copy = arena_alloc(&h->arena, sizeof(*copy));
	char *text;

	record_write(r, true, &block);
	text_add_escaped(&rest, block.buf, block.len, false);
	if (append(h, "record", &rest, err) < 0)
		return -1;
	text = arena_strndup(&h->arena, block.buf, block.len);
	k = know(h, text, block.len);
	if (!k || record_parse(text, block.len, &h->arena, copy, err) < 0)
		BUG("a record that was written cannot be read");
	k->record = copy;
	if (new_result)
		keep_record(h, text, block.len);
	map_put(&h->by_key, arena_hex(h, &r->key), copy);
	return 0;
}

int history_add(struct history *h, const struct record *r, struct err *err)
{
	return add(h, r, true, err);
}

int history_touch(struct history *h, const struct record *r, struct err *err)
{
	return add(h, r, false, err);
}

int history_undo(struct history *h, const char *instance, const char *run, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
	CLEANUP(closep) int fd = -1;

	if (file_mkdirs_for(h->undone_file, err) < 0)
		return -1;
	fd = open(h->undone_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_errno(err, "cannot open '%s'", h->undone_file);
	add_undone(&line, run, instance);
	if (fd_write_all(fd, line.buf, line.len, err) < 0)
		return err_wrap(err, "'%s'", h->undone_file);
	h->undone_read = false;
	strbuf_clear(&h->undone);
	return fsync(fd) < 0 ? err_errno(err, "cannot sync '%s'", h->undone_file) : 0;
}

bool history_dirty(const struct history *h)
{
	return h->dirty;
}

static int by_instance(const void *a, const void *b)
{
	return strcmp((*(struct known *const *)a)->instance, (*(struct known *const *)b)->instance);
}

static struct known **sorted(const struct history *h)
{
	struct known **v = xmalloc((h->known.n + 1) * sizeof(struct known *));
	struct map_slot *s;
	size_t i = 0, n = 0;

	while ((s = map_next(&h->known, &i)))
		v[n++] = s->value;
	qsort(v, n, sizeof(struct known *), by_instance);
	return v;
}

/* Replaces the lock if its text changes, so that a build that changes nothing leaves git's index in peace. */
static int write_lock(struct history *h, const struct strbuf *text, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf old = STRBUF_INIT;

	if (file_read(h->lock_file, STATE_LIMIT, &old, NULL) == 0 && old.len == text->len &&
	    memcmp(old.buf, text->buf, text->len) == 0)
		return 0;
	if (!file_exists(h->lock_file) && text->len == sizeof(LOCKFILE_HEAD) - 1)
		return 0;
	return file_write(h->lock_file, text->buf, text->len, 0644, true, err);
}

static int write_state(struct history *h, const struct strbuf *body, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	char lock[128];

	stat_words(h->lock_file, lock);
	strbuf_addf(&text, "mlmake-state 1 %016llx %s\n", (unsigned long long)hash_bytes(body->buf, body->len), lock);
	strbuf_add(&text, body->buf, body->len);
	return file_write(h->state_file, text.buf, text.len, 0644, true, err);
}

int history_save(struct history *h, bool (*current)(void *ctx, const char *instance), void *ctx,
		 int (*before_commit)(void *ctx, const struct strbuf *lock, struct err *err), void *commit_ctx, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf body = STRBUF_INIT, lock = STRBUF_INIT;
	CLEANUP(freep) struct known **v = sorted(h);
	size_t i;

	strbuf_addstr(&lock, LOCKFILE_HEAD);
	for (i = 0; i < h->known.n; i++) {
		strbuf_add(&body, v[i]->text, v[i]->len);
		if (v[i]->len < 2 || v[i]->text[v[i]->len - 2] != '\n')
			strbuf_addch(&body, '\n');
		if (current(ctx, v[i]->instance)) {
			record_strip_local(v[i]->text, v[i]->len, &lock);
			if (v[i]->len < 2 || v[i]->text[v[i]->len - 2] != '\n')
				strbuf_addch(&lock, '\n');
		}
	}
	if (keyed_add(h->records, h->run_id ? h->run_id : "0", h->new_records, h->n_new, err) < 0)
		return -1;
	if (before_commit && before_commit(commit_ctx, &lock, err) < 0)
		return -1;
	if (write_lock(h, &lock, err) < 0 || write_state(h, &body, err) < 0)
		return -1;
	h->n_new = 0;
	h->new_records = NULL;
	closep(&h->journal);
	h->journal_len = 0;
	if (unlink(h->journal_file) < 0 && errno != ENOENT)
		return err_errno(err, "cannot remove '%s'", h->journal_file);
	h->dirty = false;
	return 0;
}

const char *history_crashed_run(const struct history *h)
{
	return h->crashed_run;
}

void history_half_written(const struct history *h, struct strvec *instances, struct strvec *paths)
{
	struct map_slot *s;
	size_t i = 0, j;

	while ((s = map_next(&h->begun, &i))) {
		const struct begun *b = s->value;

		if (b->how != BEGUN_WRITES)
			continue;
		strvec_push(instances, s->key);
		for (j = 0; j < b->paths.n; j++)
			strvec_push(paths, b->paths.v[j]);
	}
}

bool history_ended(const struct history *h, const char *path)
{
	const struct begun *last = NULL;
	struct map_slot *s;
	size_t i = 0;

	while ((s = map_next(&h->begun, &i))) {
		const struct begun *b = s->value;

		if (strvec_has(&b->paths, path) && (!last || b->turn > last->turn))
			last = b;
	}
	return last && last->how == BEGUN_ENDED;
}
