/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this room share while a pipeline is loaded; nobody else includes it.
 *
 * The steps, each over all that the step before left: read_sections (text to sections), fields_* (values to typed
 * fields), expand_outputs (instances and what they make; foreach), expand_inputs (globs, commands, facts), validate.
 * A step goes on after errors as far as sense can be made, so that all of them are reported at once. */
#ifndef PIPELINE_LOAD_H
#define PIPELINE_LOAD_H

#include "pipeline/pipeline.h"

#define MAX_INCLUDE_DEPTH 16
#define MAX_INSTANCES ((size_t)1000000)
#define MAX_FILE ((size_t)64 << 20)
#define MAX_AXES 32
#define MAX_COMMAND ((size_t)16 << 20)
#define MAX_EXPANDED ((size_t)4 << 30) /* bytes of all expanded texts and lists */

enum section_kind {
	S_PROJECT, S_ENV, S_PROFILE, S_STAGE, S_SOURCE, S_KIND /* kinds.h */, S_REMOTE, S_HOOK, S_NORMAL, S_OTHER /* acted on by later versions */
};

enum key_id {
	K_NONE, K_AFTER, K_BRANCH, K_BUILD, K_CACHE, K_CMD, K_CODE, K_CODE_EXACT, K_DATA, K_DEFAULT, K_DESC, K_ENV, K_EVERY,
	K_FOREACH, K_FROZEN, K_GOAL, K_GPUS, K_IMAGE, K_IMPORTS, K_INCLUDE, K_INHERIT, K_INTERPRETER, K_JOBS, K_KEEP, K_LFS,
	K_LINK, K_LOCK, K_MATRIX, K_METRICS, K_NAME, K_NOTE, K_NOTIFY, K_OUTS, K_PARAMS, K_PASS, K_PATH, K_PLOTS, K_PROBE,
	K_RETRY, K_RULE, K_RULE_CMD, K_RUN, K_SAME, K_SECRET, K_SET, K_TIMEOUT, K_UNKNOWN, K_URL, K_USE, K_USES, K_VARS,
	K_WATCH, K_WHEN_BUSY
};

enum key_shape {
	ONE,   /* a value; twice is an error */
	TEXT,  /* lines */
	WORDS, /* a list */
	NAMED  /* 'key NAME = ...', words or text as the key says */
};

struct key_info {
	const char *name;
	enum key_id id;
	enum key_shape shape;
};

struct section_info {
	const char *name;
	enum section_kind kind;
	const struct key_info *keys;
	size_t n_keys;
	const struct kind *of; /* of S_KIND */
};

/* A line of a value. */
struct entry {
	const struct key_info *key;
	const char *arg;  /* of NAMED */
	struct entry *next;
	int line;
	bool more;        /* continues the entry before */
	char value[];     /* words are cut in place */
};

struct section {
	const struct section_info *info;
	const char *name; /* "" if it has none */
	const char *file;
	int line;
	struct entry *first, *last;
	uint32_t seen, doubled; /* bits by index of key */
	struct section *next;
};

/* A word of data, code, outs, metrics, plots or foreach. */
struct item {
	const char *text;
	const struct attr *attrs;
	struct item *next;
	int line;
	uint16_t n_attrs;
	uint8_t key; /* enum key_id */
	bool pattern : 1, tmpl : 1, keep : 1;
};

/* matrix NAME, or foreach as "item" */
struct axis {
	const char *name;
	const char **v;
	bool *found; /* of foreach: v[i] is a file on disk that a glob found; NULL: none is */
	size_t n;
	struct item *items, *last;
	int line;
	struct axis *next;
};

struct facts {
	const struct fact *v;
	size_t n;
	size_t stamp; /* 1 + number of the stage that took it last */
};

struct facts_link {
	struct facts *facts;
	struct facts_link *next;
};

/* A stage on its way. */
struct proto {
	struct stage st; /* first: pipeline.stages points at it */
	struct section *sec;
	size_t number;
	struct item *items, **items_tail;
	struct axis *axes; /* foreach first, then matrix in order */
	size_t n_axes;
	struct facts_link *facts;
	const struct stage **after;
	size_t n_after;
	const char **env_vars;
	size_t n_env_vars;
	const struct instance *like; /* of a rescoring: what it runs */
	bool keep, has_cmd, has_same, is_foreach;
	bool failed; /* its instances cannot be made, or its lists are not whole */
	struct instance *in; /* st.n of them */
};

/* A directory that holds outputs somewhere below it. */
struct made_dir {
	const char *path; /* "" for the project */
	struct made_dir *subs, *next;
	struct made *outputs;
	size_t stage; /* least number of a stage with an output below */
};

