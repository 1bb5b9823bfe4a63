"""Runs the code cells of a notebook: run.py FROM.ipynb TO.ipynb"""
import contextlib
import io
import json
import sys

with open(sys.argv[1], encoding="utf-8") as f:
    notebook = json.load(f)
names = {"__name__": "__main__"}
count = 0
for cell in notebook["cells"]:
    if cell["cell_type"] != "code":
        continue
    count += 1
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile("".join(cell["source"]), "cell %d" % count, "exec"), names)
    cell["execution_count"] = count
    cell["outputs"] = []
    if said.getvalue():
        cell["outputs"].append({"output_type": "stream", "name": "stdout", "text": said.getvalue().splitlines(True)})
with open(sys.argv[2], "w", encoding="utf-8") as f:
    json.dump(notebook, f, indent=1)
    f.write("\n")
