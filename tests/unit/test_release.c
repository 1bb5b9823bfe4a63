/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lifecycle/registry.h"
#include "lifecycle/shipping.h"
#include "util/file.h"

static const char *says(const char *command)
{
	static char out[65536];
	FILE *f = popen(command, "r");
	size_t n = f ? fread(out, 1, sizeof(out) - 1, f) : 0;

	out[n] = '\0';
	if (n && out[n - 1] == '\n')
		out[n - 1] = '\0';
	if (f)
		pclose(f);
	return out;
}

/* "kind name environment version number", or "-". */
static const char *parsed(const char *tag, const char *prefix)
{
	static const char *const kinds[] = {"version", "withdrawn", "assigned", "unassigned"};
	static char out[512];
	struct arena a = ARENA_INIT;
	struct release r;

	snprintf(out, sizeof(out), "-");
	if (release_parse_name(tag, prefix, &a, &r))
		snprintf(out, sizeof(out), "%s %s %s %s %d", kinds[r.kind], r.name, r.environment ? r.environment : "-",
			 r.version ? r.version : "-", (int)r.number);
	arena_release(&a);
	return out;
}

static void tag_names(void)
{
	EXPECT_STR(parsed("api@v1.2.0", ""), "version api - v1.2.0 0");
	EXPECT_STR(parsed("api@v1.2.0!", ""), "withdrawn api - v1.2.0 0");
	EXPECT_STR(parsed("api@v1.2.0!#3", ""), "withdrawn api - v1.2.0 3");
	EXPECT_STR(parsed("api@v1.2.0-rc.1+b7", ""), "version api - v1.2.0-rc.1+b7 0");
	EXPECT_STR(parsed("api#production", ""), "assigned api production - 0");
	EXPECT_STR(parsed("api#production#12", ""), "assigned api production - 12");
	EXPECT_STR(parsed("api#production!#13", ""), "unassigned api production - 13");
	EXPECT_STR(parsed("sub/dir=api#prod#1", "sub/dir"), "assigned api prod - 1");
	EXPECT_STR(parsed("sub/dir=api#prod#1", ""), "-");
	EXPECT_STR(parsed("api#prod#1", "sub/dir"), "-");
	EXPECT_STR(parsed("v1.2.0", ""), "-");
	EXPECT_STR(parsed("api@1.2.0", ""), "-");
	EXPECT_STR(parsed("api@v1.2", ""), "-");
	EXPECT_STR(parsed("api@v01.2.0", ""), "-");
	EXPECT_STR(parsed("api#", ""), "-");
	EXPECT_STR(parsed("api##1", ""), "-");
	EXPECT_STR(parsed("@v1.2.0", ""), "-");
	EXPECT_STR(parsed("api#production#x", ""), "-");
	EXPECT_STR(parsed("api#production#9999999999999999999", ""), "-");
	EXPECT_INT(release_name_is_good("a"), true);
	EXPECT_INT(release_name_is_good("a-b_c/d"), true);
	EXPECT_INT(release_name_is_good("a.b"), false);
	EXPECT_INT(release_name_is_good("-a"), false);
	EXPECT_INT(release_name_is_good("a/"), false);
	EXPECT_INT(release_name_is_good(""), false);
}

static const char *next(const char *before, char bump)
{
	static char out[64];
	CLEANUP(freep) char *v = release_version_next(before, bump);

	snprintf(out, sizeof(out), "%s", v);
	return out;
}

static void versions(void)
{
	EXPECT_INT(release_version_order("v1.10.0", "v1.9.9") > 0, true);
	EXPECT_INT(release_version_order("v2.0.0", "v10.0.0") < 0, true);
	EXPECT_INT(release_version_order("v1.0.0-rc.1", "v1.0.0") < 0, true);
	EXPECT_INT(release_version_order("v1.0.0", "v1.0.0"), 0);
	EXPECT_STR(next(NULL, 'p'), "v0.0.1");
	EXPECT_STR(next(NULL, 'M'), "v1.0.0");
	EXPECT_STR(next("v1.2.3", 'p'), "v1.2.4");
	EXPECT_STR(next("v1.2.3", 'm'), "v1.3.0");
	EXPECT_STR(next("v1.2.3", 'M'), "v2.0.0");
	EXPECT_STR(next("v1.2.3-rc.1", 'p'), "v1.2.3");
}

