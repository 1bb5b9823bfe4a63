# SPDX-License-Identifier: GPL-3.0-or-later
"""What mlmake sees of installed distributions without starting Python, against what Python says: as TAP.

against_python.py ENV_TOOL PYTHON DIRECTORY; in DIRECTORY virtual environments are made."""
import itertools
import os
import random
import re
import subprocess
import sys

tool, python, scratch = sys.argv[1:]
tests = 0
BY_PYTHON = r"""
import importlib.metadata, re, sys
seen = {}
for d in importlib.metadata.distributions():
    name = d.metadata["Name"]
    if name:
        seen.setdefault(re.sub(r"[-_.]+", "-", name).lower(), []).append(d.version)
for name in seen:
    for version in seen[name]:
        print(name, version)
"""


def ok(good, title, why=""):
    global tests
    tests += 1
    for line in str(why).splitlines() if not good else []:
        print("#", line)
    print(("ok" if good else "not ok"), tests, "-", title, flush=True)


def skip(title, why):
    global tests
    tests += 1
    print("ok", tests, "-", title, "# SKIP", why, flush=True)


def run(*argv, **more):
    return subprocess.run(argv, check=True, capture_output=True, text=True, **more).stdout


def environment(**more):
    return {"PATH": os.environ["PATH"], "HOME": os.path.join(scratch, "home"), **more}


def lists_agree(title, exe, env=None):
    env = env or environment()
    ours = run(tool, "list", exe, env=env).split("\n")
    asked = ours[0] == "?"
    ours = [line for line in ours if line and line != "?"]
    theirs = [line for line in run(exe, "-c", BY_PYTHON, env=env, cwd="/").split("\n") if line]
    names = {line.split()[0] for line in theirs}
    # of one name in two directories Python lists both; the first is in use
    extra = [line for line in ours if line not in theirs]
    lacking = names - {line.split()[0] for line in ours}
    if asked and lacking:
        skip(title, f"{exe} runs code at its start, so it has to be asked")
        return
    ok(not extra and not lacking, title, f"only here: {extra}; only there: {sorted(lacking)}")
    firsts = {}
    for line in theirs:
        firsts.setdefault(*line.split())
    wrong = [n for n, v in firsts.items() if f"{n} {v}" not in ours]
    ok(not wrong, f"{title}: {len(firsts)} versions", wrong)


def path_agrees(title, exe, env=None):
    env = env or environment()
    ours = run(tool, "path", exe, env=env).split("\n")
    code = "import os, sys; print('\\n'.join(p for p in sys.path if p and os.path.isdir(p) and not p.endswith('lib-dynload')))"
    theirs = run(exe, "-c", code, env=env, cwd="/").split("\n")
    if ours[0] == "?":
        skip(title, f"{exe} runs code at its start, so it has to be asked")
    else:
        ok(ours == theirs, title, f"{ours}\n{theirs}")


os.makedirs(os.path.join(scratch, "home"), exist_ok=True)
real = run(python, "-c", "import os, sys; print(os.path.realpath(sys.executable))").strip()
machine = sorted({real} | {p for p in ("/usr/bin/python3", "/usr/local/bin/python3") if os.path.exists(p)})
for exe in machine:
    lists_agree(f"the distributions of {os.path.basename(os.path.realpath(exe))}", exe)
    path_agrees(f"the path of {os.path.basename(os.path.realpath(exe))}", exe)

