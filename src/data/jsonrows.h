/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A line of JSON Lines as fields; of rows.c alone. */
#ifndef DATA_JSONROWS_H
#define DATA_JSONROWS_H

#include "data/rows.h"

struct json_columns *json_columns_new(void);
void json_columns_free(struct json_columns *c);

/* Reads the object s[0..n), which it changes in place: texts are written without their escapes. Names that are new go to names; *fields
 * has a field for each. NULL, or what is wrong (the fields before that are there). */
const char *json_row(struct json_columns *c, char *s, size_t n, struct strvec *names, struct field **fields);

#endif