/* A repository with one commit, and a release that stands on it. */
static struct gitdb *repository(const char *dir, struct release *r, struct shipped *ship)
{
	CLEANUP(freep) char *make = xstrfmt("git init -q -b main %s && cd %s && git -c user.name=t -c user.email=t@x commit -q "
					    "--allow-empty -m one && git rev-parse HEAD", dir, dir);
	CLEANUP(freep) char *git = xstrfmt("%s/.git", dir);

	memset(r, 0, sizeof(*r));
	EXPECT_INT(git_id_parse(says(make), &r->commit), true);
	*ship = (struct shipped){"models/a b.txt", {CONTENT_FILE, {{7}}, 12}};
	*r = (struct release){.kind = RELEASE_VERSION, .name = "api", .version = "v1.0.0", .commit = r->commit,
			      .when = INT64_C(1732385109000000000), .who = "Jane Doe <j@x>", .action = "deploy", .run = "run-1",
			      .because = "two\nlines", .dirty = 0, .how = "3f9a", .ships = ship, .n_ships = 1};
	return gitdb_new(git);
}

static int add(struct gitdb *db, const struct release *r)
{
	struct packer *p = packer_new(db);
	int got = registry_add(r, db, p, "", NULL);

	packer_free(p);
	return got;
}

static void round_trip(void)
{
	struct registry reg = REGISTRY_INIT;
	const struct release *live;
	struct release r, a;
	struct shipped ship;
	struct gitdb *db = repository("round", &r, &ship);

	EXPECT_INT(registry_read(&reg, db, "", NULL), 0);
	EXPECT_INT(registry_live(&reg, "api", "production") == NULL, true);
	EXPECT_INT(registry_next_number(&reg, "api"), 1);
	EXPECT_INT(add(db, &r), 0);
	EXPECT_INT(add(db, &r), -1); /* the tag stays as it is */
	a = r;
	a.kind = RELEASE_ASSIGNED;
	a.environment = "production";
	a.number = 1;
	EXPECT_INT(add(db, &a), 0);
	registry_release(&reg);
	EXPECT_INT(registry_read(&reg, db, "", NULL), 0);
	EXPECT_INT(reg.n, 2);
	live = registry_live(&reg, NULL, "production");
	EXPECT_STR(live ? live->version : "-", "v1.0.0");
	EXPECT_STR(live ? live->because : "-", "two\nlines");
	EXPECT_STR(live ? live->who : "-", "Jane Doe <j@x>");
	EXPECT_STR(live ? live->ships[0].path : "-", "models/a b.txt");
	EXPECT_INT(live && release_ships_same(live, &r), true);
	EXPECT_INT(live && live->when == r.when && live->dirty == 0, true);
	EXPECT_INT(live && git_id_eq(&live->commit, &r.commit), true);
	EXPECT_INT(registry_next_number(&reg, "api"), 2);
	EXPECT_INT(registry_next_time(&reg, r.when + 999999999), r.when + 1000000000); /* the same second is behind it, not at it */
	EXPECT_INT(registry_next_time(&reg, r.when - 5000000001), r.when + 1000000000);
	EXPECT_INT(registry_next_time(&reg, r.when + 1000000001), r.when + 1000000000);
	EXPECT_INT(registry_next_time(&reg, r.when - INT64_C(3600000000000)), r.when - INT64_C(3600000000000));
	EXPECT_INT(registry_same(&reg, &r) != NULL, true);
	EXPECT_INT(registry_before(&reg, "api", "production") == NULL, true);
	EXPECT_STR(says("cd round && git cat-file -t api@v1.0.0 && git tag -l --format='%(contents:subject)' && git fsck 2>&1"),
		   "tag\napi v1.0.0 is in production\napi v1.0.0 is models/a b.txt");
	registry_release(&reg);
	gitdb_free(db);
}

