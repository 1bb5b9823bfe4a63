/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An expression is a tree over places where a character stands. For each part: which places can be the first and the last one, and whether
 * the part can be empty; for each place: which can follow (Glushkov, The abstract theory of automata, 1961). With at most 64 places, sets
 * of them are numbers. What x{2,3} repeats is read again for each time. What a character, a '.' or a set means regcomp says: each is asked about
 * all bytes of ASCII. Sets of places become the states of the automaton, as many as can be reached. */
#include <config.h>

#include "data/pattern.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "util/hash.h"

#define ASCII 128
#define MOST_PLACES 64
#define MOST_STATES 256
#define MOST_DEPTH 32
#define MOST_REPEATED 64
#define ANSWERS 8192

struct pattern_answer {
	uint64_t hash;
	bool known, matches;
};

/* A part of an expression. */
struct part {
	uint64_t first, last; /* places */
	bool empty;           /* it can be */
};

struct reading {
	const char *s;
	size_t places;
	uint64_t follow[MOST_PLACES];
	uint64_t on[ASCII];   /* places where this byte can stand */
	unsigned depth;
	bool alternatives;    /* outside of groups */
	bool other;           /* it has what is not understood here */
};

/* ---- the expression ---- */

static struct part none(struct reading *r)
{
	r->other = true;
	return (struct part){0, 0, false};
}

/* Puts to place what the single character or set s[0..n) matches. */
static void ask(struct reading *r, const char *s, size_t n, uint64_t place)
{
	CLEANUP(freep) char *alone = xstrfmt("^%.*s$", (int)n, s);
	regex_t re;
	char byte[2] = "";
	int c;

	if (regcomp(&re, alone, REG_EXTENDED | REG_NOSUB)) {
		r->other = true;
		return;
	}
	for (c = 1; c < ASCII; c++) {
		*byte = (char)c;
		if (regexec(&re, byte, 0, NULL, 0) == 0)
			r->on[c] |= place;
	}
	regfree(&re);
}

/* A character or a set of n bytes. */
static struct part take_place(struct reading *r, size_t n)
{
	uint64_t place = UINT64_C(1) << r->places % MOST_PLACES;

	if (r->places == MOST_PLACES)
		return none(r);
	r->places++;
	ask(r, r->s, n, place);
	r->s += n;
	return (struct part){place, place, false};
}

/* Bytes of the set at s, "[^]a-z[:digit:]]"; 0: it is none that is understood here. */
static size_t set_length(const char *s)
{
	const char *p = s + 1;

	p += *p == '^';
	p += *p == ']';
	for (; *p && *p != ']'; p++) {
		if (*p != '[' || (p[1] != ':' && p[1] != '.' && p[1] != '='))
			continue;
		p = p[1] == ':' ? strstr(p + 2, ":]") : NULL;
		if (!p)
			return 0;
		p++;
	}
	return *p ? (size_t)(p + 1 - s) : 0;
}

static struct part take_alternatives(struct reading *r);

static struct part take_group(struct reading *r)
{
	struct part a;

	if (r->depth == MOST_DEPTH)
		return none(r);
	r->depth++;
	r->s++;
	a = take_alternatives(r);
	r->depth--;
	if (*r->s != ')')
		return none(r);
	r->s++;
	return a;
}

static struct part take_one(struct reading *r)
{
	size_t n;

	if (*r->s == '(')
		return take_group(r);
	if (*r->s == '[')
		return (n = set_length(r->s)) ? take_place(r, n) : none(r);
	/* Of letters behind '\' these are sets; others, and some signs, are about what stands around them. */
	if (*r->s == '\\')
		return r->s[1] && strchr("wWsS.[]()*+?{}|^$\\/-", r->s[1]) ? take_place(r, 2) : none(r);
	return strchr("^$*+?{|)", *r->s) || (unsigned char)*r->s >= ASCII ? none(r) : take_place(r, 1);
}

static struct part one_behind_other(struct reading *r, struct part a, struct part b)
{
	uint64_t rest;

	for (rest = a.last; rest; rest &= rest - 1)
		r->follow[__builtin_ctzll(rest)] |= b.first;
	return (struct part){a.first | (a.empty ? b.first : 0), b.last | (b.empty ? a.last : 0), a.empty && b.empty};
}

/* "{2}", "{2,}", "{2,3}" behind '{'. */
static bool take_bounds(struct reading *r, unsigned long *least, unsigned long *most)
{
	char *end;

	if (!isdigit((unsigned char)*r->s))
		return false;
	*least = *most = strtoul(r->s, &end, 10);
	if (*end == ',' && end[1] == '}') {
		*most = ULONG_MAX;
		end++;
	} else if (*end == ',' && isdigit((unsigned char)end[1])) {
		*most = strtoul(end + 1, &end, 10);
	}
	r->s = end + 1;
	return *end == '}' && *least <= *most && *least <= MOST_REPEATED && (*most <= MOST_REPEATED || *most == ULONG_MAX);
}

static struct part repeated(struct reading *r, struct part one, const char *text, unsigned long least, unsigned long most)
{
	struct part all = {0, 0, true}, next = one;
	const char *behind = r->s;
	unsigned long i;

	for (i = 0; i < MAX(least, most == ULONG_MAX ? 1 : most) && !r->other; i++) {
		if (i) {
			r->s = text;
			next = take_one(r);
		}
		if (most == ULONG_MAX && i + 1 >= least)
			(void)one_behind_other(r, next, next);
		next.empty |= i >= least;
		all = one_behind_other(r, all, next);
	}
	r->s = behind;
	return all;
}

static struct part take_repeated(struct reading *r)
{
	const char *text = r->s;
	struct part one = take_one(r);
	unsigned long least = 1, most = 1;

