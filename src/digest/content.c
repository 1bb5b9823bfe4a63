/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "digest/content.h"

#include <string.h>

static const char letters[] = "-fxdl"; /* in the order of enum content_kind */

char content_letter(enum content_kind kind)
{
	if ((size_t)kind >= sizeof(letters) - 1)
		BUG("no content kind %d", (int)kind);
	return letters[kind];
}

bool content_of_letter(char letter, enum content_kind *kind)
{
	const char *at = letter ? strchr(letters, letter) : NULL;

	if (!at)
		return false;
	*kind = (enum content_kind)(at - letters);
	return true;
}
