/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An OCI image layout is a directory with index.json:
 *
 *     {"schemaVersion": 2, "manifests": [{"digest": "sha256:...", "annotations": {"org.opencontainers.image.ref.name": TAG}, ...}]}
 *
 * and what a digest names in blobs/sha256/. */
#include <config.h>

#include "env/image.h"

#include <stdlib.h>
#include <string.h>

#include "util/json.h"
#include "util/path.h"

#define DIGEST_PREFIX "sha256:"
#define REF_NAME "org.opencontainers.image.ref.name"

/* "sha256:<64 hex digits>" that s ends with, or is; NULL if it does not. */
static const char *digest_in(const char *s)
{
	const char *at = strrchr(s, '@'), *hex;
	struct digest d;

	if (!skip_prefix(at ? at + 1 : s, DIGEST_PREFIX, &hex) || strlen(hex) != DIGEST_HEX || !digest_parse(hex, &d))
		return NULL;
	return at ? at + 1 : s;
}

/* ---- layouts ---- */

static bool has_tag(const struct json *manifest, const char *tag)
{
	const char *name = json_str(json_get(json_get(manifest, "annotations"), REF_NAME));

	return !tag || (name && streq(name, tag));
}

static const char *find_manifest(const struct json *index, const char *tag, size_t *n)
{
	const struct json *all = json_get(index, "manifests");
	const char *found = NULL;
	size_t i;

	for (*n = i = 0; i < json_len(all); i++)
		if (has_tag(json_at(all, i), tag)) {
			found = json_str(json_get(json_at(all, i), "digest"));
			++*n;
		}
	return found && streq(found, digest_in(found) ? digest_in(found) : "") ? found : NULL;
}

static int look_in_layout(const char *dir, const char *tag, const struct env_tools *t, struct arena *a, struct image *out, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(json_freep) struct json *index = NULL;
	CLEANUP(freep) char *file = path_join(dir, "index.json");
	CLEANUP(strbuf_release) struct strbuf full = STRBUF_INIT;
	const char *digest;
	size_t n = 0;

	if (interpreter_read(t, file, &text, err) < 0)
		return -1;
	index = json_parse(text.buf, text.len, NULL, err);
	if (!index)
		return err_wrap_file(err, file);
	digest = find_manifest(index, tag, &n);
	if (n > 1)
		return err_set(err, ERR_INVALID, "'%s' holds %zu images%s; name one: oci:%s:TAG", dir, n, tag ? " of that tag" : "", dir);
	if (!digest)
		return err_set(err, ERR_NOTFOUND, "'%s' holds no image%s%s%s", dir, tag ? " '" : "", tag ? tag : "", tag ? "'" : "");
	out->digest = arena_strdup(a, digest);
	if (!t->disk->real(t->disk->ctx, dir, &full))
		strbuf_addstr(&full, dir);
	out->reference = arena_fmt(a, "oci:%s%s%s", full.buf, tag ? ":" : "", tag ? tag : "");
	return 0;
}

/* ---- engines ---- */

static const char *question(const char *name, const char *run, struct arena *a)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	bool docker = run && strstr(run, "docker");

	strbuf_addstr(&sb, "image=");
	strbuf_add_shell(&sb, name);
	strbuf_addf(&sb, "\nfor tool in %s; do\n", docker ? "docker podman" : "podman docker");
	strbuf_addstr(&sb, "	command -v $tool > /dev/null 2>&1 || continue\n"
			   "	said=$($tool image inspect --format "
			   "'{{if .RepoDigests}}{{index .RepoDigests 0}}{{else}}{{.Id}}{{end}}' \"$image\" 2> /dev/null) || continue\n"
			   "	case $said in *sha256:*) ;; *) said=sha256:$said ;; esac\n"
			   "	echo \"$said\"; exit\n"
			   "done\n"
			   "command -v skopeo > /dev/null 2>&1 || { echo 'no podman or docker has it, and there is no skopeo to ask a registry'; exit 1; }\n"
			   "skopeo inspect --format '{{.Name}}@{{.Digest}}' \"docker://$image\"\n");
	return arena_strdup(a, sb.buf);
}

static void ask(const struct env *e, const struct env_tools *t, struct arena *a, struct image *out)
{
	const char *said;

	out->ask = (struct env_question){.key = arena_fmt(a, "[image] %s", e->image), .cmd = question(e->image, e->run, a), .stamp = "",
					 .always = true, .bare = true};
	said = t->answer ? t->answer(t->answer_ctx, out->ask.key) : NULL;
	if (!said || *said != '\n' || !digest_in(said + 1))
		return;
	out->reference = arena_strdup(a, said + 1);
	out->digest = digest_in(out->reference);
	out->ask.answered = true;
}

int image_find(const struct env *e, const struct env_tools *t, struct arena *a, struct image *out, struct err *err)
{
	const char *rest, *colon;

	*out = (struct image){0};
	if (digest_in(e->image)) {
		out->digest = digest_in(e->image);
		out->reference = e->image;
		return 0;
	}
	if (skip_prefix(e->image, "oci:", &rest)) {
		colon = strrchr(rest, ':');
		return look_in_layout(colon ? arena_strndup(a, rest, (size_t)(colon - rest)) : rest, colon ? colon + 1 : NULL, t, a, out, err);
	}
	if (strchr(e->image, '@'))
		return err_set(err, ERR_PARSE, "'%s' has no digest of the form sha256:<64 hex digits> behind '@'", e->image);
	ask(e, t, a, out);
	return 0;
}
