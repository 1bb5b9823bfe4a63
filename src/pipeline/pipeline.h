/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mlmake.ini as a checked model: stages as written, instances as expanded.
 *
 * Everything here lives in the pipeline's arena and is not changed after pipeline_load(). Paths are project paths
 * (util/path.h); those of inputs may also lead out of the project ("../shared/x.csv" or absolute). */
#ifndef PIPELINE_PIPELINE_H
#define PIPELINE_PIPELINE_H

#include "params/params.h"
#include "util/arena.h"
#include "util/diag.h"
#include "util/map.h"
#include "util/strvec.h"

struct place {
	const char *file; /* "mlmake.ini" */
	int line;
};

/* attr=value behind a path: `plots = loss.csv x=round y=train,valid` */
struct attr {
	const char *name, *value;
};

enum input_kind { INPUT_DATA, INPUT_CODE, INPUT_LOCK /* an environment's lock file */ };

/* As `by`: the stage was seen to read it (stale/learned.h). */
#define INPUT_LEARNED "?"

struct input {
	enum input_kind kind;
	const char *path;
	const char *pattern; /* the glob it came from, NULL if it was named */
	bool keep;           /* false: keep = no, not saved in the store */
	struct place at;     /* of one that code brings in: the line there that does so */
	const char *by;      /* the file that brings it in, without its being declared; NULL: none */
};

enum output_kind { OUTPUT_OUTS, OUTPUT_METRICS, OUTPUT_PLOTS };

struct output {
	enum output_kind kind;
	const char *path;
	const struct attr *attrs;
	size_t n_attrs;
	struct place at;
};

/* A parameter or variable that the key contains: canonical text (params.h) or the variable's value. */
struct fact {
	const char *name;
	const char *value; /* NULL: an environment variable that is not set */
	struct place at;   /* where the value stands; file NULL: nowhere in particular */
};

struct use {
	int64_t cpu;         /* cores, at least 1 */
	int64_t mem;         /* bytes, 0: not said */
	int64_t gpu;         /* devices */
	int64_t time;        /* nanoseconds expected, 0: not said */
	const char **locks;  /* names, sorted */
	size_t n_locks;
};

/* What is done about files that a stage touches and its section does not name. */
enum watching { WATCHING_UNSAID, WATCHING_OFF, WATCHING_WARN, WATCHING_LEARN, WATCHING_STRICT };

enum cache_mode { CACHE_YES, CACHE_NO /* not stored, not restored */, CACHE_ALWAYS /* never collected */ };

/* Names of facts about environments, before that of the package or image. */
#define ENV_PYTHON "[python]"
#define ENV_PACKAGE "package:"
#define ENV_IMAGE "image:"

/* What has to be asked of a program to know an environment. */
struct env_question {
	const char *key;   /* under which the answer is remembered */
	const char *cmd;   /* for one `sh -eu -c`, which prints it */
	const char *stamp; /* with this the remembered answer holds, unless */
	bool always;       /* it is to be asked by every build */
	bool bare;         /* without the environment's `run` */
	bool answered;     /* and used */
};

/* [env NAME] */
struct env {
	const char *name;
	const char *run;          /* prefix of the command, words for sh; NULL: none */
	const char **locks;       /* lock files */
	size_t n_locks;
	const char **probes;      /* commands whose output counts */
	size_t n_probes;
	const char **vars;        /* variables whose values count */
	size_t n_vars;
	const char **passes;      /* patterns of variables that pass and do not count */
	size_t n_passes;
	const char **secrets;     /* the same of those whose values nobody is to see */
	size_t n_secrets;
	bool inherits;            /* all of mlmake's environment passes */
	const char **paths;       /* directories in which Python modules are looked for */
	size_t n_paths;
	const char **uses;        /* Python distributions that count, "name" or "name[extra,extra]"; "*": all */
	size_t n_uses;
	struct place uses_at;
	const char *interpreter;  /* a path, or a name to be found in PATH; NULL: not said */
	const char *image;        /* of a container; NULL: none */
	bool image_file;          /* it is a file, and an input like a lock file */
	/* What the machine has of it (env/environment.h); nothing before that was looked at. */
	const struct fact *facts;
	size_t n_facts;
	const struct env_question *questions;
	size_t n_questions;
	struct env_files *files;  /* that the facts were taken from */
	const char *image_reference; /* by which an engine takes exactly the image; NULL: none, or not known */
	struct place at;
};

/* What an instance does: run its command, or, from STAGE_CHECK on, what mlmake itself does by its rules (pipeline/kinds.h, lifecycle/kind.h). */
enum stage_kind { STAGE_COMMAND, STAGE_CHECK, STAGE_GATE, STAGE_RESCORE /* by a gate */, STAGE_DEPLOY, STAGE_MONITOR, STAGE_KINDS };

