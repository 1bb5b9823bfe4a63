/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mlmake.ini to the model, on a disk made of strings. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "pipeline/pipeline.h"
#include "pipeline/scripts.h"
#include "pipeline/shquote.h"
#include "pipeline/words.h"
#include "tap.h"
#include "util/path.h"

struct fake_file {
	const char *path, *text;
};

/* One pipeline under test and the world around it. */
struct world {
	struct pipeline_disk disk;
	struct pipeline_options opt;
	struct pipeline pl;
	struct diags ds;
	struct strbuf said;
	struct fake_file files[32];
	size_t n_files, is_file_calls;
	const char *orphan;
	int rc;
};

static void fake_glob(void *ctx, const char *pattern, struct strvec *out)
{
	struct world *w = ctx;
	size_t i;

	for (i = 0; i < w->n_files; i++)
		if (glob_match(pattern, w->files[i].path))
			strvec_push(out, w->files[i].path);
	strvec_sort(out);
}

static const struct fake_file *fake_find(struct world *w, const char *path)
{
	size_t i;

	for (i = 0; i < w->n_files; i++)
		if (streq(w->files[i].path, path))
			return &w->files[i];
	return NULL;
}

static int fake_read(void *ctx, const char *path, struct strbuf *out, struct err *err)
{
	const struct fake_file *f = fake_find(ctx, path);

	if (!f)
		return err_set(err, ERR_NOTFOUND, "cannot open '%s'", path);
	strbuf_addstr(out, f->text);
	return 0;
}

static bool fake_orphaned(void *ctx, const char *path)
{
	const struct world *w = ctx;

	return w->orphan && streq(w->orphan, path);
}

static bool fake_is_file(void *ctx, const char *path)
{
	((struct world *)ctx)->is_file_calls++;
	return fake_find(ctx, path) != NULL;
}

static const char *fake_getenv(void *ctx, const char *name)
{
	(void)ctx;
	return streq(name, "HOME") ? "/home/me" : NULL;
}

static void file(struct world *w, const char *path, const char *text)
{
	w->files[w->n_files++] = (struct fake_file){path, text};
}

static void start(struct world *w, const char *text)
{
	memset(w, 0, sizeof(*w));
	w->pl = (struct pipeline)PIPELINE_INIT;
	w->said = (struct strbuf)STRBUF_INIT;
	w->disk = (struct pipeline_disk){fake_glob, fake_read, fake_orphaned, fake_is_file, fake_getenv, w};
	w->opt.file = "mlmake.ini";
	file(w, "mlmake.ini", text);
}

static void load(struct world *w)
{
	w->rc = pipeline_load(&w->pl, &w->opt, &w->disk, &w->ds);
	diags_format(&w->ds, &w->said);
}

static void stop(struct world *w)
{
	pipeline_release(&w->pl);
	diags_release(&w->ds);
	strbuf_release(&w->said);
}

#define CLEAN CLEANUP(stop)

/* "data:a.csv code:x.py" */
static const char *inputs_of(const struct instance *in)
{
	static char text[4096];
	size_t i, n = 0;

	text[0] = '\0';
	for (i = 0; in && i < in->n_inputs && n < sizeof(text) - 300; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s:%s%s", i ? " " : "",
				      input_kind_name(in->inputs[i].kind),
				      in->inputs[i].path, in->inputs[i].keep ? "" : "!");
	return text;
}

static const char *outs_of(const struct instance *in)
{
	static char text[4096];
	size_t i, n = 0;

	text[0] = '\0';
	for (i = 0; in && i < in->n_outs && n < sizeof(text) - 300; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s:%s", i ? " " : "",
				      output_kind_name(in->outs[i].kind),
				      in->outs[i].path);
	return text;
}

static const char *params_of(const struct instance *in)
{
	static char text[4096];
	size_t i, n = 0;

	text[0] = '\0';
	for (i = 0; in && i < in->n_params && n < sizeof(text) - 300; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s=%s", i ? " " : "", in->params[i].name,
				      in->params[i].value);
	return text;
}

static const char *names_of(const struct pipeline *pl)
{
	static char text[4096];
	size_t i, n = 0;

	text[0] = '\0';
	for (i = 0; i < pl->n_instances && n < sizeof(text) - 300; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "", pl->instances[i]->name);
	return text;
}

static const char *cmd_of(const struct world *w, const char *name)
{
	const struct instance *in = pipeline_instance(&w->pl, name);

	return in ? in->cmd : NULL;
}

