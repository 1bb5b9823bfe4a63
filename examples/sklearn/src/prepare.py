# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes scikit-learn's wines as train.csv and test.csv, the cultivars in equal parts in both."""
import argparse
import csv
import json
import os

from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split


def write(path, names, features, classes):
    with open(path, "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow([*names, "cultivar"])
        out.writerows([*map(repr, map(float, row)), int(c)] for row, c in zip(features, classes))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", nargs=2, required=True, metavar=("TRAIN", "TEST"))
    args = parser.parse_args()
    with open(os.environ["MLMAKE_PARAMS"]) as f:
        params = json.load(f)["prepare"]
    wine = load_wine()
    x_train, x_test, y_train, y_test = train_test_split(
        wine.data, wine.target, test_size=params["test_share"], random_state=params["seed"], stratify=wine.target)
    write(args.out[0], wine.feature_names, x_train, y_train)
    write(args.out[1], wine.feature_names, x_test, y_test)


main()
