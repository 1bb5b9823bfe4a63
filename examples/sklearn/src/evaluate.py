# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores a model on rows that it has not seen."""
import argparse
import json

import joblib
from sklearn.metrics import accuracy_score, log_loss

import wine


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--json", required=True)
    args = parser.parse_args()
    model = joblib.load(args.model)
    x, y = wine.load(args.data)
    metrics = {"accuracy": round(float(accuracy_score(y, model.predict(x))), 4),
               "log_loss": round(float(log_loss(y, model.predict_proba(x))), 4)}
    with open(args.json, "w") as f:
        json.dump(metrics, f, indent=2)
        f.write("\n")


main()
