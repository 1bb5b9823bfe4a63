/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "util/address.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "util/path.h"
#include "util/text.h"

#define HIDDEN "***"

void address_release(struct address *a)
{
	free(a->path);
	free(a->host);
	free(a->port);
	free(a->git);
	free(a->lfs);
	free(a->shown);
	strvec_release(&a->secrets);
	*a = (struct address)ADDRESS_INIT;
}

static int hex_value(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* %41 becomes A. */
static char *decode(const char *s, size_t n)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	size_t i;

	for (i = 0; i < n; i++) {
		int hi = s[i] == '%' && i + 2 < n ? hex_value(s[i + 1]) : -1;
		int lo = hi >= 0 ? hex_value(s[i + 2]) : -1;

		if (lo < 0 || (hi == 0 && lo == 0)) {
			strbuf_addch(&sb, s[i]);
		} else {
			strbuf_addch(&sb, (char)(hi << 4 | lo));
			i += 2;
		}
	}
	return strbuf_detach(&sb);
}

static void hide(struct address *a, const char *s, size_t n)
{
	if (!n)
		return;
	strvec_push_owned(&a->secrets, xstrndup(s, n));
	strvec_push_owned(&a->secrets, decode(s, n));
}

/* How long the longest secret is that stands at s[0..n). */
static size_t secret_at(const struct address *a, const char *s, size_t n)
{
	size_t i, longest = 0;

	for (i = 0; i < a->secrets.n; i++) {
		size_t len = strlen(a->secrets.v[i]);

		if (len > longest && len <= n && memcmp(s, a->secrets.v[i], len) == 0)
			longest = len;
	}
	return longest;
}

void address_redact(const struct address *a, struct strbuf *text)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	size_t at = 0;

	while (at < text->len) {
		size_t n = secret_at(a, text->buf + at, text->len - at);

		strbuf_add(&out, n ? HIDDEN : text->buf + at, n ? strlen(HIDDEN) : 1);
		at += n ? n : 1;
	}
	strbuf_clear(text);
	strbuf_add(text, out.buf, out.len);
}

static int use_dir(struct address *a, const char *path, struct err *err)
{
	const char *home = getenv("HOME"), *rest;

	if (!*path)
		return err_set(err, ERR_INVALID, "names no directory");
	a->kind = ADDRESS_DIR;
	if (skip_prefix(path, "~/", &rest) && home)
		a->path = path_join(home, rest);
	else
		a->path = path_join(".", path);
	a->git = path_join(a->path, "lineage.git");
	if (*a->git != '/') { /* no name of a remote, and nothing that begins with '-' */
		char *git = xstrfmt("./%s", a->git);

		free(a->git);
		a->git = git;
	}
	return 0;
}

/* user:password@host, of which only the password is hidden. Returns the host with its port. */
static const char *take_user(struct address *a, const char *authority, size_t n, struct strbuf *shown)
{
	const char *at = memrchr(authority, '@', n), *colon;

	if (!at)
		return authority;
	colon = memchr(authority, ':', (size_t)(at - authority));
	if (!colon) {
		strbuf_add(shown, authority, (size_t)(at + 1 - authority));
		return at + 1;
	}
	hide(a, colon + 1, (size_t)(at - colon - 1));
	strbuf_add(shown, authority, (size_t)(colon + 1 - authority));
	strbuf_addstr(shown, HIDDEN "@");
	return at + 1;
}

static int check_port(const char *port, struct err *err)
{
	int64_t n;

	return text_parse_int(port, 1, 65535, &n) ? 0 : err_set(err, ERR_INVALID, "has '%s' for a port", port);
}

/* host, host:port, [::1]:port */
static int take_host(struct address *a, const char *host, const char *end, struct err *err)
{
	const char *close = *host == '[' ? memchr(host, ']', (size_t)(end - host)) : NULL;
	const char *colon = memchr(close ? close : host, ':', (size_t)(end - (close ? close : host)));
	const char *stop = colon ? colon : end;

	if (close && close + 1 != stop)
		return err_set(err, ERR_INVALID, "has something behind the ']' of its host");
	if (close) {
		host++;
		stop = close;
	}
	if (host == stop)
		return err_set(err, ERR_INVALID, "names no host");
	if (*host == '-')
		return err_set(err, ERR_INVALID, "has a host that begins with '-'");
	a->host = xstrndup(host, (size_t)(stop - host));
	if (!colon || colon + 1 == end)
		return 0;
	a->port = xstrndup(colon + 1, (size_t)(end - colon - 1));
	return check_port(a->port, err);
}

static void name_user(struct address *a, const char *authority, const char *host)
{
	CLEANUP(freep) char *user = xstrndup(authority, (size_t)(host - authority));
	char *both;

	user[strcspn(user, ":@")] = '\0'; /* ssh takes no password */
	if (!*user)
		return;
	both = xstrfmt("%s@%s", user, a->host);
	free(a->host);
	a->host = both;
}