for options in ([], ["--copies"], ["--system-site-packages"]):
    for exe in machine:
        title = "a virtual environment" + "".join(f" with {o}" for o in options) + " of " + os.path.basename(os.path.realpath(exe))
        where = os.path.join(scratch, f"venv{tests}")
        try:
            run(exe, "-m", "venv", "--without-pip", *options, where)
        except (subprocess.CalledProcessError, OSError):
            skip(title, "cannot be made")
            continue
        inner = os.path.join(where, "bin", "python3")
        site = run(inner, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        for name, version, files in (("one", "1.0", ["METADATA"]), ("Two.Three_", "2", ["METADATA", "RECORD"])):
            info = os.path.join(site, f"{name}-{version}.dist-info")
            os.mkdir(info)
            for file in files:
                with open(os.path.join(info, file), "w") as f:
                    f.write(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: no\n" if file == "METADATA" else "")
        added = os.path.join(where, "added")
        os.makedirs(os.path.join(added, "four-4.0.egg-info"))
        with open(os.path.join(added, "four-4.0.egg-info", "PKG-INFO"), "w") as f:
            f.write("Name: four\nVersion: 4.0\n")
        with open(os.path.join(site, "added.pth"), "w") as f:
            f.write(f"# a comment\n\n{added}\n/nowhere\nrelative  \n")
        os.mkdir(os.path.join(site, "relative"))
        lists_agree(title, inner)
        path_agrees(title, inner)
        user = os.path.join(scratch, "home", ".local", "lib", os.path.basename(os.path.dirname(site)), "site-packages")
        os.makedirs(user, exist_ok=True)
        path_agrees(f"{title}, with a directory of the user's and PYTHONPATH", inner, environment(PYTHONPATH=f"{added}:/nowhere"))

# Markers, against packaging.
PACKAGING = """
import sys
try:
    from packaging import markers
except ImportError:
    from pip._vendor.packaging import markers
env = {"implementation_name": "cpython", "implementation_version": "3.11.2", "os_name": "posix", "platform_machine": "x86_64",
       "platform_release": "6.1", "platform_system": "Linux", "platform_version": "1", "python_full_version": "3.11.2",
       "platform_python_implementation": "CPython", "python_version": "3.11", "sys_platform": "linux"}
for line in sys.stdin:
    extra, marker = line.rstrip("\\n").split("\\t")
    try:
        print("yes" if markers.Marker(marker).evaluate({**env, "extra": extra}) else "no")
    except Exception as e:
        print("error")
"""


def random_marker(r, depth=0):
    if depth < 3 and r.random() < 0.5:
        inner = f"{random_marker(r, depth + 1)} {r.choice(['and', 'or'])} {random_marker(r, depth + 1)}"
        return f"({inner})" if r.random() < 0.5 else inner
    quote = r.choice("'\"")
    name, values = r.choice(
        [
            ("python_version", ["3.8", "3.11", "3.9.1", "3", "4", "2.7", "3.10", "3.11.0"]),
            ("python_full_version", ["3.11.2", "3.11.10", "3.11.1", "3.10", "3.12.0"]),
            ("sys_platform", ["linux", "win32", "darwin", "linux2"]),
            ("os_name", ["posix", "nt"]),
            ("platform_system", ["Linux", "Windows", "linux"]),
            ("platform_machine", ["x86_64", "aarch64", "arm64"]),
            ("platform_python_implementation", ["CPython", "PyPy"]),
            ("implementation_name", ["cpython", "pypy"]),
            ("extra", ["test", "Dev_Tools", "x"]),
        ]
    )
    ops = ["==", "!="] if name not in ("python_version", "python_full_version") else ["==", "!=", "<", "<=", ">", ">=", "~="]
    op, value = r.choice(ops), r.choice(values)
    if op == "~=" and "." not in value:
        op = ">="
    if op in ("==", "!=") and name == "python_version" and r.random() < 0.2:
        value = r.choice(["3.*", "3.11.*", "2.*"])
    return f"{name} {op} {quote}{value}{quote}"


r = random.Random(20261126)
cases = [(r.choice(["", "test", "dev-tools", "x"]), random_marker(r)) for _ in range(600)]
for exe in machine:
    theirs = subprocess.run([exe, "-c", PACKAGING], input="".join(f"{e}\t{m}\n" for e, m in cases), capture_output=True, text=True, env=environment())
    answers = theirs.stdout.split("\n")[:-1]
    if theirs.returncode == 0 and len(answers) == len(cases):
        break
if theirs.returncode != 0:
    skip("markers", "there is no packaging")
else:
    wrong = []
    for (extra, marker), want in zip(cases, answers):
        got = run(tool, "marker", marker, *([extra] if extra else [])).strip()
        if extra and got != want:
            # one of the extras, or none: more may be asked for than by this one alone
            none = run(tool, "marker", marker).strip()
            got = want if "yes" in (none, got) else got
        if want != "error" and got != want:
            wrong.append(f"{marker} [{extra}]: {got}, not {want}")
    ok(not wrong, f"{len(cases)} markers, {answers.count('yes')} of which hold", "\n".join(wrong[:10]))

# What distributions of this machine require.
REQUIRES = """
import importlib.metadata, re
try:
    from packaging.requirements import Requirement
except ImportError:
    from pip._vendor.packaging.requirements import Requirement
seen = set()
for d in importlib.metadata.distributions():
    name = re.sub(r"[-_.]+", "-", d.metadata["Name"] or "").lower()
    if name in seen:
        continue
    seen.add(name)
    for text in d.requires or []:
        q = Requirement(text)
        if q.marker is None or q.marker.evaluate({"extra": "", "python_version": "3.11", "python_full_version": "3.11.2"}):
            print(name, re.sub(r"[-_.]+", "-", q.name).lower())
"""
for exe in machine:
    title = f"what the distributions of {os.path.basename(exe)} require"
    theirs = subprocess.run([exe, "-c", REQUIRES], capture_output=True, text=True, env=environment())
    if theirs.returncode != 0:
        skip(title, "there is no packaging")
        continue
    listed = {line.split()[0] for line in run(tool, "list", exe, env=environment()).split("\n") if line and line != "?"}
    pairs = sorted(tuple(line.split()) for line in theirs.stdout.split("\n") if line and line.split()[0] in listed)
    wrong = []
    for name, group in itertools.groupby(pairs, lambda p: p[0]):
        want = sorted({p[1] for p in group})
        got = sorted(set(run(tool, "requires", exe, name, env=environment()).split()) - {"?"})
        if got != want:
            wrong.append(f"{name}: {got}, not {want}")
    ok(not wrong, f"{title}: {len(pairs)}", "\n".join(wrong[:10]))

print(f"1..{tests}")
