/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A directory on another machine, laid out as dir.c has it. One connection carries all payloads: there sh runs the program below,
 * which needs coreutils and nothing else; the lineage goes by git's own ssh transport.
 *
 * To start with, it reads three lines: the directory, "make" or "use", and how git names objects. It answers with one line that
 * begins with "mlmake-far", before which a login script may have written anything:
 *
 *     mlmake-far 1 git|nogit     it is ready
 *     mlmake-far absent          the directory is not there
 *     mlmake-far fail <why>
 *
 * Then, for each line that it reads:
 *
 *     look <n>                    n bytes follow, of lines aa/bb/<sha256>; of those that are there: "<size> aa/bb/<sha256>", then "."
 *     put <sha256> <n> aa/bb      n bytes follow; "ok", "bad" (they do not hash to it) or "fail", each with the sha256; then why
 *     get <sha256> - aa/bb        "data <sha256> <n>", n bytes, a newline, "end"; or "none <sha256>"
 *     bad <sha256> - aa/bb        looks whether it hashes to its name, moves it to corrupt/ if not; "ok"
 *     sync                        all that was put is on disk; "ok"
 *
 * The program holds no quote ', no backslash, no '!' and no newline, so that every shell that may be the login shell there passes
 * it on as it is. A file being written is arriving/<process>.<sha256>.<host>; the next that comes removes it if that process is gone. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remote/transport.h"
#include "util/file.h"

#define LINE_LIMIT 8192
#define NOISE_LIMIT 65536  /* what login scripts may say */
#define AHEAD 64           /* requests under way: their answers fit into a pipe */
#define LOOK_AT_ONCE 500   /* names that fit into one command line there */
#define CHUNK 65536
#define GREETING "mlmake-far "

static const char program[] =
	"LC_ALL=C; export LC_ALL; unset CDPATH; IFS= read -r d; IFS= read -r how; IFS= read -r form; "
	"say() { echo \"mlmake-far\" \"$@\"; }; "
	"case $d in \"~\") d=$HOME;; \"~/\"*) d=$HOME/${d#??};; -*) d=./$d;; esac; "
	"for c in head sha256sum stat mkdir mv rm cat chmod; do "
	"command -v $c >/dev/null 2>&1 || { say fail there is no $c; exit 0; }; done; "
	"[ \"$(printf abcdef | { head -c 3 >/dev/null; cat; })\" = def ] || { say fail head reads more than it was asked for; exit 0; }; "
	"if [ \"$how\" = make ]; then m=$(mkdir -p \"$d\" 2>&1) || { say fail $m; exit 0; }; fi; "
	"[ -d \"$d\" ] || { say absent; exit 0; }; "
	"m=$(cd \"$d\" 2>&1) || { say fail $m; exit 0; }; cd \"$d\"; "
	"g=nogit; command -v git >/dev/null 2>&1 && g=git; n=$(uname -n); "
	"if [ \"$how\" = make ]; then "
	"m=$(mkdir -p objects arriving corrupt 2>&1) || { say fail $m; exit 0; }; "
	"for f in arriving/*.\"$n\" lineage.git.*.\"$n\"; do [ -e \"$f\" ] || continue; p=${f#arriving/}; p=${p#lineage.git.}; p=${p%%.*}; "
	"[ -d /proc/$p ] || kill -0 $p 2>/dev/null || rm -rf \"$f\"; done; "
	"if [ -e lineage.git/HEAD ]; then g=$g; elif [ $g = git ]; then t=lineage.git.$$.$n; o=; [ \"$form\" = sha1 ] || o=--object-format=$form; "
	"m=$( { git init -q --bare --template= $o $t && git --git-dir=$t config receive.denyNonFastForwards true && "
	"git --git-dir=$t config receive.denyDeletes true && git --git-dir=$t config core.fsync all && "
	"git --git-dir=$t config receive.unpackLimit 1; } 2>&1) || { say fail $m; rm -rf $t; exit 0; }; "
	"mv -T $t lineage.git 2>/dev/null || rm -rf $t; fi; fi; "
	"set -f; say 1 $g; "
	"while read -r w h s p; do o=objects/$p/$h; case $w in "
	"look) l=$(head -c $h); [ -d objects ] && (cd objects && stat -c \"%s %n\" $l 2>/dev/null); echo .;; "
	"put) t=arriving/$$.$h.$n; if m=$(head -c $s | { { cat > $t; } 2>&1 || { cat >/dev/null; exit 1; }; }); then "
	"r=$(sha256sum < $t); if [ \"${r%% *}\" = $h ]; then "
	"if m=$( { mkdir -p objects/$p && chmod 444 $t && { sync $t 2>/dev/null || sync; } && mv -f $t $o; } 2>&1); then echo ok $h; "
	"else rm -f $t; echo fail $h $m; fi; else rm -f $t; echo bad $h; fi; else rm -f $t; echo fail $h $m; fi;; "
	"get) if [ -f $o ] && [ -r $o ]; then z=$(stat -L -c %s $o); echo data $h $z; head -c $z < $o; echo; echo end; "
	"else echo none $h; fi;; "
	"bad) if [ -f $o ]; then r=$(sha256sum < $o); [ \"${r%% *}\" = $h ] || { mkdir -p corrupt; mv -f $o corrupt/$h; }; fi; echo ok;; "
	"sync) sync -f . 2>/dev/null || sync; echo ok;; "
	"esac; done";