/* [normal PATTERN] */
struct normal {
	const char *pattern; /* of paths; without a '/' of their last components */
	const char *cmd;     /* what it prints counts in place of a file's bytes */
	int64_t timeout;     /* nanoseconds */
	struct place at;
};

/* [stage NAME] or [source NAME], as written; or [gate NAME] and the like, whose name here is "gate:NAME". */
struct stage {
	const char *name;
	enum stage_kind kind;
	bool is_source;
	const char *desc;    /* NULL: none */
	const char *written; /* its cmd before expansion, lines separated by '\n'; "" if it has none */
	const struct env *env; /* NULL: none */
	struct use use;
	int64_t timeout;     /* nanoseconds, 0: none */
	int64_t retry;       /* further attempts */
	int64_t every;       /* of a source: nanoseconds after which it is to be asked again, 0: not said */
	bool frozen;
	bool no_imports;     /* what its code brings in does not count unless it is declared */
	const char **exact;  /* patterns of code that is taken by its bytes */
	size_t n_exact;
	enum watching watch; /* as its section says; see pipeline_watching() */
	bool inherits;       /* all of mlmake's environment passes: its [env] or the command line says so */
	const struct pipeline *pl; /* it is of; NULL in some tests */
	bool reads_params;   /* it declares parameters, so it may read their files itself */
	enum cache_mode cache;
	struct place at;
	size_t first, n;     /* its instances in pipeline.instances */
};

/* One stage with matrix or foreach values filled in. */
struct instance {
	const char *name; /* "clean", "train@3", "train@3,0.1" (matrix values in order), "clean@data/raw/a.csv" (foreach item) */
	const struct stage *stage;
	size_t index;     /* in pipeline.instances */
	const char *cmd;  /* after expansion; lines separated by '\n', none at the end. Not of STAGE_COMMAND: its rules (pipeline/rules.h) */
	const char *same; /* the command that tells whether an output is the same though its bytes are not: $MLMAKE_OLD and $MLMAKE_NEW
			   * name them. NULL: bytes alone count */
	const struct input *inputs; /* no path twice for one kind, in order of mention, globs in byte order */
	size_t n_inputs;
	const struct fact *params; /* by byte order of name, each once; canonical texts */
	size_t n_params;
	const struct fact *vars;   /* matrix variables and item, in order */
	size_t n_vars;
	const struct fact *env;    /* declared environment variables, by byte order of name */
	size_t n_env;
	const struct fact *learned; /* what it depends on beside files, as was seen (stale/learned.h) */
	size_t n_learned;
	bool appeared;    /* something is there now that it looked for in vain (stale/learned.h) */
	const struct output *outs; /* outs, then metrics, then plots, in order of mention */
	size_t n_outs;
	const struct stage **after;
	size_t n_after;
	const char **probes;       /* of a source: commands that tell whether there is something new to bring */
	size_t n_probes;
};

/* A section that later versions act on ([check], [gate], ...): validated, and a warning says that it does nothing yet. */
struct other_section {
	const char *type, *name;
	struct place at;
};

/* [remote NAME]; url and lfs have been read by address_parse() without an error. */
struct remote_section {
	const char *name, *url;
	const char *lfs;     /* NULL: not said */
	int64_t jobs;        /* at once, 0: not said */
	struct place at;
};

/* What a hook does while a build that an earlier one asked for is under way. */
enum when_busy {
	BUSY_FINISH, /* it ends, then the newest commit is built */
	BUSY_CANCEL, /* it is stopped */
	BUSY_QUEUE,  /* it ends, then each commit is built in its turn */
};

/* [hook NAME]: what git's hook of that name has built. */
struct hook_section {
	const char *name;
	const char **branches; /* patterns; none: all */
	size_t n_branches;
	const char **build;    /* targets; none: what plain mlmake builds */
	size_t n_build;
	enum when_busy when_busy;
	bool note;             /* the result becomes a git note of the commit */
	bool pass_unknown;     /* of pre-push: what was not built is pushed all the same */
	const char *notify;    /* a command that is told of each result, NULL: none */
	struct place at;
};
#define HOOK_NAMES "post-commit", "post-merge", "post-rewrite", "post-applypatch", "pre-push", "post-receive"

enum linking { LINKING_COPY, LINKING_HARD, LINKING_SYMBOLIC };

