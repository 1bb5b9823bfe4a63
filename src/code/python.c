/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Imports are read from the tokens on the way: a statement that begins with `import`, or with `from` (which stands elsewhere, too:
 * `yield from`, `raise ... from`). A text that the lexer does not know may well run; its imports are looked for line by line then,
 * also in what may be the inside of a string: one too many is harmless, one too few is not. */
#include <config.h>

#include <string.h>

#include "code/pylex.h"
#include "code/reading.h"

/* Names of modules are shorter; what is longer imports no project file. */
#define MAX_DOTTED 1024
/* So far an import statement is read in a text that is not understood. */
#define MAX_STATEMENT 65536

enum phase {
	OUTSIDE,
	IMPORT,      /* behind `import`, or a ',' of it: a dotted name comes */
	IMPORT_DONE, /* behind a dotted name */
	FROM,        /* behind `from` */
	FROM_NAMES,  /* behind `import` of it: names come */
	FROM_DONE,   /* behind one */
	AS,          /* `as` was read, its name comes; then on with `after` */
	CALL,        /* behind import_module or the like */
	CALL_OPEN,   /* behind its '(' */
	CALL_ARG,    /* behind a literal argument */
};

struct caller;
struct imports {
	struct reading *r;
	int cell;
	enum phase phase, after;
	struct pylex_token prev, before; /* the last token, and the one before that */
	char dotted[MAX_DOTTED];
	size_t n;
	bool dot_due; /* a '.' may come, no name */
	int level, line;
	size_t noted;
	const struct caller *caller;
	struct pylex_token arg;
};

static void note(struct imports *i, enum code_import_how how, int level, const char *module, const char *name)
{
	i->noted++;
	reading_import(i->r, (struct code_import){how, i->cell ? i->cell : i->line, level, module, name});
}

static void add_dotted(struct imports *i, const char *s, size_t n)
{
	if (n >= sizeof(i->dotted) - i->n)
		n = 0, i->phase = OUTSIDE;
	memcpy(i->dotted + i->n, s, n);
	i->n += n;
	i->dotted[i->n] = '\0';
}

static void begin(struct imports *i, enum phase phase, int line)
{
	i->phase = phase;
	i->n = 0;
	i->dotted[0] = '\0';
	i->level = 0;
	i->line = line;
}

static bool is_op(const struct pylex_token *t, char c)
{
	return t->kind == PYLEX_OP && t->len == 1 && *t->text == c;
}

/* Functions that import what they are told, by name. Those with a home have names that others use as well: they count when
 * they are called, of that module or alone. */
static const struct caller {
	const char *name, *home;
} callers[] = {{"import_module", NULL}, {"__import__", NULL},   {"spec_from_file_location", NULL},
	       {"run_path", "runpy"},   {"run_module", "runpy"}, {"load_source", "imp"}};

static const struct caller *caller(const struct pylex_token *t)
{
	size_t k;

	for (k = 0; k < ARRAY_SIZE(callers); k++)
		if (pylex_is(t, callers[k].name))
			return &callers[k];
	return NULL;
}

static bool is_of(const struct caller *c, const struct imports *i)
{
	if (pylex_is(&i->prev, "def") || pylex_is(&i->prev, "class"))
		return false;
	return !c->home || !is_op(&i->prev, '.') || pylex_is(&i->before, c->home);
}

static bool begins_statement(const struct imports *i)
{
	const struct pylex_token *p = &i->prev;

	return p->kind == PYLEX_NEWLINE || p->kind == PYLEX_INDENT || p->kind == PYLEX_DEDENT || p->kind == PYLEX_MAGIC ||
	       (p->kind == PYLEX_OP && (*p->text == ';' || *p->text == ':') && p->len == 1);
}

/* A string literal without prefix or escapes: what it says. */
static bool plain_literal(const struct pylex_token *t, const char **s, size_t *n)
{
	size_t q = t->len >= 6 && t->text[0] == t->text[1] && t->text[1] == t->text[2] ? 3 : 1;

	if (t->kind != PYLEX_STRING || (*t->text != '\'' && *t->text != '"') || t->len < 2 * q)
		return false;
	*s = t->text + q;
	*n = t->len - 2 * q;
	return *n > 0 && !memchr(*s, '\\', *n);
}