struct ssh_transport {
	struct transport t;
	struct process p;
	char buf[CHUNK];
	size_t from, to; /* what of buf is not used yet */
	bool git;        /* there is a git there */
};

static struct ssh_transport *of(struct transport *t)
{
	return (struct ssh_transport *)t;
}

/* ---- words and bytes ---- */

static int lost(struct ssh_transport *s, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf errors = STRBUF_INIT;
	CLEANUP(freep) char *what = xstrfmt("the connection to '%s' ended", s->t.address->host);

	process_wait(&s->p, &errors);
	return explain(&s->t, what, &errors, err);
}

static int nonsense(struct ssh_transport *s, const char *line, struct err *err)
{
	process_end(&s->p);
	return err_set(err, ERR_FAILED, "'%s' answers what makes no sense: '%.80s'", s->t.address->host, line);
}

static int say(struct ssh_transport *s, const void *data, size_t n, struct err *err)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT;

	if (s->p.pid && fd_write_all(s->p.in, data, n, &ignored) == 0)
		return 0;
	return lost(s, err);
}

static int fill(struct ssh_transport *s, struct err *err)
{
	ssize_t n;

	while (s->p.pid && (n = read(s->p.out, s->buf, sizeof(s->buf))) < 0 && errno == EINTR)
		;
	if (!s->p.pid || n <= 0)
		return lost(s, err);
	s->from = 0;
	s->to = (size_t)n;
	return 0;
}

/* Reads a line, without its end. */
static int hear(struct ssh_transport *s, struct strbuf *line, struct err *err)
{
	strbuf_clear(line);
	for (;;) {
		const char *start, *nl;
		size_t n;

		if (s->from == s->to && fill(s, err) < 0)
			return -1;
		start = s->buf + s->from;
		nl = memchr(start, '\n', s->to - s->from);
		n = nl ? (size_t)(nl - start) : s->to - s->from;
		strbuf_add(line, start, n);
		s->from += n + (nl != NULL);
		if (line->len > LINE_LIMIT)
			return nonsense(s, line->buf, err);
		if (nl)
			return 0;
	}
}

static int hear_ok(struct ssh_transport *s, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;

	if (hear(s, &line, err) < 0)
		return -1;
	return streq(line.buf, "ok") ? 0 : nonsense(s, line.buf, err);
}

/* ---- payloads ---- */

struct looked {
	struct haul *h;
};

static void note_there(void *ctx, size_t i, int64_t size)
{
	struct payload *p = &((struct looked *)ctx)->h->v[i];

	if (p->size >= 0 && p->size != size)
		return;
	p->size = size;
	p->state = PAYLOAD_THERE;
}

/* Reads the listing up to its "." */
static int hear_listing(struct ssh_transport *s, struct strbuf *out, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;

	for (;;) {
		if (hear(s, &line, err) < 0)
			return -1;
		if (streq(line.buf, "."))
			return 0;
		strbuf_add(out, line.buf, line.len);
		strbuf_addch(out, '\n');
		if (out->len > (size_t)LOOK_AT_ONCE * 2 * LINE_LIMIT)
			return nonsense(s, line.buf, err);
	}
}

