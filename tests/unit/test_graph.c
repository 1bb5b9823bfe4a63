/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who waits for whom, in which order, and what a target names. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include "fake_disk.h"

/* The names of what an instance waits for: "a b@1". */
static const char *up_of(const struct fake_disk *d, const char *name)
{
	static char text[1024];
	const struct node *nd = &d->g.nodes[fake_node(d, name)];
	size_t i, n = 0;

	text[0] = '\0';
	for (i = 0; i < nd->n_up; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "", d->g.nodes[nd->up[i]].in->name);
	return text;
}

static const char *down_of(const struct fake_disk *d, const char *name)
{
	static char text[1024];
	const struct node *nd = &d->g.nodes[fake_node(d, name)];
	size_t i, n = 0;

	text[0] = '\0';
	for (i = 0; i < nd->n_down; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "",
				      d->g.nodes[nd->down[i]].in->name);
	return text;
}

static const char *order_of(const struct fake_disk *d)
{
	static char text[1024];
	size_t i, n = 0;

	text[0] = '\0';
	for (i = 0; i < d->g.n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "",
				      d->g.nodes[d->g.order[i]].in->name);
	return text;
}

static void edges_of_files(void)
{
	struct fake_disk d;

	fake_disk_use(&d,
		      "[stage b]\ncmd = b\ndata = a.txt raw.txt\nouts = b.txt\n"
		      "[stage a]\ncmd = a\ndata = raw.txt\nouts = a.txt\n"
		      "[stage c]\ncmd = c\ndata = a.txt b.txt\nouts = c.txt\n",
		      NULL, NULL);
	EXPECT_STR(up_of(&d, "a"), "");
	EXPECT_STR(up_of(&d, "b"), "a");
	EXPECT_STR(up_of(&d, "c"), "b a"); /* by place in the file */
	EXPECT_STR(down_of(&d, "a"), "b c");
	EXPECT_STR(down_of(&d, "c"), "");
	EXPECT_STR(order_of(&d), "a b c");
	fake_disk_release(&d);
}

/* Read from inside an output directory, and a directory read that holds outputs, and one beside it whose name begins alike. */
static void edges_of_directories(void)
{
	struct fake_disk d;

	fake_disk_use(&d,
		      "[stage split]\ncmd = s\ndata = raw.txt\nouts = parts\n"
		      "[stage one]\ncmd = o\ndata = parts/1/x.csv\nouts = models/one.bin\n"
		      "[stage two]\ncmd = t\ndata = parts\nouts = models/deep/two.bin\n"
		      "[stage other]\ncmd = t\ndata = raw.txt\nouts = models-old/x models.bin\n"
		      "[stage all]\ncmd = a\ndata = models\nouts = all.txt\n"
		      "[stage near]\ncmd = a\ndata = part\nouts = near.txt\n",
		      NULL, NULL);
	EXPECT_STR(up_of(&d, "one"), "split");
	EXPECT_STR(up_of(&d, "two"), "split");
	EXPECT_STR(up_of(&d, "all"), "one two");
	EXPECT_STR(up_of(&d, "near"), "");
	fake_disk_release(&d);
}

/* Whoever reads what a check looks at, a directory above it or a file in it waits for the check; other checks of it do not. */
static void edges_of_checks(void)
{
	struct fake_disk d;

	fake_disk_use(&d,
		      "[stage make]\ncmd = m\ndata = raw/x\nouts = clean/a.csv clean/b.csv\n"
		      "[stage use]\ncmd = u\ndata = clean/a.csv\nouts = use.txt\n"
		      "[stage other]\ncmd = o\ndata = clean/b.csv\nouts = other.txt\n"
		      "[stage all]\ncmd = a\ndata = clean\nouts = all.txt\n"
		      "[stage raws]\ncmd = r\ndata = raw/x/1 raw-y\nouts = raws.txt\n"
		      "[stage check-a]\ncmd = c\ndata = clean/a.csv\nouts = 1\n"
		      "[stage check-a2]\ncmd = c\ndata = clean/a.csv\nouts = 2\n"
		      "[stage check-raw]\ncmd = c\ndata = raw/x\nouts = 3\n",
		      NULL, NULL);
	d.pl.stages[5]->kind = d.pl.stages[6]->kind = d.pl.stages[7]->kind = STAGE_CHECK;
	graph_release(&d.g);
	EXPECT_INT(graph_build(&d.g, &d.pl, &d.ds), 0);
	EXPECT_STR(up_of(&d, "make"), "check-raw");
	EXPECT_STR(up_of(&d, "use"), "make check-a check-a2");
	EXPECT_STR(up_of(&d, "other"), "make");
	EXPECT_STR(up_of(&d, "all"), "make check-a check-a2");
	EXPECT_STR(up_of(&d, "raws"), "check-raw");
	EXPECT_STR(up_of(&d, "check-a"), "make");
	EXPECT_STR(up_of(&d, "check-a2"), "make");
	EXPECT_STR(up_of(&d, "check-raw"), "");
	fake_disk_release(&d);
}

