/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "remote/remote.h"
#include "remote/transport.h"
#include "tap.h"
#include "util/file.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define C40 "0123456789012345678901234567890123456789"
#define D40 "9876543210987654321098765432109876543210"
/* printf 'hello\n' | sha256sum */
#define HELLO "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
#define HELLO_PATH "58/91/" HELLO

/* ---- addresses ---- */

static void address_at(int line, const char *url, const char *lfs, const char *want)
{
	CLEANUP(strbuf_release) struct strbuf got = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	static const char *const kinds[] = {"dir", "ssh", "lfs", "rclone"};
	struct address a;

	if (address_parse(&a, url, lfs, &err) < 0)
		strbuf_addf(&got, "error: %s", err.msg);
	else
		strbuf_addf(&got, "%s path=%s host=%s port=%s git=%s lfs=%s shown=%s", kinds[a.kind], a.path ? a.path : "-",
			    a.host ? a.host : "-", a.port ? a.port : "-", a.git ? a.git : "-", a.lfs ? a.lfs : "-", a.shown);
	tap_check_str(got.buf, want, url, __FILE__, line);
	address_release(&a);
}
#define ADDRESS(...) address_at(__LINE__, __VA_ARGS__)

static void reads_addresses(void)
{
	setenv("HOME", "/home/me", 1);
	ADDRESS("/srv/share/", NULL, "dir path=/srv/share host=- port=- git=/srv/share/lineage.git lfs=- shown=/srv/share/");
	ADDRESS("../share", NULL, "dir path=../share host=- port=- git=./../share/lineage.git lfs=- shown=../share");
	ADDRESS("~/share", "no", "dir path=/home/me/share host=- port=- git=/home/me/share/lineage.git lfs=- shown=~/share");
	ADDRESS("a/b:c", NULL, "dir path=a/b:c host=- port=- git=./a/b:c/lineage.git lfs=- shown=a/b:c");
	ADDRESS("file:///srv/a%20b", NULL, "dir path=/srv/a b host=- port=- git=/srv/a b/lineage.git lfs=- shown=file:///srv/a%20b");
	ADDRESS("ssh://me@host:2222/srv/x", NULL,
		"ssh path=/srv/x host=me@host port=2222 git=ssh://me@host:2222/srv/x/lineage.git lfs=- shown=ssh://me@host:2222/srv/x");
	ADDRESS("ssh://host/~/x/", NULL, "ssh path=~/x/ host=host port=- git=ssh://host/~/x/lineage.git lfs=- shown=ssh://host/~/x/");
	ADDRESS("ssh://[::1]:22/x", NULL, "ssh path=/x host=::1 port=22 git=ssh://[::1]:22/x/lineage.git lfs=- shown=ssh://[::1]:22/x");
	ADDRESS("ssh://u:pw@host/x", NULL, "ssh path=/x host=u@host port=- git=ssh://u:pw@host/x/lineage.git lfs=- shown=ssh://u:***@host/x");
	ADDRESS("host:x y", NULL, "ssh path=x y host=host port=- git=host:x y/lineage.git lfs=- shown=host:x y");
	ADDRESS("me@host:~/x", NULL, "ssh path=~/x host=me@host port=- git=me@host:~/x/lineage.git lfs=- shown=me@host:~/x");
	ADDRESS("https://u:p%41w@git.example/x.git", "yes",
		"lfs path=- host=- port=- git=https://u:p%41w@git.example/x.git lfs=- shown=https://u:***@git.example/x.git");
	ADDRESS("host:x.git", "yes", "lfs path=x.git host=host port=- git=host:x.git lfs=- shown=host:x.git");
	ADDRESS("https://git.example/x", "https://u:secret@lfs.example/x",
		"lfs path=- host=- port=- git=https://git.example/x lfs=https://u:secret@lfs.example/x shown=https://git.example/x");
	ADDRESS("rclone:cloud:a/b", NULL, "rclone path=cloud:a/b host=- port=- git=- lfs=- shown=rclone:cloud:a/b");
	ADDRESS("rclone::sftp,host=h,pass=\"a:b\":x", NULL,
		"rclone path=:sftp,host=h,pass=\"a:b\":x host=- port=- git=- lfs=- shown=rclone::sftp,***:x");
}

