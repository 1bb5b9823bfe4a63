/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is remembered of code: the input is the text of an entry, which is believed if it is one, and otherwise the file is read. */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "code/book.h"
#include "store/keyed.h"
#include "util/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] = "import x\n";

static void enter_dir(void)
{
	static char dir[] = "/tmp/fuzz-code-book-XXXXXX";

	if (!mkdtemp(dir) || chdir(dir) < 0 || file_write("a.py", text, sizeof(text) - 1, 0644, false, NULL) < 0)
		BUG("no directory to work in");
}

static void check(const struct code_facts *f)
{
	size_t i;

	if (!f)
		BUG("a file that is there says nothing");
	for (i = 0; i < f->n_imports; i++) {
		const struct code_import *im = &f->imports[i];

		if (im->line < 0 || im->level < 0 || (im->how == IMPORT_MODULE ? !im->module : !im->name))
			BUG("an import that is none");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool entered;
	struct content c = {.kind = CONTENT_FILE, .size = sizeof(text) - 1};
	struct keyed_item item = {.text = (const char *)data, .len = size};
	struct keyed *kept;
	struct code_book *b;

	if (!entered)
		enter_dir();
	entered = true;
	digest_bytes(text, sizeof(text) - 1, &c.id);
	item.key = c.id;
	item.key.b[DIGEST_LEN - 1] ^= CODE_PYTHON;
	kept = keyed_new("kept", "code");
	if (keyed_add(kept, "one", &item, 1, NULL) < 0)
		BUG("cannot write an entry");
	keyed_free(kept);
	b = code_book_new("kept", NULL);
	check(code_book_get(b, "a.py", &c));
	if (code_book_save(b, NULL) < 0)
		BUG("cannot keep what was read");
	code_book_free(b);
	if (file_remove_tree("kept", NULL) < 0)
		BUG("cannot remove what was kept");
	return 0;
}