	if (r->other || !*r->s || !strchr("*+?{", *r->s))
		return one;
	switch (*r->s++) {
	case '*': least = 0, most = ULONG_MAX; break;
	case '+': most = ULONG_MAX; break;
	case '?': least = 0; break;
	default:
		if (!take_bounds(r, &least, &most))
			return none(r);
	}
	if (*r->s && strchr("*+?{", *r->s))
		return none(r);
	return repeated(r, one, text, least, most);
}

static bool is_end(const struct reading *r)
{
	return !*r->s || *r->s == '|' || *r->s == ')' || (*r->s == '$' && !r->s[1] && !r->depth);
}

static struct part take_sequence(struct reading *r)
{
	struct part all;

	if (is_end(r))
		return none(r);
	all = take_repeated(r);
	while (!r->other && !is_end(r))
		all = one_behind_other(r, all, take_repeated(r));
	return all;
}

static struct part take_alternatives(struct reading *r)
{
	struct part all = take_sequence(r), a;

	while (!r->other && *r->s == '|') {
		r->alternatives |= !r->depth;
		r->s++;
		a = take_sequence(r);
		all = (struct part){all.first | a.first, all.last | a.last, all.empty || a.empty};
	}
	return all;
}

/* ---- the automaton ---- */

/* The state in which a text with a NUL stays. */
#define NEVER 0

struct building {
	const struct reading *r;
	struct part all;
	bool from_start, to_end; /* '^', '$' */
	struct {
		uint64_t places; /* where it may be */
		bool start;      /* it may begin here as well */
		bool over;       /* it has been matched, whatever comes */
	} states[MOST_STATES];
	size_t n;
	struct pattern *p;
};

/* The state of this description; MOST_STATES if there are too many. */
static size_t state_of(struct building *b, uint64_t places, bool start)
{
	bool accepts = places & b->all.last || (start && b->all.empty), over = accepts && !b->to_end;
	size_t i;

	if (over)
		places = 0;
	for (i = NEVER + 1; i < b->n; i++)
		if (b->states[i].places == places && b->states[i].start == start && b->states[i].over == over)
			return i;
	if (b->n == MOST_STATES)
		return MOST_STATES;
	b->states[b->n].places = places;
	b->states[b->n].start = start;
	b->states[b->n].over = over;
	b->p->accepts[b->n] = accepts;
	return b->n++;
}

static size_t step(struct building *b, size_t from, int byte)
{
	uint64_t reached = b->states[from].start ? b->all.first : 0, rest;

	if (b->states[from].over)
		return from;
	for (rest = b->states[from].places; rest; rest &= rest - 1)
		reached |= b->r->follow[__builtin_ctzll(rest)];
	return state_of(b, reached & b->r->on[byte], !b->from_start);
}

static bool build(struct building *b)
{
	size_t i, to;
	int c;

	b->n = NEVER + 1;
	(void)state_of(b, 0, true);
	for (i = NEVER + 1; i < b->n; i++)
		for (c = 1; c < ASCII; c++) {
			to = step(b, i, c);
			if (to == MOST_STATES)
				return false;
			b->p->next[i * ASCII + (size_t)c] = (uint8_t)to;
		}
	return true;
}

static void no_automaton(struct pattern *p)
{
	free(p->next);
	free(p->accepts);
	p->next = NULL;
	p->accepts = NULL;
}

static void make_automaton(struct pattern *p, const char *regex)
{
	struct reading r = {.s = regex};
	struct building *b;

	r.s += *regex == '^';
	b = xcalloc(1, sizeof(*b));
	b->r = &r;
	b->p = p;
	b->all = take_alternatives(&r);
	b->from_start = *regex == '^';
	b->to_end = *r.s == '$';
	if (!r.other && !r.s[b->to_end] && !(r.alternatives && (b->from_start || b->to_end))) {
		p->next = xcalloc(MOST_STATES, ASCII);
		p->accepts = xcalloc(MOST_STATES, sizeof(*p->accepts));
		if (!build(b))
			no_automaton(p);
	}
	free(b);
}

/* ---- texts ---- */

void pattern_init(struct pattern *p, const char *regex)
{
	memset(p, 0, sizeof(*p));
	p->copy = (struct strbuf)STRBUF_INIT;
	if (regcomp(&p->re, regex, REG_EXTENDED | REG_NOSUB))
		BUG("a pattern that was read before");
	make_automaton(p, regex);
}

void pattern_release(struct pattern *p)
{
	regfree(&p->re);
	no_automaton(p);
	free(p->answers);
	strbuf_release(&p->copy);
}

static bool ask_regexec(struct pattern *p, const char *s, size_t n)
{
	uint64_t hash = hash_bytes(s, n);
	struct pattern_answer *a;

	if (!p->answers)
		p->answers = xcalloc(ANSWERS, sizeof(*p->answers));
	a = &p->answers[hash % ANSWERS];
	if (a->known && a->hash == hash)
		return a->matches;
	strbuf_clear(&p->copy);
	strbuf_add(&p->copy, s, n);
	*a = (struct pattern_answer){hash, true, strlen(p->copy.buf) == n && regexec(&p->re, p->copy.buf, 0, NULL, 0) == 0};
	return a->matches;
}

bool pattern_matches(struct pattern *p, const char *s, size_t n)
{
	size_t state = NEVER + 1, i;
	unsigned char seen = 0;

	if (!p->next)
		return ask_regexec(p, s, n);
	for (i = 0; i < n; i++) {
		seen |= (unsigned char)s[i];
		state = p->next[state * ASCII + (s[i] & (ASCII - 1))];
	}
	return seen < ASCII ? p->accepts[state] : ask_regexec(p, s, n);
}
