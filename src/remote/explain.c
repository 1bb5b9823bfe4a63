/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What programs say when they fail, in words that tell what to do. */
#include <config.h>

#include <string.h>
#include <strings.h>

#include "remote/transport.h"
#include "util/term.h"

#define SAID_LIMIT 600

static const struct {
	const char *said, *means;
} known[] = {
	{"Could not resolve host", "the host is not known: check its name in the url, and the network"},
	{"no such host", "the host is not known: check its name in the url, and the network"},
	{"Connection refused", "the host is there and nothing listens at that port"},
	{"connection refused", "the host is there and nothing listens at that port"},
	{"Connection timed out", "the host does not answer: check the network, a VPN, or a firewall"},
	{"i/o timeout", "the host does not answer: check the network, a VPN, or a firewall"},
	{"No route to host", "the host cannot be reached from here: check the network"},
	{"Network is unreachable", "the host cannot be reached from here: check the network"},
	{"Host key verification failed", "the host is not who it was, or is not known yet: connect to it once with ssh"},
	{"Permission denied (", "the host does not let you in: check the user in the url and your ssh key"},
	{"Authentication failed", "the host does not take this user and password"},
	{"Authentication required", "the host wants a user and a password: set up a credential helper of git's"},
	{"could not read Username", "the host wants a user and a password: set up a credential helper of git's"},
	{"Authorization error", "you may not do this there"},
	{"No space left on device", "the disk is full there"},
	{"Disk quota exceeded", "your quota is used up there"},
	{"disk full", "the disk is full there"},
	{"Read-only file system", "it is read-only there"},
	{"dubious ownership", "git does not read a repository of another user's unless told that it may: git config --global --add "
			      "safe.directory DIRECTORY"},
	{"insufficient permission", "you may not write there"},
	{"Permission denied", "you may not do this there"},
	{"permission denied", "you may not do this there"},
	{"epository not found", "there is no such repository, or you may not see it"},
	{"does not appear to be a git repository", "there is no lineage at that place: check the url; `mlmake push` makes it"},
	{"didn't find section in config file", "rclone has no remote of that name: `rclone listremotes` shows those that it has"},
	{"git-lfs: not found", "git-lfs is not installed there"},
	{"git-receive-pack: not found", "git is not installed there"},
	{"git-receive-pack: command not found", "git is not installed there"},
	{"does not support the LFS", "that host has no git-lfs"},
};

/* The last lines that say something, as one. */
static void add_said(const struct strbuf *errors, struct strbuf *out)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
	size_t i, from = errors->len > SAID_LIMIT ? errors->len - SAID_LIMIT : 0;

	for (i = from; i < errors->len; i++)
		strbuf_addch(&line, errors->buf[i] == '\n' ? ' ' : errors->buf[i]);
	strbuf_trim(&line);
	term_add_clean(out, line.buf, line.len);
}

int explain(const struct transport *t, const char *what, const struct strbuf *errors, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, said = STRBUF_INIT;
	const char *means = NULL;
	size_t i;

	strbuf_add(&text, errors->buf, errors->len);
	address_redact(t->address, &text);
	for (i = 0; i < ARRAY_SIZE(known) && !means; i++)
		if (strstr(text.buf, known[i].said))
			means = known[i].means;
	add_said(&text, &said);
	return err_set(err, ERR_FAILED, "%s%s%s%s%s%s", what, means ? ": " : "", means ? means : "", said.len ? (means ? " (" : ": ") : "",
		       said.buf, said.len && means ? ")" : "");
}