static const char churn[] =
	"[project]\n"
	"name    = churn\n"
	"goal    = find likely leavers\n"
	"params  = params.ini\n"
	"default = evaluate\n"
	"gpus    = 0 1\n"
	"jobs    = 4\n"
	"\n"
	"[env py]\n"
	"run     = uv run --frozen\n"
	"lock    = uv.lock\n"
	"probe   = python3 -VV\n"
	"vars    = LANG HOME\n"
	"\n"
	"[stage clean]\n"
	"desc    = tidy up\n"
	"env     = py\n"
	"cmd     = python src/clean.py {{data}} {{outs}}\n"
	"data    = data/raw/customers.csv\n"
	"          \"data/raw/web events.jsonl\" keep=no\n"
	"code    = src/clean.py\n"
	"params  = clean\n"
	"outs    = data/clean.csv data/train.csv\n"
	"\n"
	"[stage train]\n"
	"cmd     = python src/train.py {{data}} --seed {{seed}} --eta {{train.eta}} --out {{outs}}\n"
	"matrix seed = 1 2 3\n"
	"data    = data/train.csv\n"
	"code    = src/train.py\n"
	"params  = train.depth\n"
	"outs    = models/churn-{{seed}}.json\n"
	"plots   = plots/loss-{{seed}}.csv x=round y=train,valid title=\"Loss of {{seed}}\"\n"
	"use     = cpu=2 mem=2G gpu=1 time=1h lock=db lock=api\n"
	"timeout = 2h\n"
	"retry   = 1\n"
	"cache   = no\n"
	"frozen  = yes\n"
	"\n"
	"[stage evaluate]\n"
	"cmd     = python src/evaluate.py {{data}} --json {{metrics}}\n"
	"data    = models/churn-*.json ./data//clean.csv\n"
	"metrics = metrics/eval.json\n"
	"after   = clean\n";

static void whole(void)
{
	CLEAN struct world w;
	const struct instance *in;
	const struct stage *st;

	start(&w, churn);
	file(&w, "params.ini", "[clean]\nmin = 3\nname = x\n[train]\neta = 0.10\ndepth = 6\n");
	file(&w, "src/evaluate.py", "");
	load(&w);
	EXPECT_INT(w.rc, 0);
	EXPECT_STR(w.said.buf, "");
	EXPECT_STR(w.pl.name, "churn");
	EXPECT_INT(w.pl.jobs, 4);
	EXPECT_INT(w.pl.n_gpus, 2);
	EXPECT_STR(names_of(&w.pl), "clean train@1 train@2 train@3 evaluate");
	in = pipeline_instance(&w.pl, "clean");
	EXPECT_STR(in->cmd, "python src/clean.py data/raw/customers.csv 'data/raw/web events.jsonl' data/clean.csv "
		   "data/train.csv");
	EXPECT_STR(inputs_of(in), "data:data/raw/customers.csv data:data/raw/web events.jsonl! code:src/clean.py "
		   "lock:uv.lock");
	EXPECT_STR(params_of(in), "clean.min=3 clean.name=\"x\"");
	EXPECT_INT(in->n_env, 2);
	EXPECT_STR(in->env[0].name, "HOME");
	EXPECT_STR(in->env[0].value, "/home/me");
	EXPECT_STR(in->env[1].value, NULL);
	EXPECT_STR(in->stage->desc, "tidy up");
	EXPECT_INT(in->inputs[1].at.line, 20);
	in = pipeline_instance(&w.pl, "train@2");
	EXPECT_STR(in->cmd, "python src/train.py data/train.csv --seed 2 --eta 0.1 --out models/churn-2.json");
	EXPECT_STR(outs_of(in), "outs:models/churn-2.json plots:plots/loss-2.csv");
	EXPECT_STR(params_of(in), "train.depth=6 train.eta=0.1");
	EXPECT_INT(in->outs[1].n_attrs, 3);
	EXPECT_STR(in->outs[1].attrs[1].value, "train,valid");
	EXPECT_STR(in->outs[1].attrs[2].value, "Loss of 2");
	EXPECT_STR(in->vars[0].value, "2");
	st = pipeline_stage(&w.pl, "train");
	EXPECT_INT(st->use.cpu, 2);
	EXPECT(st->use.mem == INT64_C(2147483648));
	EXPECT(st->use.time == INT64_C(3600000000000));
	EXPECT_STR(st->use.locks[0], "api");
	EXPECT(st->timeout == INT64_C(7200000000000));
	EXPECT_INT(st->cache, CACHE_NO);
	EXPECT(st->frozen);
	EXPECT_INT(st->first, 1);
	EXPECT_INT(st->n, 3);
	in = pipeline_instance(&w.pl, "evaluate");
	EXPECT_STR(inputs_of(in), "data:models/churn-1.json data:models/churn-2.json data:models/churn-3.json "
		   "data:data/clean.csv "
		   "code:src/evaluate.py");
	EXPECT_STR(in->inputs[0].pattern, "models/churn-*.json");
	EXPECT_STR(in->after[0]->name, "clean");
	EXPECT(pipeline_maker(&w.pl, "models/churn-3.json") == pipeline_instance(&w.pl, "train@3"));
	EXPECT(!pipeline_maker(&w.pl, "models"));
}

