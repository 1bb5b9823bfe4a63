/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/display.h"
#include "cli/event_stream.h"
#include "fake_plan.h"
#include "util/file.h"
#include "util/json.h"
#include "util/linediff.h"

#define S INT64_C(1000000000)

static const struct style plain = {.color = false, .utf8 = false, .width = 0};
static const struct style rich = {.color = false, .utf8 = true, .width = 0};

/* ---- term ---- */

static void cleans_hostile_text(void)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"plain", "plain"},
		{"\033[2Jgone\033[31m red\033[0m", "gone red"},
		{"\033]0;title\007after", "after"},
		{"\033]0;title\033\\after", "after"},
		{"\033]0;never ended", ""},
		{"a\tb\nc", "a b c"},
		{"10%\r50%\r99%", "99%"},
		{"done\r", "done"},
		{"back\b\bspace\a", "backspace"},
		{"\xff\xfe", "??"},
		{"\xc2\x9b" "2J", "2J"},
		{"\xe2\x80\xae" "evil", "evil"},
		{"\xed\xa0\x80", "???"},
		{"\033", ""},
		{"\033[", ""},
		{"\033[12;", ""},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

		term_add_clean(&sb, cases[i].in, strlen(cases[i].in));
		EXPECT_STR(sb.buf, cases[i].out);
	}
}

static void fits_in_the_middle(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	term_add_fit(&sb, "data/raw/customers.csv", 11, &plain);
	EXPECT_STR(sb.buf, "data....csv");
	strbuf_clear(&sb);
	term_add_fit(&sb, "data/raw/customers.csv", 11, &rich);
	EXPECT_STR(sb.buf, "data/…s.csv");
	strbuf_clear(&sb);
	term_add_fit(&sb, "abcdef", 2, &plain);
	EXPECT_STR(sb.buf, "ab");
	strbuf_clear(&sb);
	term_add_fit(&sb, "abc", 0, &plain);
	EXPECT_STR(sb.buf, "abc");
	strbuf_clear(&sb);
	term_add_cell(&sb, "abc", 5, &plain);
	EXPECT_STR(sb.buf, "abc  ");
	EXPECT_INT(term_width("\033[31mab\033[0m", 11), 2);
}

static void cuts_keeping_colours(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	strbuf_addstr(&sb, "xx\033[31mabcdefgh\033[0m");
	term_cut(&sb, 2, 6, &plain);
	EXPECT_STR(sb.buf, "xx\033[31mabc...\033[0m");
}

static void decides_on_colour(void)
{
	enum color_choice c;

	EXPECT(color_choice_parse("always", &c) && c == COLOR_ALWAYS);
	EXPECT(!color_choice_parse("yes", &c));
	unsetenv("NO_COLOR");
	unsetenv("CLICOLOR_FORCE");
	int fd = open("file", O_CREAT | O_RDWR | O_CLOEXEC, 0644);

	EXPECT(!style_for(fd, COLOR_AUTO).color);
	EXPECT(style_for(fd, COLOR_ALWAYS).color);
	setenv("CLICOLOR_FORCE", "1", 1);
	EXPECT(style_for(fd, COLOR_AUTO).color);
	setenv("NO_COLOR", "1", 1);
	EXPECT(!style_for(fd, COLOR_AUTO).color);
	EXPECT(style_for(fd, COLOR_ALWAYS).color);
	EXPECT(!style_for(fd, COLOR_NEVER).color);
	EXPECT_INT(style_for(fd, COLOR_AUTO).width, 0);
	unsetenv("NO_COLOR");
	unsetenv("CLICOLOR_FORCE");
	close(fd);
}

/* ---- linediff ---- */

static enum linediff_result diff(const char *old, const char *new, size_t limit, struct strbuf *out)
{
	strbuf_clear(out);
	return linediff_format((struct linediff_text){old, strlen(old)}, (struct linediff_text){new, strlen(new)}, limit,
			       out);
}