static void refuses_addresses(void)
{
	ADDRESS("-oProxyCommand=x", NULL, "error: '-oProxyCommand=x': begins with '-'");
	ADDRESS("ssh://-oProxyCommand=x/y", NULL, "error: 'ssh://-oProxyCommand=x/y': has a host that begins with '-'");
	ADDRESS("ssh://u@-x/y", NULL, "error: 'ssh://u@-x/y': has a host that begins with '-'");
	ADDRESS("a@-x:y", NULL, "error: 'a@-x:y': has a host that begins with '-'");
	ADDRESS("ssh://host", NULL, "error: 'ssh://host': names no directory behind its host");
	ADDRESS("host:", NULL, "error: 'host:': names no directory behind its host");
	ADDRESS("host:-x", NULL, "error: 'host:-x': names a directory that begins with '-', which git refuses: write './' in front of it");
	ADDRESS("ssh://host/x%0ay", NULL, "error: 'ssh://host/x%0ay': has a control character");
	ADDRESS("file:///x%0Ay", NULL, "error: 'file:///x%0Ay': has a control character");
	ADDRESS("ssh://host:x/y", NULL, "error: 'ssh://host:x/y': has 'x' for a port");
	ADDRESS("ssh:///y", NULL, "error: 'ssh:///y': names no host");
	ADDRESS("file://host/x", NULL, "error: 'file://host/x': needs three slashes: file:///host/x");
	ADDRESS("htps://h/x", "yes",
		"error: 'htps://h/x': begins with 'htps://', which is none of file, ssh, https, http; did you mean 'https'?; for others "
		"there is rclone:NAME:path");
	ADDRESS("https://h/x", NULL,
		"error: 'https://h/x': is a git host, which keeps large files by git-lfs: write 'lfs = yes' below it");
	ADDRESS("https://h/", "yes", "error: 'https://h/': names no repository behind its host");
	ADDRESS("/srv", "yes", "error: '/srv': is a directory, which keeps large files as they are: leave 'lfs' out");
	ADDRESS("host:x", "maybe", "error: 'host:x': has 'lfs = maybe': write yes, no, or the URL of its LFS server");
	ADDRESS("rclone:x", NULL, "error: 'rclone:x': names no remote of rclone's: write rclone:NAME:path, with a NAME that `rclone "
				  "listremotes` shows");
	ADDRESS("rclone:-x:y", NULL, "error: 'rclone:-x:y': has a name that begins with '-'");
	ADDRESS("ftp://u:geheim@h/x", NULL,
		"error: 'ftp://u:***@h/x': begins with 'ftp://', which is none of file, ssh, https, http; for others there is "
		"rclone:NAME:path");
	ADDRESS("ext::sh -c x", NULL,
		"error: 'ext::sh -c x': begins with 'ext::', a helper of git's: only file, ssh, https, http and "
		"rclone will do");
}

static void hides_secrets(void)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct address a;

	EXPECT_INT(address_parse(&a, "https://u:p%41w@h/x", "yes", &err), 0);
	strbuf_addstr(&text, "fatal: https://u:p%41w@h/x and pAw, pAw");
	address_redact(&a, &text);
	EXPECT_STR(text.buf, "fatal: https://u:***@h/x and ***, ***");
	address_release(&a);
	EXPECT_INT(address_parse(&a, "rclone::sftp,host=h,pass=\"a,b\",key_pem=k1:x", NULL, &err), 0);
	strbuf_clear(&text);
	strbuf_addstr(&text, ":sftp,host=h,pass=\\\"a,b\\\",key_pem=k1: no");
	address_redact(&a, &text);
	EXPECT_STR(text.buf, ":sftp,host=h,pass=\\\"***\\\",key_pem=***: no");
	address_release(&a);
	EXPECT_INT(address_parse(&a, "rclone::s,a=*,b=*,c=*,d=*,e=**,f=*:x", NULL, &err), 0); /* what stands for a secret may hold one */
	strbuf_clear(&text);
	strbuf_addstr(&text, "a * b ** c");
	address_redact(&a, &text);
	EXPECT_STR(text.buf, "a *** b *** c");
	address_release(&a);
}