static int use_ssh_url(struct address *a, const char *url, const char *rest, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf shown = STRBUF_INIT;
	size_t n = strcspn(rest, "/");
	const char *host;

	strbuf_add(&shown, url, (size_t)(rest - url));
	host = take_user(a, rest, n, &shown);
	if (*rest == '-')
		return err_set(err, ERR_INVALID, "has a host that begins with '-'");
	if (take_host(a, host, rest + n, err) < 0)
		return -1;
	name_user(a, rest, host);
	if (!rest[n] || !rest[n + 1])
		return err_set(err, ERR_INVALID, "names no directory behind its host");
	a->kind = ADDRESS_SSH;
	a->path = decode(rest + n + (rest[n + 1] == '~'), strlen(rest + n + (rest[n + 1] == '~')));
	strbuf_addstr(&shown, host);
	a->shown = strbuf_detach(&shown);
	a->git = xstrfmt("%s%slineage.git", url, ends_with(url, "/") ? "" : "/");
	return 0;
}

/* user@host:path; the colon stands at `colon` */
static int use_scp(struct address *a, const char *url, const char *colon, struct err *err)
{
	const char *at = memrchr(url, '@', (size_t)(colon - url)), *host = at ? at + 1 : url;

	if (colon[1] == ':')
		return err_set(err, ERR_INVALID, "begins with '%.*s::', a helper of git's: only file, ssh, https, http and rclone will do",
			       (int)(colon - url), url);
	if (take_host(a, host, colon, err) < 0)
		return -1;
	name_user(a, url, host);
	if (!colon[1])
		return err_set(err, ERR_INVALID, "names no directory behind its host");
	if (colon[1] == '-')
		return err_set(err, ERR_INVALID, "names a directory that begins with '-', which git refuses: write './' in front of it");
	a->kind = ADDRESS_SSH;
	a->path = xstrdup(colon + 1);
	a->git = xstrfmt("%s%slineage.git", url, ends_with(url, "/") ? "" : "/");
	return 0;
}

static int use_http(struct address *a, const char *url, const char *rest, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf shown = STRBUF_INIT;
	size_t n = strcspn(rest, "/");
	const char *host;

	strbuf_add(&shown, url, (size_t)(rest - url));
	host = take_user(a, rest, n, &shown);
	if (host == rest + n || !rest[n] || !rest[n + 1])
		return err_set(err, ERR_INVALID, "names no %s", host == rest + n ? "host" : "repository behind its host");
	strbuf_addstr(&shown, host);
	a->kind = ADDRESS_LFS;
	a->shown = strbuf_detach(&shown);
	a->git = xstrdup(url);
	return 0;
}

/* Parameters of an on-the-fly remote (":sftp,host=h,pass=p:path") may be secret, all but those that say where it is. */
static void hide_parameters(struct address *a, const char *s, const char *end)
{
	static const char *const open[] = {"url", "host", "user", "port", "vendor", "type", "provider", "region", "endpoint"};

	while (s < end) {
		const char *eq = memchr(s, '=', (size_t)(end - s)), *stop;
		char quote;
		size_t i;

		if (!eq)
			return;
		quote = eq[1] == '"' || eq[1] == '\'' ? eq[1] : ',';
		stop = memchr(eq + 1 + (quote != ','), quote, (size_t)(end - eq - 1 - (quote != ',')));
		stop = stop ? stop : end;
		for (i = 0; i < ARRAY_SIZE(open); i++)
			if (strlen(open[i]) == (size_t)(eq - s) && strncmp(open[i], s, strlen(open[i])) == 0)
				break;
		if (i == ARRAY_SIZE(open))
			hide(a, eq + 1 + (quote != ','), (size_t)(stop - eq - 1 - (quote != ',')));
		s = stop + 1 + (quote != ',' && stop + 1 < end);
	}
}

static int use_rclone(struct address *a, const char *rest, struct err *err)
{
	bool quoted = false;
	size_t n, comma;

	for (n = *rest == ':'; rest[n] && (quoted || rest[n] != ':'); n++)
		if (rest[n] == '"' || rest[n] == '\'')
			quoted = !quoted;
	if (!rest[n] || n == (size_t)(*rest == ':'))
		return err_set(err, ERR_INVALID, "names no remote of rclone's: write rclone:NAME:path, with a NAME that `rclone "
			       "listremotes` shows");
	if (*rest == '-')
		return err_set(err, ERR_INVALID, "has a name that begins with '-'");
	comma = strcspn(rest, ",");
	if (comma < n) {
		hide_parameters(a, rest + comma + 1, rest + n);
		a->shown = xstrfmt("rclone:%.*s," HIDDEN "%s", (int)comma, rest, rest + n);
	}
	a->kind = ADDRESS_RCLONE;
	a->path = xstrdup(rest);
	return 0;
}