/* As gto makes them: no trailers, an assignment is of what is registered on the same commit. */
static void others(void)
{
	struct registry reg = REGISTRY_INIT;
	const struct release *live;
	struct release r;
	struct shipped ship;
	struct gitdb *db = repository("others", &r, &ship);

	says("cd others && exec 2>&1 && export GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@x GIT_COMMITTER_DATE='2000000000 +0000' && "
	     "git tag -a -m x api@v1.0.0 && git tag -a -m x api#production#1 && git -c user.name=t -c user.email=t@x commit -q "
	     "--allow-empty -m two && git tag -a -m x api@v1.1.0 && export GIT_COMMITTER_DATE='1000000000 +0000' && "
	     "git tag -a -m x api#production#2 && git tag -a -m x api#staging#3 && git tag -a -m x api#staging!#4 && "
	     "git tag light@v1.0.0 && git tag blob@v1.0.0 $(echo x | git hash-object -w --stdin)");
	EXPECT_INT(registry_read(&reg, db, "", NULL), 0);
	live = registry_live(&reg, "api", "production"); /* by number, though its clock was wrong */
	EXPECT_STR(live ? live->version : "-", "v1.1.0");
	live = registry_before(&reg, "api", "production");
	EXPECT_STR(live ? live->version : "-", "v1.0.0");
	EXPECT_INT(registry_live(&reg, "api", "staging") == NULL, true);
	EXPECT_INT(registry_version(&reg, "light", NULL) != NULL, true);
	EXPECT_INT(reg.unreadable, 1);
	EXPECT_STR(registry_version(&reg, "api", NULL)->version, "v1.1.0");
	EXPECT_INT(registry_version(&reg, "api", "v9.0.0") == NULL, true);
	registry_release(&reg);
	gitdb_free(db);
}

/* That nothing of one is there any more does not hide another that is. */
static void of_any(void)
{
	struct registry reg = REGISTRY_INIT;
	const struct release *live;
	struct release r;
	struct shipped ship;
	struct gitdb *db = repository("any", &r, &ship);

	says("cd any && exec 2>&1 && export GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@x GIT_COMMITTER_DATE='1000000000 +0000' && "
	     "git tag -a -m x a#production#1 && git tag -a -m x b#production#1 && export GIT_COMMITTER_DATE='1500000000 +0000' && "
	     "git tag -a -m x b#production!#2 && git tag -a -m x c#staging#1");
	EXPECT_INT(registry_read(&reg, db, "", NULL), 0);
	live = registry_live(&reg, NULL, "production");
	EXPECT_STR(live ? live->name : "-", "a");
	live = registry_live(&reg, NULL, "staging");
	EXPECT_STR(live ? live->name : "-", "c");
	EXPECT_INT(registry_live(&reg, NULL, "moon") == NULL, true);
	registry_release(&reg);
	gitdb_free(db);
}

/* A version that cannot be read is one less; an assignment leaves nothing known. */
static void unreadable(void)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct registry reg = REGISTRY_INIT;
	struct release r;
	struct shipped ship;
	struct gitdb *db = repository("unreadable", &r, &ship);

	says("cd unreadable && exec 2>&1 && git tag api@v1.0.0 $(echo x | git hash-object -w --stdin)");
	EXPECT_INT(registry_read_all(&reg, db, "", NULL), 0);
	registry_release(&reg);
	says("cd unreadable && exec 2>&1 && git tag 'api#production#7' $(echo x | git hash-object -w --stdin)");
	EXPECT_INT(registry_read(&reg, db, "", NULL), 0);
	registry_release(&reg);
	EXPECT_INT(registry_read_all(&reg, db, "", &err), -1);
	EXPECT_INT(err.code, ERR_PARSE);
	EXPECT_STR(reg.unread ? reg.unread : "-", "api#production#7");
	registry_release(&reg);
	EXPECT_INT(registry_read_all(&reg, db, "sub", NULL), 0); /* another project's */
	registry_release(&reg);
	gitdb_free(db);
}

