# SPDX-License-Identifier: GPL-3.0-or-later
"""code_tool against CPython's own tokenize and ast, over the standard library of the Python that runs this.

    against_python.py CODE_TOOL [FILES [EACH]]      how many files (0: all), and changes of each kind in each file

What CPython says of two texts is compared with whether code_tool gives them one meaning. Prints TAP.
"""
import ast
import io
import os
import random
import re
import subprocess
import sys
import sysconfig
import tokenize
import warnings

warnings.simplefilter("ignore")

SKIPPED = {tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER}
FSTRING_START = getattr(tokenize, "FSTRING_START", -1)
FSTRING_END = getattr(tokenize, "FSTRING_END", -1)
TSTRING_START = getattr(tokenize, "TSTRING_START", -1)
TSTRING_END = getattr(tokenize, "TSTRING_END", -1)
CALLS = {"import_module", "__import__", "run_module", "run_path"}


class Tool:
    def __init__(self, path):
        self.p = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, text, name="x.py"):
        self.p.stdin.write(b"%s %d\n" % (name.encode(), len(text)) + text)
        self.p.stdin.flush()
        meaning = self.line()
        imports = []
        while True:
            said = self.line()
            if said == ".":
                return None if meaning == "-" else meaning, imports
            imports.append(said.split(" "))

    def line(self):
        said = self.p.stdout.readline()
        if not said:
            sys.exit("code_tool died")
        return said.decode("utf-8", "replace").rstrip("\n")


def tokens(text):
    """What CPython reads, with comments; None if it refuses."""
    try:
        return list(tokenize.tokenize(io.BytesIO(text).readline))
    except (tokenize.TokenError, SyntaxError, IndentationError, UnicodeDecodeError, ValueError):
        return None


def counts(comment, row):
    body = comment[1:].lstrip(" \t")
    return (body.startswith(("type:", "cython:", "distutils:")) or (row == 1 and comment.startswith("#!"))
            or (row <= 2 and re.search("coding[:=]", comment)) or comment.startswith("# ///"))


def sense(toks):
    """The tokens that count."""
    out = []
    for t in toks:
        if t.type in SKIPPED or (t.type == tokenize.COMMENT and not counts(t.string, t.start[0])):
            continue
        if t.type == tokenize.NEWLINE:
            if t.string:  # older ones invent one behind a comment that ends a file
                out.append((t.type, ""))
        elif t.type in (tokenize.INDENT, tokenize.DEDENT):
            out.append((t.type, ""))
        else:
            out.append((t.type, t.string))
    return out


def program(code):
    """What a code object does, without its lines."""
    return (code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_argcount, code.co_flags,
            tuple(program(c) if hasattr(c, "co_code") else repr(c) for c in code.co_consts))


def parses(text):
    try:
        return program(compile(text, "x", "exec", dont_inherit=True))
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None


