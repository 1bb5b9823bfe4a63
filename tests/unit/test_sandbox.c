/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Programs run under the filter, and what was seen of them. The programs are sh and what every system has; those that make calls by
 * hand are this program itself, forked. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/bounds.h"
#include "sandbox/confine.h"
#include "sandbox/watch.h"
#include "tap.h"
#include "util/strbuf.h"

/* ThreadSanitizer allows no threads in the child of a process with threads. */
#ifdef __SANITIZE_THREAD__
#define CHILD_HAS_THREADS false
#else
#define CHILD_HAS_THREADS true
#endif

static struct watch *watch, *first;
static int last_id;

static char *const *rules; /* NULL: no bounds */
static size_t n_rules;

/* Runs fn under the filter and returns its exit status; what was seen is in *seen. */
static int watched(void (*fn)(void), enum watch_depth depth, struct seen *seen)
{
	static struct filter f;
	int id = ++last_id, status = -1;
	pid_t pid;

	*seen = (struct seen)SEEN_INIT;
	if (!watch) {
		char *here = getcwd(NULL, 0);

		watch = watch_new(here, NULL);
		free(here);
	}
	if (!filter_make(&f, depth, NULL))
		return 200;
	watch_begin(watch, id, NULL, 0, rules, n_rules);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (watch_enter(watch, id, &f))
			_exit(200);
		fn();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	watch_end(watch, id, seen);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *command;

static void run_command(void)
{
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static int sh(const char *cmd, enum watch_depth depth, struct seen *seen)
{
	command = cmd;
	return watched(run_command, depth, seen);
}

/* "rwml" in this order: read, written, missing, listed; "" if it was not seen. */
static const char *how(const struct seen *s, const char *path)
{
	static char text[8];
	const struct seen_file *f = seen_find(s, path);
	size_t n = 0;

	if (f) {
		if (f->flags & SEEN_READ)
			text[n++] = 'r';
		if (f->flags & SEEN_WRITTEN)
			text[n++] = 'w';
		if (f->flags & SEEN_MISSING)
			text[n++] = 'm';
		if (f->flags & SEEN_LISTED)
			text[n++] = 'l';
	}
	text[n] = '\0';
	return text;
}

static void put(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	EXPECT_INT(write(fd, "text\n", 5), 5);
	close(fd);
}

static void files_of_the_shell(void)
{
	struct seen s;

	put("in.txt");
	put("other.txt");
	mkdir("d", 0755);
	put("d/x");
	EXPECT_INT(sh("cat in.txt > out.txt; cat out.txt >> out2.txt; cat none 2>/dev/null; cd d && cat x ../other.txt > /dev/null; "
		      "ls > /dev/null; true", WATCH_OPENS, &s), 0);
	EXPECT_STR(how(&s, "in.txt"), "r");
	EXPECT_STR(how(&s, "out.txt"), "wm"); /* not read: it is its own */
	EXPECT_STR(how(&s, "out2.txt"), "wm");
	EXPECT_STR(how(&s, "none"), "m");
	EXPECT_STR(how(&s, "d/x"), "r");
	EXPECT_STR(how(&s, "other.txt"), "r");
	EXPECT_STR(how(&s, "d"), "rl");
	EXPECT_INT(s.blind, 0);
	seen_release(&s);
}

static void lookups(void)
{
	struct seen s;

	EXPECT_INT(sh("test -f in.txt; test -e never.rc; true", WATCH_LOOKUPS, &s), 0);
	EXPECT_STR(how(&s, "in.txt"), "");
	EXPECT(seen_find(&s, "in.txt") != NULL);
	EXPECT_STR(how(&s, "never.rc"), "m");
	seen_release(&s);
	EXPECT_INT(sh("test -e never.rc; readlink gone; true", WATCH_QUESTIONS, &s), 0);
	EXPECT_STR(how(&s, "never.rc"), "m");
	EXPECT(seen_find(&s, "gone") == NULL);
	seen_release(&s);
	EXPECT_INT(sh("readlink gone; true", WATCH_LOOKUPS, &s), 0);
	EXPECT_STR(how(&s, "gone"), "m");
	seen_release(&s);
	EXPECT_INT(sh("test -e never.rc; true", WATCH_OPENS, &s), 0);
	EXPECT(seen_find(&s, "never.rc") == NULL);
	seen_release(&s);
}

/* Calls that no program of the system makes on demand. */
static void odd_calls(void)
{
	uint64_t how[3] = {O_RDONLY, 0, 0};
	int d = open("d", O_RDONLY | O_DIRECTORY), fd;
	char name[32];

	fd = openat(d, "x", O_RDONLY);
	close(fd);
	fd = (int)syscall(437, AT_FDCWD, "how.txt", how, sizeof(how));
	close(fd);
	how[2] = 0x10; /* RESOLVE_IN_ROOT */
	fd = (int)syscall(437, d, "/rooted.txt", how, sizeof(how));
	close(fd);
	fd = open("in.txt", O_RDONLY | O_PATH);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	close(open(name, O_RDONLY));
	(void)!truncate("cut.txt", 1);
	(void)!rename("old.txt", "new.txt");
	(void)!link("in.txt", "hard.txt");
	(void)!symlink("in.txt", "soft.txt");
	close(open("mapped.txt", O_RDWR));
	close(open("via/x", O_RDONLY));
	close(open("d/../twisted.txt", O_RDONLY));
	close(open("via/../in.txt", O_RDONLY)); /* below elsewhere, where there is none */
}

static void all_ways_in(void)
{
	struct seen s;
	const char *const files[] = {"how.txt", "d/rooted.txt", "cut.txt", "old.txt", "mapped.txt", "twisted.txt"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		put(files[i]);
	(void)!symlink("d", "via");
	EXPECT_INT(watched(odd_calls, WATCH_OPENS, &s), 0);
	EXPECT_STR(how(&s, "d/x"), "r");
	EXPECT_STR(how(&s, "how.txt"), "r");
	EXPECT_STR(how(&s, "d/rooted.txt"), "r");
	EXPECT_STR(how(&s, "in.txt"), "r");
	EXPECT_STR(how(&s, "cut.txt"), "w");
	EXPECT_STR(how(&s, "old.txt"), "r");
	EXPECT_STR(how(&s, "new.txt"), "wm");
	EXPECT_STR(how(&s, "hard.txt"), "wm");
	EXPECT_STR(how(&s, "soft.txt"), "wm");
	EXPECT_STR(how(&s, "mapped.txt"), "rw");
	EXPECT_STR(how(&s, "via/x"), "r");
	EXPECT_STR(how(&s, "twisted.txt"), "r");
	seen_release(&s);
}

static void blocked_ring(void)
{
	long fd = syscall(425, 8, NULL);

	_exit(fd < 0 && errno == ENOSYS ? 0 : 1);
}

static void io_uring(void)
{
	struct seen s;

	EXPECT_INT(watched(blocked_ring, WATCH_OPENS, &s), 0);
	seen_release(&s);
}

#ifdef __x86_64__
/* openat of a 32-bit program: path below 4 GiB, int 0x80. */
static void call_32(void)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long got;

	if (low == MAP_FAILED)
		_exit(77);
	strcpy(low, "thirtytwo.txt");
	__asm__ volatile("int $0x80" : "=a"(got) : "0"(5L), "b"(low), "c"(0L), "d"(0L) : "memory", "r8", "r9", "r10", "r11");
	_exit(got >= 0 ? 0 : got == -ENOSYS ? 77 : 1);
}

static void programs_of_32_bits(void)
{
	struct seen s;
	int status;

	put("thirtytwo.txt");
	status = watched(call_32, WATCH_OPENS, &s);
	if (status == 0)
		EXPECT_STR(how(&s, "thirtytwo.txt"), "r");
	else
		printf("# no 32-bit calls here\n");
	seen_release(&s);
}
#endif

static void *open_many(void *ctx)
{
	char name[32];
	int i;

	for (i = 0; i < 250; i++) {
		snprintf(name, sizeof(name), "many/%d-%d", *(int *)ctx, i);
		close(open(name, O_RDWR | O_CREAT, 0644));
	}
	return NULL;
}

static void threads_and_children(void)
{
	static int number[4] = {0, 1, 2, 3};
	pthread_t t[4];
	int i;

	for (i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, open_many, &number[i]);
	for (i = 2; i < 4; i++)
		if (fork() == 0) {
			open_many(&number[i]);
			_exit(0);
		}
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	while (wait(NULL) > 0)
		;
}

static void a_thousand(void)
{
	char name[32];
	struct seen s;
	size_t i, n = 0;

	if (!CHILD_HAS_THREADS)
		return;
	mkdir("many", 0755);
	EXPECT_INT(watched(threads_and_children, WATCH_OPENS, &s), 0);
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "many/%zu-%zu", i / 250, i % 250);
		n += seen_find(&s, name) != NULL;
	}
	EXPECT_INT((int)n, 1000);
	seen_release(&s);
}

