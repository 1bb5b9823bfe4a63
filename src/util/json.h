/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON values, read and written. Values are owned by whoever made them until they are put into another; what is got
 * from a container is borrowed from it. */
#ifndef UTIL_JSON_H
#define UTIL_JSON_H

#include "util/base.h"
#include "util/err.h"
#include "util/strbuf.h"

struct json; /* one value of any kind */

enum json_kind { JSON_NULL_KIND, JSON_BOOL, JSON_INT, JSON_FLOAT, JSON_STR, JSON_LIST, JSON_MAP };

struct json *json_new_map(void); /* keeps the order of insertion */
struct json *json_new_list(void);
struct json *json_new_str(const char *s); /* bytes that are not UTF-8 become U+FFFD */
struct json *json_new_strn(const char *s, size_t n);
struct json *json_new_int(int64_t n);
struct json *json_new_float(double x); /* not finite: null */
struct json *json_new_bool(bool b);
struct json *json_new_null(void);
void json_free(struct json *j); /* NULL is nothing */
void json_freep(struct json **j);

void json_set(struct json *map, const char *key, struct json *value); /* takes value */
void json_set_str(struct json *map, const char *key, const char *s);  /* NULL s: null */
void json_set_int(struct json *map, const char *key, int64_t n);
void json_set_float(struct json *map, const char *key, double x);
void json_set_bool(struct json *map, const char *key, bool b);
void json_push(struct json *list, struct json *value); /* takes value */

/* Parses one document. ERR_PARSE with "LINE:COLUMN: what". Duplicate keys are errors. *line (if not NULL) gets the
 * line of the error. */
NODISCARD struct json *json_parse(const char *text, size_t n, int *line, struct err *err);
/* One line without blanks, or indented by two with a newline at the end. */
void json_write(const struct json *j, bool pretty, struct strbuf *out);
/* n bytes as a JSON string, in quotes. Bytes from 0x80 stay as they are. */
void json_write_string(const char *s, size_t n, struct strbuf *out);

enum json_kind json_kind(const struct json *j);
size_t json_len(const struct json *j);                            /* of a list or map, else 0 */
struct json *json_at(const struct json *list, size_t i);          /* NULL past the end */
struct json *json_get(const struct json *map, const char *key);   /* NULL if absent or no map */
const char *json_str(const struct json *j);                       /* NULL if it is no string */
int64_t json_int(const struct json *j);                           /* 0 if it is no integer */
double json_float(const struct json *j);                          /* of an integer or float, else 0 */
bool json_bool(const struct json *j);
/* Another owner of a value that stands in a container, so that it can be put into a second one. */
struct json *json_take(struct json *j);
/* Calls fn for each member, in order, until it returns non-zero, which is returned. */
int json_each(const struct json *map, int (*fn)(void *ctx, const char *key, struct json *value), void *ctx);

#endif
