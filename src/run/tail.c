/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "run/tail.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_LIMIT 65536
#define END_BYTES 8192
#define AT_ONCE (1 << 20) /* a stage that writes without pause must not keep the reader from all else */

bool progress_parse(const char *line, struct progress *out)
{
	const char *p;
	char *end;

	if (!skip_prefix(line, "##mlmake progress ", &p) || !isdigit((unsigned char)*p))
		return false;
	errno = 0;
	out->done = strtoll(p, &end, 10);
	out->total = 0;
	if (*end == '/' && isdigit((unsigned char)end[1]))
		out->total = strtoll(end + 1, &end, 10);
	if (errno || (*end && *end != ' '))
		return false;
	out->text = end + (*end == ' ');
	return true;
}

static void give_lines(struct tail *t, bool last, void (*line)(void *ctx, const char *text, size_t n), void *ctx)
{
	char *p = t->partial.buf, *end = p + t->partial.len, *nl;
	size_t rest;

	while ((nl = memchr(p, '\n', (size_t)(end - p)))) {
		*nl = '\0';
		line(ctx, p, (size_t)(nl - p));
		p = nl + 1;
	}
	rest = (size_t)(end - p);
	if (rest && (last || rest >= LINE_LIMIT)) {
		line(ctx, p, rest);
		rest = 0;
	}
	if (rest && p != t->partial.buf)
		memmove(t->partial.buf, p, rest);
	strbuf_setlen(&t->partial, rest);
}

void tail_read(struct tail *t, const char *log, bool last, void (*line)(void *ctx, const char *text, size_t n), void *ctx)
{
	char buf[16384];
	int left = AT_ONCE / (int)sizeof(buf);
	ssize_t n;

	if (t->fd < 0)
		t->fd = open(log, O_RDONLY | O_CLOEXEC);
	while (t->fd >= 0 && (last || left-- > 0) && (n = read(t->fd, buf, sizeof(buf))) > 0) {
		strbuf_add(&t->partial, buf, (size_t)n);
		give_lines(t, false, line, ctx);
	}
	if (last)
		give_lines(t, true, line, ctx);
}

void tail_release(struct tail *t)
{
	closep(&t->fd);
	strbuf_release(&t->partial);
}

void tail_end(const char *log, size_t lines, struct strbuf *out)
{
	CLEANUP(closep) int fd = open(log, O_RDONLY | O_CLOEXEC);
	char buf[END_BYTES + 1];
	struct stat st;
	const char *p, *starts[64], *nl;
	ssize_t n;
	size_t count = 0, i;

	lines = MIN(lines, ARRAY_SIZE(starts));
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	n = pread(fd, buf, END_BYTES, MAX((off_t)0, st.st_size - END_BYTES));
	if (n <= 0)
		return;
	for (i = 0; i < (size_t)n; i++)
		if (!buf[i])
			buf[i] = '?';
	buf[n] = '\0';
	p = buf;
	if (st.st_size > END_BYTES && (nl = strchr(p, '\n')))
		p = nl + 1;
	for (; *p; p = nl ? nl + 1 : p + strlen(p)) {
		struct progress pr;

		nl = strchr(p, '\n');
		if (!progress_parse(p, &pr))
			starts[count++ % lines] = p;
	}
	for (i = count > lines ? count - lines : 0; i < count; i++) {
		p = starts[i % lines];
		strbuf_add(out, p, strcspn(p, "\n"));
		strbuf_addch(out, '\n');
	}
}