static void left_out(void)
{
	struct seen s;
	size_t i;

	(void)!system("mkdir -p .git venv/lib cache __pycache__ .mlmake && touch .git/HEAD venv/pyvenv.cfg venv/lib/x.py cache/CACHEDIR.TAG "
		      "cache/y __pycache__/z.pyc .mlmake/a mlmake.lock /tmp/mlmake-outside");
	EXPECT_INT(sh("cat .git/HEAD venv/lib/x.py cache/y __pycache__/z.pyc .mlmake/a mlmake.lock /tmp/mlmake-outside /dev/null > /dev/null",
		      WATCH_LOOKUPS, &s), 0);
	for (i = 0; i < s.n; i++)
		EXPECT(streq(s.v[i]->path, ".") || streq(s.v[i]->path, "z.py")); /* the shell may ask for the first; byte code */
	unlink("/tmp/mlmake-outside");
	seen_release(&s);
}

static void names_of_all_kinds(void)
{
	struct seen s;
	char longest[300];

	memset(longest, 'x', 255);
	longest[255] = '\0';
	put(longest);
	put("new\nline");
	put("b\xff" "d");
	EXPECT_INT(sh("cat x* new* b* > /dev/null; cat \"$(printf 'y%.0s' $(seq 5000))\" 2> /dev/null; true", WATCH_OPENS, &s), 0);
	EXPECT_STR(how(&s, longest), "r");
	EXPECT_STR(how(&s, "new\nline"), "r");
	EXPECT_STR(how(&s, "b\xff" "d"), "r");
	seen_release(&s);
}