/* Each text, and what must be said about it, whole. */
static const struct {
	const char *text, *said;
} complaints[] = {
	{"[stage clean]\ncmd = x\nouuts = a\nouts = b\n",
	 "mlmake.ini:3: error: unknown key 'ouuts' in [stage clean]; did you mean 'outs'?\n"},
	{"[stag clean]\ncmd = x\nouts = b\n", "mlmake.ini:1: error: unknown section [stag clean]; did you mean "
	 "'stage'?\n"},
	{"x = 1\n", "mlmake.ini:1: error: 'x' stands before any section; put [project] above it\n"},
	{"[stage a]\ncmd = x\nouts = b\n[source a]\ncmd = x\nouts = c\n",
	 "mlmake.ini:4: error: a second 'a'; [source a] stands at mlmake.ini:1; give it another name\n"},
	{"[stage a@b]\ncmd = x\nouts = b\n",
	 "mlmake.ini:1: error: 'a@b' is no name: use letters, digits, '_', '.' and '-', and begin with none of the "
		"last two\n"},
	{"[stage]\n", "mlmake.ini:1: error: a section without a name\n"},
	{"[stage a]\ncmd = x\nouts = b\ntimeout = 1s\ntimeout = 2s\n",
	 "mlmake.ini:5: error: 'timeout' takes one value and has one on line 4 already\n"},
	{"[stage a]\nouts = b\n[stage c]\ncmd = x\n",
	 "mlmake.ini:1: error: 'a' has no 'cmd'; say what it runs\nmlmake.ini:3: error: 'c' makes nothing; give it "
		"'outs'\n"},
	{"[stage a]\ncmd = x\nouts = b\n[stage c]\ncmd = x\nouts = ./b\n",
	 "mlmake.ini:6: error: 'b' is made by 'a' too, at mlmake.ini:3; one file has one maker\n"},
	{"[stage a]\ncmd = x\nouts = b b\n", "mlmake.ini:3: error: 'b' stands twice among the outputs of 'a'\n"},
	{"[stage a]\ncmd = x\nmatrix seed = 1 2\nouts = m.json\n",
	 "mlmake.ini:4: error: 'm.json' is the same for 'a@1' and 'a@2'; put {{seed}} into its name\n"},
	{"[stage a]\ncmd = x\nouts = d\n[stage b]\ncmd = x\nouts = d/e/f\n",
	 "mlmake.ini:3: error: 'd/e/f' of 'b' is an output in the output 'd' of 'a'; one of the two must lie "
		"elsewhere\n"},
	{"[stage a]\ncmd = x\ndata = b\nouts = b\n",
	 "mlmake.ini:3: error: 'b' is both an input and an output of 'a' (mlmake.ini:4)\n"},
	{"[stage a]\ncmd = x\ndata = d/x\nouts = d\n",
	 "mlmake.ini:3: error: 'd/x' is an input inside of an output of 'a' (mlmake.ini:4)\n"},
	{"[stage a]\ncmd = x\ndata = d/\nouts = d/x\n",
	 "mlmake.ini:3: error: 'd' is an input that holds an output of 'a' (mlmake.ini:4)\n"},
	{"[stage a]\ncmd = x\ndata = .\nouts = d/x\n",
	 "mlmake.ini:3: error: '.' is an input that holds an output of 'a' (mlmake.ini:4)\n"},
	{"[stage a]\ncmd = x\nouts = ../b\n", "mlmake.ini:3: error: output '../b' leads out of the project\n"},
	{"[stage a]\ncmd = x\nouts = .git/b\n", "mlmake.ini:3: error: output '.git/b' lies in a git directory\n"},
	{"[stage a]\ncmd = x\ndata = .git/HEAD\nouts = b\n", "mlmake.ini:3: error: '.git/HEAD' lies in a git "
	 "directory\n"},
	{"[stage a]\ncmd = x\nouts = mlmake.ini\n",
	 "mlmake.ini:3: error: output 'mlmake.ini' of 'a' would overwrite the project's file 'mlmake.ini'\n"},
	{"[stage a]\ncmd = x\nouts = mlmake.lock\n",
	 "mlmake.ini:3: error: output 'mlmake.lock' of 'a' would overwrite the file of mlmake's 'mlmake.lock'\n"},
	{"[stage a]\ncmd = x\nouts = b*\n",
	 "mlmake.ini:3: error: 'b*' is a pattern; 'outs' takes names: say what the stage makes, or put the name in "
		"quotes\n"},
	{"[stage a]\ncmd = x\ndata = nothing/*.csv\nouts = b\n",
	 "mlmake.ini:3: error: 'nothing/*.csv' matches no file and no output\n"},
	{"[stage a]\ncmd = x\nouts = d\n[stage b]\ncmd = x\ndata = d/*.csv\nouts = c\n",
	 "mlmake.ini:6: error: 'd/*.csv' looks into what 'a' makes as a whole; name that directory instead\n"},
	{"[stage a]\ncmd = x\nforeach = nothing/*\nouts = b\n",
	 "mlmake.ini:3: error: 'foreach' finds nothing: no file on disk and no output of a stage above matches; mend "
		"the pattern, or "
	 "put the stage that makes the files above this one\n"},
	{"[stage clean]\ncmd = x\nouts = b\nafter = claen\n", "mlmake.ini:4: error: 'claen' is no stage; did you mean "
	 "'clean'?\n"},
	{"[stage clean]\ncmd = x\nouts = b\nenv = py\n[env pyy]\nrun = x\n",
	 "mlmake.ini:4: error: there is no [env py]; did you mean 'pyy'?\n"},
	{"[stage a]\ncmd = x {{sed}}\nmatrix seed = 1\nouts = b\n",
	 "mlmake.ini:2: error: unknown name '{{sed}}': neither a parameter nor a matrix variable; did you mean "
		"'seed'?\n"},
	{"[stage a]\ncmd = x {{seed\nmatrix seed = 1\nouts = b\n",
	 "mlmake.ini:2: error: '{{seed' lacks its '}}'; write '\\{{' for plain braces\n"},
	{"[stage a]\ncmd = x {{outs.2}}\nouts = b\n", "mlmake.ini:2: error: '{{outs.2}}': 'outs' has the numbers 1 to "
	 "1\n"},
	{"[stage a]\ncmd = x {{metrics}}\nouts = b\n", "mlmake.ini:2: error: '{{metrics}}': the stage has no "
	 "'metrics'\n"},
	{"[stage a]\ncmd = x\nouts = b{{data}}\n", "mlmake.ini:3: error: '{{data}}' has a meaning in 'cmd' alone\n"},
	{"[stage a]\ncmd = x '{{outs}}'\nouts = b c\n",
	 "mlmake.ini:2: error: '{{outs}}' is several values and stands in quotes; take the quotes away, each value "
		"gets its own\n"},
	{"[stage a]\ncmd = x\nouts = b kepe=no\n",
	 "mlmake.ini:3: error: 'outs' has no attribute 'kepe'; to name a file with a '=' put it in quotes\n"},
	{"[stage a]\ncmd = x\nouts = b\nplots = p.csv titel=x\n",
	 "mlmake.ini:4: error: 'plots' has no attribute 'titel'; did you mean 'title'?\n"},
	{"[stage a]\ncmd = x\nouts = b\nuse = cpu=0 men=2G\n",
	 "mlmake.ini:4: error: '0' is no number of cores; write a whole number from 1, as in cpu=2\n"
	 "mlmake.ini:4: error: 'men' is nothing that 'use' takes: cpu=2 mem=2G gpu=1 time=1h lock=NAME; did you mean "
		"'mem'?\n"},
	{"[stage a]\ncmd = x\nouts = b\nparams = train\n",
	 "mlmake.ini:4: error: unknown parameter 'train'; write 'params = FILE' into [project]\n"},
	{"[stage a]\ncmd = x\nouts = \"b\n", "mlmake.ini:3: error: a '\"' without its partner\n"},
	{"[stage a]\ncmd = x\nmatrix seed = 1 1\nouts = b\n", "mlmake.ini:3: error: '1' stands twice among the values "
	 "of 'seed'\n"},
	{"[stage a]\ncmd = x\nmatrix data = 1\nouts = b\n",
	 "mlmake.ini:3: error: 'data' is a name with a meaning of its own in templates; give the variable another\n"},
	{"[project]\ndefault = b\n[stage a]\ncmd = x\nouts = c\n",
	 "mlmake.ini:2: error: 'default' names 'b', which is neither a stage nor made by one\n"},
	{"[project]\ninclude = none.ini\n", "mlmake.ini:2: error: cannot open 'none.ini'\n"},
	{"[project]\ninclude = mlmake.ini\n", "mlmake.ini:2: error: 'mlmake.ini' includes itself\n"},
	{"[stage a]\ncmd = x\nouts = b\n[sweep a]\nthrough = a\nserch = x\n",
	 "mlmake.ini:4: warning: [sweep a] is read and does nothing yet\n"
	 "mlmake.ini:6: error: unknown key 'serch' in [sweep a]; did you mean 'search'?\n"},
	{"[stage a]\ncmd = x\nouts = b\nretry = many\ncache = perhaps\nfrozen = 1\ntimeout = soon\n",
	 "mlmake.ini:4: error: 'many' is no number of attempts from 0 to 100\n"
	 "mlmake.ini:5: error: 'perhaps' is no value for 'cache'; write yes, no or always\n"
	 "mlmake.ini:6: error: 'frozen' takes yes or no, not '1'\n"
	 "mlmake.ini:7: error: 'soon' is no duration; write one like 15m or 2h\n"},
};