/* The payloads are sorted, as listing_parse wants it. */
static int ssh_look(struct transport *t, struct haul *h, struct err *err)
{
	struct ssh_transport *s = of(t);
	struct looked looked = {h};
	size_t i, j;

	for (i = 0; i < h->n; i += LOOK_AT_ONCE) {
		CLEANUP(strbuf_release) struct strbuf names = STRBUF_INIT, listing = STRBUF_INIT;
		CLEANUP(freep) char *request = NULL;

		for (j = i; j < MIN(i + LOOK_AT_ONCE, h->n); j++) {
			h->v[j].state = PAYLOAD_ABSENT;
			payload_path(&h->v[j].id, &names);
			strbuf_addch(&names, '\n');
		}
		request = xstrfmt("look %zu\n", names.len);
		if (say(s, request, strlen(request), err) < 0 || say(s, names.buf, names.len, err) < 0 ||
		    hear_listing(s, &listing, err) < 0)
			return -1;
		listing_parse(listing.buf, listing.len, h->v, h->n, note_there, &looked);
	}
	return 0;
}

static int request(struct ssh_transport *s, const char *word, const struct digest *id, int64_t size, struct err *err)
{
	char hex[DIGEST_HEX + 1], line[200], number[24] = "-";

	digest_hex(id, hex);
	if (size >= 0)
		snprintf(number, sizeof(number), "%jd", (intmax_t)size);
	snprintf(line, sizeof(line), "%s %s %s %.2s/%.2s\n", word, hex, number, hex, hex + 2);
	return say(s, line, strlen(line), err);
}

/* Sends size bytes whatever happens, zeros if there are not so many, for they have been announced. */
static int stream_out(struct ssh_transport *s, struct haul *h, int fd, int64_t size, struct digest *got, struct err *err)
{
	char buf[CHUNK];
	struct sha sha;
	int64_t left = size;
	int result = 0;

	sha_init(&sha);
	while (result == 0 && left > 0) {
		size_t want = (size_t)MIN(left, (int64_t)sizeof(buf));
		ssize_t n = read(fd, buf, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			n = (ssize_t)want;
			memset(buf, 0, want);
		}
		sha_update(&sha, buf, (size_t)n);
		result = say(s, buf, (size_t)n, err);
		haul_pass(h, n);
		left -= n;
	}
	sha_final(&sha, got);
	return result;
}

/* One that is not whole here is found out before the far side finds it out, and is nothing there either way. */
static int put_one(struct ssh_transport *s, struct haul *h, size_t i, bool *asked, struct err *err)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	CLEANUP(closep) int fd = -1;
	struct payload *p = &h->v[i];
	struct digest got;
	int64_t size;

	*asked = false;
	fd = payloads_open(h->here, &p->id, &size, &ignored);
	if (fd < 0) {
		haul_note(h, i, ignored.code == ERR_CORRUPT ? PAYLOAD_CORRUPT : PAYLOAD_MISSING, 0);
		return 0;
	}
	*asked = true;
	if (request(s, "put", &p->id, size, err) < 0 || stream_out(s, h, fd, size, &got, err) < 0)
		return -1;
	if (!digest_eq(&got, &p->id))
		p->state = PAYLOAD_CORRUPT;
	return 0;
}

/* Reads the answer about payload i. */
static int hear_put(struct ssh_transport *s, struct haul *h, size_t i, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT, said = STRBUF_INIT;
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	struct payload *p = &h->v[i];
	char hex[DIGEST_HEX + 1];
	const char *rest;

	digest_hex(&p->id, hex);
	if (hear(s, &line, err) < 0)
		return -1;
	if ((!skip_prefix(line.buf, "ok ", &rest) && !skip_prefix(line.buf, "bad ", &rest) &&
	     !skip_prefix(line.buf, "fail ", &rest)) || !skip_prefix(rest, hex, &rest))
		return nonsense(s, line.buf, err);
	if (line.buf[0] == 'f') {
		strbuf_addstr(&said, rest);
		return explain(&s->t, "a payload was not taken", &said, err);
	}
	if (p->state == PAYLOAD_CORRUPT) { /* here: the answer can only be "bad" */
		payloads_condemn(h->here, &p->id, &ignored);
		haul_note(h, i, PAYLOAD_CORRUPT, 0);
	} else {
		haul_note(h, i, line.buf[0] == 'o' ? PAYLOAD_MOVED : PAYLOAD_REFUSED, 0);
	}
	return 0;
}

