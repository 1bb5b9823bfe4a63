/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stages share: cores, memory, GPUs, named locks. */
#ifndef RUN_RESOURCES_H
#define RUN_RESOURCES_H

#include "graph/graph.h"
#include "util/err.h"
#include "util/strvec.h"

struct resources {
	int64_t cpu_total, cpu_used; /* slots of -j */
	int64_t mem_total, mem_used; /* bytes */
	char **gpus;                 /* ids; borrowed */
	bool *gpu_used;
	size_t n_gpus;
	struct strvec locks;         /* held now */
};

/* What an instance holds. */
struct holding {
	int64_t cpu, mem;
	size_t *gpus; /* indices, owned */
	size_t n_gpus;
	const char **locks; /* borrowed from use */
	size_t n_locks;
};
#define HOLDING_INIT {0, 0, NULL, 0, NULL, 0}

void resources_init(struct resources *r, int jobs, int64_t mem_total, char **gpus, size_t n_gpus);
void resources_release(struct resources *r);
/* Can use ever be granted? A stage that asks for more cores or memory than there are gets all there is and runs alone;
 * more GPUs than there are is ERR_INVALID. */
NODISCARD int resources_check(const struct resources *r, const struct use *use, struct err *err);
/* Takes all of it, or nothing and false. */
bool resources_take(struct resources *r, const struct use *use, struct holding *h);
void resources_give(struct resources *r, struct holding *h);
/* "0,2" for CUDA_VISIBLE_DEVICES */
void resources_gpu_ids(const struct resources *r, const struct holding *h, struct strbuf *out);

/* Memory this process may use: the smaller of physical memory and the cgroup's limit. */
int64_t resources_memory(void);
/* The least memory limit of the control groups in list (the text of /proc/self/cgroup), which are mounted at root;
 * versions 1 and 2. INT64_MAX: none. */
int64_t resources_cgroup_limit(const char *list, const char *root);
/* GPU ids: CUDA_VISIBLE_DEVICES if set, else the indices of `nvidia-smi -L`; nothing if it is not there. */
void resources_find_gpus(struct strvec *out);

#endif