static void diffs_lines(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	EXPECT_INT(diff("a\nb\nc\n", "a\nb\nc\n", 9, &sb), LINEDIFF_SAME);
	EXPECT_INT(diff("a\nb\nc\n", "a\nB\nc\n", 9, &sb), LINEDIFF_CHANGED);
	EXPECT_STR(sb.buf, "-2: b\n+2: B\n");
	diff("", "x\ny\n", 9, &sb);
	EXPECT_STR(sb.buf, "+1: x\n+2: y\n");
	diff("x\ny\n", "", 1, &sb);
	EXPECT_STR(sb.buf, "-1: x\n... and 1 more line\n");
	diff("1\n2\n3\n4\n5\n", "1\n3\n4\n4b\n5\n", 9, &sb);
	EXPECT_STR(sb.buf, "-2: 2\n+4: 4b\n");
	EXPECT_INT(diff("a\nb", "a\nb\n", 9, &sb), LINEDIFF_NEWLINE);
	EXPECT_STR(sb.buf, "");
	diff("\tx\\\n", "\ty\\\n", 9, &sb);
	EXPECT_STR(sb.buf, "-1:     x\\\n+1:     y\\\n");
	diff("a\tb\r\n", "a b\n", 9, &sb);
	EXPECT_STR(sb.buf, "-1: a\\tb\\r\n+1: a b\n");
	strbuf_clear(&sb);
	EXPECT_INT(linediff_format((struct linediff_text){"a\0", 2}, (struct linediff_text){"b", 1}, 9, &sb),
		   LINEDIFF_BINARY);
}

struct rebuilt {
	struct strbuf text;
	bool deleted[200], inserted[200];
};

static void note_line(void *ctx, char sign, size_t number, const char *s, size_t n)
{
	struct rebuilt *r = ctx;

	(void)s;
	(void)n;
	if (sign == '-')
		r->deleted[number] = true;
	else
		r->inserted[number] = true;
}

/* Whatever the texts: the lines that are not told of are the same ones in the same order. */
static void what_is_left_is_common(void)
{
	unsigned seed = 7;
	int round;

	for (round = 0; round < 300; round++) {
		struct rebuilt r = {STRBUF_INIT, {false}, {false}};
		struct linediff_sink sink = {note_line, &r};
		char a[200] = "", b[200] = "";
		size_t i, x = 1, y = 1, n = seed % 60, m = (seed / 64) % 60;

		for (i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			a[2 * i] = (char)('a' + (seed >> 16) % 4);
			a[2 * i + 1] = '\n';
		}
		for (i = 0; i < m; i++) {
			seed = seed * 1103515245 + 12345;
			b[2 * i] = (char)('a' + (seed >> 16) % 4);
			b[2 * i + 1] = '\n';
		}
		linediff((struct linediff_text){a, 2 * n}, (struct linediff_text){b, 2 * m}, 1000, &sink, NULL);
		for (;;) {
			while (x <= n && r.deleted[x])
				x++;
			while (y <= m && r.inserted[y])
				y++;
			if (x > n || y > m)
				break;
			if (a[2 * (x - 1)] != b[2 * (y - 1)])
				break;
			x++;
			y++;
		}
		EXPECT(x == n + 1 && y == m + 1);
		seed = seed * 1103515245 + 12345;
	}
}

/* ---- display ---- */

struct stand {
	struct fake f;
	struct display *d;
	int fd;
	int64_t now;
	size_t clean, train, evaluate;
};

static void stand_init(struct stand *t, const struct style *s, int verbosity)
{
	*t = (struct stand){0};
	fake_init(&t->f);
	fake_stage(&t->f, "clean");
	t->clean = fake_instance(&t->f, "clean", 0, NULL);
	fake_stage(&t->f, "train");
	t->train = fake_instance(&t->f, "train@1", 1, &t->clean);
	fake_stage(&t->f, "evaluate");
	t->evaluate = fake_instance(&t->f, "evaluate", 1, &t->train);
	t->fd = open("out", O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644);
	t->d = display_new(t->fd, s, verbosity);
	display_pretend(t->d, false, 80, 24, false);
}

static void stand_release(struct stand *t)
{
	display_free(t->d);
	close(t->fd);
	fake_release(&t->f);
}

static struct event about(struct stand *t, enum event_kind kind, size_t node)
{
	struct event e = {.kind = kind, .node = node, .now = t->now};

	if (node != SIZE_MAX) {
		e.in = t->f.g.nodes[node].in;
		e.verdict = &t->f.p.verdicts[node];
	}
	return e;
}

static void tell(struct stand *t, struct event e)
{
	struct event_sink sink = display_sink(t->d);

	sink.emit(sink.ctx, &e);
}

static void begin(struct stand *t)
{
	struct event e = about(t, EVENT_BEGIN, SIZE_MAX);

	e.plan = &t->f.p;
	tell(t, e);
}

static void end(struct stand *t, enum build_outcome outcome)
{
	struct event e = about(t, EVENT_END, SIZE_MAX);

	e.outcome = outcome;
	tell(t, e);
}