static int ssh_send(struct transport *t, struct haul *h, struct err *err)
{
	struct ssh_transport *s = of(t);
	size_t waiting[AHEAD], first = 0, n = 0, i;
	bool asked;

	for (i = 0; i < h->n; i++) {
		if (h->v[i].state != PAYLOAD_ABSENT)
			continue;
		if (put_one(s, h, i, &asked, err) < 0)
			return -1;
		if (asked)
			waiting[(first + n++) % AHEAD] = i;
		if (n == AHEAD && hear_put(s, h, waiting[first++ % AHEAD], err) < 0)
			return -1;
		n -= n == AHEAD;
	}
	for (; n; n--)
		if (hear_put(s, h, waiting[first++ % AHEAD], err) < 0)
			return -1;
	return say(s, "sync\n", 5, err) < 0 ? -1 : hear_ok(s, err);
}

/* Reads size bytes into a, which may be NULL. What goes wrong here does not keep the rest of the bytes from being read. */
static int stream_in(struct ssh_transport *s, struct haul *h, int64_t size, struct arrival *a, struct err *here, struct err *err)
{
	while (size > 0) {
		size_t n;

		if (s->from == s->to && fill(s, err) < 0)
			return -1;
		n = (size_t)MIN((int64_t)(s->to - s->from), size);
		if (a && !here->msg && arrival_write(a, s->buf + s->from, n, here) < 0)
			a = NULL;
		haul_pass(h, (int64_t)n);
		s->from += n;
		size -= (int64_t)n;
	}
	return 0;
}

static int take_data(struct ssh_transport *s, struct haul *h, size_t i, int64_t size, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
	CLEANUP(err_release) struct err here = ERR_INIT;
	CLEANUP(arrival_drop) struct arrival *a = arrival_begin(h->here, &here);
	struct payload *p = &h->v[i];

	if (stream_in(s, h, size, a, &here, err) < 0 || hear(s, &line, err) < 0)
		return -1;
	if (line.len || hear(s, &line, err) < 0 || !streq(line.buf, "end"))
		return s->p.pid ? nonsense(s, line.buf, err) : -1;
	if (a && !here.msg && arrival_end(a, &p->id, &here) == 0) {
		haul_note(h, i, PAYLOAD_MOVED, 0);
		return 0;
	}
	if (here.code != ERR_CORRUPT)
		return err_move(err, &here);
	haul_note(h, i, PAYLOAD_CORRUPT, 0);
	return 0;
}

static int hear_get(struct ssh_transport *s, struct haul *h, size_t i, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
	char hex[DIGEST_HEX + 1];
	int64_t size;

	digest_hex(&h->v[i].id, hex);
	if (hear(s, &line, err) < 0)
		return -1;
	size = answer_size(line.buf, hex);
	if (size >= 0)
		return take_data(s, h, i, size, err);
	if (size < -1)
		return nonsense(s, line.buf, err);
	haul_note(h, i, PAYLOAD_MISSING, 0);
	return 0;
}

/* The far side looks again itself before it moves one away. */
static int tell_bad(struct ssh_transport *s, struct haul *h, struct err *err)
{
	size_t i;

	for (i = 0; i < h->n; i++)
		if (h->v[i].state == PAYLOAD_CORRUPT && (request(s, "bad", &h->v[i].id, -1, err) < 0 || hear_ok(s, err) < 0))
			return -1;
	return 0;
}

static int ssh_take(struct transport *t, struct haul *h, struct err *err)
{
	struct ssh_transport *s = of(t);
	size_t asked = 0, answered = 0, under_way = 0;

	for (;;) {
		for (; asked < h->n && under_way < AHEAD; asked++) {
			if (h->v[asked].state != PAYLOAD_ABSENT)
				continue;
			if (request(s, "get", &h->v[asked].id, -1, err) < 0)
				return -1;
			under_way++;
		}
		if (!under_way)
			return tell_bad(s, h, err);
		while (h->v[answered].state != PAYLOAD_ABSENT)
			answered++;
		if (hear_get(s, h, answered++, err) < 0)
			return -1;
		under_way--;
	}
}

