/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What programs say when they fail, in words that tell what to do. */
#include <config.h>

#include <string.h>
#include <strings.h>

#include "remote/transport.h"
#include "util/term.h"

#define LINES 3         /* of what a program said last */
#define LINE_LIMIT 300

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
	{"unable to create temporary object directory", "you may not write there"},
	{"Permission denied", "you may not do this there"},
	{"permission denied", "you may not do this there"},
	{"epository not found", "there is no such repository, or you may not see it"},
	{"/' not found", "there is no such repository, or you may not see it"},
	{"does not appear to be a git repository", "there is no lineage at that place: check the url; `mlmake push` makes it"},
	{"didn't find section in config file", "rclone has no remote of that name: `rclone listremotes` shows those that it has"},
	{"Fatal error: Server error", "the host itself fails: try again later, or tell who runs it"},
	{"Rate limit exceeded", "the host wants fewer requests at once: try again later, or write 'jobs = 1' in [remote]"},
	{"Expected JSON type", "what answers there is no LFS server: check the url, and whether it wants a login"},
	{"git-lfs: not found", "git-lfs is not installed there"},
	{"git-receive-pack: not found", "git is not installed there"},
	{"git-receive-pack: command not found", "git is not installed there"},
	{"does not support the LFS", "that host has no git-lfs"},
};

/* "2026/11/26 14:59:09 " is rclone's, in front of every line. */
static const char *without_time(const char *line)
{
	static const char form[] = "dddd/dd/dd dd:dd:dd ";
	size_t i;

	for (i = 0; form[i]; i++)
		if (form[i] == 'd' ? line[i] < '0' || line[i] > '9' : line[i] != form[i])
			return line;
	return line + i;
}

/* Lines that come whatever happens, or tell of a file that will be gone. */
static bool is_noise(const char *line)
{
	return skip_prefix(line, "fetch: Fetching reference ", NULL) || skip_prefix(line, "Use `git lfs logs last`", NULL) ||
	       skip_prefix(line, "Errors logged to ", NULL);
}

/* The last lines that say something, and not the same, as one. */
static void add_said(const char *text, struct strbuf *out)
{
	CLEANUP(strvec_release) struct strvec lines = STRVEC_INIT;
	size_t i;

	while (*text) {
		CLEANUP(freep) char *line = xstrndup(text, strcspn(text, "\n"));
		CLEANUP(strbuf_release) struct strbuf clean = STRBUF_INIT;

		text += strlen(line);
		text += *text == '\n';
		term_add_clean(&clean, without_time(line), strlen(without_time(line)));
		strbuf_trim(&clean);
		if (clean.len > LINE_LIMIT)
			strbuf_setlen(&clean, LINE_LIMIT);
		if (clean.len && !is_noise(clean.buf) && !strvec_has(&lines, clean.buf))
			strvec_push(&lines, clean.buf);
	}
	for (i = lines.n > LINES ? lines.n - LINES : 0; i < lines.n; i++)
		strbuf_addf(out, "%s%s", out->len ? "; " : "", lines.v[i]);
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
	add_said(text.buf, &said);
	return err_set(err, ERR_FAILED, "%s%s%s%s%s%s", what, means ? ": " : "", means ? means : "", said.len ? (means ? " (" : ": ") : "",
		       said.buf, said.len && means ? ")" : "");
}
