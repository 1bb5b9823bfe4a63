/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread owns the descriptors; the tables of what was seen are under a lock, which is not held while the disk or another
 * process is asked: a file system that hangs stops the stages that look into it, and not the keeper. */
#include <config.h>

#include "sandbox/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "sandbox/bounds.h"
#include "sandbox/names.h"
#include "util/path.h"

/* Linux 6.6: the stage's process and this thread run by turns on one processor, which is several times as fast as to wake another up.
 * Of poll, that is: epoll does not know of it. */
#define SET_FLAGS SECCOMP_IOW(4, __u64)
#define SYNC_WAKE_UP 1

/* More about a call than is kept (enum seen_flag). */
enum {
	HOW_ITSELF = 1 << 16,  /* the name, and not what it leads to if it is a link */
	HOW_ANEW = 1 << 17,    /* it fails if the name is there */
	HOW_REMOVED = 1 << 18,
};

/* One process and its descendants. */
struct listener {
	int fd, id;
	bool no_new_privs;
};

struct stage {
	int id;
	char **skip;
	size_t n_skip;
	struct seen seen;
	bool bounded;
	struct bounds bounds;
	struct map own; /* absolute paths without links: what it made itself */
	struct stage *next;
};

struct watch {
	int sock[2]; /* descriptors come to 0 */
	pthread_t thread;
	pthread_mutex_t lock;
	struct stage *stages; /* under lock */
	/* the thread's */
	struct listener **listeners;
	struct pollfd *polled; /* sock[0], then listeners */
	size_t n, cap;
	struct names names;
	struct strbuf name, second;
};

/* ---- the stage's process ---- */

struct handing {
	int id;
	bool no_new_privs;
};