static int unknown_scheme(const char *url, const char *colon, struct err *err)
{
	static const char *const known[] = {"file", "ssh", "https", "http", "rclone"};
	CLEANUP(freep) char *scheme = xstrndup(url, (size_t)(colon - url));
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(scheme);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		nearest_offer(&near, known[i]);
	nearest_hint(&near, &hint);
	return err_set(err, ERR_INVALID, "begins with '%s://', which is none of file, ssh, https, http%s; for others there is rclone:"
		       "NAME:path", scheme, hint.buf);
}

static int check_controls(const char *s, struct err *err)
{
	size_t i;

	for (i = 0; s[i]; i++)
		if (iscntrl((unsigned char)s[i]))
			return err_set(err, ERR_INVALID, "has a control character");
	return 0;
}

static int parse_url(struct address *a, const char *url, struct err *err)
{
	const char *rest, *colon = strchr(url, ':'), *slash = strchr(url, '/');

	if (check_controls(url, err) < 0)
		return -1;
	if (*url == '-')
		return err_set(err, ERR_INVALID, "begins with '-'");
	if (skip_prefix(url, "rclone:", &rest))
		return use_rclone(a, rest, err);
	if (skip_prefix(url, "file://", &rest)) {
		CLEANUP(freep) char *path = decode(rest, strlen(rest));

		if (skip_prefix(path, "localhost/", NULL))
			memmove(path, path + 9, strlen(path + 9) + 1);
		return *path == '/' ? use_dir(a, path, err) : err_set(err, ERR_INVALID, "needs three slashes: file:///%s", path);
	}
	if (skip_prefix(url, "ssh://", &rest))
		return use_ssh_url(a, url, rest, err);
	if (skip_prefix(url, "https://", &rest) || skip_prefix(url, "http://", &rest))
		return use_http(a, url, rest, err);
	if (colon && strncmp(colon, "://", 3) == 0)
		return unknown_scheme(url, colon, err);
	if (*url == '[' && strchr(url, ']'))
		colon = strchr(strchr(url, ']'), ':');
	if (colon && (!slash || colon < slash))
		return use_scp(a, url, colon, err);
	return use_dir(a, url, err);
}

static int use_lfs(struct address *a, const char *url, const char *lfs, struct err *err)
{
	bool explicit = skip_prefix(lfs, "https://", NULL) || skip_prefix(lfs, "http://", NULL) || skip_prefix(lfs, "ssh://", NULL);

	if (a->kind == ADDRESS_DIR)
		return err_set(err, ERR_INVALID, "is a directory, which keeps large files as they are: leave 'lfs' out");
	if (a->kind == ADDRESS_RCLONE)
		return err_set(err, ERR_INVALID, "is reached by rclone, which knows nothing of git-lfs: leave 'lfs' out");
	if (!explicit && !streq(lfs, "yes"))
		return err_set(err, ERR_INVALID, "has 'lfs = %s': write yes, no, or the URL of its LFS server", lfs);
	a->kind = ADDRESS_LFS;
	free(a->git);
	a->git = xstrdup(url);
	if (explicit) {
		struct address server = ADDRESS_INIT;
		const char *rest = strstr(lfs, "://") + 3;
		size_t i;

		CLEANUP(strbuf_release) struct strbuf unused = STRBUF_INIT;

		a->lfs = xstrdup(lfs);
		take_user(&server, rest, strcspn(rest, "/"), &unused);
		for (i = 0; i < server.secrets.n; i++)
			strvec_push(&a->secrets, server.secrets.v[i]);
		address_release(&server);
	}
	return 0;
}

/* A url that cannot be read may hold a password all the same. */
static char *without_password(const char *url)
{
	const char *start = strstr(url, "://"), *at = strrchr(url, '@'), *colon;

	start = start ? start + 3 : url;
	colon = strchr(start, ':');
	if (!at || !colon || colon > at)
		return xstrdup(url);
	return xstrfmt("%.*s:" HIDDEN "%s", (int)(colon - url), url, at);
}

int address_parse(struct address *a, const char *url, const char *lfs, struct err *err)
{
	CLEANUP(freep) char *shown = NULL;
	int got;

	*a = (struct address)ADDRESS_INIT;
	got = parse_url(a, url, err);
	if (got == 0 && a->path)
		got = check_controls(a->path, err); /* written as %0a */
	if (got == 0 && lfs && !streq(lfs, "no"))
		got = use_lfs(a, url, lfs, err);
	else if (got == 0 && a->kind == ADDRESS_LFS)
		got = err_set(err, ERR_INVALID, "is a git host, which keeps large files by git-lfs: write 'lfs = yes' below it");
	if (!a->shown)
		a->shown = xstrdup(url);
	if (got == 0)
		return 0;
	shown = streq(a->shown, url) ? without_password(url) : xstrdup(a->shown);
	address_release(a);
	return err_wrap(err, "'%s'", shown);
}