/* ---- lineage ---- */

static int need_git(struct ssh_transport *s, struct err *err)
{
	if (s->git)
		return 0;
	return err_set(err, ERR_FAILED, "git is not installed on '%s': payloads can be kept there, and no lineage", s->t.address->host);
}

static int ssh_tips(struct transport *t, struct tips *out, struct err *err)
{
	return need_git(of(t), err) < 0 ? -1 : wire_tips(t, out, err);
}

static int ssh_push(struct transport *t, struct tips *tips, struct err *err)
{
	return need_git(of(t), err) < 0 ? -1 : wire_push(t, tips, err);
}

/* ---- the connection ---- */

/* As git finds its ssh: GIT_SSH_COMMAND (words for sh), core.sshCommand, GIT_SSH (a program). */
static int ssh_argv(const struct transport *t, struct strvec *argv, struct err *err)
{
	CLEANUP(strvec_release) struct strvec ask = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf configured = STRBUF_INIT;
	const char *command = getenv("GIT_SSH_COMMAND"), *ssh = getenv("GIT_SSH");
	int status = 1;

	if (!command || !*command) {
		wire_begin(t->here, &ask);
		strvec_push(&ask, "config");
		strvec_push(&ask, "core.sshCommand");
		status = wire_ask(&ask, &configured, err);
		strbuf_trim(&configured);
		command = configured.len ? configured.buf : NULL;
	}
	if (status < 0)
		return -1;
	if (command) {
		strvec_push(argv, "sh");
		strvec_push(argv, "-c");
		strvec_pushf(argv, "%s \"$@\"", command);
		strvec_push(argv, command);
	} else {
		strvec_push(argv, ssh && *ssh ? ssh : "ssh");
	}
	if (t->address->port) {
		strvec_push(argv, "-p");
		strvec_push(argv, t->address->port);
	}
	strvec_push(argv, t->address->host);
	strvec_pushf(argv, "sh -c '%s'", program);
	return 0;
}

/* Passes over what login scripts say. */
static int hear_greeting(struct ssh_transport *s, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT, said = STRBUF_INIT;
	const char *rest = NULL;
	size_t noise = 0;

	while (!rest) {
		if (hear(s, &line, err) < 0)
			return -1;
		noise += line.len + 1;
		if (!skip_prefix(line.buf, GREETING, &rest) && noise > NOISE_LIMIT)
			return nonsense(s, line.buf, err);
	}
	if (streq(rest, "1 git") || streq(rest, "1 nogit")) {
		s->git = streq(rest, "1 git");
		return 0;
	}
	process_end(&s->p);
	if (streq(rest, "absent"))
		return err_set(err, ERR_NOTFOUND, "the directory '%s' is not there on '%s'; `mlmake push` makes it", s->t.address->path,
			       s->t.address->host);
	if (!skip_prefix(rest, "fail ", &rest))
		return nonsense(s, line.buf, err);
	strbuf_addstr(&said, rest);
	return explain(&s->t, "it cannot be used", &said, err);
}

static int connect_to(struct ssh_transport *s, bool write, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf first = STRBUF_INIT;
	struct process_start how = {.argv = &argv, .talk = true};

	strbuf_addf(&first, "%s\n%s\n", s->t.address->path, write ? "make" : "use");
	if (wire_object_format(&s->t, &first, err) < 0 || ssh_argv(&s->t, &argv, err) < 0)
		return -1;
	strbuf_addch(&first, '\n');
	if (process_start(&s->p, &how, err) < 0 || say(s, first.buf, first.len, err) < 0)
		return -1;
	return hear_greeting(s, err);
}

static void ssh_free(struct transport *t)
{
	process_end(&of(t)->p);
	free(t);
}

struct transport *ssh_open(const struct address *a, const struct remote_here *here, bool write, struct err *err)
{
	static const struct transport_kind kind = {ssh_look, ssh_send, ssh_take, ssh_tips, ssh_push, wire_fetch, ssh_free};
	struct ssh_transport *s = xcalloc(1, sizeof(*s));

	s->t = (struct transport){.kind = &kind, .address = a, .here = here};
	s->p = (struct process)PROCESS_INIT;
	if (connect_to(s, write, err) == 0)
		return &s->t;
	ssh_free(&s->t);
	return NULL;
}