struct made {
	const char *path;
	const struct instance *in;
	struct made *next;
};

/* What a glob found. */
struct match {
	const char *path;
	const struct instance *maker; /* NULL: a file on disk, or a directory above outputs */
	bool above_outputs;
};

struct matches {
	struct match *v;
	size_t n;
	const struct instance *inside; /* it looks into an output of this one: an error */
};

struct load {
	struct pipeline *pl;
	const struct pipeline_options *opt;
	const struct pipeline_disk *disk;
	struct diags *ds;
	struct section *sections, **sections_tail; /* that have no instances */
	struct map files;       /* names of read ini files and params files */
	struct map headers;     /* "type name" of those */
	struct map envs;        /* name -> struct env */
	struct map facts;       /* dotted key -> struct facts */
	struct map globs;       /* pattern -> struct matches */
	struct map is_file;     /* path -> itself if it is a regular file, else "" */
	struct map dirs;        /* directories above outputs -> struct made_dir */
	struct made_dir *last_dir;
	struct strbuf text, path, word; /* scratch: a command, a path, a name */
	struct place default_at; /* of the last 'default' */
	size_t n_instances, expanded, hints;
	bool params_failed, too_big;
	bool incomplete; /* outputs of some stage are not known, so that not matching means nothing */
};

/* Errors at a line of a stage, and at a place. */
#define stage_error(ld, p, line, ...) diag_error((ld)->ds, (p)->sec->file, line, __VA_ARGS__)
#define place_error(ld, at, ...) diag_error((ld)->ds, (at).file, (at).line, __VA_ARGS__)
#define place_warn(ld, at, ...) diag_warn((ld)->ds, (at).file, (at).line, __VA_ARGS__)

/* Bytes that live as long as the pipeline, counted against MAX_EXPANDED; NULL (after one error) when that is used. */
void *load_alloc(struct load *ld, size_t n);
/* s in the arena, counted likewise. */
const char *load_strdup(struct load *ld, const char *s, size_t n);
/* Is a "did you mean" still worth the search? Not the hundredth time. */
bool load_may_hint(struct load *ld);
/* Offers the parameters, which may be many, the first few times. */
struct nearest;
void load_offer_params(struct load *ld, struct nearest *near);

/* read.c */
void read_sections(struct load *ld);
/* The lines of a TEXT value with this id, joined by '\n'. NULL if there are none. */
const char *section_text(struct load *ld, const struct section *s, enum key_id id);
/* project.c */
void fields_project(struct load *ld); /* project, profile, params, overrides, environments */
void fields_defaults(struct load *ld); /* after expansion: targets must be something */
/* How to watch, from the value of an entry; UNSAID after a diag. */
enum watching fields_watching(struct load *ld, const struct section *s, const struct entry *e, const char *value);
/* fields.c */
bool fields_yes(const char *value, bool *yes); /* false if it is neither yes nor no */
void fields_stages(struct load *ld);
/* facts.c */
/* The parameters at and below a dotted key, in byte order; NULL if there is none. */
struct facts *facts_at(struct load *ld, const char *key);
void facts_use(struct load *ld, struct proto *p, struct facts *f);
int facts_unknown(struct load *ld, const char *file, int line, const char *key);
void facts_of_stage(struct load *ld, struct proto *p, const struct fact **v, size_t *n);
void facts_of_env(struct load *ld, struct proto *p, const struct fact **v, size_t *n);
/* made.c */
static inline struct proto *proto_of(const struct instance *in)
{
	return (struct proto *)(uintptr_t)in->stage;
}
void made_add(struct load *ld, const struct instance *in, const char *path);
/* What pattern finds among the outputs of stages with a number below before and the directories above them, and among
 * the files on disk that are neither outputs nor in them nor orphaned; in byte order. */
void made_glob(struct load *ld, const char *pattern, size_t before, struct matches *found);
/* The instance with an output that is path or holds it. */
const struct instance *made_holding(const struct map *outputs, const char *path);
/* outputs.c */
void expand_outputs(struct load *ld);
/* Enters the outputs of in; -1 after a diag if something else makes one of them. */
int outputs_register(struct load *ld, struct instance *in);
/* The path that text is, in the arena; NULL after a diag. */
const char *item_path(struct load *ld, const char *text, bool own);
/* inputs.c */
void expand_inputs(struct load *ld);
/* Gives the instance whose inputs are gathered one more, named on a line of its section; it can be changed until the next. For kinds.h. */
struct gather;
struct input *gather_input(struct gather *g, enum input_kind kind, const char *path, int line);
/* validate.c */
void validate(struct load *ld);
/* undeclared.c */
void warn_of_undeclared(struct load *ld, const struct proto *p);

#endif