/* ---- what remotes say ---- */

static void reads_tips(void)
{
	CLEANUP(tips_release) struct tips t = TIPS_INIT;

	tips_parse(C40 "\trefs/mlmake/log/ann\n" C40 "\trefs/heads/main\nshort\trefs/mlmake/log/x\n"
		   C40 "\trefs/mlmake/log/../../heads/main\n" C40 "\trefs/mlmake/log/a/b\n" C40 "\trefs/mlmake/log/-x\n"
		   C40 "\trefs/mlmake/log/x.lock\n" D40 "\trefs/mlmake/log/ann\n" C40 " refs/mlmake/log/y\n"
		   "0000000000000000000000000000000000000000\trefs/mlmake/log/z\n" D40 "\trefs/mlmake/log/bob_lab-1", &t);
	EXPECT_INT(t.n, 2);
	EXPECT_STR(t.v[0].writer, "ann");
	EXPECT_STR(t.v[0].id, C40);
	EXPECT_STR(t.v[1].writer, "bob_lab-1");
}

static void reads_what_was_pushed(void)
{
	CLEANUP(tips_release) struct tips t = TIPS_INIT;
	CLEANUP(freep) char *refused = NULL;

	tips_add(&t, "a", C40);
	tips_add(&t, "b", C40);
	tips_add(&t, "c", C40);
	tips_add(&t, "d", C40);
	tips_pushed("To /x\n*\t" C40 ":refs/mlmake/log/a\t[new reference]\n \t" C40 ":refs/mlmake/log/b\t0..1\n"
		    "!\t" C40 ":refs/mlmake/log/c\t[rejected] (fetch first)\n"
		    "!\t" C40 ":refs/mlmake/log/d\t[remote rejected] (cannot lock ref 'refs/mlmake/log/d')\nDone\n", &t, &refused);
	EXPECT(t.v[0].ok && t.v[1].ok && !t.v[2].ok && !t.v[3].ok);
	EXPECT(refused == NULL);
	tips_pushed("!\t" C40 ":refs/mlmake/log/d\t[remote rejected] (hook declined)\n", &t, &refused);
	EXPECT_STR(refused, "refs/mlmake/log/d: [remote rejected] (hook declined)");
}

static void note(void *ctx, size_t i, int64_t size)
{
	strbuf_addf(ctx, "%zu=%jd ", i, (intmax_t)size);
}

static void reads_listings(void)
{
	CLEANUP(strbuf_release) struct strbuf got = STRBUF_INIT;
	static const char text[] = "6 " HELLO_PATH "\n7 aa/aa/" A64 "\n-1 aa/aa/" A64 "\n7 aa/ab/" A64 "\n7 ../aa/" A64 "\nx aa/aa/" A64
				   "\n99999999999999999999 aa/aa/" A64 "\n7 aa/aa/" A64 "x\n7\n8 bb/bb/" A64 "\n0 " HELLO_PATH;
	struct payload v[2];

	EXPECT(digest_parse(A64, &v[1].id) && digest_parse(HELLO, &v[0].id));
	payloads_sort(v, 2);
	listing_parse(text, sizeof(text) - 1, v, 2, note, &got);
	EXPECT_STR(got.buf, "0=6 1=7 0=0 ");
}