static void expect_out(const char *want)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	EXPECT_INT(file_read("out", 1 << 20, &sb, NULL), 0);
	EXPECT_STR(sb.buf, want);
}

static void expect_in_out(const char *part, bool there)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	EXPECT_INT(file_read("out", 1 << 20, &sb, NULL), 0);
	tap_check((strstr(sb.buf, part) != NULL) == there, __FILE__, __LINE__, "\"%s\" %s in: %s", part,
		  there ? "is not" : "is", sb.buf);
}

static void says_nothing_to_do(void)
{
	struct stand t;

	stand_init(&t, &plain, 0);
	begin(&t);
	tell(&t, about(&t, EVENT_FRESH, t.clean));
	tell(&t, about(&t, EVENT_FRESH, t.train));
	tell(&t, about(&t, EVENT_FRESH, t.evaluate));
	end(&t, BUILD_OK);
	expect_out("nothing to do: 3 artifacts are fresh\n");
	stand_release(&t);
}

static void stale_clean(struct stand *t)
{
	fake_state(&t->f, t->clean, STALE_STALE);
	fake_reason(&t->f, t->clean, REASON_PARAM, "clean.rows", "10", "20");
	fake_state(&t->f, t->train, STALE_STALE);
	fake_reason(&t->f, t->train, REASON_UPSTREAM, "clean", NULL, NULL);
}

static void tells_plainly(void)
{
	struct stand t;
	struct event e;

	stand_init(&t, &plain, 0);
	stale_clean(&t);
	begin(&t);
	tell(&t, about(&t, EVENT_START, t.clean));
	t.now = 2 * S;
	e = about(&t, EVENT_DONE, t.clean);
	e.duration = 2 * S;
	tell(&t, e);
	e = about(&t, EVENT_FRESH, t.train);
	e.saved = 60 * S;
	tell(&t, e);
	e = about(&t, EVENT_FRESH, t.evaluate);
	e.saved = 30 * S;
	tell(&t, e);
	t.now = 3 * S;
	end(&t, BUILD_OK);
	expect_out("done     clean     2.00s  clean.rows: 10 -> 20; its outputs came out the same\n"
		   "fresh    train@1  its inputs came out the same\n"
		   "1 ran, 2 fresh in 3.00s; 1m30s saved\n");
	stand_release(&t);
}

static void quiet_is_quiet(void)
{
	struct stand t;
	struct event e;

	stand_init(&t, &plain, -1);
	stale_clean(&t);
	begin(&t);
	tell(&t, about(&t, EVENT_START, t.clean));
	t.now = 100 * S;
	tell(&t, about(&t, EVENT_TICK, SIZE_MAX));
	e = about(&t, EVENT_DONE, t.clean);
	e.changed = true;
	tell(&t, e);
	end(&t, BUILD_OK);
	expect_out("");
	stand_release(&t);
}

static struct event failure(struct stand *t)
{
	struct event e = about(t, EVENT_FAILED, t->train);

	e.duration = 2 * S;
	e.message = "exit status 3, 100%";
	e.tail = "one\n\033[2Jtwo\n";
	e.log = "log/train@1";
	e.aside = "aside/train@1";
	return e;
}

static void tells_of_failure(void)
{
	struct stand t;
	struct event e;

	stand_init(&t, &plain, -1);
	stale_clean(&t);
	display_pretend(t.d, false, 80, 24, true);
	begin(&t);
	tell(&t, about(&t, EVENT_START, t.train));
	t.now = 2 * S;
	tell(&t, failure(&t));
	e = about(&t, EVENT_SKIPPED, t.evaluate);
	e.cause = "train@1";
	tell(&t, e);
	end(&t, BUILD_FAILED);
	expect_out("failed   train@1   2.00s  exit status 3, 100%\n"
		   "    | one\n"
		   "    | two\n"
		   "    whole log: log/train@1\n"
		   "    half-written outputs: aside/train@1\n"
		   "::error title=train@1 failed,file=mlmake.ini,line=11::exit status 3, 100%25\n"
		   "1 failed, 1 skipped in 2.00s\n");
	stand_release(&t);
}

static void says_that_old_outputs_are_back(void)
{
	struct record_fact out = {.kind = FACT_OUTS, .name = "m.bin", .content = {.kind = CONTENT_FILE}};
	struct stand t;

	stand_init(&t, &plain, 0);
	stale_clean(&t);
	t.f.p.verdicts[t.train].now.facts = &out;
	t.f.p.verdicts[t.train].now.n_facts = 1;
	begin(&t);
	tell(&t, failure(&t));
	expect_in_out("    its outputs are again those of before\n", true);
	stand_release(&t);
}