/* Who watches is killed: what waits gets ENOSYS and goes on. */
static void the_watcher_dies(void)
{
	int status = -1, ready[2], fd;
	char c;
	pid_t parent;

	if (!CHILD_HAS_THREADS)
		return;
	EXPECT_INT(pipe(ready), 0);
	fflush(stdout);
	parent = fork();
	if (parent == 0) {
		struct watch *w = watch_new(tap_dir(), NULL);
		static struct filter f;

		(void)!filter_make(&f, WATCH_OPENS, NULL);
		watch_begin(w, 1, NULL, 0, NULL, 0);
		if (fork() == 0) {
			if (watch_enter(w, 1, &f))
				_exit(1);
			close(open("in.txt", O_RDONLY)); /* the watcher has the descriptor when this is answered */
			(void)!write(ready[1], "r", 1);
			for (;;) { /* until the watcher is gone */
				fd = open("in.txt", O_RDONLY);
				if (fd < 0 && errno == ENOSYS)
					break;
				close(fd);
			}
			(void)!write(ready[1], "g", 1);
			_exit(0);
		}
		pause();
	}
	close(ready[1]);
	EXPECT_INT(read(ready[0], &c, 1), 1);
	kill(parent, SIGKILL);
	waitpid(parent, &status, 0);
	EXPECT_INT(read(ready[0], &c, 1), 1); /* it hears of it, and the pipe ends */
	EXPECT_INT(read(ready[0], &c, 1), 0);
	close(ready[0]);
}

