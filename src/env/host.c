/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /proc/cpuinfo has "model name	: NAME" for each core, /proc/meminfo "MemTotal: 65847624 kB"; /proc/driver/nvidia/gpus/ a directory for
 * each GPU, with "Model: NAME" in the file information, and /proc/driver/nvidia/version the driver's, behind "Kernel Module". */
#include <config.h>

#include "env/host.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include "util/path.h"
#include "util/process.h"
#include "util/strvec.h"
#include "util/text.h"

#define SMI_LIMIT ((size_t)1 << 20)
#define PROC_LIMIT ((size_t)1 << 16) /* the first core says it */

struct facts {
	struct arena *a;
	struct host_fact *v;
	size_t n;
};

static void add(struct facts *f, const char *name, const char *value, size_t len)
{
	f->v = arena_grow(f->a, f->v, f->n, sizeof(*f->v));
	f->v[f->n++] = (struct host_fact){name, arena_strndup(f->a, value, len)};
}

/* The beginning of a file that has no size. */
static bool read_proc(const char *path, struct strbuf *out)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[4096];
	ssize_t n;

	strbuf_clear(out);
	while (fd >= 0 && out->len < PROC_LIMIT && (n = read(fd, buf, sizeof(buf))) > 0)
		strbuf_add(out, buf, (size_t)n);
	return out->len > 0;
}

/* The value of the first line "NAME...: VALUE"; NULL if there is none. */
static const char *field(const struct strbuf *text, const char *name, size_t *n)
{
	const char *s = text->buf, *value;

	while (s && strncmp(s, name, strlen(name)) != 0) {
		s = strchr(s, '\n');
		s = s ? s + 1 : NULL;
	}
	value = s ? memchr(s, ':', strcspn(s, "\n")) : NULL;
	if (!value)
		return NULL;
	value += 1 + strspn(value + 1, " \t");
	*n = strcspn(value, "\n");
	return value;
}

static void add_cpu(struct facts *f)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, size = STRBUF_INIT;
	const char *value;
	size_t n;

	if (read_proc("/proc/cpuinfo", &text) && (value = field(&text, "model name", &n)))
		add(f, "cpu", value, n);
	if (!read_proc("/proc/meminfo", &text) || !(value = field(&text, "MemTotal", &n)))
		return;
	text_add_size(&size, (int64_t)strtoll(value, NULL, 10) * 1024);
	add(f, "memory", size.buf, size.len);
}

static void add_libc(struct facts *f)
{
#ifdef __GLIBC__
	const char *version = arena_fmt(f->a, "glibc %s", gnu_get_libc_version());

	add(f, "libc", version, strlen(version));
#else
	(void)f;
#endif
}

/* "A x2, B" */
static void add_gpus(struct facts *f, struct strvec *names, const char *driver, size_t n)
{
	CLEANUP(strbuf_release) struct strbuf list = STRBUF_INIT;
	size_t i, same;

	if (!names->n)
		return;
	strvec_sort(names);
	for (i = 0; i < names->n; i += same) {
		for (same = 1; i + same < names->n && streq(names->v[i], names->v[i + same]); same++)
			;
		strbuf_addf(&list, "%s%s", list.len ? ", " : "", names->v[i]);
		if (same > 1)
			strbuf_addf(&list, " x%zu", same);
	}
	add(f, "gpu", list.buf, list.len);
	if (n)
		add(f, "driver", driver, n);
}

static bool gpus_of_kernel(struct facts *f)
{
	CLEANUP(strvec_release) struct strvec files = STRVEC_INIT, names = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *value, *driver = "";
	size_t i, n, n_driver = 0;

	glob_expand("/", "proc/driver/nvidia/gpus/*/information", &files);
	for (i = 0; i < files.n; i++) {
		CLEANUP(freep) char *path = path_join("/", files.v[i]);

		if (read_proc(path, &text) && (value = field(&text, "Model", &n)))
			strvec_pushf(&names, "%.*s", (int)n, value);
	}
	if (names.n && read_proc("/proc/driver/nvidia/version", &text) && (value = strstr(text.buf, "Kernel Module"))) {
		driver = value + strcspn(value, "0123456789\n");
		n_driver = strspn(driver, "0123456789.");
	}
	add_gpus(f, &names, driver, n_driver);
	return names.n > 0;
}

/* One that hangs, as it does when a GPU has died, holds nothing up for long. */
static void gpus_of_smi(struct facts *f)
{
	static const char *const words[] = {"timeout", "10", "nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"};
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT, names = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT, said = STRBUF_INIT;
	const struct process_start how = {.argv = &argv};
	const char *s, *driver = "";
	size_t i, n, n_driver = 0;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		strvec_push(&argv, words[i]);
	if (process_run(&how, NULL, 0, SMI_LIMIT, &out, &said, NULL) != 0)
		return;
	for (s = out.buf; *s; s += n + (s[n] != '\0')) {
		const char *comma = memchr(s, ',', n = strcspn(s, "\n"));

		if (!comma)
			continue;
		strvec_pushf(&names, "%.*s", (int)(comma - s), s);
		driver = comma + 1 + strspn(comma + 1, " ");
		n_driver = strcspn(driver, "\n");
	}
	add_gpus(f, &names, driver, n_driver);
}

static bool has_smi(void)
{
	const char *s = getenv("PATH");

	while (s && *s) {
		size_t n = strcspn(s, ":");
		CLEANUP(freep) char *path = xstrfmt("%.*s/nvidia-smi", (int)n, s);

		if (n && access(path, X_OK) == 0)
			return true;
		s += n + (s[n] == ':');
	}
	return false;
}

void host_facts(const char *const *variables, struct arena *a, struct host_fact **out, size_t *n)
{
	struct facts f = {.a = a};

	add_cpu(&f);
	add_libc(&f);
	if (!gpus_of_kernel(&f) && has_smi())
		gpus_of_smi(&f);
	for (; *variables; variables++)
		if (getenv(*variables))
			add(&f, *variables, getenv(*variables), strlen(getenv(*variables)));
	*out = f.v;
	*n = f.n;
}