static void interruption_is_no_failure(void)
{
	struct stand t;
	struct event e;

	stand_init(&t, &plain, 0);
	stale_clean(&t);
	begin(&t);
	tell(&t, about(&t, EVENT_START, t.clean));
	t.now = S;
	e = about(&t, EVENT_FAILED, t.clean);
	e.message = "interrupted";
	e.outcome = BUILD_INTERRUPTED;
	tell(&t, e);
	end(&t, BUILD_INTERRUPTED);
	expect_out("stopped  clean\n"
		   "interrupted: 1 stopped in 1.00s\n");
	stand_release(&t);
}

static void beats_every_half_minute(void)
{
	struct stand t;
	int second, beats = 0;
	const char *at;

	stand_init(&t, &plain, 0);
	stale_clean(&t);
	begin(&t);
	tell(&t, about(&t, EVENT_START, t.clean));
	for (second = 1; second <= 130; second++) {
		t.now = second * S;
		tell(&t, about(&t, EVENT_TICK, SIZE_MAX));
	}
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	EXPECT_INT(file_read("out", 1 << 20, &sb, NULL), 0);
	for (at = sb.buf; (at = strstr(at, "still running")); at++)
		beats++;
	EXPECT_INT(beats, 4);
	EXPECT(strstr(sb.buf, "still running: clean (2m00s)\n") != NULL);
	stand_release(&t);
}

static void verbose_passes_output_on(void)
{
	struct stand t;
	struct event e;

	stand_init(&t, &plain, 1);
	stale_clean(&t);
	begin(&t);
	tell(&t, about(&t, EVENT_START, t.clean));
	e = about(&t, EVENT_OUTPUT, t.clean);
	e.text = "a\nb\033[1A\nrest that is not its";
	e.len = 8;
	tell(&t, e);
	expect_out("start    clean\n"
		   "    param     clean.rows: 10 -> 20\n"
		   "clean | a\n"
		   "clean | b\n");
	stand_release(&t);
}

/* What a terminal of `columns` would show, for the few sequences in use. */
static void replay(const char *s, char rows[40][200], int *row, int *col)
{
	for (; *s; s++) {
		int n = 0;

		if (*s == '\n') {
			(*row)++;
			*col = 0;
		} else if (*s == '\r') {
			*col = 0;
		} else if (*s == '\033') {
			s += 2;
			if (*s == '?') {
				while (*s != 'h' && *s != 'l')
					s++;
				continue;
			}
			for (; *s >= '0' && *s <= '9'; s++)
				n = n * 10 + *s - '0';
			if (*s == 'A')
				*row -= n;
			else if (*s == 'K')
				memset(&rows[*row][*col], 0, (size_t)(200 - *col));
			else if (*s == 'J')
				for (n = *row; n < 40; n++)
					memset(rows[n] + (n == *row ? *col : 0), 0, (size_t)(n == *row ? 200 - *col : 200));
			else if (*s != 'm')
				EXPECT(!"an unknown sequence");
		} else {
			rows[*row][(*col)++] = *s;
		}
		EXPECT(*row >= 0 && *row < 40);
	}
}

static void block_comes_and_goes(void)
{
	static char rows[40][200];
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	struct stand t;
	struct event e;
	int row = 0, col = 0;

	stand_init(&t, &plain, 0);
	stale_clean(&t);
	display_pretend(t.d, true, 60, 10, false);
	begin(&t);
	tell(&t, about(&t, EVENT_START, t.clean));
	t.now = S;
	e = about(&t, EVENT_PROGRESS, t.clean);
	e.done = 61;
	e.total = 100;
	e.text = "loss=0.4\033[5A";
	tell(&t, e);
	EXPECT_INT(file_read("out", 1 << 20, &sb, NULL), 0);
	memset(rows, 0, sizeof(rows));
	replay(sb.buf, rows, &row, &col);
	EXPECT_STR(rows[0], "> clean     1s  [######....]  61%  0s left  loss=0.4");
	EXPECT_STR(rows[1], "0/2  1 running");
	EXPECT_INT(row, 2);

	e = about(&t, EVENT_DONE, t.clean);
	e.duration = S;
	e.changed = true;
	tell(&t, e);
	tell(&t, about(&t, EVENT_START, t.train));
	t.now = 2 * S;
	tell(&t, failure(&t));
	end(&t, BUILD_FAILED);
	strbuf_clear(&sb);
	EXPECT_INT(file_read("out", 1 << 20, &sb, NULL), 0);
	EXPECT(strstr(sb.buf, "\033[?25l") == NULL);
	memset(rows, 0, sizeof(rows));
	row = col = 0;
	replay(sb.buf, rows, &row, &col);
	EXPECT_STR(rows[0], "done     clean     1.00s  clean.rows: 10 -> 20");
	EXPECT_STR(rows[1], "failed   train@1   2.00s  exit status 3, 100%");
	EXPECT_STR(rows[2], "    | one");
	EXPECT_STR(rows[6], "1 failed, 1 ran in 2.00s");
	EXPECT_STR(rows[7], "what finished is kept: the next `mlmake` goes on from there");
	EXPECT_STR(rows[8], "");
	stand_release(&t);
}

