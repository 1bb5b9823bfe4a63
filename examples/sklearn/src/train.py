# SPDX-License-Identifier: GPL-3.0-or-later
"""Fits one model. The parameters are those that the stage declares: mlmake writes them to $MLMAKE_PARAMS."""
import argparse
import json
import os

import joblib
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import wine


def make(kind, params):
    if kind == "forest":
        return RandomForestClassifier(params["trees"], random_state=params["seed"], n_jobs=1)
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--kind", choices=["forest", "logistic"], required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    with open(os.environ["MLMAKE_PARAMS"]) as f:
        params = json.load(f)["train"]
    model = make(args.kind, params)
    model.fit(*wine.load(args.data))
    joblib.dump(model, args.out)


main()
