"""Fit a trial's pipeline to the outputs of a label, and ask it for their probabilities."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline

from leeway.metrics import Bools, Floats
from leeway.outputs import Outputs


def fit(pipeline: Pipeline, outputs: Outputs, x: pd.DataFrame, y: Bools) -> Pipeline:
    """Fit an unfitted pipeline to labels of shape (n, K). A multilabel one gets an estimator for each class."""
    if outputs.kind == "binary":
        return pipeline.fit(x, y[:, 0])
    if outputs.exclusive:
        return pipeline.fit(x, y.argmax(axis=1))
    pipeline.set_params(estimator=OneVsRestClassifier(pipeline.named_steps["estimator"]))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Label .* present in all training examples")  # rare, and no fault
        return pipeline.fit(x, y.astype(np.int8))


def predict(pipeline: Any, outputs: Outputs, x: pd.DataFrame) -> Floats:
    """The estimator's probabilities, shape (n, K); zero for a class that it has never seen."""
    raw = np.asarray(pipeline.predict_proba(x), dtype="float64")
    if outputs.kind == "binary":
        return raw[:, 1:]
    if not outputs.exclusive:
        return raw
    scores = np.zeros((len(raw), len(outputs.names)))
    scores[:, pipeline.classes_] = raw
    return scores