/* A window that narrows wraps the block's lines, and a terminal that flows text anew remembers that until they are wiped. */
static void block_is_wiped_when_resized(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	struct stand t;
	size_t before;

	stand_init(&t, &plain, 0);
	stale_clean(&t);
	display_pretend(t.d, true, 60, 10, false);
	begin(&t);
	tell(&t, about(&t, EVENT_START, t.clean));
	t.now = S;
	tell(&t, about(&t, EVENT_TICK, t.clean));
	EXPECT_INT(file_read("out", 1 << 20, &sb, NULL), 0);
	EXPECT(strstr(sb.buf, "A\r\033[J") == NULL);
	before = sb.len;
	display_pretend(t.d, true, 8, 10, false);
	t.now = 2 * S;
	tell(&t, about(&t, EVENT_TICK, t.clean));
	strbuf_clear(&sb);
	EXPECT_INT(file_read("out", 1 << 20, &sb, NULL), 0);
	EXPECT(strstr(sb.buf + before, "A\r\033[J") != NULL);
	stand_release(&t);
}

static void progress_may_be_absurd(void)
{
	static const int64_t numbers[][2] = {
		{INT64_MAX, 1}, {1, INT64_MAX}, {-5, 10}, {INT64_MIN, INT64_MAX}, {0, 0}, {5, -1}};
	struct stand t;
	size_t i;

	stand_init(&t, &rich, 0);
	stale_clean(&t);
	display_pretend(t.d, true, 80, 10, false);
	begin(&t);
	tell(&t, about(&t, EVENT_START, t.clean));
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		struct event e = about(&t, EVENT_PROGRESS, t.clean);

		t.now += 1000 * S;
		e.now = t.now;
		e.done = numbers[i][0];
		e.total = numbers[i][1];
		tell(&t, e);
	}
	end(&t, BUILD_OK);
	expect_in_out(" 100%", true);
	stand_release(&t);
}

static void block_is_capped_and_narrow(void)
{
	static char rows[40][200];
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	struct fake f;
	struct display *d;
	struct event_sink sink;
	int fd = open("out", O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644), row = 0, col = 0, i;

	fake_init(&f);
	fake_stage(&f, "train");
	d = display_new(fd, &plain, 0);
	display_pretend(d, true, 24, 6, false);
	sink = display_sink(d);
	for (i = 0; i < 20; i++) {
		struct event e = {.kind = EVENT_START, .now = i * S};

		e.node = fake_instance(&f, "train@with-a-long-name", 0, NULL);
		e.in = f.g.nodes[e.node].in;
		sink.emit(sink.ctx, &e);
	}
	EXPECT_INT(file_read("out", 1 << 20, &sb, NULL), 0);
	memset(rows, 0, sizeof(rows));
	replay(sb.buf, rows, &row, &col);
	EXPECT_STR(rows[0], "> tr...ame    19s");
	EXPECT_STR(rows[3], "0/0  20 running (17 ...");
	EXPECT_INT(row, 4);
	for (i = 0; i < 5; i++)
		EXPECT(strlen(rows[i]) <= 23);
	display_free(d);
	fake_release(&f);
	close(fd);
}