static void complains(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(complaints); i++) {
		CLEAN struct world w;

		start(&w, complaints[i].text);
		load(&w);
		EXPECT_STR(w.said.buf, complaints[i].said);
		EXPECT_INT(w.rc, -1);
	}
}

static void globs(void)
{
	CLEAN struct world w;

	/* The glob sees the outputs and the disk, once each, in byte order; not its own output, not the orphan; what
	 * lies in a directory that a stage makes is that stage's business; a directory that holds outputs is there
	 * before it is. */
	start(&w, "[stage a]\ncmd = x\nouts = d/b.csv d/sub/z.csv\n"
		  "[stage e]\ncmd = x\nouts = d/dir\n"
		  "[stage f]\ncmd = cat {{data}} > {{outs}}\ndata = d/*\nouts = d/own.csv\n"
		  "[stage q]\ncmd = cat {{data}} > {{outs}}\ndata = \"d/*\"\nouts = q.csv\n"
		  "[stage r]\ncmd = cat {{data}}\ndata = d/c.csv d/*.csv\nouts = r.csv\n");
	file(&w, "d/a.csv", "");
	file(&w, "d/b.csv", "");
	file(&w, "d/c.csv", "");
	file(&w, "d/own.csv", "");
	file(&w, "d/old.csv", "");
	file(&w, "d/dir/x", "");
	w.orphan = "d/old.csv";
	load(&w);
	EXPECT_STR(w.said.buf, "");
	EXPECT_STR(inputs_of(pipeline_instance(&w.pl, "f")),
		   "data:d/a.csv data:d/b.csv data:d/c.csv data:d/dir data:d/sub");
	EXPECT_STR(inputs_of(pipeline_instance(&w.pl, "q")), "data:d/*");
	EXPECT_STR(inputs_of(pipeline_instance(&w.pl, "r")), "data:d/c.csv data:d/a.csv data:d/b.csv data:d/own.csv");
}