static void wire(void)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct seen a = SEEN_INIT, b = SEEN_INIT;
	size_t n;

	seen_add(&a, "one")->flags = SEEN_READ;
	seen_add(&a, "two\n")->flags = SEEN_WRITTEN;
	a.blind = BLIND_PRIVILEGE;
	a.program = xstrdup("/bin/su");
	seen_write(&a, &text);
	EXPECT_INT(seen_parse(text.buf, text.len, &b), 0);
	EXPECT_INT((int)b.n, 2);
	EXPECT_STR(how(&b, "two\n"), "w");
	EXPECT_STR(b.program, "/bin/su");
	seen_release(&b);
	for (n = 0; n < text.len; n++) { /* cut anywhere */
		EXPECT(seen_parse(text.buf, n, &b) < 0);
		seen_release(&b);
	}
	seen_release(&a);
}

static void byte_code(void)
{
	struct seen s;

	mkdir("__pycache__", 0755);
	mkdir("pkg", 0755);
	mkdir("pkg/__pycache__", 0755);
	put("__pycache__/top.cpython-311.pyc");
	put("pkg/__pycache__/mod.cpython-311.opt-1.pyc");
	put("pkg/mod.py");
	put("__pycache__/odd");
	EXPECT_INT(sh("cat __pycache__/top.cpython-311.pyc pkg/__pycache__/mod.cpython-311.opt-1.pyc __pycache__/odd > /dev/null; "
		      "cat __pycache__/none.cpython-311.pyc 2> /dev/null; echo > __pycache__/new.cpython-311.pyc", WATCH_OPENS, &s), 0);
	EXPECT_STR(how(&s, "pkg/mod.py"), "r");
	EXPECT_STR(how(&s, "top.py"), "m"); /* not there any more */
	EXPECT(!seen_find(&s, "none.py") && !seen_find(&s, "new.py") && !seen_find(&s, "__pycache__/odd"));
	EXPECT(!seen_find(&s, "pkg/__pycache__/mod.cpython-311.opt-1.pyc"));
	seen_release(&s);
}

/* ---- bounds ---- */

static void what_bounds_say(void)
{
	struct bounds b = BOUNDS_INIT;

	bounds_add(&b, "r/p/in");
	bounds_add(&b, "w/p/out/a.txt");
	bounds_add(&b, "t/tmp");
	EXPECT(bounds_read(&b, "/p/in") && bounds_read(&b, "/p/in/x/y") && !bounds_read(&b, "/p/in2") && !bounds_read(&b, "/p"));
	EXPECT(bounds_read(&b, "/p/out/a.txt") && !bounds_read(&b, "/p/out/b.txt") && bounds_read(&b, "/tmp/x"));
	EXPECT(bounds_write(&b, "/p/out/a.txt") && bounds_write(&b, "/p/out/a.txt/in") && !bounds_write(&b, "/p/out") && !bounds_write(&b, "/p/in"));
	EXPECT(bounds_new(&b, "/p/out/b.tmp") && bounds_new(&b, "/p/out/d/e") && !bounds_new(&b, "/p/b.tmp") && !bounds_new(&b, "/p/in/n"));
	EXPECT(bounds_free(&b, "/tmp/x") && !bounds_free(&b, "/p/out/a.txt"));
	bounds_release(&b);
}

