/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "run/machine.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>

#define JOBS_UNDER_MAKE 10000

/* Under `make -jN` its jobserver decides how many stages run; otherwise this is the jobserver of what runs below. */
static int find_jobserver(struct machine *m, bool jobs_given, char **warning, struct err *err)
{
	m->jobserver = jobserver_client(getenv("MAKEFLAGS"), warning);
	if (m->jobserver) {
		if (!jobs_given)
			m->jobs = JOBS_UNDER_MAKE;
		return 0;
	}
	m->jobserver = jobserver_server(m->jobs, err);
	m->serving = true;
	return m->jobserver ? 0 : -1;
}

static void find_gpus(struct machine *m, const struct graph *g, const bool *selected)
{
	bool asked = false;
	size_t i;

	for (i = 0; i < g->pl->n_gpus; i++)
		strvec_push(&m->gpus, g->pl->gpus[i]);
	for (i = 0; i < g->n; i++)
		asked |= selected[i] && g->nodes[i].in->stage->use.gpu > 0;
	if (asked && !m->gpus.n)
		resources_find_gpus(&m->gpus);
}

/* Signals come through a descriptor, so that none is missed and none interrupts. Stages start with a clean mask. */
static int catch_signals(struct machine *m, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_errno(err, "cannot block signals");
	m->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return m->signal_fd < 0 ? err_errno(err, "cannot listen for signals") : 0;
}

int machine_open(struct machine *m, const struct machine_options *opt, char **warning, struct err *err)
{
	int fds[2];
	size_t n;

	*warning = NULL;
	if (m->keeper)
		return 0;
	m->jobs = opt->jobs;
	if (catch_signals(m, err) < 0 || find_jobserver(m, opt->jobs_given, warning, err) < 0)
		return -1;
	find_gpus(m, opt->g, opt->selected);
	resources_init(&m->resources, m->jobs, resources_memory(), m->gpus.v, m->gpus.n);
	n = jobserver_inherited(m->jobserver, fds);
	m->keeper = keeper_new(opt->run_id, fds, n, opt->lock_fd);
	return 0;
}

void machine_lend(struct machine *m, struct build_tools *tools)
{
	tools->launcher = m->keeper ? keeper_launcher(m->keeper) : NULL;
	tools->resources = &m->resources;
	tools->jobserver = m->jobserver;
	tools->serving = m->serving;
	tools->signal_fd = m->signal_fd;
}

void machine_release(struct machine *m)
{
	keeper_free(m->keeper);
	jobserver_free(m->jobserver);
	resources_release(&m->resources);
	strvec_release(&m->gpus);
	closep(&m->signal_fd);
	*m = (struct machine)MACHINE_INIT;
}