int watch_enter(const struct watch *w, int id, const struct filter *f)
{
	struct handing h = {id, false};
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {&h, sizeof(h)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int fd = filter_install(f, &h.no_new_privs);
	ssize_t n;

	if (fd < 0)
		return -fd;
	memset(&control, 0, sizeof(control));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	do
		n = sendmsg(w->sock[1], &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	close(fd);
	return n < 0 ? errno : 0;
}

/* ---- what counts ---- */

/* w->names.path, if it is byte code that Python finds and reads, becomes the path of what it was made of. */
static void to_source(struct watch *w, unsigned how)
{
	static const char cache[] = "__pycache__/";
	const char *base = path_base(w->names.path.buf), *dot = strchr(base, '.');
	size_t n = (size_t)(base - w->names.path.buf);
	CLEANUP(freep) char *name = NULL;

	if (!(how & SEEN_READ) || !dot || !ends_with(dot, ".pyc") || n < sizeof(cache) - 1)
		return;
	n -= sizeof(cache) - 1;
	if (!skip_prefix(w->names.path.buf + n, cache, NULL) || (n && w->names.path.buf[n - 1] != '/') ||
	    !names_has(&w->names, ".", w->names.path.buf))
		return;
	name = xstrndup(base, (size_t)(dot - base));
	strbuf_setlen(&w->names.path, n);
	strbuf_addf(&w->names.path, "%s.py", name);
}

static bool is_component(const char *s, size_t n, const char *what)
{
	return n == strlen(what) && memcmp(s, what, n) == 0;
}

static bool is_left_out(struct watch *w, char *path)
{
	char *s = path, *slash;

	if (streq(path_base(path), "mlmake.lock") || skip_prefix(path_base(path), "mlmake.lock.", NULL))
		return true;
	for (;; s = slash + 1) {
		size_t n = strcspn(s, "/");
		bool foreign;

		slash = s[n] ? s + n : NULL;
		if (is_component(s, n, ".git") || is_component(s, n, ".mlmake") || is_component(s, n, "__pycache__"))
			return true;
		if (!slash)
			return false;
		*slash = '\0';
		foreign = names_foreign(&w->names, path);
		*slash = '/';
		if (foreign)
			return true;
	}
}

static struct stage *find_stage(const struct watch *w, int id)
{
	struct stage *s;

	for (s = w->stages; s && s->id != id; s = s->next)
		;
	return s;
}

static bool is_skipped(const struct stage *s, const char *path)
{
	size_t i;

	for (i = 0; i < s->n_skip; i++)
		if (path_is_within(path, s->skip[i]))
			return true;
	return false;
}

static void blind(struct watch *w, const struct listener *l, unsigned how)
{
	struct stage *s;

	pthread_mutex_lock(&w->lock);
	if ((s = find_stage(w, l->id)))
		s->seen.blind |= how;
	pthread_mutex_unlock(&w->lock);
}

/* What is at the project path: SEEN_DIR, SEEN_MISSING or nothing in particular. */
static unsigned look(const struct watch *w, const char *path)
{
	CLEANUP(freep) char *full = xstrfmt("%s/%s", w->names.root, path);
	struct stat st;

	if (stat(full, &st) == 0)
		return S_ISDIR(st.st_mode) ? SEEN_DIR : 0;
	if (lstat(full, &st) == 0) /* a link to nowhere */
		return SEEN_MISSING;
	return errno == ENOENT || errno == ENOTDIR ? SEEN_MISSING : 0;
}

static void mark(struct seen_file *f, unsigned how)
{
	if (f->flags & (SEEN_WRITTEN | SEEN_MISSING)) /* it is the stage's own, or is not there to be read */
		how &= ~(unsigned)SEEN_READ;
	f->flags |= how;
}

static void note_unbounded(struct watch *w, const struct listener *l, unsigned how)
{
	char *path = w->names.path.buf;
	struct seen_file *f = NULL;
	struct stage *s;
	bool known;
	unsigned is;

	pthread_mutex_lock(&w->lock);
	s = find_stage(w, l->id);
	known = !s || is_skipped(s, path) || (f = seen_find(&s->seen, path));
	if (f)
		mark(f, how);
	pthread_mutex_unlock(&w->lock);
	if (known || is_left_out(w, path))
		return;
	is = look(w, path);
	pthread_mutex_lock(&w->lock);
	if ((s = find_stage(w, l->id)) && (f = seen_add(&s->seen, path))) {
		f->flags = is;
		mark(f, how);
	}
	pthread_mutex_unlock(&w->lock);
}

/* ---- bounds ---- */

/* Outside of the project: what is not refused to anyone. */
static bool is_device(const char *path)
{
	return path_is_within(path, "/dev") || path_is_within(path, "/proc");
}

static bool may_write(const struct watch *w, const struct stage *s, const char *real, bool there, unsigned how)
{
	if (bounds_write(&s->bounds, real) || bounds_covers(&s->own, real))
		return true;
	if (!names_below_root(&w->names, real))
		return is_device(real);
	return there ? how & HOW_ANEW : bounds_new(&s->bounds, real);
}

/* What of it the stage may not do: flags of what is refused. */
static unsigned judge(const struct watch *w, const struct stage *s, const char *real, bool there, unsigned is, unsigned how)
{
	unsigned refused = 0;

	if (how & SEEN_READ && there && !(is & SEEN_DIR) && names_below_root(&w->names, real) && !bounds_covers(&s->own, real) &&
	    !bounds_read(&s->bounds, real))
		refused |= SEEN_NOT_READ;
	if (how & SEEN_WRITTEN && !may_write(w, s, real, there, how))
		refused |= SEEN_NOT_WRITTEN;
	if (how & HOW_REMOVED && there && !may_write(w, s, real, true, 0))
		refused |= SEEN_NOT_WRITTEN;
	return refused;
}

/* Byte code is looked for and written beside declared code, and where it cannot be, it is not; what is in a virtual environment may be
 * read. */
static bool is_unjudged(struct watch *w, char *path, unsigned how)
{
	char *slash;

	if (strstr(path, "__pycache__") && (!(how & SEEN_READ) || how & HOW_REMOVED || !names_has(&w->names, ".", path)))
		return true;
	for (slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		bool venv;

		*slash = '\0';
		venv = names_foreign(&w->names, path) &&
		       (names_has(&w->names, path, "pyvenv.cfg") || names_has(&w->names, path, "conda-meta"));
		*slash = '/';
		if (venv)
			return true;
	}
	return false;
}

/* Is there nothing to judge? What was there and was let be read once cannot be replaced by the stage. */
static bool is_settled(struct watch *w, const struct listener *l, unsigned how)
{
	const struct stage *s;
	const struct seen_file *f;
	bool settled;

	pthread_mutex_lock(&w->lock);
	s = find_stage(w, l->id);
	f = s ? seen_find(&s->seen, w->names.path.buf) : NULL;
	settled = f && (how == SEEN_ASKED ||
			(how == SEEN_READ && f->flags & SEEN_READ && !(f->flags & (SEEN_WRITTEN | SEEN_NOT_READ | SEEN_DIR))));
	pthread_mutex_unlock(&w->lock);
	return settled;
}

/* True: it is to be refused. */
static bool note_bounded(struct watch *w, const struct listener *l, unsigned how)
{
	CLEANUP(freep) char *full = xstrfmt("%s/%s", w->names.root, w->names.path.buf);
	CLEANUP(strbuf_release) struct strbuf real = STRBUF_INIT;
	unsigned is, refused = 0;
	struct seen_file *f;
	struct stage *s;
	bool there;

	if (is_settled(w, l, how) || is_unjudged(w, w->names.path.buf, how))
		return false;
	there = names_real(full, how & HOW_ITSELF, &real);
	is = look(w, w->names.path.buf);
	if (there && how & HOW_ANEW)
		return false;
	pthread_mutex_lock(&w->lock);
	s = find_stage(w, l->id);
	if (s && !bounds_free(&s->bounds, real.buf) &&
	    ((f = seen_find(&s->seen, w->names.path.buf)) || (f = seen_add(&s->seen, w->names.path.buf)))) {
		if (!f->flags)
			f->flags = is;
		refused = judge(w, s, real.buf, there, is, how);
		if (refused)
			f->flags |= refused;
		else
			mark(f, how & (SEEN_READ | SEEN_WRITTEN | SEEN_LISTED | SEEN_ASKED));
		if (!refused && how & SEEN_WRITTEN && !there)
			map_put(&s->own, arena_strdup(&s->seen.arena, real.buf), s);
	}
	pthread_mutex_unlock(&w->lock);
	return refused != 0;
}

/* Of what is written outside of the project it is noted what Landlock will refuse. */
static void note_outside(struct watch *w, const struct listener *l, unsigned how)
{
	CLEANUP(strbuf_release) struct strbuf real = STRBUF_INIT;
	struct seen_file *f;
	struct stage *s;
	bool there;

	if (!w->names.outside.len || is_device(w->names.outside.buf))
		return;
	there = names_real(w->names.outside.buf, how & HOW_ITSELF, &real);
	if (there ? how & HOW_ANEW : how & HOW_REMOVED)
		return;
	pthread_mutex_lock(&w->lock);
	s = find_stage(w, l->id);
	if (s && s->bounded && !may_write(w, s, real.buf, there, how) &&
	    ((f = seen_find(&s->seen, w->names.outside.buf)) || (f = seen_add(&s->seen, w->names.outside.buf))))
		f->flags |= SEEN_NOT_WRITTEN;
	pthread_mutex_unlock(&w->lock);
}

/* The stage does this to the path in w->names.path. True: it is to be refused. */
static bool note(struct watch *w, const struct listener *l, unsigned how)
{
	const struct stage *s;
	bool bounded;

	pthread_mutex_lock(&w->lock);
	s = find_stage(w, l->id);
	bounded = s && s->bounded;
	pthread_mutex_unlock(&w->lock);
	to_source(w, how);
	if (bounded)
		return note_bounded(w, l, how);
	note_unbounded(w, l, how & ~(unsigned)(HOW_ITSELF | HOW_ANEW | HOW_REMOVED));
	return false;
}

/* ---- calls ---- */

struct call_in {
	struct watch *w;
	const struct listener *l;
	const struct seccomp_notif *req;
};

static const uint64_t *args(const struct call_in *c)
{
	return (const uint64_t *)c->req->data.args;
}

/* Otherwise what was read may have been another process's, with the same number. */
static bool still_waits(const struct call_in *c)
{
	return ioctl(c->l->fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &c->req->id) == 0;
}

/* True: it is to be refused. So of all below. */
static bool touched(const struct call_in *c, int dir, uint64_t addr, unsigned how)
{
	bool is_blind = false, refused = false;

	if (names_read((pid_t)c->req->pid, addr, &c->w->name, &is_blind)) {
		if (names_resolve(&c->w->names, (pid_t)c->req->pid, dir, c->w->name.buf))
			refused = still_waits(c) && note(c->w, c->l, how);
		else if (how & (SEEN_WRITTEN | HOW_REMOVED) && still_waits(c))
			note_outside(c->w, c->l, how);
	}
	if (is_blind)
		blind(c->w, c->l, BLIND_MEMORY);
	return refused;
}

static unsigned how_opened(uint64_t flags)
{
	unsigned how = 0;

	if (flags & O_PATH)
		return SEEN_ASKED;
	if ((flags & O_ACCMODE) == O_WRONLY || (flags & O_ACCMODE) == O_RDWR || flags & O_TRUNC)
		how |= SEEN_WRITTEN;
	if ((flags & O_ACCMODE) != O_WRONLY && !(flags & O_TRUNC))
		how |= SEEN_READ;
	if (flags & O_CREAT)
		how |= SEEN_WRITTEN;
	return (flags & O_TMPFILE) == O_TMPFILE ? 0 : how;
}

/* struct open_how: flags, mode, resolve; 64 bits each. */
static bool opened_by_how(const struct call_in *c, int dir)
{
	uint64_t how[3] = {0};
	struct iovec to = {how, sizeof(how)}, from = {(void *)(uintptr_t)args(c)[2], sizeof(how)};
	bool is_blind = false;
	const char *name;

	if (args(c)[3] < sizeof(how) || process_vm_readv((pid_t)c->req->pid, &to, 1, &from, 1, 0) != (ssize_t)sizeof(how))
		return false;
	if (!(how[2] & 0x10)) /* RESOLVE_IN_ROOT: '/' is dir */
		return touched(c, dir, args(c)[1], how_opened(how[0]));
	if (!names_read((pid_t)c->req->pid, args(c)[1], &c->w->second, &is_blind))
		return false;
	name = c->w->second.buf + strspn(c->w->second.buf, "/");
	return names_resolve(&c->w->names, (pid_t)c->req->pid, dir, *name ? name : ".") && note(c->w, c->l, how_opened(how[0]));
}

static bool listed(const struct call_in *c)
{
	return names_resolve(&c->w->names, (pid_t)c->req->pid, (int)args(c)[0], ".") &&
	       note(c->w, c->l, SEEN_LISTED);
}

/* A setuid program under PR_SET_NO_NEW_PRIVS stays who it is. */
static void check_privilege(const struct call_in *c, int dir, uint64_t addr)
{
	struct watch *w = c->w;
	bool is_blind = false;
	struct stage *s;
	struct stat st;

	if (!c->l->no_new_privs || !names_read((pid_t)c->req->pid, addr, &w->name, &is_blind))
		return;
	strbuf_clear(&w->names.path);
	if (w->name.buf[0] != '/') {
		if (!names_link((pid_t)c->req->pid, dir, &w->names.path))
			return;
		strbuf_addch(&w->names.path, '/');
	}
	strbuf_addstr(&w->names.path, w->name.buf);
	if (stat(w->names.path.buf, &st) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & (S_ISUID | S_ISGID)) || st.st_uid == geteuid())
		return;
	pthread_mutex_lock(&w->lock);
	if ((s = find_stage(w, c->l->id))) {
		s->seen.blind |= BLIND_PRIVILEGE;
		if (!s->seen.program)
			s->seen.program = xstrdup(w->names.path.buf);
	}
	pthread_mutex_unlock(&w->lock);
}

static void connects(const struct call_in *c)
{
	struct sockaddr_un un = {.sun_family = AF_UNSPEC};
	size_t n = (size_t)MIN(args(c)[2], (uint64_t)sizeof(un) - 1);
	struct iovec to = {&un, n}, from = {(void *)(uintptr_t)args(c)[1], n};

	if (process_vm_readv((pid_t)c->req->pid, &to, 1, &from, 1, 0) != (ssize_t)n || un.sun_family != AF_UNIX)
		return;
	un.sun_path[sizeof(un.sun_path) - 1] = '\0';
	if (ends_with(un.sun_path, "docker.sock") || ends_with(un.sun_path, "podman.sock") ||
	    ends_with(un.sun_path, "containerd.sock"))
		blind(c->w, c->l, BLIND_DAEMON);
}

/* What a rename does to where it comes from and goes to, and a link. */
#define FROM (SEEN_READ | HOW_ITSELF | HOW_REMOVED)
#define TO (SEEN_WRITTEN | HOW_ITSELF)
#define ANEW (SEEN_WRITTEN | HOW_ITSELF | HOW_ANEW)

static bool look_at_call(const struct call_in *c)
{
	const uint64_t *a = args(c);
	const int cwd = AT_FDCWD;

	switch (filter_shape(c->req->data.arch, c->req->data.nr)) {
	case CALL_OPEN: return touched(c, cwd, a[0], how_opened(a[1]));
	case CALL_OPENAT: return touched(c, (int)a[0], a[1], how_opened(a[2]));
	case CALL_OPENAT2: return opened_by_how(c, (int)a[0]);
	case CALL_CREAT:
	case CALL_TRUNCATE: return touched(c, cwd, a[0], SEEN_WRITTEN);
	case CALL_RUN: check_privilege(c, cwd, a[0]); return touched(c, cwd, a[0], SEEN_READ);
	case CALL_RUNAT: check_privilege(c, (int)a[0], a[1]); return touched(c, (int)a[0], a[1], SEEN_READ);
	case CALL_RENAME: return touched(c, cwd, a[0], FROM) || touched(c, cwd, a[1], TO);
	case CALL_RENAMEAT: return touched(c, (int)a[0], a[1], FROM) || touched(c, (int)a[2], a[3], TO);
	case CALL_LINK: return touched(c, cwd, a[0], SEEN_READ) || touched(c, cwd, a[1], ANEW);
	case CALL_LINKAT: return touched(c, (int)a[0], a[1], SEEN_READ) || touched(c, (int)a[2], a[3], ANEW);
	case CALL_SYMLINK: return touched(c, cwd, a[1], ANEW);
	case CALL_SYMLINKAT: return touched(c, (int)a[1], a[2], ANEW);
	case CALL_MAKE: return touched(c, cwd, a[0], ANEW);
	case CALL_MAKEAT: return touched(c, (int)a[0], a[1], ANEW);
	case CALL_REMOVE: return touched(c, cwd, a[0], HOW_ITSELF | HOW_REMOVED);
	case CALL_REMOVEAT: return touched(c, (int)a[0], a[1], HOW_ITSELF | HOW_REMOVED);
	case CALL_LIST: return listed(c);
	case CALL_ASK: return touched(c, cwd, a[0], SEEN_ASKED);
	case CALL_ASKAT: return touched(c, (int)a[0], a[1], SEEN_ASKED);
	case CALL_MOUNT: blind(c->w, c->l, BLIND_MOUNTS); return false;
	case CALL_CONNECT: connects(c); return false;
	case CALL_NONE: break;
	}
	return false;
}

/* ---- the thread ---- */

static void answer(struct watch *w, const struct listener *l)
{
	union {
		struct seccomp_notif req;
		char room[512]; /* later kernels may say more */
	} in;
	struct {
		struct seccomp_notif_resp resp;
		char room[256];
	} out;
	struct call_in c = {w, l, &in.req};

	memset(&in, 0, sizeof(in));
	if (ioctl(l->fd, SECCOMP_IOCTL_NOTIF_RECV, &in) < 0)
		return; /* killed meanwhile */
	memset(&out, 0, sizeof(out));
	out.resp.id = in.req.id;
	if (look_at_call(&c))
		out.resp.error = -EACCES;
	else
		out.resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	(void)ioctl(l->fd, SECCOMP_IOCTL_NOTIF_SEND, &out); /* if it fails, it was killed */
}

static void take_listener(struct watch *w)
{
	struct handing h = {-1, false};
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {&h, sizeof(h)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	struct listener *l;
	struct cmsghdr *c;
	int fd;

	if (recvmsg(w->sock[0], &msg, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(h) || !(c = CMSG_FIRSTHDR(&msg)) ||
	    c->cmsg_type != SCM_RIGHTS)
		return;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	ioctl(fd, SET_FLAGS, SYNC_WAKE_UP);
	l = xcalloc(1, sizeof(*l));
	*l = (struct listener){fd, h.id, h.no_new_privs};
	ALLOC_GROW(w->listeners, w->n + 1, w->cap);
	w->polled = xreallocarray(w->polled, w->n + 2, sizeof(*w->polled));
	w->listeners[w->n++] = l;
	w->polled[w->n] = (struct pollfd){.fd = fd, .events = POLLIN};
}

/* The last that was under its filter is gone. */
static void drop_listener(struct watch *w, size_t i)
{
	close(w->listeners[i]->fd);
	free(w->listeners[i]);
	w->listeners[i] = w->listeners[--w->n];
	w->polled[i + 1] = w->polled[w->n + 1];
}

static NORETURN void *watch_all(void *ctx)
{
	struct watch *w = ctx;
	size_t i;

	w->polled = xcalloc(1, sizeof(*w->polled));
	w->polled[0] = (struct pollfd){.fd = w->sock[0], .events = POLLIN};
	for (;;) {
		if (poll(w->polled, w->n + 1, -1) < 0)
			continue;
		for (i = w->n; i--;) {
			if (w->polled[i + 1].revents & POLLIN)
				answer(w, w->listeners[i]);
			else if (w->polled[i + 1].revents)
				drop_listener(w, i);
		}
		if (w->polled[0].revents)
			take_listener(w);
	}
}

/* ---- the keeper's side ---- */

struct watch *watch_new(const char *root, struct err *err)
{
	struct watch *w = xcalloc(1, sizeof(*w));
	CLEANUP(strbuf_release) struct strbuf here = STRBUF_INIT;

	w->names.root = xstrdup(streq(root, "/") ? "" : root);
	w->names.root_len = strlen(w->names.root);
	w->name = w->second = w->names.path = w->names.outside = (struct strbuf)STRBUF_INIT;
	w->sock[0] = w->sock[1] = -1;
	pthread_mutex_init(&w->lock, NULL);
	if (!names_link(getpid(), AT_FDCWD, &here) /* no /proc: no name would be known */ ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, w->sock) < 0 ||
	    pthread_create(&w->thread, NULL, watch_all, w) != 0) {
		err_errno(err, "cannot watch stages");
		closep(&w->sock[0]);
		closep(&w->sock[1]);
		free(w->names.root);
		free(w);
		return NULL;
	}
	return w;
}

void watch_begin(struct watch *w, int id, char *const *skip, size_t n, char *const *rules, size_t n_rules)
{
	struct stage *s = xcalloc(1, sizeof(*s));
	size_t i;

	s->id = id;
	s->seen = (struct seen)SEEN_INIT;
	s->skip = xreallocarray(NULL, n + 1, sizeof(*s->skip));
	s->n_skip = n;
	for (i = 0; i < n; i++)
		s->skip[i] = xstrdup(skip[i]);
	s->bounded = rules != NULL;
	s->bounds = (struct bounds)BOUNDS_INIT;
	for (i = 0; i < n_rules; i++)
		bounds_add(&s->bounds, rules[i]);
	pthread_mutex_lock(&w->lock);
	s->next = w->stages;
	w->stages = s;
	pthread_mutex_unlock(&w->lock);
}

void watch_failed(struct watch *w, int id, int number)
{
	struct stage *s;

	pthread_mutex_lock(&w->lock);
	if ((s = find_stage(w, id))) {
		s->seen.blind |= BLIND_UNWATCHED;
		s->seen.number = number;
	}
	pthread_mutex_unlock(&w->lock);
}

void watch_end(struct watch *w, int id, struct seen *out)
{
	struct stage *s, **at;
	size_t i;

	pthread_mutex_lock(&w->lock);
	for (at = &w->stages; *at && (*at)->id != id; at = &(*at)->next)
		;
	if ((s = *at))
		*at = s->next;
	pthread_mutex_unlock(&w->lock);
	if (!s)
		return;
	*out = s->seen;
	bounds_release(&s->bounds);
	map_release(&s->own);
	for (i = 0; i < s->n_skip; i++)
		free(s->skip[i]);
	free(s->skip);
	free(s);
}