static void foreach(void)
{
	CLEAN struct world w;

	/* data/a.out.csv was made by this very stage, and data/all.csv by one below: neither is an item. */
	start(&w, "[stage get]\ncmd = x\nouts = data/n.csv\n"
		  "[stage each]\nforeach = data/*.csv\nmatrix k = 1 2\n"
		  "cmd = f {{item}} {{k}} {{stem}} {{dir}} > {{outs}}\n"
		  "data = {{item}}\nouts = data/{{stem}}.out{{k}}.csv\n"
		  "[stage all]\ncmd = cat {{data}} > {{outs}}\ndata = data/*.out1.csv\nouts = data/all.csv\n");
	file(&w, "data/a b.csv", "");
	file(&w, "data/a b.out1.csv", "");
	file(&w, "data/all.csv", "");
	load(&w);
	EXPECT_STR(w.said.buf, "");
	EXPECT_STR(names_of(&w.pl), "get each@data/a b.csv,1 each@data/a b.csv,2 each@data/n.csv,1 each@data/n.csv,2 "
		   "all");
	EXPECT_STR(cmd_of(&w, "each@data/a b.csv,2"), "f 'data/a b.csv' 2 'a b' data > 'data/a b.out2.csv'");
	EXPECT_STR(inputs_of(pipeline_instance(&w.pl, "each@data/n.csv,1")), "data:data/n.csv");
	EXPECT_STR(inputs_of(pipeline_instance(&w.pl, "all")), "data:data/a b.out1.csv data:data/n.out1.csv");
}

static void matrix(void)
{
	CLEAN struct world w;

	start(&w, "[project]\nparams = p.yaml\n"
		  "[stage a]\nmatrix x = {{seeds}}\nmatrix y = \"u v\" w\ncmd = f {{x}} {{y}}\nouts = o-{{x}}-{{y}}\n"
		  "[stage b]\ncmd = f {{seeds}} {{train.on}}\ndata = o-*\nouts = b\n");
	file(&w, "p.yaml", "seeds: [3, 1]\ntrain:\n  on: true\n");
	load(&w);
	EXPECT_STR(w.said.buf, "");
	EXPECT_STR(names_of(&w.pl), "a@3,u v a@3,w a@1,u v a@1,w b");
	EXPECT_STR(cmd_of(&w, "a@3,u v"), "f 3 'u v'");
	EXPECT_STR(params_of(pipeline_instance(&w.pl, "a@1,w")), "");
	EXPECT_STR(cmd_of(&w, "b"), "f 3 1 true");
	EXPECT_STR(params_of(pipeline_instance(&w.pl, "b")), "seeds=[3,1] train.on=true");
	EXPECT_STR(inputs_of(pipeline_instance(&w.pl, "b")), "data:o-1-u v data:o-1-w data:o-3-u v data:o-3-w");
}

static void commands(void)
{
	CLEAN struct world w;

	start(&w, "[project]\nparams = p.ini\n[stage a]\n"
		  "cmd = if true; then\n"
		  "        echo '{{v}}' \"{{v}}\" {{ v }} \\{{v}} ${HOME} {{ .Go }} {}\n"
		  "      fi\n"
		  "cmd = echo ; not a comment\n"
		  "outs = b\n"
		  "[stage c]\ncmd = cat <<E\n  {{v}}\n  E\nouts = c\n"
		  "[stage d]\ncmd = cat <<E\n  {{w}}\n  E\nouts = d\n");
	file(&w, "p.ini", "v = it's $x\nw = plain\n");
	load(&w);
	EXPECT_STR(cmd_of(&w, "a"), "if true; then\necho 'it'\\''s $x' \"it's \\$x\" 'it'\\''s $x' {{v}} ${HOME} {{ "
		   ".Go }} {}\nfi\n"
		   "echo ; not a comment");
	EXPECT_STR(cmd_of(&w, "d"), "cat <<E\nplain\nE");
	EXPECT_STR(w.said.buf, "mlmake.ini:11: error: '{{v}}' stands after a here-document, where its value cannot be "
		   "quoted safely; "
		   "put it into a shell variable first\n");
}