/* A module, or for some functions a file, that a call names in so many words. */
static void called(struct imports *i)
{
	const char *name = i->caller->name, *s;
	bool file = streq(name, "run_path");
	size_t n, k;

	if (!plain_literal(&i->arg, &s, &n) || n >= MAX_DOTTED || streq(name, "spec_from_file_location") ||
	    streq(name, "load_source")) {
		note(i, IMPORT_UNKNOWN, 0, NULL, name);
		return;
	}
	begin(i, OUTSIDE, i->line);
	for (k = 0; !file && k < n && s[k] == '.'; k++)
		i->level++;
	add_dotted(i, s + i->level, n - (size_t)i->level);
	if (file)
		note(i, IMPORT_FILE, 0, NULL, i->dotted);
	else
		note(i, IMPORT_MODULE, i->level, i->dotted, NULL);
}

static void step_outside(struct imports *i, const struct pylex_token *t)
{
	if (t->kind != PYLEX_NAME)
		return;
	if (pylex_is(t, "import")) {
		begin(i, IMPORT, t->line);
		i->dot_due = false;
	} else if (pylex_is(t, "from") && begins_statement(i)) {
		begin(i, FROM, t->line);
		i->dot_due = false;
	} else if (pylex_is(t, "path") && is_op(&i->prev, '.') && pylex_is(&i->before, "sys")) {
		i->r->out->moves_path = true;
	} else if (pylex_is(t, "__path__") || pylex_is(t, "addsitedir")) {
		i->r->out->moves_path = true;
	} else if ((i->caller = caller(t)) && is_of(i->caller, i)) {
		begin(i, CALL, t->line);
	}
}

static void step_import(struct imports *i, const struct pylex_token *t)
{
	if (t->kind == PYLEX_NAME && !i->dot_due) {
		add_dotted(i, t->text, t->len);
		i->dot_due = true;
	} else if (is_op(t, '.') && i->dot_due) {
		add_dotted(i, ".", 1);
		i->dot_due = false;
	} else {
		if (i->n)
			note(i, IMPORT_MODULE, 0, i->dotted, NULL);
		i->phase = OUTSIDE;
		if (t->kind == PYLEX_NAME && pylex_is(t, "as")) {
			i->phase = AS;
			i->after = IMPORT_DONE;
		} else if (is_op(t, ',')) {
			begin(i, IMPORT, i->line);
			i->dot_due = false;
		}
	}
}

static void step_from(struct imports *i, const struct pylex_token *t)
{
	if (t->kind == PYLEX_OP && !i->n && (pylex_is(t, ".") || pylex_is(t, "..."))) {
		i->level = MIN(i->level + (int)t->len, 1000);
	} else if (t->kind == PYLEX_NAME && pylex_is(t, "import") && (i->dot_due || i->level)) {
		i->phase = FROM_NAMES;
	} else if (t->kind == PYLEX_NAME && !i->dot_due) {
		add_dotted(i, t->text, t->len);
		i->dot_due = true;
	} else if (is_op(t, '.') && i->dot_due) {
		add_dotted(i, ".", 1);
		i->dot_due = false;
	} else {
		i->phase = OUTSIDE;
	}
}

static void from_name(struct imports *i, const struct pylex_token *t)
{
	char name[256];

	i->phase = FROM_DONE;
	if (t->len >= sizeof(name)) {
		note(i, IMPORT_MODULE, i->level, i->dotted, NULL);
		return;
	}
	memcpy(name, t->text, t->len);
	name[t->len] = '\0';
	note(i, IMPORT_MODULE, i->level, i->dotted, name);
	i->r->out->moves_path |= streq(i->dotted, "sys") && (streq(name, "path") || *name == '*');
}