static void plans_honestly(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	struct record last = {.duration = 90 * S};
	struct fake f;
	size_t clean, train, report;

	fake_init(&f);
	fake_stage(&f, "clean");
	clean = fake_instance(&f, "clean", 0, NULL);
	fake_stage(&f, "train");
	train = fake_instance(&f, "train", 1, &clean);
	fake_stage(&f, "report");
	report = fake_instance(&f, "report", 0, NULL);
	fake_state(&f, clean, STALE_STALE);
	fake_reason(&f, clean, REASON_PARAM, "rows", "1", "2");
	f.p.verdicts[clean].last = &last;
	fake_state(&f, train, STALE_STALE);
	fake_reason(&f, train, REASON_UPSTREAM, "clean", NULL, NULL);
	fake_state(&f, report, STALE_RESTORABLE);
	fake_reason(&f, report, REASON_PARAM, "title", "a", "b");
	display_plan(&f.p, &plain, &sb);
	EXPECT_STR(sb.buf, "run      clean   rows: 1 -> 2\n"
			   "may run  train   stays as it is if clean comes out the same\n"
			   "restore  report  title: a -> b\n"
			   "1 would run, 1 may run, 1 would be restored; at most 1m30s of work, going by the last runs\n");
	fake_release(&f);
}

/* ---- event stream ---- */

static int64_t fixed_now(void *ctx)
{
	(void)ctx;
	return 1795457109 * S;
}

static void streams_json_lines(void)
{
	static const struct clock fixed = {fixed_now, fixed_now, NULL};
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	struct event_stream *es;
	struct event_sink sink;
	struct stand t;
	struct event e;

	stand_init(&t, &plain, 0);
	stale_clean(&t);
	es = event_stream_new(t.fd, &fixed);
	sink = event_stream_sink(es);
	e = about(&t, EVENT_BEGIN, SIZE_MAX);
	e.jobs = 2;
	sink.emit(sink.ctx, &e);
	e = about(&t, EVENT_START, t.clean);
	e.attempt = 1;
	sink.emit(sink.ctx, &e);
	e = about(&t, EVENT_TICK, SIZE_MAX);
	sink.emit(sink.ctx, &e);
	t.now = S / 2;
	e = about(&t, EVENT_END, SIZE_MAX);
	sink.emit(sink.ctx, &e);
	EXPECT_INT(event_stream_close(es, NULL), 0);
	EXPECT_INT(file_read("out", 1 << 20, &sb, NULL), 0);
	EXPECT_STR(sb.buf,
		   "{\"event\":\"begin\",\"time\":\"2026-11-23T18:05:09Z\",\"version\":1,\"jobs\":2}\n"
		   "{\"event\":\"start\",\"time\":\"2026-11-23T18:05:09Z\",\"instance\":\"clean\",\"state\":\"stale\",\"reasons\":"
		   "[{\"kind\":\"param\",\"name\":\"clean.rows\",\"old\":\"10\",\"new\":\"20\"}],\"attempt\":1}\n"
		   "{\"event\":\"end\",\"time\":\"2026-11-23T18:05:09Z\",\"outcome\":\"done\",\"duration\":0.5}\n");
	stand_release(&t);
}

static void stream_reports_that_it_cannot_write(void)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct event_stream *es = event_stream_new(-1, &clock_system);
	struct event_sink sink = event_stream_sink(es);
	struct event e = {.kind = EVENT_NOTE, .node = SIZE_MAX, .message = "x"};

	sink.emit(sink.ctx, &e);
	sink.emit(sink.ctx, &e);
	EXPECT_INT(event_stream_close(es, &err), -1);
	EXPECT_INT(err.code, ERR_IO);
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"hostile text is made safe", cleans_hostile_text},
		{"long names are cut in the middle", fits_in_the_middle},
		{"lines are cut keeping colours", cuts_keeping_colours},
		{"colour is decided", decides_on_colour},
		{"changed lines", diffs_lines},
		{"what is not told of is common", what_is_left_is_common},
		{"nothing to do", says_nothing_to_do},
		{"plain lines", tells_plainly},
		{"quiet", quiet_is_quiet},
		{"failure", tells_of_failure},
		{"old outputs are back", says_that_old_outputs_are_back},
		{"interruption is no failure", interruption_is_no_failure},
		{"heartbeat", beats_every_half_minute},
		{"verbose", verbose_passes_output_on},
		{"the block comes and goes", block_comes_and_goes},
		{"a resized block is wiped", block_is_wiped_when_resized},
		{"absurd progress", progress_may_be_absurd},
		{"the block is capped", block_is_capped_and_narrow},
		{"dry run", plans_honestly},
		{"event stream", streams_json_lines},
		{"event stream that cannot write", stream_reports_that_it_cannot_write},
	};

	return tap_run("display", tests, ARRAY_SIZE(tests));
}
