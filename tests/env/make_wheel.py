# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a wheel: make_wheel.py DIRECTORY NAME VERSION [REQUIREMENT...]; its one module is NAME with '_' for '-', and says VERSION."""
import base64
import hashlib
import os
import sys
import zipfile

where, name, version, *requires = sys.argv[1:]
module = name.replace("-", "_").replace(".", "_")
info = f"{module}-{version}.dist-info"
files = {
    f"{module}/__init__.py": f"version = {version!r}\n",
    f"{module}/more.py": os.environ.get("WHEEL_TEXT", "text = ''") + "\n",
    f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    + "".join(f"Requires-Dist: {r}\n" for r in requires)
    + "\nA description\nName: none\n",
    f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: make_wheel\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    f"{info}/entry_points.txt": f"[console_scripts]\n{module}-run = {module}:run\n",
}
record = ""
for path, text in files.items():
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    record += f"{path},sha256={digest},{len(text)}\n"
files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
target = os.path.join(where, f"{module}-{version}-py3-none-any.whl")
with zipfile.ZipFile(target, "w") as z:
    for path, text in files.items():
        z.writestr(path, text)
print(target)