static void edges_of_after_and_matrix(void)
{
	struct fake_disk d;

	fake_disk_use(&d,
		      "[stage train]\ncmd = t {{seed}}\nmatrix seed = 1 2 3\ndata = x\nouts = m/{{seed}}.bin\n"
		      "[stage score]\ncmd = s\ndata = m/*.bin\nouts = score.txt\n"
		      "[stage tidy]\ncmd = tidy\nafter = train\ndata = x\nouts = tidy.txt\n"
		      "[stage two]\ncmd = t\ndata = m/2.bin\nafter = tidy train\nouts = two.txt\n",
		      NULL, NULL);
	EXPECT_STR(up_of(&d, "score"), "train@1 train@2 train@3");
	EXPECT_STR(up_of(&d, "tidy"), "train@1 train@2 train@3");
	EXPECT_STR(up_of(&d, "two"), "train@1 train@2 train@3 tidy"); /* each once */
	EXPECT_STR(down_of(&d, "train@2"), "score tidy two");
	EXPECT_STR(down_of(&d, "train@1"), "score tidy two");
	EXPECT_STR(order_of(&d), "train@1 train@2 train@3 score tidy two");
	fake_disk_release(&d);
}

static bool comes_before(const struct fake_disk *d, const char *a, const char *b)
{
	size_t i;

	for (i = 0; i < d->g.n; i++) {
		if (d->g.order[i] == fake_node(d, a))
			return true;
		if (d->g.order[i] == fake_node(d, b))
			return false;
	}
	return false;
}

static void order(void)
{
	struct fake_disk d;

	fake_disk_use(&d,
		      "[stage e]\ncmd = e\ndata = d c\nouts = e\n[stage d]\ncmd = d\ndata = b\nouts = d\n"
		      "[stage c]\ncmd = c\ndata = a\nouts = c\n[stage b]\ncmd = b\ndata = a\nouts = b\n"
		      "[stage a]\ncmd = a\nouts = a\n[stage alone]\ncmd = x\nouts = x\n",
		      NULL, NULL);
	EXPECT(comes_before(&d, "a", "b"));
	EXPECT(comes_before(&d, "a", "c"));
	EXPECT(comes_before(&d, "b", "d"));
	EXPECT(comes_before(&d, "d", "e"));
	EXPECT(comes_before(&d, "c", "e"));
	EXPECT_INT(d.g.n, 6);
	fake_disk_release(&d);
}

static void nothing(void)
{
	struct fake_disk d;
	bool selected[1] = {true};

	fake_disk_use(&d, "[project]\nname = empty\n", NULL, NULL);
	EXPECT_INT(d.g.n, 0);
	EXPECT_INT(graph_select(&d.g, NULL, 0, selected, NULL, &d.ds), 0);
	fake_disk_release(&d);
}

/* The way round is told in the direction of the data, with the files between. */
static void cycles(void)
{
	struct fake_disk d;

	EXPECT_INT(fake_disk_load(&d,
				  "[stage before]\ncmd = p\nouts = p.txt\n"
				  "[stage a]\ncmd = a\ndata = c.txt p.txt\nouts = a.txt\n"
				  "[stage b]\ncmd = b\ndata = a.txt\nouts = b.txt\n"
				  "[stage c]\ncmd = c\ndata = b.txt\nouts = c.txt\n"
				  "[stage behind]\ncmd = d\ndata = c.txt\nouts = d.txt\n",
				  NULL, NULL),
		   -1);
	EXPECT_STR(d.said.buf, "mlmake.ini:4: error: stages wait for each other in a circle: a -> (a.txt) -> b -> (b.txt) -> "
			       "c -> (c.txt) -> a\n");
	fake_disk_release(&d);
	EXPECT_INT(fake_disk_load(&d, "[stage a]\ncmd = a\nafter = b\nouts = a\n[stage b]\ncmd = b\ndata = a\nouts = b\n",
				  NULL, NULL),
		   -1);
	EXPECT_STR(d.said.buf, "mlmake.ini:1: error: stages wait for each other in a circle: a -> (a) -> b -> a\n");
	fake_disk_release(&d);
}

