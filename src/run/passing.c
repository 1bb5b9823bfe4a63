/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "run/passing.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "digest/digest.h"
#include "run/tail.h"
#include "util/path.h"
#include "util/text.h"

extern char **environ;

#define HINT_LINES 20
#define HINT_SHORTEST 3 /* letters of a name that is looked for in a log */

static const char *const by_themselves[] = {
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR",
	"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR",
	"http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy",
	"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS",
	"SSH_AUTH_SOCK", "KRB5CCNAME", "DOCKER_HOST", "CONTAINER_HOST", "DBUS_SESSION_BUS_ADDRESS",
	"MAKEFLAGS", "MFLAGS", "MAKELEVEL",
	"PYTHONPATH",
};

const char *const passing_machine[] = {
	"CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
	"OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OMP_DYNAMIC", "OMP_PROC_BIND", "OMP_PLACES", "OMP_SCHEDULE", "GOMP_CPU_AFFINITY",
	"KMP_AFFINITY", "MKL_NUM_THREADS", "MKL_DYNAMIC", "OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "BLIS_NUM_THREADS",
	"VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMEXPR_MAX_THREADS", "NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT",
	"POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "JULIA_NUM_THREADS", "GOMAXPROCS", NULL,
};

/* Byte code that Python wrote is believed by the second and the size of its source, so an edit may be missed: it writes none.
 * 315532800 is the first second of 1980, the earliest that a zip archive can hold. */
static const char *const everywhere[] = {
	"LC_ALL=C.UTF-8", "TZ=UTC", "TERM=dumb", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1", "SOURCE_DATE_EPOCH=315532800",
};

static bool is_name(const char *name, const char *entry, size_t n)
{
	return strncmp(entry, name, n) == 0 && name[n] == '\0';
}

static bool matches_any(const char *const *patterns, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (glob_match(patterns[i], name))
			return true;
	return false;
}

/* For tests: MLMAKE_TEST_PASS has patterns of further names. */
static bool passes_in_test(const char *entry, size_t n)
{
	const char *s = getenv("MLMAKE_TEST_PASS");
	CLEANUP(freep) char *name = s ? xstrndup(entry, n) : NULL;

	while (s && *s) {
		size_t len = strcspn(s, " ");
		CLEANUP(freep) char *pattern = xstrndup(s, len);

		if (glob_match(pattern, name))
			return true;
		s += len + (s[len] == ' ');
	}
	return false;
}

/* entry: NAME or NAME=VALUE. */
static bool passes(const char *entry)
{
	size_t n = strcspn(entry, "="), i;

	for (i = 0; i < ARRAY_SIZE(by_themselves); i++)
		if (is_name(by_themselves[i], entry, n))
			return true;
	for (i = 0; passing_machine[i]; i++)
		if (is_name(passing_machine[i], entry, n))
			return true;
	return skip_prefix(entry, "MLMAKE_", NULL) || passes_in_test(entry, n);
}

char **passing_base(char *const *environment)
{
	size_t n = 0, k = 0, i;
	char **base;

	while (environment[n])
		n++;
	base = xreallocarray(NULL, n + ARRAY_SIZE(everywhere) + 1, sizeof(*base));
	for (i = 0; i < n; i++)
		if (passes(environment[i]))
			base[k++] = environment[i];
	for (i = 0; i < ARRAY_SIZE(everywhere); i++)
		base[k++] = (char *)(uintptr_t)everywhere[i];
	base[k] = NULL;
	return base;
}

static bool may_pass(const struct env *env, const char *name)
{
	return env && (matches_any(env->passes, env->n_passes, name) || matches_any(env->secrets, env->n_secrets, name));
}

static void add_variable(const char *name, const char *value, struct strvec *out)
{
	strvec_pushf(out, "%s%s%s", name, value ? "=" : "", value ? value : "");
}

