/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/jobserver.h"
#include "run/keeper.h"
#include "tap.h"
#include "util/file.h"

static struct jobserver *client(const char *flags, char **warning)
{
	free(*warning);
	return jobserver_client(flags, warning);
}

/* How many bytes can be had; all of them stay taken. */
static int drain(struct jobserver *js)
{
	int n = 0;

	while (jobserver_take(js))
		n++;
	return n;
}

static bool readable(struct jobserver *js)
{
	struct pollfd p = {.fd = jobserver_fd(js), .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void no_jobserver(void)
{
	char *warning = NULL;

	EXPECT(!client(NULL, &warning));
	EXPECT(!warning);
	EXPECT(!client("", &warning));
	EXPECT(!client("kw -j4 -- A=--jobserver-auth=3,4 --jobserver-auth=5,6", &warning));
	EXPECT(!warning);
}

static void client_of_a_pipe(void)
{
	char flags[128], got[8] = "", *warning = NULL;
	struct strbuf sb = STRBUF_INIT;
	struct jobserver *js;
	int fds[2], inherited[2];

	EXPECT_INT(pipe(fds), 0);
	EXPECT_INT(write(fds[1], "abc", 3), 3);
	snprintf(flags, sizeof(flags), "w -j4 --jobserver-fds=77,78 --jobserver-auth=%d,%d -- X=1", fds[0], fds[1]);
	js = client(flags, &warning);
	EXPECT(js != NULL);
	EXPECT(!warning);
	EXPECT(readable(js));
	EXPECT_INT(drain(js), 3);
	EXPECT(!readable(js));
	EXPECT_INT(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0); /* the shared description stays as it was */
	EXPECT_INT(jobserver_inherited(js, inherited), 2);
	EXPECT_INT(inherited[0], fds[0]);
	EXPECT_INT(inherited[1], fds[1]);
	jobserver_makeflags(js, &sb);
	EXPECT_STR(sb.buf, flags);
	jobserver_give(js);
	EXPECT_INT(read(fds[0], got, 8), 1);
	EXPECT_STR(got, "c"); /* one of those that were taken */
	jobserver_refill(js); /* not a client's business */
	jobserver_free(js);   /* gives the others back */
	EXPECT_INT(read(fds[0], got, 8), 2);
	EXPECT(strcmp(got, "ab") == 0 || strcmp(got, "ba") == 0);
	close(fds[0]);
	close(fds[1]);
	strbuf_release(&sb);
}

static void client_of_a_fifo(void)
{
	char *warning = NULL;
	struct jobserver *js;
	int fd, inherited[2];

	EXPECT_INT(mkfifo("pool", 0600), 0);
	fd = open("pool", O_RDWR);
	EXPECT_INT(write(fd, "++", 2), 2);
	js = client(" -j3 --jobserver-auth=fifo:pool", &warning);
	EXPECT(js != NULL);
	EXPECT_INT(drain(js), 2);
	jobserver_give(js);
	EXPECT(readable(js));
	EXPECT_INT(jobserver_inherited(js, inherited), 0);
	jobserver_free(js);
	js = client(" -j3 --jobserver-auth=fifo:pool", &warning);
	EXPECT_INT(drain(js), 2);
	jobserver_free(js);
	close(fd);
}

static void what_cannot_be_used_is_told(void)
{
	static const char hint[] = "make does not pass its jobserver on; put '+' before the command that runs mlmake";
	char *warning = NULL;
	int file = open("plain", O_RDWR | O_CREAT, 0600), fds[2];
	char flags[64];

	EXPECT(!client("-j2 --jobserver-auth=-2,-2", &warning));
	EXPECT_STR(warning, hint);
	EXPECT(!client("-j2 --jobserver-auth=998,999", &warning));
	EXPECT_STR(warning, hint);
	snprintf(flags, sizeof(flags), "--jobserver-auth=%d,%d", file, file); /* now a plain file is opened there */
	EXPECT(!client(flags, &warning));
	EXPECT_STR(warning, hint);
	EXPECT_INT(pipe(fds), 0);
	snprintf(flags, sizeof(flags), "--jobserver-auth=%d,%d", fds[1], fds[0]); /* the wrong way round */
	EXPECT(!client(flags, &warning));
	EXPECT_STR(warning, hint);
	EXPECT(!client("--jobserver-auth=fifo:absent", &warning));
	EXPECT_STR(warning, "cannot use the jobserver of make: 'absent': No such file or directory");
	EXPECT(!client("--jobserver-auth=fifo:plain", &warning));
	EXPECT_STR(warning, "cannot use the jobserver of make: 'plain': not a named pipe");
	EXPECT(!client("--jobserver-auth=3", &warning));
	EXPECT_STR(warning, "cannot use the jobserver of make: '3' is neither R,W nor fifo:PATH");
	EXPECT(!client("--jobserver-auth=99999999999,4", &warning));
	EXPECT(!client("--jobserver-auth=3,4x", &warning));
	EXPECT(!client("--jobserver-auth=", &warning));
	free(warning);
	close(file);
	close(fds[0]);
	close(fds[1]);
}

static void server_counts(void)
{
	struct jobserver *js = jobserver_server(4, NULL);
	struct strbuf sb = STRBUF_INIT;
	char want[64], c;
	int fds[2], i, held = 0;
	unsigned int seed = 1;

	EXPECT_INT(jobserver_inherited(js, fds), 2);
	snprintf(want, sizeof(want), " -j4 --jobserver-auth=%d,%d", fds[0], fds[1]);
	jobserver_makeflags(js, &sb);
	EXPECT_STR(sb.buf, want);
	EXPECT((fcntl(fds[0], F_GETFD) & FD_CLOEXEC) && (fcntl(fds[1], F_GETFD) & FD_CLOEXEC));
	for (i = 0; i < 10000; i++) {
		seed = seed * 1103515245 + 12345;
		if (seed >> 16 & 1) {
			held += jobserver_take(js);
		} else if (held) {
			jobserver_give(js);
			held--;
		}
	}
	EXPECT_INT(drain(js) + held, 3);
	jobserver_give(js);
	jobserver_give(js);
	EXPECT_INT(read(fds[0], &c, 1), 1); /* a make that was killed never gives it back */
	jobserver_refill(js);
	EXPECT_INT(drain(js), 2);
	EXPECT_INT(write(fds[1], "x", 1), 1); /* and one that gives too much */
	jobserver_refill(js);
	EXPECT(!readable(js));
	jobserver_free(js);
	strbuf_release(&sb);
	js = jobserver_server(1, NULL);
	EXPECT(!jobserver_take(js));
	jobserver_free(js);
	jobserver_free(NULL);
}

/* t1 to t3 wait for one another, so that fewer than three at once would never end; the rest shows that it is never more. */
static const char makefile[] =
	"all: t1 t2 t3 $(foreach i,1 2 3 4 5 6 7 8 9,r$i)\n"
	"t%:\n"
	"\t@echo + >> trace; : > up$*; while ! test -e up1 || ! test -e up2 || ! test -e up3; do :; done; echo - >> trace\n"
	"r%: | t1 t2 t3\n"
	"\t@echo + >> trace; true; true; echo - >> trace\n";

static int most_at_once(void)
{
	struct strbuf sb = STRBUF_INIT;
	int now = 0, most = 0;
	size_t i;

	EXPECT_INT(file_read("trace", 1 << 20, &sb, NULL), 0);
	for (i = 0; i < sb.len; i++) {
		now += (sb.buf[i] == '+') - (sb.buf[i] == '-');
		most = most > now ? most : now;
	}
	EXPECT_INT(now, 0);
	strbuf_release(&sb);
	return most;
}

/* What `make all` in a stage makes of a pool of three: returns its status. */
static int run_make(struct jobserver *js)
{
	struct strbuf flags = STRBUF_INIT;
	char *env[2] = {NULL, NULL};
	struct launch l = {"n", "make -s all", NULL, env, "log"};
	struct launch_end end = {.status = -1};
	const struct launcher *la;
	struct keeper *k;
	struct pollfd p = {.events = POLLIN};
	int fds[2], id;
	size_t n;

	strbuf_addstr(&flags, "MAKEFLAGS=");
	jobserver_makeflags(js, &flags);
	env[0] = flags.buf;
	n = jobserver_inherited(js, fds);
	k = keeper_new("js", fds, n, -1);
	la = keeper_launcher(k);
	EXPECT_INT(la->start(la->ctx, &l, &id, NULL), 0);
	p.fd = la->fd(la->ctx);
	while (la->reap(la->ctx, &end, NULL) == 0 && poll(&p, 1, 60000) == 1)
		;
	keeper_free(k);
	strbuf_release(&flags);
	return end.status;
}

static void make_in_a_stage_takes_slots(void)
{
	struct jobserver *js = jobserver_server(3, NULL);

	EXPECT_INT(file_write("Makefile", makefile, sizeof(makefile) - 1, 0644, false, NULL), 0);
	EXPECT_INT(run_make(js), 0);
	EXPECT_INT(most_at_once(), 3);
	EXPECT_INT(drain(js), 2); /* make gave all of them back */
	EXPECT_INT(unlink("trace"), 0);
	EXPECT_INT(run_make(js), 0); /* none to be had: one at a time. t1 to t3 find the others' marks. */
	EXPECT_INT(most_at_once(), 1);
	jobserver_free(js);
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"no jobserver is offered", no_jobserver},
		{"client of a pipe", client_of_a_pipe},
		{"client of a named pipe", client_of_a_fifo},
		{"what cannot be used is told", what_cannot_be_used_is_told},
		{"the server's slots are kept", server_counts},
		{"make in a stage takes slots from the pool", make_in_a_stage_takes_slots},
	};

	unsetenv("MAKEFLAGS");
	unsetenv("MAKELEVEL");
	return tap_run("jobserver", tests, sizeof(tests) / sizeof(tests[0]));
}
