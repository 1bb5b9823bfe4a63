/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "pipeline/chars.h"

#define UPPER (CHAR_ALPHA | CHAR_NAME | CHAR_SHELL)
#define LOWER (UPPER | CHAR_ATTR)
#define DIGIT (CHAR_NAME | CHAR_SHELL)

const uint8_t char_classes[256] = {
	['A' ... 'Z'] = UPPER,
	['a' ... 'z'] = LOWER,
	['0' ... '9'] = DIGIT,
	['_'] = UPPER,
	['-'] = CHAR_NAME | CHAR_ATTR | CHAR_SHELL,
	['.'] = CHAR_NAME | CHAR_SHELL,
	['/'] = CHAR_SHELL, ['='] = CHAR_SHELL, [':'] = CHAR_SHELL, [','] = CHAR_SHELL, ['@'] = CHAR_SHELL,
		['%'] = CHAR_SHELL,
	['+'] = CHAR_SHELL,
};
