/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images of containers, by digest. */
#ifndef ENV_IMAGE_H
#define ENV_IMAGE_H

#include "env/interpreter.h"

struct image {
	const char *digest;      /* "sha256:..."; NULL: not known yet */
	const char *reference;   /* by which a container engine takes exactly this one */
	struct env_question ask; /* key NULL: nothing is to be asked */
};

/* NAME@sha256:DIGEST says it itself, of oci:DIRECTORY[:TAG] the layout's index says it, and of any other name podman, docker or skopeo,
 * whichever there is. ERR_PARSE, ERR_NOTFOUND. Not for image files. */
NODISCARD int image_find(const struct env *e, const struct env_tools *t, struct arena *a, struct image *out, struct err *err);

#endif