def tree(text):
    try:
        return ast.dump(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class File:
    """A text, cut into lines, with the places where something may be put without a difference."""

    def __init__(self, text):
        self.lines = re.findall("[^\n]*\n|[^\n]+", text.decode("utf-8"))
        self.toks = tokens(text)
        self.code = [t for t in self.toks if t.type not in SKIPPED and t.type not in
                     (tokenize.INDENT, tokenize.DEDENT, tokenize.NEWLINE, tokenize.COMMENT)]
        self.inside = set()     # rows that begin within a string, or behind a backslash
        self.fields = []        # tokens within f-strings
        depth = 0
        begun = None
        for t in self.toks:
            if t.type in (FSTRING_START, TSTRING_START):
                if not depth:
                    begun = t.start[0]
                depth += 1
            if depth:
                self.fields.append(t)
            if t.type in (FSTRING_END, TSTRING_END):
                depth -= 1
                if not depth:
                    self.inside.update(range(begun + 1, t.end[0] + 1))
            if t.end[0] > t.start[0] and t.type == tokenize.STRING:
                self.inside.update(range(t.start[0] + 1, t.end[0] + 1))
        for row, line in enumerate(self.lines, 1):
            if line.rstrip("\r\n").endswith("\\"):
                self.inside.add(row + 1)
        hidden = {id(t) for t in self.fields}
        self.gaps = [(a, b) for a, b in zip(self.code, self.code[1:])
                     if a.end[0] == b.start[0] and id(a) not in hidden and id(b) not in hidden]
        self.in_brackets = self.bracketed()

    def bracketed(self):
        depth, found = 0, []
        hidden = {id(t) for t in self.fields}
        for a, b in zip(self.code, self.code[1:]):
            if a.type == tokenize.OP and id(a) not in hidden:
                depth += (a.string in "([{") - (a.string in ")]}")
            if depth > 0 and a.end[0] == b.start[0] and id(a) not in hidden and id(b) not in hidden:
                found.append((a, b))
        return found

    def own_line(self, rng, what):
        """Before a row that does not continue a string, and not above shebang, coding or a block."""
        first = 3 if any("coding" in s or s.startswith("#!") for s in self.lines[:2]) else 1
        for _ in range(20):
            row = rng.randint(first, len(self.lines) + 1) if len(self.lines) + 1 >= first else first
            if row in self.inside or row > len(self.lines) + 1:
                continue
            lines = list(self.lines)
            if row > 1 and not lines[row - 2].endswith("\n"):
                continue
            if "".join(lines[max(0, row - 3):row + 1]).count("# ///"):
                continue
            lines.insert(row - 1, what)
            return "".join(lines)
        return None

    def between(self, rng, gaps, what):
        if not gaps:
            return None
        a, b = rng.choice(gaps)
        line = self.lines[a.end[0] - 1]
        # columns count characters
        at = a.end[1]
        lines = list(self.lines)
        lines[a.end[0] - 1] = line[:at] + what + line[at:]
        return "".join(lines)

    def behind_line(self, rng):
        ends = [t for t in self.toks if t.type in (tokenize.NEWLINE, tokenize.NL) and t.string]
        if not ends:
            return None
        t = rng.choice(ends)
        line = self.lines[t.start[0] - 1]
        body = line.rstrip("\r\n")
        if "#" in body[t.start[1] - 1 if t.start[1] else 0:] or any(
                c.type == tokenize.COMMENT and c.start[0] == t.start[0] for c in self.toks):
            return None
        lines = list(self.lines)
        lines[t.start[0] - 1] = body + rng.choice(["  # said", "#", " \t # x: y 'z\" \\"]) + line[len(body):]
        return "".join(lines)

    def harmless(self, rng):
        kind = rng.randrange(6)
        if kind == 0:
            return "comment line", self.own_line(rng, rng.choice(["# a comment\n", "        # far in\n", "#\n", "\t# ' \" ( \\\n"]))
        if kind == 1:
            return "blank line", self.own_line(rng, rng.choice(["\n", "    \n", "\t\n", "\f\n", "\n\n\n"]))
        if kind == 2:
            return "comment behind", self.behind_line(rng)
        if kind == 3:
            return "blanks", self.between(rng, self.gaps, rng.choice([" ", "  ", "\t", " \t "]))
        if kind == 4:
            return "joined in brackets", self.between(rng, self.in_brackets, rng.choice(["\n", "\n\n  ", "  # c\n", "\n# c\n"]))
        return "joined by backslash", self.between(rng, self.gaps, " \\\n" + rng.choice(["", "   "]))

    def changed(self, rng):
        """One token replaced, dropped or doubled."""
        if not self.code:
            return None, None
        t = rng.choice(self.code)
        if t.start[0] != t.end[0]:
            return None, None
        line = self.lines[t.start[0] - 1]
        a, b = t.start[1], t.end[1]
        s = t.string
        kind = rng.randrange(4)
        if kind == 0:
            new = " "
        elif kind == 1 and t.type == tokenize.OP:
            new = rng.choice([o for o in ["+", "-", "*", "/", "==", "<", ">", ".", ",", ":", "=", "@", "%", "//"] if o != s])
        elif kind == 1 and t.type == tokenize.STRING and len(s) > 2:
            at = rng.randint(1, len(s) - 1)
            new = s[:at] + rng.choice(" x#0") + s[at:]
        elif kind == 1 and t.type == tokenize.NUMBER:
            new = s + "1"
        elif kind == 2:
            new = s + " " + s
        else:
            new = s + "x" if t.type == tokenize.NAME else s + " 7"
        lines = list(self.lines)
        lines[t.start[0] - 1] = line[:a] + new + line[b:]
        return s, "".join(lines)

    def reindented(self, rng):
        rows = [i for i, s in enumerate(self.lines) if s.strip() and i + 1 not in self.inside]
        if not rows:
            return None
        lines = list(self.lines)
        i = rng.choice(rows)
        lines[i] = lines[i][4:] if lines[i].startswith("    ") and rng.random() < .5 else "    " + lines[i]
        return "".join(lines)

    def any_byte(self, rng, text):
        at = rng.randint(0, len(text))
        new = rng.choice([b" ", b"\n", b"#", b"'", b'"', b"\\", b"(", b")", b"0", b"x", b"f", b"\r", b"\t", b"\x0c", b"{", b"}",
                          b"\0", b"\xc3\xa9", b"\xff", b"# type: x\n", b"#c\n", b"_", b".", b"e", b"!", b":=", b"r", b";"])
        if rng.random() < .5:
            return text[:at] + new + text[at:]
        return text[:at] + new + text[at + rng.randint(1, 3):]


def expected_imports(tree):
    found, calls = {}, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for a in node.names:
                key = ("0", a.name, "-")
                found[key] = min(found.get(key, 1 << 60), node.lineno)
        elif isinstance(node, ast.ImportFrom):
            for a in node.names:
                key = (str(node.level), node.module or "-", a.name)
                found[key] = min(found.get(key, 1 << 60), node.lineno)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in CALLS and isinstance(node.args[0].value, str):
                v = node.args[0].value
                calls.add((v.lstrip("."), len(v) - len(v.lstrip("."))))
                calls.add((v, 0))
    return found, calls


def check_imports(text, got, understood):
    """What is wrong, or None. Of what is not understood too much may be found."""
    tree = ast.parse(text)
    want, calls = expected_imports(tree)
    said = {(g[1], g[2], g[3]): int(g[0]) for g in got if g[1] != "?"}
    for key, line in want.items():
        if key not in said:
            return "line %d: missed %s" % (line, key)
        if said[key] != line and (key[1], int(key[0])) not in calls:
            return "%s is in line %d, not %d" % (key, line, said[key])
    for key in said if understood else ():
        if key not in want and (key[1], int(key[0])) not in calls and (key[2], 0) not in calls:
            return "line %d: invented %s" % (said[key], key)
    return None


def library():
    top = sysconfig.get_paths()["stdlib"]
    found = []
    for where, dirs, files in os.walk(top):
        dirs[:] = sorted(d for d in dirs if d not in ("site-packages", "dist-packages", "__pycache__"))
        found += [os.path.join(where, f) for f in sorted(files) if f.endswith(".py")]
    return found


def main():
    if sys.version_info < (3, 8):
        print("1..0 # SKIP Python %s is too old to compare with" % sys.version.split()[0])
        return
    tool = Tool(sys.argv[1])
    limit = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    each = int(sys.argv[3]) if len(sys.argv) > 3 else 24
    rng = random.Random(20261126)
    paths = library()
    rng.shuffle(paths)
    n = dict.fromkeys(["files", "not read", "harmless", "changes", "moved lines", "bytes", "files with imports", "over"], 0)
    wrong = {"read": [], "harmless": [], "changes": [], "bytes": [], "imports": []}
    for path in paths:
        if limit and n["files"] == limit:
            break
        with open(path, "rb") as f:
            text = f.read()
        if limit and len(text) > 30000:
            continue
        dump = parses(text)
        meaning, imports = tool.ask(text)
        if dump is None:
            continue
        n["files"] += 1
        bad = check_imports(text, imports, meaning is not None)
        if bad:
            wrong["imports"].append("%s: %s" % (path, bad))
        n["files with imports"] += bool(imports)
        if meaning is None:
            n["not read"] += 1
            continue
        try:
            whole = File(text)
            base = sense(whole.toks)
        except (UnicodeDecodeError, TypeError):
            n["not read"] += 1
            continue
        for _ in range(each):
            kind, new = whole.harmless(rng)
            if new is None:
                continue
            new = new.encode()
            if parses(new) != dump:
                continue  # our own mistake: it was not harmless
            n["harmless"] += 1
            if tool.ask(new)[0] != meaning:
                wrong["harmless"].append("%s: %s" % (path, kind))
        for _ in range(each):
            old, new = whole.changed(rng)
            if new is None:
                continue
            toks = tokens(new.encode())
            if toks is not None and sense(toks) == base:
                continue
            n["changes"] += 1
            if tool.ask(new.encode())[0] == meaning:
                wrong["changes"].append("%s: %r" % (path, old))
        for _ in range(each // 4):
            new = whole.reindented(rng)
            if new is None:
                continue
            toks = tokens(new.encode())
            same = toks is not None and sense(toks) == base
            n["moved lines"] += 1
            if not same and tool.ask(new.encode())[0] == meaning:
                wrong["changes"].append("%s: indentation" % path)
        for _ in range(each // 2):
            new = whole.any_byte(rng, text)
            got = tool.ask(new)[0]
            n["bytes"] += 1
            if got is None:
                continue
            # tokenize of 3.11 leaves out the end of a last line that is a comment and has no newline
            toks = tokens(new if new.endswith(b"\n") else new + b"\n")
            if toks is not None and got == meaning and sense(toks) != base:
                wrong["bytes"].append("%s: one meaning for two texts: %r" % (path, new[:200]))
            elif got == meaning and parses(new) != dump and tree(new) != tree(text):  # a program may differ by its lines
                wrong["bytes"].append("%s: one meaning, another tree: %r" % (path, new[:200]))
            elif got != meaning and toks is not None and sense(toks) == base:
                n["over"] += 1
    print("# Python %s: %s" % (sys.version.split()[0], ", ".join("%d %s" % (v, k) for k, v in n.items())))
    if n["files"] < 20 or n["harmless"] < 100 or n["changes"] < 100:
        wrong["read"].append("there was next to nothing to look at")
    if n["not read"] * 20 > n["files"]:
        wrong["read"].append("%d of %d files are not understood" % (n["not read"], n["files"]))
    titles = {"read": "nearly all files are understood", "harmless": "comments, blanks and joined lines change nothing",
              "changes": "every changed token and level of indentation is noticed",
              "bytes": "any byte put in changes the meaning where it changes what CPython reads",
              "imports": "imports are those that ast finds, in the same lines"}
    print("1..%d" % len(titles))
    for i, key in enumerate(titles, 1):
        for text in wrong[key][:10]:
            print("# " + text)
        print("%s %d - %s" % ("not ok" if wrong[key] else "ok", i, titles[key]))


main()