static void reads_bundles(void)
{
	struct bundles b = BUNDLES_INIT;

	bundles_parse("12 ann/00000001.0." C40 ".12.bundle\n"
		      "13 ann/00000002." C40 "." D40 ".12.bundle\n"   /* cut off */
		      "12 ann/00000002." C40 "." C40 ".12.bundle\n"   /* from where it goes to */
		      "12 ../00000002." C40 "." D40 ".12.bundle\n"
		      "12 ann/x/00000002." C40 "." D40 ".12.bundle\n"
		      "12 ann/00000002." C40 "." D40 ".12.bundle.partial\n"
		      "12 ann/-2." C40 "." D40 ".12.bundle\n\n 12\n"
		      "9 bob/00000007." C40 "." D40 ".9.bundle", &b);
	EXPECT_INT(b.n, 2);
	EXPECT_STR(b.v[0].from, "0");
	EXPECT_STR(b.v[1].writer, "bob");
	EXPECT_INT(b.v[1].length, 7);
	bundles_release(&b);
}

static void reads_what_git_lfs_said(void)
{
	static const char hex[] = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
	CLEANUP(freep) char *batch = xstrfmt("one is not found\n[%s] Object does not exist: [404]\n", hex);
	CLEANUP(freep) char *get = xstrfmt("\nLFS: Repository or object not found: http://h/%s\n", hex);
	CLEANUP(freep) char *wrong = xstrfmt("expected OID %s, got 12 after 5 bytes written", hex);
	CLEANUP(freep) char *fatal = xstrfmt("Fatal error: Server error: http://h/%s\nnot found", hex);

	EXPECT_INT(lfs_said(batch, hex), PAYLOAD_MISSING);
	EXPECT_INT(lfs_said(get, hex), PAYLOAD_MISSING);
	EXPECT_INT(lfs_said(wrong, hex), PAYLOAD_CORRUPT);
	EXPECT_INT(lfs_said(fatal, hex), PAYLOAD_UNKNOWN);
	EXPECT_INT(lfs_said("[" A64 "] Object does not exist: [404]\n", hex), PAYLOAD_UNKNOWN);
	EXPECT_INT(lfs_said("", hex), PAYLOAD_UNKNOWN);
}

/* ---- payloads there and back ---- */

static void sh(const char *command)
{
	if (system(command) != 0)
		tap_check(false, __FILE__, __LINE__, "%s", command);
}

static void put(const char *path, const char *text)
{
	EXPECT_INT(file_write(path, text, strlen(text), 0644, false, NULL), 0);
}

static bool holds(const char *path, const char *want)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	return file_read(path, 1 << 24, &text, NULL) == 0 && streq(text.buf, want);
}

/* A store here/ with some objects, all of them named in v. */
#define N_OBJECTS 150
static struct payload v[N_OBJECTS + 1];
static const struct remote_here here = {"here", "here/git", "me"}, other = {"other", "other/git", "you"};

static void object_path(const char *top, const struct digest *id, struct strbuf *out)
{
	strbuf_clear(out);
	strbuf_addf(out, "%s/objects/", top);
	payload_path(id, out);
}

static void begin(void)
{
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT;
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	sh("chmod -R u+w . 2>/dev/null; rm -rf here other there out; for d in here other; do git init -q --bare $d/git; done");
	for (i = 0; i < N_OBJECTS; i++) {
		CLEANUP(freep) char *text = xstrfmt("object %zu\n", i);

		digest_bytes(text, strlen(text), &v[i].id);
		v[i].size = i % 3 ? (int64_t)strlen(text) : -1;
		object_path("here", &v[i].id, &path);
		put(path.buf, text);
	}
	EXPECT(digest_parse(HELLO, &v[N_OBJECTS].id));
	v[N_OBJECTS].size = 6;
	put("here/objects/" HELLO_PATH, "hello\n");
}

static size_t count(enum payload_state state)
{
	size_t i, n = 0;

	for (i = 0; i < N_OBJECTS + 1; i++)
		n += v[i].state == state;
	return n;
}

