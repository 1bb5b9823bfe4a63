/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What remote.c and chains.c share. */
#ifndef REMOTE_REMOTEROOM_H
#define REMOTE_REMOTEROOM_H

#include "remote/remote.h"
#include "remote/transport.h"

struct remote {
	char *name;
	struct transport *t;
	struct payloads *payloads; /* here */
	int jobs;
};

#endif