static void lines_keep_their_shape(void)
{
	CLEAN struct world w;

	start(&w, "[stage a]\ncmd = for i in 1 2; do\n  if x; then\n    y\n  fi\n  done\nouts = b\n");
	load(&w);
	EXPECT_STR(cmd_of(&w, "a"), "for i in 1 2; do\nif x; then\n  y\nfi\ndone");
}

static void scripts(void)
{
	CLEAN struct world w;

	start(&w, "[stage a]\nmatrix m = x y\n"
		  "cmd = cd . && python3 -u src/{{m}}.py {{outs}} --with=src/no.py > src/log.py\n"
		  "      awk -f 'prog.awk' made.sh $x/run.sh; ./tool; cat notes.txt src/absent.py\n"
		  "outs = o-{{m}}\n"
		  "[stage b]\ncmd = sh lib/deep/in.sh\ncode = lib\nouts = made.sh\n");
	file(&w, "src/x.py", "");
	file(&w, "src/y.py", "");
	file(&w, "src/no.py", "");
	file(&w, "src/log.py", "");
	file(&w, "prog.awk", "");
	file(&w, "tool", "");
	file(&w, "notes.txt", "");
	file(&w, "made.sh", "");
	file(&w, "lib/deep/in.sh", "");
	load(&w);
	EXPECT_STR(w.said.buf, "mlmake.ini:4: warning: the command of 'a' names 'made.sh', which 'b' makes; if it reads that, "
			       "list it under 'data'\n");
	EXPECT_STR(inputs_of(pipeline_instance(&w.pl, "a@x")), "code:src/x.py code:prog.awk code:tool");
	EXPECT_STR(inputs_of(pipeline_instance(&w.pl, "a@y")), "code:src/y.py code:prog.awk code:tool");
	EXPECT_STR(inputs_of(pipeline_instance(&w.pl, "b")), "code:lib");
}

static void includes_and_profiles(void)
{
	CLEAN struct world w;
	char *overrides[] = {(char *)"b=7"};

	start(&w, "[project]\nparams = p.ini\ninclude = sub/i.ini sub/../sub/i.ini\n[stage a]\ncmd = x {{a}} "
	      "{{b}}\nouts = o\n"
		  "[profile ci]\nset a = 5\nset b = 6\ndefault = later\n");
	file(&w, "p.ini", "a = 1\nb = 2\n");
	file(&w, "sub/i.ini", "[stage later]\ncmd = y\nouts = made/here\n[sweep g]\nthrough = a\n");
	w.opt.profile = "ci";
	w.opt.overrides = overrides;
	w.opt.n_overrides = 1;
	load(&w);
	EXPECT_STR(w.said.buf, "sub/i.ini:4: warning: [sweep g] is read and does nothing yet\n");
	EXPECT_INT(w.rc, 0);
	EXPECT_STR(cmd_of(&w, "a"), "x 5 7");
	EXPECT_STR(w.pl.defaults[0], "later");
	EXPECT_STR(w.pl.stages[1]->at.file, "sub/i.ini");
	EXPECT_INT(w.pl.n_others, 1);
}

static void parameters_that_are_not_there(void)
{
	CLEAN struct world w;
	char *overrides[] = {(char *)"train.ete=7", (char *)"eta"};

	start(&w, "[project]\nparams = p.ini\n[stage a]\ncmd = x {{train.eto}} {{train}}\nouts = o\nparams = trian\n");
	file(&w, "p.ini", "[train]\neta = 1\n");
	w.opt.profile = "ci";
	w.opt.overrides = overrides;
	w.opt.n_overrides = 2;
	load(&w);
	EXPECT_INT(w.rc, -1);
	EXPECT_STR(w.said.buf, "mlmake.ini: error: there is no [profile ci]\n"
		   "mlmake.ini:4: error: unknown name '{{train.eto}}': neither a parameter nor a matrix variable; "
		   "did you mean 'train.eta'?\n"
		   "mlmake.ini:6: error: unknown parameter 'trian'; did you mean 'train'?\n"
		   "mlmake: error: no parameter 'train.ete'; did you mean 'train.eta'?\n"
		   "mlmake: error: 'eta' is not NAME=VALUE\n");
}