/* What a kill leaves is read, and what is no such thing is not. */
static void shippings(void)
{
	const struct shipping s = {.name = "a/b", .environment = "production", .version = "v1.0.0", .phase = SHIPPING_UNDOES, .since = 5,
				   .who = "Jane", .run = "run-1", .why = "two\nlines"};
	char shared[] = "shared", none[] = "", p[] = "p", q[] = "p/q";
	const struct repo top = {.shared = shared, .prefix = none}, in_p = {.shared = shared, .prefix = p}, in_q = {.shared = shared, .prefix = q};
	CLEANUP(strbuf_release) struct strbuf words = STRBUF_INIT;
	CLEANUP(strbuf_release) struct strbuf who = STRBUF_INIT;
	CLEANUP(freep) char *me = xstrfmt("mlmake with process id %ld is deploying 'a/b'", (long)getpid());
	struct shipping_locks locks = SHIPPING_LOCKS_INIT, others = SHIPPING_LOCKS_INIT;
	struct err err = ERR_INIT;
	struct arena a = ARENA_INIT;
	struct shipping r;

	EXPECT_INT(shipping_read(&top, "a/b", "production", &a, &r, NULL), 0);
	EXPECT_INT(shipping_write(&top, &s, NULL), 0);
	EXPECT_INT(shipping_read(&top, "a/b", "production", &a, &r, NULL), 1);
	EXPECT_STR(r.why, "two\nlines");
	EXPECT_INT(r.before == NULL && r.phase == SHIPPING_UNDOES && r.since == 5, true);
	shipping_words(&r, &words);
	EXPECT_STR(words.buf, "the deploy of v1.0.0 to production, begun 1970-01-01T00:00:00Z by Jane, did not end: it was being undone");
	EXPECT_INT(shipping_is_held(&top, "a/b"), false);
	EXPECT_INT(shipping_lock(&top, "a/b", true, &locks, NULL), 0);
	EXPECT_INT(shipping_is_held(&top, "a/b"), true);
	EXPECT_INT(shipping_is_held(&top, "c"), false);
	EXPECT_INT(shipping_lock(&top, "c", false, &others, &err), -1);
	EXPECT_INT(err.code, ERR_LOCKED);
	err_release(&err);
	shipping_holder(&top, &who);
	EXPECT_STR(who.buf, me);
	EXPECT_INT(shipping_lock(&in_p, "a/b", false, &others, NULL), 0);
	shipping_unlock(&others);
	EXPECT_INT(shipping_is_held(&in_p, "a/b"), false); /* another project's is its own */
	EXPECT_INT(shipping_read(&in_p, "a/b", "production", &a, &r, NULL), 0);
	EXPECT_INT(shipping_write(&in_p, &s, NULL), 0);
	EXPECT_INT(shipping_read(&in_q, "a/b", "production", &a, &r, NULL), 0);
	EXPECT_INT(file_exists("shared/deploys/p=a%2Fb#production"), true);
	EXPECT_INT(shipping_clear(&top, "a/b", "production", NULL), 0);
	EXPECT_INT(shipping_read(&top, "a/b", "production", &a, &r, NULL), 0);
	EXPECT_INT(file_write("shared/deploys/x#y", "# mlmake shipping 1\nname x\n", 27, 0644, false, NULL), 0);
	EXPECT_INT(shipping_read(&top, "x", "y", &a, &r, NULL), -1);
	shipping_unlock(&locks);
	EXPECT_INT(shipping_is_held(&top, "a/b"), false);
	arena_release(&a);
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"names of tags", tag_names},
		{"versions", versions},
		{"what is written is read", round_trip},
		{"tags that others made", others},
		{"what is live of any deploy", of_any},
		{"tags that cannot be read", unreadable},
		{"what a kill leaves of a deploy", shippings},
	};

	return tap_run("release", tests, ARRAY_SIZE(tests));
}