static enum payload_state state_of(const char *hex)
{
	struct digest id;

	if (!digest_parse(hex, &id))
		return PAYLOAD_UNKNOWN;
	return payloads_find(v, N_OBJECTS + 1, &id)->state;
}

static struct remote *open_at(const char *url, const struct remote_here *side, bool write)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	static struct address a;
	struct remote *r;

	address_release(&a);
	EXPECT_INT(address_parse(&a, url, NULL, &err), 0);
	r = remote_open("r", &a, side, 3, write, &err);
	if (!r)
		tap_check(false, __FILE__, __LINE__, "%s", err.msg);
	return r;
}

static void send_to(const char *url, int want)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct remote *r = open_at(url, &here, true);
	int got = r ? remote_send(r, v, N_OBJECTS + 1, NULL, &err) : -1;

	tap_check(got == want, __FILE__, __LINE__, "sending to %s: %d: %s", url, got, err.msg ? err.msg : "");
	remote_free(r);
}

static void take_from(const char *url, int want)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct remote *r = open_at(url, &other, false);
	int got = r ? remote_take(r, v, N_OBJECTS + 1, NULL, &err) : -1;

	tap_check(got == want, __FILE__, __LINE__, "taking from %s: %d: %s", url, got, err.msg ? err.msg : "");
	remote_free(r);
}

static void there_and_back(const char *url)
{
	struct stat st;

	begin();
	send_to(url, 0);
	EXPECT_INT(count(PAYLOAD_MOVED), N_OBJECTS + 1);
	EXPECT(holds("there/objects/" HELLO_PATH, "hello\n"));
	EXPECT(stat("there/objects/" HELLO_PATH, &st) == 0 && (st.st_mode & 07777) == 0444);
	send_to(url, 0);
	EXPECT_INT(count(PAYLOAD_THERE), N_OBJECTS + 1);
	take_from(url, 0);
	EXPECT_INT(count(PAYLOAD_MOVED), N_OBJECTS + 1);
	EXPECT(holds("other/objects/" HELLO_PATH, "hello\n"));
	EXPECT(stat("other/objects/" HELLO_PATH, &st) == 0 && (st.st_mode & 07777) == 0444);
	sh("diff -r here/objects other/objects && test -z \"$(ls there/arriving there/incoming 2>/dev/null | grep -v :)\"");
	take_from(url, 0);
	EXPECT_INT(count(PAYLOAD_THERE), N_OBJECTS + 1);
}

static void damaged(const char *url)
{
	begin();
	put("here/objects/" HELLO_PATH, "hallo\n"); /* corrupt here: never sent */
	send_to(url, 0);
	EXPECT_INT(state_of(HELLO), PAYLOAD_CORRUPT);
	EXPECT_INT(count(PAYLOAD_MOVED), N_OBJECTS);
	EXPECT(!file_exists("there/objects/" HELLO_PATH) && !file_exists("here/objects/" HELLO_PATH));
	send_to(url, 0); /* and now it is not here */
	EXPECT_INT(state_of(HELLO), PAYLOAD_MISSING);
	put("here/objects/" HELLO_PATH, "hello\n");
	sh("mkdir -p there/objects/58/91; echo hell > there/objects/" HELLO_PATH);
	send_to(url, 0); /* cut off there: sent again */
	EXPECT_INT(state_of(HELLO), PAYLOAD_MOVED);
	EXPECT(holds("there/objects/" HELLO_PATH, "hello\n"));
	sh("chmod u+w there/objects/" HELLO_PATH "; echo hallo > there/objects/" HELLO_PATH);
	take_from(url, 0); /* corrupt there: refused, moved away there */
	EXPECT_INT(state_of(HELLO), PAYLOAD_CORRUPT);
	EXPECT_INT(count(PAYLOAD_MOVED), N_OBJECTS);
	EXPECT(!file_exists("other/objects/" HELLO_PATH) && !file_exists("there/objects/" HELLO_PATH));
	EXPECT(holds("there/corrupt/" HELLO, "hallo\n"));
	take_from(url, 0);
	EXPECT_INT(state_of(HELLO), PAYLOAD_MISSING);
	send_to(url, 0); /* so that it can be sent anew */
	EXPECT_INT(state_of(HELLO), PAYLOAD_MOVED);
	take_from(url, 0);
	EXPECT_INT(state_of(HELLO), PAYLOAD_MOVED);
	EXPECT(holds("other/objects/" HELLO_PATH, "hello\n"));
}