/* A gate is an instance; its rules, in one order and with single blanks, are its command, and it reads the metrics that they mention. */
static void gates(void)
{
	CLEAN struct world w;

	start(&w, "[project]\nparams = p.ini\ndefault = gate:g release\n"
	      "[stage a]\ncmd = x\nmetrics = a.json\nouts = o\n"
	      "[stage b]\ncmd = x\nmatrix i = 1 2\nmetrics = b{{i}}.json\n"
	      "[gate g]\nrequire =  auc   >= {{least}}\n   mean(b.auc) > 0.5\nof = a\n"
	      "[gate release]\nof = b@2\nrequire = auc > production.auc and file(\"r.json\").n = 3\nfirst = pass\n");
	file(&w, "p.ini", "least = 0.8\n");
	load(&w);
	EXPECT_STR(w.said.buf, "");
	EXPECT_INT(w.rc, 0);
	EXPECT_STR(w.pl.defaults[0], "gate:g");
	EXPECT_STR(w.pl.defaults[1], "gate:release");
	EXPECT_STR(cmd_of(&w, "gate:g"), "of = a\nrequire = auc >= 0.8\nrequire = mean(b.auc) > 0.5");
	EXPECT_STR(pipeline_stage(&w.pl, "gate:g")->written, "of = a\nrequire = auc   >= {{least}}\nrequire = mean(b.auc) > 0.5");
	EXPECT_INT(pipeline_instance(&w.pl, "gate:g")->n_params, 1);
	EXPECT_STR(inputs_of(pipeline_instance(&w.pl, "gate:g")), "data:a.json data:b1.json data:b2.json");
	EXPECT_STR(inputs_of(pipeline_instance(&w.pl, "gate:release")), "data:b2.json data:r.json");
	EXPECT_INT(pipeline_stage(&w.pl, "gate:g")->kind, STAGE_GATE);
	EXPECT_INT(pipeline_stage(&w.pl, "a")->kind, STAGE_COMMAND);
}

static void gates_that_say_two_things(void)
{
	CLEAN struct world w;

	start(&w, "[stage best]\ncmd = x\nmetrics = a.json\n[gate g]\nof = best\nrequire = auc > best.auc\ncases = 1\nnoise = auc > 1\n"
	      "[gate h]\nof = best\nrequire = auc > production.auc or file(\"x\") > 1\nfirst = pass\nfirst = pass\n");
	load(&w);
	EXPECT_STR(w.said.buf,
		   "mlmake.ini:8: error: 'noise': column 1: a number is expected here, and this is true or false\n"
		   "mlmake.ini:11: error: 'require': column 34: which value of it? write file(\"x\").NAME\n"
		   "mlmake.ini:13: error: 'first' takes one value and has one on line 12 already\n");
	stop(&w);
	start(&w, "[stage best]\ncmd = x\nmetrics = a.json\n[gate g]\nof = best\nrequire = auc > best.auc\ncases = 1\nnoise = 1\n");
	load(&w);
	EXPECT_STR(w.said.buf, "mlmake.ini:8: error: 'noise' and 'cases' both say what the noise is; leave one out\n");
	stop(&w);
	start(&w, "[stage best]\ncmd = x\nmetrics = a.json\n[gate g]\nof = best\nrequire = auc > best.auc\n");
	load(&w);
	EXPECT_STR(w.said.buf, "mlmake.ini:6: error: column 7: 'best' is both a stage and what the gate compares with; give the stage another name\n");
}

static void gates_that_are_wrong(void)
{
	CLEAN struct world w;

	start(&w, "[stage a]\ncmd = x\nmetrics = a.json\n"
	      "[stage o]\ncmd = x\nouts = o\n"
	      "[gate g]\nof = b\n"
	      "[gate h]\nof = o\nrequire = auc\n"
	      "[gate i]\nof = a\nrequire = auc >= o.x\nfirst = maybe\n"
	      "[gate j]\nof = a\nrequire = auc >= o.x\n  auc > 0.5x\n"
	      "[gate k]\nof = a\nrequire = auc > o.x or b@3.auc < 1\n"
	      "[gate g]\nof = a\n");
	load(&w);
	EXPECT_INT(w.rc, -1);
	EXPECT_STR(w.said.buf,
		   "mlmake.ini:7: error: 'gate:g': it requires nothing; write 'require = METRIC >= NUMBER'\n"
		   "mlmake.ini:8: error: 'of' names 'b', which is no stage\n"
		   "mlmake.ini:10: error: 'of' names 'o', which has no metrics; give it 'metrics = FILE.json'\n"
		   "mlmake.ini:11: error: 'require': column 1: this is a number; compare it with another, as in 'auc >= 0.8'\n"
		   "mlmake.ini:15: error: 'first' takes pass or refuse, not 'maybe'\n"
		   "mlmake.ini:19: error: 'require': column 7: '0.5x' is no number\n"
		   "mlmake.ini:22: error: column 14: 'b@3' is no stage and no instance\n"
		   "mlmake.ini:22: error: column 7: 'o' has no metrics, so there is no 'x' of it\n"
		   "mlmake.ini:23: error: a second 'g'; [gate g] stands at mlmake.ini:7; give it another name\n");
}

