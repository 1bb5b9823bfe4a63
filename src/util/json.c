/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only file that knows jansson. A struct json is a json_t. */
#include <config.h>

#include "util/json.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"

static json_t *in(const struct json *j)
{
	return (json_t *)(uintptr_t)j;
}

static struct json *out_of(json_t *j)
{
	if (!j)
		BUG("out of memory for JSON");
	return (struct json *)j;
}

struct json *json_new_map(void) { return out_of(json_object()); }
struct json *json_new_list(void) { return out_of(json_array()); }
struct json *json_new_int(int64_t n) { return out_of(json_integer(n)); }
struct json *json_new_bool(bool b) { return out_of(json_boolean(b)); }
struct json *json_new_null(void) { return out_of(json_null()); }

struct json *json_new_float(double x)
{
	return isfinite(x) ? out_of(json_real(x)) : json_new_null();
}

struct json *json_new_str(const char *s)
{
	return json_new_strn(s, strlen(s));
}

struct json *json_new_strn(const char *s, size_t n)
{
	CLEANUP(strbuf_release) struct strbuf clean = STRBUF_INIT;
	json_t *j = json_stringn(s, n);
	size_t i = 0, len;

	if (j)
		return out_of(j);
	while (i < n) {
		len = text_utf8_len(s + i, n - i);
		if (len)
			strbuf_add(&clean, s + i, len);
		else
			strbuf_addstr(&clean, "\xef\xbf\xbd");
		i += len ? len : 1;
	}
	return out_of(json_stringn(clean.buf, clean.len));
}

void json_free(struct json *j)
{
	json_decref(in(j));
}

void json_freep(struct json **j)
{
	json_free(*j);
	*j = NULL;
}

void json_set(struct json *map, const char *key, struct json *value)
{
	CLEANUP(json_freep) struct json *clean = NULL;

	if (json_object_set_new(in(map), key, json_incref(in(value))) < 0) {
		clean = json_new_str(key);
		if (json_object_set_new(in(map), json_string_value(in(clean)), json_incref(in(value))) < 0)
			BUG("cannot set a JSON member");
	}
	json_decref(in(value));
}

void json_set_str(struct json *map, const char *key, const char *s)
{
	json_set(map, key, s ? json_new_str(s) : json_new_null());
}

void json_set_int(struct json *map, const char *key, int64_t n)
{
	json_set(map, key, json_new_int(n));
}

void json_set_float(struct json *map, const char *key, double x)
{
	json_set(map, key, json_new_float(x));
}

void json_set_bool(struct json *map, const char *key, bool b)
{
	json_set(map, key, json_new_bool(b));
}

void json_push(struct json *list, struct json *value)
{
	if (json_array_append_new(in(list), in(value)) < 0)
		BUG("cannot append to a JSON list");
}

struct json *json_parse(const char *text, size_t n, int *line, struct err *err)
{
	json_error_t e;
	json_t *j = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);

	if (line)
		*line = j ? 0 : MAX(e.line, 1);
	if (!j)
		err_set(err, ERR_PARSE, "%d:%d: %s", MAX(e.line, 1), MAX(e.column, 0), e.text);
	return (struct json *)j;
}

void json_write_string(const char *s, size_t n, struct strbuf *out)
{
	static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *end = s + n, *escape;

	strbuf_addch(out, '"');
	while (s < end) {
		const char *run = s;

		while (s < end && (unsigned char)*s >= 0x20 && *s != '"' && *s != '\\')
			s++;
		strbuf_add(out, run, (size_t)(s - run));
		if (s == end)
			break;
		escape = *s ? strchr(plain, *s) : NULL;
		if (escape)
			strbuf_addf(out, "\\%c", letters[escape - plain]);
		else
			strbuf_addf(out, "\\u%04x", (unsigned char)*s);
		s++;
	}
	strbuf_addch(out, '"');
}

/* jansson would write 0.1 as 0.10000000000000001. */
static void write_value(json_t *j, int indent, struct strbuf *out);

static void start_item(bool first, int indent, struct strbuf *out)
{
	if (!first)
		strbuf_addch(out, ',');
	if (indent) {
		strbuf_addch(out, '\n');
		strbuf_addn(out, ' ', (size_t)indent * 2);
	}
}

static void write_container(json_t *j, int indent, struct strbuf *out)
{
	bool map = json_is_object(j), first = true;
	const char *key;
	json_t *value;
	size_t i;

	strbuf_addch(out, map ? '{' : '[');
	json_object_foreach(j, key, value) {
		start_item(first, indent, out);
		json_write_string(key, strlen(key), out);
		strbuf_addstr(out, indent ? ": " : ":");
		write_value(value, indent ? indent + 1 : 0, out);
		first = false;
	}
	json_array_foreach(j, i, value) {
		start_item(first, indent, out);
		write_value(value, indent ? indent + 1 : 0, out);
		first = false;
	}
	if (!first && indent) {
		strbuf_addch(out, '\n');
		strbuf_addn(out, ' ', ((size_t)indent - 1) * 2);
	}
	strbuf_addch(out, map ? '}' : ']');
}

/* indent: the depth of the items in j; 0: all on one line. */
static void write_value(json_t *j, int indent, struct strbuf *out)
{
	switch (json_typeof(j)) {
	case JSON_OBJECT:
	case JSON_ARRAY: write_container(j, indent, out); break;
	case JSON_STRING: json_write_string(json_string_value(j), json_string_length(j), out); break;
	case JSON_INTEGER: strbuf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(j)); break;
	case JSON_REAL: text_add_double(out, json_real_value(j)); break;
	case JSON_TRUE: strbuf_addstr(out, "true"); break;
	case JSON_FALSE: strbuf_addstr(out, "false"); break;
	case JSON_NULL: strbuf_addstr(out, "null"); break;
	}
}

void json_write(const struct json *j, bool pretty, struct strbuf *out)
{
	write_value(in(j), pretty, out);
	if (pretty)
		strbuf_addch(out, '\n');
}

enum json_kind json_kind(const struct json *j)
{
	switch (json_typeof(in(j))) {
	case JSON_OBJECT: return JSON_MAP;
	case JSON_ARRAY: return JSON_LIST;
	case JSON_STRING: return JSON_STR;
	case JSON_INTEGER: return JSON_INT;
	case JSON_REAL: return JSON_FLOAT;
	case JSON_TRUE:
	case JSON_FALSE: return JSON_BOOL;
	default: return JSON_NULL_KIND;
	}
}

size_t json_len(const struct json *j)
{
	return json_is_array(in(j)) ? json_array_size(in(j)) : json_object_size(in(j));
}

struct json *json_at(const struct json *list, size_t i)
{
	return (struct json *)json_array_get(in(list), i);
}

struct json *json_get(const struct json *map, const char *key)
{
	return (struct json *)json_object_get(in(map), key);
}

const char *json_str(const struct json *j)
{
	return json_string_value(in(j));
}

int64_t json_int(const struct json *j)
{
	return json_integer_value(in(j));
}

double json_float(const struct json *j)
{
	return json_number_value(in(j));
}

bool json_bool(const struct json *j)
{
	return json_is_true(in(j));
}

struct json *json_take(struct json *j)
{
	return out_of(json_incref(in(j)));
}

int json_each(const struct json *map, int (*fn)(void *ctx, const char *key, struct json *value), void *ctx)
{
	const char *key;
	json_t *value;
	int result = 0;

	json_object_foreach(in(map), key, value)
		if ((result = fn(ctx, key, (struct json *)value)))
			break;
	return result;
}