/* An ssh that stays here: the last word is for a shell, as it would be there. */
static void fake_ssh(void)
{
	CLEANUP(freep) char *cwd = getcwd(NULL, 0);
	CLEANUP(freep) char *command = NULL;

	put("ssh.sh", "shift $(($# - 1)); echo a banner; HOME=$PWD; export HOME; cd /; cd \"$HOME\"; exec sh -c \"$1\"\n");
	command = xstrfmt("sh '%s/ssh.sh'", cwd);
	setenv("GIT_SSH_COMMAND", command, 1);
}

static void a_directory(void)
{
	there_and_back("there");
	damaged("there");
}

static void another_machine(void)
{
	fake_ssh();
	there_and_back("host:there");
	there_and_back("host:~/there");
	damaged("host:there");
}

static void refuses_nonsense(void)
{
	static const char *const answers[] = {
		"", "exit 3", "yes", "echo mlmake-far 2", "echo mlmake-far 1 git", "echo mlmake-far fail it is broken",
		"echo mlmake-far 1 git; head -c 200000 /dev/zero", "echo mlmake-far 1 git; while read -r l; do echo data 0 0; done",
		"echo mlmake-far 1 git; while read -r l; do set -- $l; echo data $2 99999999999999999999; done",
		"echo mlmake-far 1 git; while read -r l; do set -- $l; echo data $2 4; echo abcdefgh; done",
	};
	CLEANUP(freep) char *command = NULL;
	size_t i;

	begin();
	for (i = 0; i < ARRAY_SIZE(answers); i++) {
		CLEANUP(err_release) struct err err = ERR_INIT;
		struct address a;
		struct remote *r;

		put("ssh.sh", answers[i]);
		EXPECT_INT(address_parse(&a, "host:there", NULL, &err), 0);
		r = remote_open("r", &a, &other, 1, false, &err);
		if (r)
			EXPECT_INT(remote_take(r, v, N_OBJECTS + 1, NULL, &err), -1);
		tap_check(err.msg && skip_prefix(err.msg, "remote 'r': ", NULL), __FILE__, __LINE__, "%s: %s", answers[i],
			  err.msg ? err.msg : "no error");
		remote_free(r);
		address_release(&a);
		EXPECT(!file_exists("other/objects/" HELLO_PATH));
	}
}

static void names_what_is_absent(void)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct address a;

	begin();
	fake_ssh();
	EXPECT_INT(address_parse(&a, "host:nowhere", NULL, &err), 0);
	EXPECT(remote_open("lab", &a, &here, 1, false, &err) == NULL);
	EXPECT_INT(err.code, ERR_NOTFOUND);
	EXPECT_STR(err.msg, "remote 'lab': the directory 'nowhere' is not there on 'host'; `mlmake push` makes it");
	err_clear(&err);
	address_release(&a);
	EXPECT_INT(address_parse(&a, "no/where", NULL, &err), 0);
	EXPECT(remote_open("lab", &a, &here, 1, true, &err) == NULL);
	EXPECT_STR(err.msg, "remote 'lab': there is neither the directory 'no/where' nor the one above it; is its disk mounted? "
			    "If it is to be there, `mkdir -p 'no/where'`");
	address_release(&a);
}

/* ---- chains ---- */