/* What the watcher refuses by itself: Landlock is not asked here, and would let half of it through. */
static void refused_by_name(void)
{
	char *const texts[] = {xstrfmt("r%s/in.txt", tap_dir()), xstrfmt("w%s/made.txt", tap_dir()), xstrfmt("w%s/room", tap_dir()),
			       xstrfmt("t%s/scratch", tap_dir())};
	struct {
		const char *cmd;
		int status;      /* 0: allowed */
		const char *path; /* of which these flags are expected */
		unsigned flags, without;
	} v[] = {
		{"cat in.txt > made.txt && cat made.txt > /dev/null && rm made.txt", 0, "in.txt", SEEN_READ, SEEN_NOT_READ},
		{"cat other.txt", 1, "other.txt", SEEN_NOT_READ, SEEN_READ},
		{"cat link.txt", 1, "link.txt", SEEN_NOT_READ, SEEN_READ},
		{"cat d/../other.txt", 1, "other.txt", SEEN_NOT_READ, SEEN_READ},
		{"exec 3< /proc/self/cwd/other.txt", 2, "other.txt", SEEN_NOT_READ, SEEN_READ},
		{"exec 3< /proc/self/root$PWD/other.txt", 2, "other.txt", SEEN_NOT_READ, SEEN_READ},
		{"exec 4< d; exec 3< /proc/self/fd/4/../other.txt", 2, "other.txt", SEEN_NOT_READ, SEEN_READ},
		{"ln -s other.txt own && cat own", 1, "own", SEEN_WRITTEN | SEEN_NOT_READ, SEEN_READ},
		{"ln other.txt own2", 1, "other.txt", SEEN_NOT_READ, SEEN_READ},
		{"echo x > in.txt", 2, "in.txt", SEEN_NOT_WRITTEN, SEEN_WRITTEN},
		{"echo x >> other.txt", 2, "other.txt", SEEN_NOT_WRITTEN, SEEN_WRITTEN},
		{"echo x > new.tmp && cat new.tmp && mv new.tmp made.txt", 0, "new.tmp", SEEN_WRITTEN, SEEN_NOT_WRITTEN},
		{"echo x > new.tmp && mv new.tmp other.txt", 1, "other.txt", SEEN_NOT_WRITTEN, SEEN_WRITTEN},
		{"mv other.txt made.txt", 1, "other.txt", SEEN_NOT_WRITTEN, SEEN_WRITTEN},
		{"rm in.txt", 1, "in.txt", SEEN_NOT_WRITTEN, SEEN_WRITTEN},
		{"rm -f never.txt", 0, "never.txt", SEEN_MISSING, SEEN_NOT_WRITTEN},
		{"truncate -s 0 -c other.txt", 1, "other.txt", SEEN_NOT_WRITTEN, SEEN_WRITTEN},
		{"mkdir -p d && mkdir sub && echo x > sub/y && mv sub sub2 && cat sub2/y && rm -r sub2", 0, "sub2", SEEN_WRITTEN, SEEN_NOT_READ},
		{"mkdir -p room/a/b && echo x > room/a/b/c && cat room/a/b/c && rm -r room", 0, "room/a/b/c", SEEN_WRITTEN, SEEN_NOT_WRITTEN},
		{"rmdir empty", 1, "empty", SEEN_NOT_WRITTEN, SEEN_WRITTEN},
		{"ls d", 0, "d", SEEN_LISTED, SEEN_NOT_READ},
		{"echo x > scratch/f && cat scratch/f && rm scratch/f", 0, NULL, 0, 0},
	};
	struct seen s;
	size_t i;

	put("in.txt");
	put("other.txt");
	mkdir("d", 0755);
	mkdir("empty", 0755);
	mkdir("scratch", 0755);
	unlink("new.tmp");
	EXPECT_INT(symlink("other.txt", "link.txt"), 0);
	rules = texts;
	n_rules = ARRAY_SIZE(texts);
	for (i = 0; i < ARRAY_SIZE(v); i++) {
		CLEANUP(freep) char *cmd = xstrfmt("{ %s; } > /dev/null 2>&1", v[i].cmd);
		const struct seen_file *f;
		int status = sh(cmd, WATCH_CHANGES, &s);

		f = v[i].path ? seen_find(&s, v[i].path) : NULL;
		if (status != v[i].status || (v[i].path && (!f || (f->flags & v[i].flags) != v[i].flags || f->flags & v[i].without)))
			printf("# '%s': status %d, flags %x\n", v[i].cmd, status, f ? f->flags : 0);
		EXPECT_INT(status, v[i].status);
		EXPECT(!v[i].path || (f && (f->flags & v[i].flags) == v[i].flags && !(f->flags & v[i].without)));
		seen_release(&s);
		unlink("made.txt");
		unlink("new.tmp");
		unlink("own");
	}
	rules = NULL;
	n_rules = 0;
	EXPECT_INT(sh("test \"$(cat other.txt in.txt)\" = \"$(printf 'text\\ntext')\"", WATCH_OPENS, &s), 0);
	seen_release(&s);
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		free(texts[i]);
}

