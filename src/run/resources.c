/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "run/resources.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/file.h"
#include "util/text.h"

void resources_init(struct resources *r, int jobs, int64_t mem_total, char **gpus, size_t n_gpus)
{
	*r = (struct resources){
		.cpu_total = MAX(jobs, 1),
		.mem_total = MAX(mem_total, 0), /* 0: not known, no limit */
		.gpus = gpus,
		.gpu_used = xcalloc(n_gpus, sizeof(bool)),
		.n_gpus = n_gpus,
		.locks = STRVEC_INIT,
	};
}

void resources_release(struct resources *r)
{
	free(r->gpu_used);
	strvec_release(&r->locks);
	*r = (struct resources){.cpu_total = 0};
}

int resources_check(const struct resources *r, const struct use *use, struct err *err)
{
	if (use->gpu <= 0 || (uint64_t)use->gpu <= r->n_gpus)
		return 0;
	return err_set(err, ERR_INVALID, "it needs gpu=%lld, and there %s %zu; list the devices as 'gpus' in [project]",
		       (long long)use->gpu, r->n_gpus == 1 ? "is" : "are", r->n_gpus);
}

static bool lock_held(const struct resources *r, const struct use *use)
{
	size_t i;

	for (i = 0; i < use->n_locks; i++)
		if (strvec_has(&r->locks, use->locks[i]))
			return true;
	return false;
}

static size_t gpus_free(const struct resources *r)
{
	size_t i, n = 0;

	for (i = 0; i < r->n_gpus; i++)
		n += !r->gpu_used[i];
	return n;
}

/* The first n free ones. */
static size_t *take_gpus(struct resources *r, size_t n)
{
	size_t *taken = xreallocarray(NULL, n, sizeof(*taken));
	size_t i, k = 0;

	for (i = 0; i < r->n_gpus && k < n; i++)
		if (!r->gpu_used[i]) {
			r->gpu_used[i] = true;
			taken[k++] = i;
		}
	return taken;
}

bool resources_take(struct resources *r, const struct use *use, struct holding *h)
{
	int64_t cpu = MIN(MAX(use->cpu, 1), r->cpu_total);
	int64_t mem = r->mem_total > 0 ? MAX(use->mem, 0) : 0;
	size_t gpu = (size_t)MAX(use->gpu, 0), i;

	if (mem > r->mem_total) {
		mem = r->mem_total;
		cpu = r->cpu_total; /* alone */
	}
	if (cpu > r->cpu_total - r->cpu_used || mem > r->mem_total - r->mem_used || gpu > gpus_free(r) ||
	    lock_held(r, use))
		return false;
	r->cpu_used += cpu;
	r->mem_used += mem;
	for (i = 0; i < use->n_locks; i++)
		strvec_push(&r->locks, use->locks[i]);
	*h = (struct holding){cpu, mem, gpu ? take_gpus(r, gpu) : NULL, gpu, use->locks, use->n_locks};
	return true;
}

static void drop_lock(struct strvec *held, const char *name)
{
	size_t i;

	for (i = 0; i < held->n; i++)
		if (streq(held->v[i], name)) {
			free(held->v[i]);
			held->v[i] = held->v[--held->n];
			held->v[held->n] = NULL;
			return;
		}
}

void resources_give(struct resources *r, struct holding *h)
{
	size_t i;

	r->cpu_used -= h->cpu;
	r->mem_used -= h->mem;
	for (i = 0; i < h->n_gpus; i++)
		r->gpu_used[h->gpus[i]] = false;
	for (i = 0; i < h->n_locks; i++)
		drop_lock(&r->locks, h->locks[i]);
	free(h->gpus);
	*h = (struct holding)HOLDING_INIT;
}

void resources_gpu_ids(const struct resources *r, const struct holding *h, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < h->n_gpus; i++) {
		if (i)
			strbuf_addch(out, ',');
		strbuf_addstr(out, r->gpus[h->gpus[i]]);
	}
}

/* ---- what this machine has ---- */

/* The number in a file of the cgroup; INT64_MAX for "max" (v2), for none and for one that is no limit (v1). */
static int64_t read_limit(const char *dir, const char *name)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(freep) char *path = xstrfmt("%s/%s", dir, name);
	int64_t n;

	if (file_read(path, 4096, &text, NULL) < 0)
		return INT64_MAX;
	strbuf_trim(&text);
	return text_parse_int(text.buf, 0, INT64_MAX, &n) ? n : INT64_MAX;
}

/* The least limit of the group at path and of all above it: each binds. */
static int64_t limit_upwards(const char *root, const char *path, const char *name)
{
	CLEANUP(freep) char *dir = xstrfmt("%s%s", root, path);
	size_t top = strlen(root);
	int64_t least = INT64_MAX;
	char *slash;

	for (;;) {
		least = MIN(least, read_limit(dir, name));
		slash = strrchr(dir + top, '/');
		if (!slash)
			return least;
		*slash = '\0';
	}
}

int64_t resources_cgroup_limit(const char *list, const char *root)
{
	CLEANUP(freep) char *v1 = xstrfmt("%s/memory", root);
	CLEANUP(freep) char *text = xstrdup(list);
	char *save = NULL, *line, *names, *path;
	int64_t least = INT64_MAX;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		names = strchr(line, ':');
		path = names ? strchr(names + 1, ':') : NULL;
		if (!path)
			continue;
		*path++ = '\0';
		if (streq(names + 1, ""))
			least = MIN(least, limit_upwards(root, path, "memory.max"));
		else if (streq(names + 1, "memory"))
			least = MIN(least, limit_upwards(v1, path, "memory.limit_in_bytes"));
	}
	return least;
}

int64_t resources_memory(void)
{
	CLEANUP(strbuf_release) struct strbuf list = STRBUF_INIT;
	int64_t physical = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);

	if (file_read("/proc/self/cgroup", 1 << 20, &list, NULL) < 0)
		return physical;
	return MIN(physical, resources_cgroup_limit(list.buf, "/sys/fs/cgroup"));
}

/* As CUDA reads it: the list ends at the first id that is none. */
static void split_visible(const char *s, struct strvec *out)
{
	while (*s) {
		size_t n = strcspn(s, ",");
		size_t lead = strspn(s, " \t");

		if (lead >= n || s[lead] == '-' || strncmp(s + lead, "NoDevFiles", 10) == 0)
			return;
		strvec_push_owned(out, xstrndup(s + lead, n - lead));
		s += n + (s[n] == ',');
	}
}

static bool in_path(const char *program)
{
	const char *p = getenv("PATH");

	while (p && *p) {
		size_t n = strcspn(p, ":");
		CLEANUP(freep) char *path = xstrfmt("%.*s/%s", (int)n, p, program);

		if (n && access(path, X_OK) == 0)
			return true;
		p += n + (p[n] == ':');
	}
	return false;
}

/* "GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-...)" */
static void read_smi(FILE *f, struct strvec *out)
{
	char line[1024];
	unsigned int id;

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "GPU %u:", &id) == 1)
			strvec_pushf(out, "%u", id);
}

void resources_find_gpus(struct strvec *out)
{
	const char *visible = getenv("CUDA_VISIBLE_DEVICES");
	FILE *f;

	if (visible) {
		split_visible(visible, out);
		return;
	}
	if (!in_path("nvidia-smi"))
		return;
	f = popen("nvidia-smi -L 2>/dev/null", "re");
	if (!f)
		return;
	read_smi(f, out);
	pclose(f);
}
