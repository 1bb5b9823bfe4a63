/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A prediction service: a logistic regression over HTTP.
 *
 *     predictd PORT MODEL LOG
 *
 * MODEL is CSV, a line "feature,mean,sd,weight" each after the header, the bias first. POST /predict takes rows "id,feature,..."
 * in the model's order and answers "id,probability" for each; the rows, with the probability, are appended to LOG, which gets a header when it
 * is new. GET /health answers what cksum(1) says of the model in use. It listens on 127.0.0.1 alone.
 *
 * The parent holds the listening socket and a worker answers. On SIGHUP the parent starts another worker with the MODEL of now; when that
 * one can answer, the old one finishes the request it is at and goes. Both accept from one socket meanwhile, so no request is lost. A MODEL
 * that cannot be read leaves the old worker where it is. It may start without a MODEL, and says 503 until there is one. On SIGTERM the
 * worker finishes its request and all end. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_FEATURES 100
#define MAX_MODEL 65536
#define MAX_REQUEST (1 << 20)
#define SECONDS 5 /* that a client may keep us waiting */

struct model {
	char name[MAX_FEATURES][64];
	double mean[MAX_FEATURES], sd[MAX_FEATURES], weight[MAX_FEATURES], bias;
	int n;
	unsigned long crc, size;
};

static volatile sig_atomic_t hup, term, chld;

static void on_signal(int sig)
{
	if (sig == SIGHUP)
		hup = 1;
	else if (sig == SIGTERM)
		term = 1;
	else
		chld = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "predictd: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the model */

/* The CRC of POSIX's cksum: the bytes, then their number, lowest byte first. */
static uint32_t crc_byte(uint32_t crc, unsigned byte)
{
	int bit;

	crc ^= (uint32_t)byte << 24;
	for (bit = 0; bit < 8; bit++)
		crc = crc & 0x80000000 ? crc << 1 ^ 0x04c11db7 : crc << 1;
	return crc;
}

static unsigned long checksum(const char *text, size_t n)
{
	uint32_t crc = 0;
	size_t i;

	for (i = 0; i < n; i++)
		crc = crc_byte(crc, (unsigned char)text[i]);
	for (; n; n >>= 8)
		crc = crc_byte(crc, n & 0xff);
	return (uint32_t)~crc;
}

static bool add_line(struct model *m, const char *line)
{
	char name[64];
	double mean, sd, weight;

	if (sscanf(line, "%63[^,],%lf,%lf,%lf", name, &mean, &sd, &weight) != 4 || !isfinite(mean) || !isfinite(weight) || !(sd > 0))
		return false;
	if (strcmp(name, "bias") == 0) {
		m->bias = weight;
		return true;
	}
	if (m->n == MAX_FEATURES)
		return false;
	strcpy(m->name[m->n], name);
	m->mean[m->n] = mean;
	m->sd[m->n] = sd;
	m->weight[m->n++] = weight;
	return true;
}

static bool model_read(const char *file, struct model *m)
{
	char text[MAX_MODEL], *line, *rest = text;
	FILE *f = fopen(file, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	memset(m, 0, sizeof(*m));
	if (!f)
		return errno == ENOENT;
	fclose(f);
	m->crc = checksum(text, n);
	m->size = n;
	text[n] = '\0';
	strsep(&rest, "\n");
	while ((line = strsep(&rest, "\n")))
		if (*line && !add_line(m, line))
			return false;
	return m->n > 0;
}

/* row: "id,feature,...". Negative if it is none. */
static double probability(const struct model *m, const char *row)
{
	const char *p = strchr(row, ',');
	double z = m->bias;
	int i;

	for (i = 0; i < m->n; i++) {
		char *end;
		double v;

		if (!p)
			return -1;
		v = strtod(p + 1, &end);
		if (end == p + 1 || !isfinite(v) || *end != (i + 1 < m->n ? ',' : '\0'))
			return -1;
		z += m->weight[i] * (v - m->mean[i]) / m->sd[i];
		p = end;
	}
	return 1 / (1 + exp(-z));
}

/* ---- a request */

struct text {
	char *s;
	size_t n;
};

static void add(struct text *t, const char *format, ...)
{
	va_list args;
	char line[4096];
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(line) || !(t->s = realloc(t->s, t->n + (size_t)n + 1)))
		die("a line");
	memcpy(t->s + t->n, line, (size_t)n + 1);
	t->n += (size_t)n;
}

static void send_all(int fd, const char *s, size_t n)
{
	while (n) {
		ssize_t got = send(fd, s, n, MSG_NOSIGNAL);

		if (got <= 0)
			return;
		s += got;
		n -= (size_t)got;
	}
}

static void answer(int fd, const char *status, const struct text *body)
{
	struct text head = {NULL, 0};

	add(&head, "HTTP/1.1 %s\r\nContent-Type: text/csv\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status, body->n);
	send_all(fd, head.s, head.n);
	send_all(fd, body->s, body->n);
	free(head.s);
}

/* One write, so that lines of two workers do not mix. */
static bool log_rows(const struct model *m, const char *file, const struct text *rows)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666), i;
	struct text all = {NULL, 0};
	bool ok;

	if (fd >= 0) {
		add(&all, "id");
		for (i = 0; i < m->n; i++)
			add(&all, ",%s", m->name[i]);
		add(&all, ",probability\n");
	} else {
		fd = open(file, O_WRONLY | O_APPEND | O_CLOEXEC);
	}
	if (!(all.s = realloc(all.s, all.n + rows->n + 1)))
		die("the log");
	memcpy(all.s + all.n, rows->s, rows->n);
	all.n += rows->n;
	ok = fd >= 0 && write(fd, all.s, all.n) == (ssize_t)all.n;
	if (fd >= 0)
		close(fd);
	free(all.s);
	return ok;
}