struct pipeline {
	struct arena arena;
	const char *file;            /* "mlmake.ini" */
	const char *name, *goal;     /* of [project]; name falls back to the directory's */
	const char **defaults;       /* targets when none are given; none: everything */
	size_t n_defaults;
	const char **gpus;           /* ids from `gpus = 0 1`; NULL with n_gpus 0: not said */
	size_t n_gpus;
	int64_t jobs;                /* of [project], 0: not said */
	enum linking linking;        /* may what is put back share its bytes with the store, read-only? */
	enum watching watch;         /* of [project] */
	struct params params;
	const char **param_files;
	size_t n_param_files;
	struct env **envs;
	size_t n_envs;
	struct stage **stages;       /* in order of the file */
	size_t n_stages;
	struct instance **instances; /* stages in order, instances of one stage in order */
	size_t n_instances;
	struct map stage_by_name, instance_by_name, instance_by_output;
	struct remote_section *remotes; /* in order of the file */
	size_t n_remotes;
	struct hook_section *hooks; /* in order of the file */
	size_t n_hooks;
	struct normal *normals;      /* in order of the file */
	size_t n_normals;
	struct other_section *others;
	size_t n_others;
};
#define PIPELINE_INIT {.arena = ARENA_INIT, .params = PARAMS_INIT}

/* The disk as the pipeline sees it, handed in for tests. */
struct pipeline_disk {
	/* Appends what matches (util/path.h glob_expand). */
	void (*glob)(void *ctx, const char *pattern, struct strvec *out);
	/* Appends the file's text; -1 and err as file_read. */
	int (*read)(void *ctx, const char *path, struct strbuf *out, struct err *err);
	/* Was path made by an instance that is no longer in the pipeline? Then globs skip it. May be NULL. */
	bool (*orphaned)(void *ctx, const char *path);
	/* Is path a regular file? Scripts named in a cmd are code. */
	bool (*is_file)(void *ctx, const char *path);
	const char *(*getenv)(void *ctx, const char *name);
	void *ctx;
};
extern const struct pipeline_disk pipeline_disk_system;

struct pipeline_options {
	const char *file;       /* path of mlmake.ini */
	const char *profile;    /* [profile NAME] to apply; NULL: none */
	char *const *overrides; /* "NAME=VALUE" of the command line */
	size_t n_overrides;
	size_t max_instances;   /* 0: 1,000,000 */
	bool inherit;           /* stages get the whole environment */
};

/* Reads, expands and validates. All errors and warnings go to ds; -1 if there was an error. What is known of the pipeline stays
 * in *pl in either case, for pipeline_release. */
NODISCARD int pipeline_load(struct pipeline *pl, const struct pipeline_options *opt,
			    const struct pipeline_disk *disk, struct diags *ds);
/* Reads what sections say that speak of no files ([hook], [remote]) from the pipeline that disk has: patterns find nothing, and what is wrong is passed over. */
void pipeline_load_sections(struct pipeline *pl, const char *file, const struct pipeline_disk *disk);
void pipeline_release(struct pipeline *pl);

/* What holds for st: its own word, that of [project], or to warn. */
enum watching pipeline_watching(const struct pipeline *pl, const struct stage *st);
const struct stage *pipeline_stage(const struct pipeline *pl, const char *name);
/* "gate:release" for "release", if nothing else has that name; NULL: it means nothing of the kind, or several. */
const struct stage *pipeline_short_name(const struct pipeline *pl, const char *name);
/* Is there a hook of that name that [hook] can speak of? ERR_INVALID names the nearest. */
NODISCARD int pipeline_hook_name(const char *name, struct err *err);
const struct hook_section *pipeline_hook(const struct pipeline *pl, const char *name); /* NULL if there is none */
/* Its patterns with blanks between them. */
void pipeline_hook_branches(const struct hook_section *h, struct strbuf *out);
const struct instance *pipeline_instance(const struct pipeline *pl, const char *name);
/* The filter of an input of st with this path, the first that matches; NULL if there is none, or it counts by its bytes (code-exact). */
const struct normal *pipeline_normal(const struct stage *st, const char *path);
/* The instance that has path among its outputs, or has an output directory that path lies in; NULL if none. */
const struct instance *pipeline_maker(const struct pipeline *pl, const char *path);
/* Reads the files of parameters once more. The name of a parameter of in that they no longer say what it was when pl was
 * loaded, NULL if there is none. Does not count: one that the command line or a profile sets, and a stage that has its
 * parameters from templates alone. Touches nothing that threads share. */
const char *pipeline_param_moved(const struct pipeline *pl, const struct instance *in);

const char *input_kind_name(enum input_kind kind);   /* "data", "code", "lock" */
const char *output_kind_name(enum output_kind kind); /* "outs", "metrics", "plots" */

#endif