static void limits(void)
{
	CLEAN struct world w;

	start(&w, "[stage a]\ncmd = x\nmatrix i = 1 2 3 4\nmatrix j = 1 2 3 4\nouts = {{i}}{{j}}\n");
	w.opt.max_instances = 15;
	load(&w);
	EXPECT_STR(w.said.buf, "mlmake.ini:1: error: 'a' would bring the pipeline to more than 15 instances\n");
	stop(&w);
	start(&w, "[project]\ninclude = a.ini\n");
	file(&w, "a.ini", "[project]\ninclude = b.ini\n");
	file(&w, "b.ini", "[project]\ninclude = a.ini\n");
	load(&w);
	EXPECT_STR(w.said.buf, "b.ini:2: error: 'a.ini' includes itself by way of b.ini\n");
}

/* Inputs are shared by instances that differ in nothing there, and not where their own outputs come in. */
static void sharing(void)
{
	CLEAN struct world w;

	start(&w, "[stage a]\nmatrix i = 1 2\ncmd = x {{data}}\ndata = d/* e\nouts = o/{{i}}\n"
		  "[stage b]\nmatrix i = 1 2\ncmd = x {{data}}\ndata = o/*\nouts = o/b{{i}}\n");
	file(&w, "d/1", "");
	file(&w, "d/2", "");
	load(&w);
	EXPECT_STR(w.said.buf, "");
	EXPECT(w.pl.instances[0]->inputs == w.pl.instances[1]->inputs);
	EXPECT_STR(inputs_of(pipeline_instance(&w.pl, "a@2")), "data:d/1 data:d/2 data:e");
	EXPECT_STR(inputs_of(pipeline_instance(&w.pl, "b@1")), "data:o/1 data:o/2 data:o/b2");
	EXPECT_STR(inputs_of(pipeline_instance(&w.pl, "b@2")), "data:o/1 data:o/2 data:o/b1");
}

static void words(void)
{
	char text[] = "  plain \"q \\\" w\" a=b t=\"x y\" {{ a b }}c* \"*\"";
	const char *why = "";
	char *s = text;
	struct word w;

	EXPECT_INT(word_next(&s, true, &w, &why), 1);
	EXPECT_STR(w.text, "plain");
	EXPECT_INT(word_next(&s, true, &w, &why), 1);
	EXPECT_STR(w.text, "q \" w");
	EXPECT(w.quoted);
	EXPECT_INT(word_next(&s, true, &w, &why), 1);
	EXPECT_STR(w.text, "a");
	EXPECT_STR(w.value, "b");
	EXPECT_INT(word_next(&s, true, &w, &why), 1);
	EXPECT_STR(w.value, "x y");
	EXPECT_INT(word_next(&s, true, &w, &why), 1);
	EXPECT_STR(w.text, "{{ a b }}c*");
	EXPECT(w.pattern && w.tmpl);
	EXPECT_INT(word_next(&s, true, &w, &why), 1);
	EXPECT(!w.pattern);
	EXPECT_INT(word_next(&s, true, &w, &why), 0);
}

static const char *quoted_after(const char *before, const char *value)
{
	static struct strbuf out = STRBUF_INIT;
	struct shquote q = {0};
	const char *why = NULL;

	strbuf_clear(&out);
	shquote_scan(&q, before, strlen(before));
	return shquote_add(&q, value, &out, &why) < 0 ? why : out.buf;
}

static void quotes(void)
{
	EXPECT_STR(quoted_after("echo ", "a b"), "'a b'");
	EXPECT_STR(quoted_after("echo '", "a'b"), "a'\\''b");
	EXPECT_STR(quoted_after("echo \"", "a\"$b"), "a\\\"\\$b");
	EXPECT_STR(quoted_after("echo \\\"", "a b"), "'a b'");
	EXPECT_STR(quoted_after("echo \"$(f ", "a b"), "in a command substitution inside \"\"");
	EXPECT_STR(quoted_after("echo # it's ", "a b"), "in a comment");
	EXPECT_STR(quoted_after("echo # it's\n", "a b"), "'a b'");
	EXPECT_STR(quoted_after("echo a#'", "b c"), "b c");
	EXPECT_STR(quoted_after("cat <<E\n", "b c"), "after a here-document");
	EXPECT_STR(quoted_after("cat <<E\n", "bc"), "bc");
	EXPECT_STR(quoted_after("", ""), "''");
}

int main(void)
{
	static const struct tap_test t[] = {
		{"a whole pipeline", whole},
		{"what is wrong is said", complains},
		{"globs find outputs and files", globs},
		{"foreach", foreach},
		{"matrix", matrix},
		{"commands are quoted where they stand", commands},
		{"lines keep their shape", lines_keep_their_shape},
		{"scripts are code", scripts},
		{"includes and profiles", includes_and_profiles},
		{"parameters that are not there", parameters_that_are_not_there},
		{"gates", gates},
		{"gates that are wrong", gates_that_are_wrong},
		{"gates that say two things", gates_that_say_two_things},
		{"limits", limits},
		{"sharing inputs", sharing},
		{"words", words},
		{"quotes", quotes},
	};

	return tap_run("pipeline", t, ARRAY_SIZE(t));
}
