/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a run ran on, to be recorded with it: results may depend on it, and keys do not.
 *
 *     cpu      AMD EPYC 7B13
 *     memory   64.0 GiB
 *     libc     glibc 2.36
 *     gpu      NVIDIA A100-SXM4-40GB x2
 *     driver   535.54.03                 that of the GPUs
 *     OMP_NUM_THREADS 4                  variables that are set, of those asked for */
#ifndef ENV_HOST_H
#define ENV_HOST_H

#include "util/arena.h"

struct host_fact {
	const char *name, *value;
};

/* Appends what is known of this machine, and those of the variables (NULL-terminated) that are set. In a. Where the kernel does not tell of
 * GPUs, nvidia-smi is asked if there is one. */
void host_facts(const char *const *variables, struct arena *a, struct host_fact **out, size_t *n);

#endif