static const char *const choices =
	"[project]\ndefault = train\n"
	"[stage clean]\ncmd = c\ndata = raw.csv\nouts = data/clean.csv\n"
	"[stage train]\ncmd = t {{seed}}\nmatrix seed = 1 2\ndata = data/clean.csv\nouts = models/{{seed}}\n"
	"[stage plot]\ncmd = p\ndata = models/1/loss.csv\nouts = plots/a.svg plots/b.svg\n"
	"[stage alone]\ncmd = x\nouts = other/x.txt\n";

/* "clean train@1" of what targets select; those named are in capitals. */
static const char *selected_by(struct fake_disk *d, const char *a, const char *b)
{
	static char text[512];
	const char *const targets[] = {a, b};
	bool selected[16], named[16];
	size_t i, n = 0;

	text[0] = '\0';
	if (graph_select(&d->g, targets, !a ? 0 : b ? 2 : 1, selected, named, &d->ds) < 0)
		return "error";
	for (i = 0; i < d->g.n; i++)
		if (selected[i])
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%s", n ? " " : "", named[i] ? "*" : "",
					      d->g.nodes[i].in->name);
	return text;
}

static void selection(void)
{
	struct fake_disk d;

	fake_disk_use(&d, choices, NULL, NULL);
	EXPECT_STR(selected_by(&d, NULL, NULL), "clean *train@1 *train@2"); /* default */
	EXPECT_STR(selected_by(&d, "train", NULL), "clean *train@1 *train@2");
	EXPECT_STR(selected_by(&d, "train@2", NULL), "clean *train@2");
	EXPECT_STR(selected_by(&d, "data/clean.csv", NULL), "*clean");
	EXPECT_STR(selected_by(&d, "./data//clean.csv", NULL), "*clean");
	EXPECT_STR(selected_by(&d, "models/1/loss.csv", NULL), "clean *train@1"); /* inside an output directory */
	EXPECT_STR(selected_by(&d, "models", NULL), "clean *train@1 *train@2");   /* a directory above outputs */
	EXPECT_STR(selected_by(&d, "plots/", NULL), "clean train@1 *plot");
	EXPECT_STR(selected_by(&d, "train@*", NULL), "clean *train@1 *train@2");
	EXPECT_STR(selected_by(&d, "*a*", NULL), "*clean *train@1 *train@2 *alone");
	EXPECT_STR(selected_by(&d, "plots/?.svg", NULL), "clean train@1 *plot");
	EXPECT_STR(selected_by(&d, "alone", "clean"), "*clean *alone");
	EXPECT_STR(selected_by(&d, ".", NULL), "*clean *train@1 *train@2 *plot *alone");
	EXPECT_INT(d.ds.errors, 0);
	fake_disk_release(&d);
}

static void selection_of_all(void)
{
	struct fake_disk d;

	fake_disk_use(&d, "[stage a]\ncmd = a\nouts = a\n[stage b]\ncmd = b\nouts = b\n", NULL, NULL);
	EXPECT_STR(selected_by(&d, NULL, NULL), "*a *b");
	fake_disk_release(&d);
}

static void selection_errors(void)
{
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT;
	struct fake_disk d;

	fake_disk_use(&d, choices, NULL, NULL);
	EXPECT_STR(selected_by(&d, "trian", "data/claen.csv"), "error");
	EXPECT_STR(selected_by(&d, "zzzzzz", "nomatch*"), "error");
	diags_format(&d.ds, &said);
	EXPECT_STR(said.buf, "mlmake: error: no stage, instance or output is named 'trian'; did you mean 'train'?\n"
			     "mlmake: error: no stage, instance or output is named 'data/claen.csv'; did you mean 'data/clean.csv'?\n"
			     "mlmake: error: no stage, instance or output is named 'zzzzzz'; `mlmake status -v` lists them\n"
			     "mlmake: error: no stage, instance or output is named 'nomatch*'; `mlmake status -v` lists them\n");
	fake_disk_release(&d);
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"an instance waits for the makers of its files", edges_of_files},
		{"directories that are made, and that hold what is made", edges_of_directories},
		{"edges of checks", edges_of_checks},
		{"after, matrix and patterns", edges_of_after_and_matrix},
		{"whoever is waited for comes first", order},
		{"no stages", nothing},
		{"a cycle is told with the way round", cycles},
		{"targets: stage, instance, pattern, file, directory", selection},
		{"no target and no default is everything", selection_of_all},
		{"a target that names nothing", selection_errors},
	};

	return tap_run("graph", tests, sizeof(tests) / sizeof(tests[0]));
}