static void predict(const struct model *m, const char *log, int fd, char *body)
{
	struct text out = {NULL, 0}, rows = {NULL, 0};
	const char *status = m->n ? "200 OK" : "503 Service Unavailable";
	char *row;

	while (m->n && (row = strsep(&body, "\n"))) {
		double p;

		row[strcspn(row, "\r")] = '\0';
		if (!*row)
			continue;
		p = strlen(row) < 2048 ? probability(m, row) : -1;
		if (p < 0) {
			status = "400 Bad Request";
			out.n = 0;
			add(&out, "not an id and %d numbers: %.60s\n", m->n, row);
			break;
		}
		add(&out, "%.*s,%.6f\n", (int)strcspn(row, ","), row, p);
		add(&rows, "%s,%.6f\n", row, p);
	}
	if (*status == '2' && rows.n && !log_rows(m, log, &rows)) {
		status = "500 Internal Server Error";
		out.n = 0;
		add(&out, "the log cannot be written\n");
	}
	answer(fd, status, &out);
	free(out.s);
	free(rows.s);
}

/* Reads head and body, ended by '\0'. The body, or NULL. */
static char *receive(int fd, char *buf)
{
	size_t n = 0, length = 0;
	char *body = NULL;

	while (n < MAX_REQUEST && (!body || (size_t)(buf + n - body) < length)) {
		ssize_t got = recv(fd, buf + n, MAX_REQUEST - n, 0);

		if (got <= 0)
			return NULL;
		n += (size_t)got;
		buf[n] = '\0';
		if (!body && (body = strstr(buf, "\r\n\r\n"))) {
			char *field = strcasestr(buf, "\r\nContent-Length:");

			if (strcasestr(buf, "\r\nExpect: 100"))
				send_all(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25);
			length = field && field < body ? strtoul(field + 17, NULL, 10) : 0;
			body += 4;
		}
	}
	return body && (size_t)(buf + n - body) >= length ? body : NULL;
}

static void serve(const struct model *m, const char *log, int fd, char *buf)
{
	struct timeval patience = {SECONDS, 0};
	struct text body = {NULL, 0};
	bool health;
	char *rows;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!(rows = receive(fd, buf)))
		return;
	if (strncmp(buf, "POST /predict ", 14) == 0) {
		predict(m, log, fd, rows);
		return;
	}
	health = strncmp(buf, "GET /health ", 12) == 0;
	if (health)
		add(&body, "%lu %lu\n", m->crc, m->size);
	else
		add(&body, "POST /predict or GET /health\n");
	answer(fd, !health ? "404 Not Found" : m->n ? "200 OK" : "503 Service Unavailable", &body);
	free(body.s);
}

/* ---- worker and parent */

/* Waits for a connection, or for a signal, which comes at no other time. */
static bool wait_for(int listener, const sigset_t *calm)
{
	struct pollfd p = {listener, POLLIN, 0};

	return ppoll(&p, listener >= 0, NULL, calm) > 0;
}

static void work(int listener, const char *file, const char *log, int ready, const sigset_t *calm)
{
	char *buf = malloc(MAX_REQUEST + 1);
	struct model m;

	signal(SIGHUP, SIG_IGN);
	if (!buf || !model_read(file, &m))
		_exit(1);
	if (write(ready, "!", 1) != 1)
		_exit(1);
	close(ready);
	while (!term) {
		int fd = wait_for(listener, calm) ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;

		if (fd >= 0) {
			serve(&m, log, fd, buf);
			shutdown(fd, SHUT_WR);
			close(fd);
		}
	}
	_exit(0);
}

/* A worker that is ready, or 0. */
static pid_t start(int listener, const char *file, const char *log, const sigset_t *calm)
{
	int ready[2];
	char c;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		die("cannot start a worker");
	if (pid == 0) {
		close(ready[0]);
		work(listener, file, log, ready[1], calm);
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1) {
		waitpid(pid, NULL, 0);
		pid = 0;
	}
	close(ready[0]);
	return pid;
}

static int listen_at(const char *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, 128) < 0)
		die(port);
	return fd;
}

static void replace(pid_t *worker, int listener, const char *file, const char *log, const sigset_t *calm)
{
	pid_t next = start(listener, file, log, calm);

	if (!next) {
		fprintf(stderr, "predictd: %s is no model; the old one stays\n", file);
		return;
	}
	kill(*worker, SIGTERM);
	*worker = next;
}

int main(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = on_signal};
	sigset_t ours, calm;
	pid_t worker, gone;
	int listener;

	if (argc != 4) {
		fprintf(stderr, "usage: predictd PORT MODEL LOG\n");
		return 2;
	}
	sigemptyset(&ours);
	sigaddset(&ours, SIGHUP);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ours, &calm);
	sigaction(SIGHUP, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGCHLD, &act, NULL);
	listener = listen_at(argv[1]);
	worker = start(listener, argv[2], argv[3], &calm);
	if (!worker) {
		fprintf(stderr, "predictd: %s is no model\n", argv[2]);
		return 1;
	}
	while (!term) {
		if (!hup && !chld)
			wait_for(-1, &calm);
		if (hup) {
			hup = 0;
			replace(&worker, listener, argv[2], argv[3], &calm);
		}
		chld = 0;
		while ((gone = waitpid(-1, NULL, WNOHANG)) > 0)
			if (gone == worker && !term) { /* it was killed: another one */
				worker = start(listener, argv[2], argv[3], &calm);
				if (!worker)
					return 1;
			}
	}
	kill(worker, SIGTERM);
	waitpid(worker, NULL, 0);
	return 0;
}