static void step(struct imports *i, const struct pylex_token *t)
{
	switch (i->phase) {
	case OUTSIDE:
		step_outside(i, t);
		break;
	case IMPORT:
		step_import(i, t);
		break;
	case IMPORT_DONE:
		i->phase = OUTSIDE;
		if (is_op(t, ',')) {
			begin(i, IMPORT, i->line);
			i->dot_due = false;
		}
		break;
	case FROM:
		step_from(i, t);
		break;
	case FROM_NAMES:
		if (t->kind == PYLEX_NAME || is_op(t, '*'))
			from_name(i, t);
		else if (!is_op(t, '('))
			i->phase = OUTSIDE;
		break;
	case FROM_DONE:
		i->phase = OUTSIDE;
		if (t->kind == PYLEX_NAME && pylex_is(t, "as")) {
			i->phase = AS;
			i->after = FROM_DONE;
			if (caller(&i->prev)) /* called by another name */
				note(i, IMPORT_UNKNOWN, 0, NULL, caller(&i->prev)->name);
		} else if (is_op(t, ',')) {
			i->phase = FROM_NAMES;
		}
		break;
	case AS:
		i->phase = t->kind == PYLEX_NAME ? i->after : OUTSIDE;
		break;
	case CALL:
		i->phase = is_op(t, '(') ? CALL_OPEN : OUTSIDE;
		if (i->phase == OUTSIDE && !i->caller->home) /* handed on */
			note(i, IMPORT_UNKNOWN, 0, NULL, i->caller->name);
		break;
	case CALL_OPEN:
		i->arg = *t;
		i->phase = CALL_ARG;
		break;
	case CALL_ARG:
		if (!is_op(t, ')') && !is_op(t, ','))
			i->arg.kind = PYLEX_OP; /* more than a literal */
		called(i);
		if (is_op(t, ',') && streq(i->caller->name, "__import__") && i->arg.kind == PYLEX_STRING) /* a list of names */
			note(i, IMPORT_UNKNOWN, 0, NULL, i->caller->name);
		i->phase = OUTSIDE;
		break;
	}
	i->before = i->prev;
	i->prev = *t;
}

/* `%run file` and `%run -m module` */
static void magic(struct imports *i, const struct pylex_token *t)
{
	static const char run[] = "%run";
	const char *s = t->text, *end = s + t->len;
	bool module = false;
	char name[MAX_DOTTED];
	size_t n;

	if (t->len < sizeof(run) || memcmp(s, run, sizeof(run) - 1) != 0 || (s[4] != ' ' && s[4] != '\t'))
		return;
	for (s += 4; s < end; s += n) {
		for (; s < end && (*s == ' ' || *s == '\t'); s++)
			;
		for (n = 0; s + n < end && !strchr(" \t\r\n", s[n]); n++)
			;
		if (n == 2 && memcmp(s, "-m", 2) == 0)
			module = true;
		if (n && *s != '-')
			break;
	}
	n = s < end ? n : 0;
	if (!n || n >= sizeof(name))
		return;
	memcpy(name, s, n);
	name[n] = '\0';
	i->line = t->line;
	if (module)
		note(i, IMPORT_MODULE, 0, name, NULL);
	else
		note(i, IMPORT_FILE, 0, NULL, name);
}

static const char kind_letters[] = {
	[PYLEX_NAME] = 'n', [PYLEX_NUMBER] = '0', [PYLEX_STRING] = 's', [PYLEX_OP] = 'o', [PYLEX_NEWLINE] = ';',
	[PYLEX_INDENT] = '>', [PYLEX_DEDENT] = '<', [PYLEX_NOTE] = '#', [PYLEX_MAGIC] = '%'};

static void take(struct imports *i, const struct pylex_token *t)
{
	if (t->kind == PYLEX_NOTE) {
		reading_add(i->r, t->alone ? '!' : '#', t->text, t->len);
		return;
	}
	if (t->kind == PYLEX_NEWLINE || t->kind == PYLEX_INDENT || t->kind == PYLEX_DEDENT)
		reading_add(i->r, kind_letters[t->kind], "", 0);
	else
		reading_add(i->r, kind_letters[t->kind], t->text, t->len);
	if (t->kind == PYLEX_MAGIC)
		magic(i, t);
	step(i, t);
}

