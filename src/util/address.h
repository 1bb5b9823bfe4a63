/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a remote is, as people write it in mlmake.ini:
 *
 *     /srv/share/churn   ../share   ~/share   file:///srv/share     a directory
 *     host:path   user@host:path   ssh://user@host:22/path           one on another machine
 *     https://host/path.git   ssh://...   host:path                  a git host, with lfs = yes (or the URL of its LFS server)
 *     rclone:NAME:path                                               anything that rclone has a name for */
#ifndef UTIL_ADDRESS_H
#define UTIL_ADDRESS_H

#include "util/base.h"
#include "util/err.h"
#include "util/strbuf.h"
#include "util/strvec.h"

enum address_kind { ADDRESS_DIR, ADDRESS_SSH, ADDRESS_LFS, ADDRESS_RCLONE };

struct address {
	enum address_kind kind;
	char *path;  /* DIR: as it is opened; SSH: as the far side is told; RCLONE: "NAME:path"; LFS: NULL */
	char *host;  /* SSH: "user@host" or "host"; else NULL */
	char *port;  /* SSH: NULL if not said */
	char *git;   /* what git is told; RCLONE: NULL */
	char *lfs;   /* LFS: URL of the server, NULL: git-lfs finds it */
	char *shown; /* for people: without passwords */
	struct strvec secrets; /* what nobody may be shown */
};
#define ADDRESS_INIT {.secrets = STRVEC_INIT}

/* lfs: "yes", "no", a URL or NULL. Looks at nothing but the text (and HOME). ERR_INVALID. */
NODISCARD int address_parse(struct address *a, const char *url, const char *lfs, struct err *err);
void address_release(struct address *a);
/* Puts "***" in place of every secret in text. */
void address_redact(const struct address *a, struct strbuf *text);

#endif