/* ---- Landlock ---- */

static int confined(const char *cmd, char *const *v, size_t n)
{
	int fd = confine_make(tap_dir(), v, n), status = -1;
	pid_t pid;

	if (fd < 0)
		return fd;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (confine_enter(fd))
			_exit(200);
		execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	close(fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Of all versions that this kernel can be. */
static void confinement(void)
{
	char *const v[] = {xstrfmt("r%s/link.txt", tap_dir()), xstrfmt("w%s/room/out", tap_dir()), xstrfmt("t%s/log", tap_dir()),
			   (char[]){"r/nowhere"}};
	long most, version;
	size_t i;

	unsetenv("MLMAKE_LANDLOCK");
	most = confine_version();
	if (most < 0)
		printf("# no Landlock here: %s\n", strerror((int)-most));
	put("in.txt");
	put("other.txt");
	put("log");
	unlink("link.txt");
	EXPECT_INT(symlink("in.txt", "link.txt"), 0);
	mkdir("room", 0755);
	mkdir("room/deep", 0755);
	for (version = 1; version <= MIN(most, 4L); version++) {
		char text[8];

		snprintf(text, sizeof(text), "%ld", version);
		setenv("MLMAKE_LANDLOCK", text, 1);
		EXPECT_INT(confine_version(), version);
		EXPECT_INT(confined("cat link.txt in.txt > room/out && cat room/out > /dev/null && mkdir room/d && rm -r room/d room/out", v, 4), 0);
		EXPECT_INT(confined("echo x > room/a && mv room/a room/deep/b && rm room/deep/b", v, 4), 0); /* of 1: by copying */
		EXPECT(confined("cat other.txt 2> /dev/null", v, 4) != 0);
		EXPECT(confined("echo x > in.txt", v, 4) != 0);
		EXPECT(confined("echo x > elsewhere.txt", v, 4) != 0);
		EXPECT(confined("mv room/deep . 2> /dev/null", v, 4) != 0);
		EXPECT(confined("rm in.txt 2> /dev/null", v, 4) != 0);
		EXPECT_INT(confined("echo x > log; cat log > /dev/null; ls . /usr > /dev/null", v, 4), 0);
		EXPECT(access("elsewhere.txt", F_OK) < 0);
		if (version >= 3)
			EXPECT(confined("truncate -s 0 other.txt 2> /dev/null", v, 4) != 0);
	}
	setenv("MLMAKE_LANDLOCK", "0", 1);
	EXPECT(confine_version() < 0);
	EXPECT(confined("true", v, 4) < 0);
	unsetenv("MLMAKE_LANDLOCK");
	for (i = 0; i < 3; i++)
		free(v[i]);
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"what a shell opens, lists and does not find", files_of_the_shell},
		{"what is looked for by stat", lookups},
		{"openat, openat2, /proc/self/fd, truncate, rename, links, mmap, ..", all_ways_in},
		{"io_uring is refused", io_uring},
#ifdef __x86_64__
		{"calls of 32-bit programs", programs_of_32_bits},
#endif
		{"a thousand files from threads and children", a_thousand},
		{"git, caches, virtual environments and what lies outside are left out", left_out},
		{"names of all kinds", names_of_all_kinds},
		{"the watcher is killed: nothing hangs", the_watcher_dies},
		{"what was seen, over a socket", wire},
		{"byte code that is read stands for its source", byte_code},
		{"what bounds say of paths", what_bounds_say},
		{"bounds: what the watcher refuses", refused_by_name},
		{"Landlock: what is declared, and nothing else; all its versions", confinement},
	};
	static const struct tap_test nothing[] = {{"what was seen, over a socket", wire}};
	struct seen s;

	watch = first = watch_new("/nonexistent", NULL);
	if (!watch || sh("true", WATCH_OPENS, &s) == 200) {
		printf("# calls cannot be watched on this system\n");
		return tap_run("sandbox", nothing, 1);
	}
	seen_release(&s);
	watch = NULL; /* that of the directory which tap_run makes */
	return tap_run("sandbox", tests, ARRAY_SIZE(tests));
}