static void imports_init(struct imports *i, struct reading *r, int cell)
{
	memset(i, 0, sizeof(*i));
	i->r = r;
	i->cell = cell;
	i->prev.kind = i->before.kind = PYLEX_NEWLINE;
	i->prev.text = i->before.text = "";
}

/* ---- a text that is not understood ---- */

/* The statement at s, as far as it can be lexed alone; returns how many bytes were looked at. */
static size_t look_at_statement(struct imports *i, const char *s, const char *end, int line)
{
	struct pylex_token t;
	struct pylex l;

	pylex_init_part(&l, s, MIN((size_t)(end - s), (size_t)MAX_STATEMENT));
	i->phase = OUTSIDE;
	i->prev.kind = PYLEX_NEWLINE;
	do {
		pylex_next(&l, &t);
		t.line += line - 1;
		step(i, &t);
	} while (t.kind != PYLEX_NEWLINE && t.kind != PYLEX_END && t.kind != PYLEX_UNKNOWN);
	return (size_t)(l.at - s);
}

static bool in_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80);
}

/* Where in [s, eol) `import` or `from` may begin a statement, or a function is told what to import; NULL: nowhere. What a backslash
 * stands before is no part of a word: it may be the text of JSON. */
static const char *candidate(const char *s, const char *eol)
{
	struct pylex_token word;

	while (s < eol) {
		const char *e = s;

		while (e < eol && in_name(*e))
			e++;
		word = (struct pylex_token){.text = s, .len = (size_t)(e - s)};
		if (e > s && (pylex_is(&word, "import") || pylex_is(&word, "from") || caller(&word)))
			return s;
		s = e > s ? e : s + (*s == '\\' ? 2 : 1);
	}
	return NULL;
}

static void look_at_lines(struct reading *r, const char *text, size_t n, int cell)
{
	const char *s = text, *end = text + n, *at;
	size_t budget = 4 * CODE_LIMIT, used;
	struct imports i;
	int line = 1;

	imports_init(&i, r, cell);
	r->out->moves_path |= memmem(text, n, "sys.path", 8) != NULL;
	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s)), *eol = nl ? nl : end;

		for (at = s; budget && at < eol && (at = candidate(at, eol));) {
			size_t noted = i.noted;

			used = look_at_statement(&i, at, end, line);
			budget -= MIN(budget, used + 64);
			at += i.noted > noted ? MAX(used, (size_t)1) : 1; /* not the `import` of a `from`, too */
		}
		s = nl ? nl + 1 : end;
		line++;
	}
	if (!budget)
		note(&i, IMPORT_UNKNOWN, 0, NULL, "import");
}

void python_guess(struct reading *r, const char *text, size_t n)
{
	look_at_lines(r, text, n, 0);
}

/* A cell of a notebook may be anything; one that is not understood counts by its bytes. */
static bool lexes(const char *text, size_t n, bool ipython)
{
	struct pylex_token t;
	struct pylex l;

	pylex_init(&l, text, n, ipython);
	do
		pylex_next(&l, &t);
	while (t.kind != PYLEX_END && t.kind != PYLEX_UNKNOWN);
	return t.kind == PYLEX_END;
}

void python_read(struct reading *r, const char *text, size_t n, int cell)
{
	struct pylex_token t;
	struct imports i;
	struct pylex l;

	imports_init(&i, r, cell);
	if (cell && !lexes(text, n, true)) {
		reading_add(r, 'R', text, n);
		look_at_lines(r, text, n, cell);
		return;
	}
	pylex_init(&l, text, n, cell > 0);
	for (pylex_next(&l, &t); t.kind != PYLEX_END; pylex_next(&l, &t)) {
		if (t.kind == PYLEX_UNKNOWN) {
			r->failed = true;
			look_at_lines(r, text, n, cell);
			return;
		}
		take(&i, &t);
	}
}