void passing_declared(const struct env *env, const struct instance *in, struct strvec *out)
{
	size_t i;

	for (i = 0; env && env->n_passes + env->n_secrets && environ[i]; i++) {
		CLEANUP(freep) char *name = xstrndup(environ[i], strcspn(environ[i], "="));

		if (may_pass(env, name))
			strvec_push(out, environ[i]);
	}
	for (i = 0; in && i < in->n_env; i++)
		add_variable(in->env[i].name, in->env[i].value, out);
	for (i = 0; !in && env && i < env->n_vars; i++)
		add_variable(env->vars[i], getenv(env->vars[i]), out);
}

/* ---- the seed ---- */

static const char *number_called_seed(const struct fact *facts, size_t n)
{
	int64_t number;
	size_t i;

	for (i = 0; i < n; i++)
		if (streq(facts[i].name, "seed") && facts[i].value && text_parse_int(facts[i].value, 0, INT64_MAX, &number))
			return facts[i].value;
	return NULL;
}

char *passing_seed(const struct instance *in)
{
	const char *said = number_called_seed(in->vars, in->n_vars);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(strvec_release) struct strvec paths = STRVEC_INIT;
	struct digest d;
	size_t i;

	if (!said)
		said = number_called_seed(in->params, in->n_params);
	if (said)
		return xstrdup(said);
	for (i = 0; i < in->n_outs; i++)
		strvec_push(&paths, in->outs[i].path);
	strvec_sort(&paths);
	strbuf_addstr(&text, "mlmake-seed 1\n");
	for (i = 0; i < paths.n; i++)
		strbuf_addf(&text, "%s\n", paths.v[i]);
	digest_bytes(text.buf, text.len, &d);
	return xstrfmt("%" PRIu32, (uint32_t)(d.b[0] & 0x7f) << 24 | (uint32_t)d.b[1] << 16 | (uint32_t)d.b[2] << 8 | d.b[3]);
}

/* ---- when it fails ---- */

static bool is_declared(const struct instance *in, const char *name)
{
	const struct env *env = in->stage->env;
	size_t i;

	for (i = 0; i < in->n_env; i++)
		if (streq(in->env[i].name, name))
			return true;
	return may_pass(env, name);
}

static bool is_everywhere(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(everywhere); i++)
		if (is_name(name, everywhere[i], strcspn(everywhere[i], "=")))
			return true;
	return false;
}

/* What the shell sets by itself is no cause of anything. */
static bool is_the_shells(const char *name)
{
	return streq(name, "PWD") || streq(name, "OLDPWD") || streq(name, "SHLVL") || is_everywhere(name);
}

static char *about(const struct instance *in, const char *name)
{
	const struct env *env = in->stage->env;

	if (is_declared(in, name))
		return getenv(name) ? NULL : xstrfmt("%s, which is declared, is not set here", name);
	if (!getenv(name) || passes(name) || is_the_shells(name))
		return NULL;
	return xstrfmt("%s is set here, but a stage does not get it unless it is declared: `vars = %s` in [stage %s] if the result depends "
		       "on it, else `pass = %s`, or `secret = %s`, in %s%s%s; or build with --inherit-env", name, name, in->stage->name, name,
		       name, env ? "[env " : "an [env]", env ? env->name : "", env ? "]" : "");
}

static bool is_of_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

char *passing_hint(const struct instance *in, const char *log)
{
	CLEANUP(strbuf_release) struct strbuf end = STRBUF_INIT;
	const char *s;

	if (!log || in->stage->inherits)
		return NULL;
	tail_end(log, HINT_LINES, &end);
	for (s = end.buf; *s; s++) {
		size_t n = 0;

		while (is_of_name(s[n]))
			n++;
		if (n >= HINT_SHORTEST && !isdigit((unsigned char)*s)) {
			CLEANUP(freep) char *name = xstrndup(s, n);
			char *text = about(in, name);

			if (text)
				return text;
		}
		s += n;
		if (!*s)
			break;
	}
	return strstr(end.buf, "error while loading shared libraries") ? about(in, "LD_LIBRARY_PATH") : NULL;
}
