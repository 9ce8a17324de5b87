"""Leeway's default: its own search, calibration and fit, on rows at hand instead of a snapshot."""

import json
import sys
import warnings
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import skops.io
from contender import play

from leeway.core.parallel import one_order_of_sums
from leeway.definition import CSV, Classifier, Label, Training, categorical, days, numeric
from leeway.model.class_probabilities import targets
from leeway.model.inputs import model_input
from leeway.training import ensembling, folds, learning


def learn(train: pd.DataFrame, target: pd.Series, seconds: float, folder: Path):
    """The default within so many seconds."""
    warnings.filterwarnings("ignore")
    given = json.loads((Path(sys.argv[1]) / "table.json").read_text())
    classes = sorted(target.unique())
    binary = len(classes) == 2
    kinds = {name: numeric() if pd.api.types.is_numeric_dtype(train[name]) else categorical() for name in train}
    outcome = {"positive": classes[1], "negative": classes[0]} if binary else {"classes": tuple(classes)}
    classifier = Classifier(
        source=CSV(path="x"),
        event_id="id",
        event_time="at" if given["times"] else None,
        label=Label(column="target", delay=days(given["delay"]), **outcome),
        columns=kinds,
        training=Training(budget=timedelta(seconds=seconds)),
        name="bench",
    )
    outputs = classifier.label.outputs
    stored = target == classes[1] if binary else target
    rows = pd.DataFrame({"event_time": pd.to_datetime(given["times"] or [0] * len(train), utc=True)})
    x, y = model_input(train, classifier.features), outputs.matrix(stored)
    found = folds.folds(classifier, rows, targets(outputs, y))
    learnt = learning.learn_rows(classifier, x, y, found, lambda text, share: print(f"{share:.0%} {text}", flush=True))
    skops.io.dump(
        {"pipeline": learnt.pipeline, "calibrators": learnt.calibrators}, folder / "model.skops", compression=8
    )
    print(
        ensembling.described(learnt.outcome.members), learnt.methods, learnt.outcome.results, learnt.outcome.cut_short
    )

    def predict(rows: pd.DataFrame) -> np.ndarray:
        with one_order_of_sums():
            p = learnt.score(model_input(rows, classifier.features))
        return np.column_stack([1 - p[:, 0], p[:, 0]]) if binary else p

    return classes, predict


if __name__ == "__main__":
    play(learn)
