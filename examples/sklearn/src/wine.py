# SPDX-License-Identifier: GPL-3.0-or-later
"""Wines as prepare.py writes them."""
import csv


def load(path):
    """Measurements and cultivars of a CSV file whose last column is the cultivar."""
    with open(path, newline="") as f:
        rows = list(csv.reader(f))[1:]
    return [[float(v) for v in row[:-1]] for row in rows], [int(row[-1]) for row in rows]
