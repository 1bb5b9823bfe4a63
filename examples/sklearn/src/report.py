# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the metrics of all models as CSV, the best first."""
import csv
import json
import pathlib
import sys


def main():
    rows = []
    for path in map(pathlib.Path, sys.argv[1:]):
        rows.append({"model": path.stem, **json.loads(path.read_text())})
    rows.sort(key=lambda row: (row["log_loss"], row["model"]))
    out = csv.DictWriter(sys.stdout, rows[0].keys(), lineterminator="\n")
    out.writeheader()
    out.writerows(rows)


main()