static void chain_states(const char *url, const struct remote_here *side, bool push, const char *want)
{
	CLEANUP(strbuf_release) struct strbuf got = STRBUF_INIT;
	CLEANUP(chains_release) struct chains c = CHAINS_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct remote *r = open_at(url, side, push);
	size_t i;

	if (!r)
		return;
	if ((push ? remote_push_chains(r, &c, &err) : remote_pull_chains(r, &c, &err)) < 0)
		strbuf_addf(&got, "error: %s", err.msg);
	for (i = 0; i < c.n; i++)
		strbuf_addf(&got, "%s%s %s", i ? ", " : "", c.v[i].writer, chain_state_name(c.v[i].state));
	tap_check_str(got.buf, want, push ? "push" : "pull", __FILE__, __LINE__);
	remote_free(r);
}

/* A run, on the chain of a writer. */
#define RUN(dir, writer) \
	"r() { git --git-dir=" dir "/git commit-tree -m run $2 $(git --git-dir=" dir "/git mktree </dev/null); }; export GIT_AUTHOR_NAME=a " \
	"GIT_AUTHOR_EMAIL=a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a; n=$(git --git-dir=" dir "/git rev-parse -q --verify refs/mlmake/log/" writer \
	"); git --git-dir=" dir "/git update-ref refs/mlmake/log/" writer " $(r x \"${n:+-p $n}\")"

static void chains_grow(const char *url)
{
	begin();
	chain_states(url, &here, true, "");
	sh(RUN("here", "me"));
	sh(RUN("other", "you"));
	chain_states(url, &here, true, "me new");
	chain_states(url, &other, true, "me behind, you new");
	chain_states(url, &other, false, "me new, you same");
	chain_states(url, &here, false, "me same, you new");
	sh(RUN("here", "me"));
	sh(RUN("here", "me"));
	sh(RUN("other", "you"));
	chain_states(url, &here, true, "me grew, you same");
	chain_states(url, &other, true, "me behind, you grew");
	chain_states(url, &other, false, "me grew, you same");
	chain_states(url, &here, false, "me same, you grew");
	sh("for d in here other; do git --git-dir=$d/git for-each-ref; done | sort | uniq -c | awk '{ if ($1 != 2) exit 1 }'");
}

static void chains_diverge(const char *url)
{
	chains_grow(url);
	sh("GIT_COMMITTER_DATE='1000000000 +0000'; export GIT_COMMITTER_DATE; " RUN("here", "me"));
	sh("GIT_COMMITTER_DATE='1100000000 +0000'; export GIT_COMMITTER_DATE; " RUN("other", "me"));
	sh(RUN("other", "you"));
	sh("git --git-dir=here/git for-each-ref > mine; git --git-dir=other/git for-each-ref > yours");
	chain_states(url, &here, true, "me grew, you same");
	chain_states(url, &other, false, "me diverged, you ahead");
	chain_states(url, &other, true, "me diverged, you grew");
	sh("git --git-dir=here/git for-each-ref | cmp - mine && git --git-dir=other/git for-each-ref | cmp - yours");
}

static void chains_of_a_directory(void)
{
	chains_grow("there");
	chains_diverge("there");
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"reads addresses", reads_addresses},
		{"refuses addresses", refuses_addresses},
		{"hides secrets", hides_secrets},
		{"reads the ends of chains", reads_tips},
		{"reads what was pushed", reads_what_was_pushed},
		{"reads listings", reads_listings},
		{"reads bundles", reads_bundles},
		{"reads what git-lfs said", reads_what_git_lfs_said},
		{"payloads to a directory and back, damage refused", a_directory},
		{"payloads through a shell and back, damage refused", another_machine},
		{"refuses answers that make no sense", refuses_nonsense},
		{"says what is absent", names_what_is_absent},
		{"chains grow on both sides and never lose anything", chains_of_a_directory},
	};

	return tap_run("remote", tests, ARRAY_SIZE(tests));
}
