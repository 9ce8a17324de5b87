"""Labels and probabilities as scikit-learn has them."""

from contextlib import nullcontext
from typing import Any

import numpy as np
import pandas as pd

from leeway.core import parallel
from leeway.core.metrics import Bools, Floats, Outcomes
from leeway.core.outputs import Outputs
from leeway.model.fast_pipeline import quick

FEW = 100  # rows


def targets(outputs: Outputs, y: Bools) -> Outcomes:
    """Return labels as an estimator learns them.

    Labels of shape (n, K) become truth values or class codes, or stay as they are.
    """
    if outputs.kind == "binary":
        return np.asarray(y[:, 0])
    return np.asarray(y.argmax(axis=1)) if outputs.exclusive else y


def aligned(outputs: Outputs, classes: Any, raw: Floats) -> Floats:
    """Align an estimator's probabilities with the outputs.

    They have shape (n, its classes). A class that it has never seen gets zero.
    """
    if outputs.kind == "binary":
        return raw[:, 1:]
    if not outputs.exclusive:
        return raw
    scores = np.zeros((len(raw), len(outputs.names)))
    scores[:, classes] = raw
    return scores


def predict(pipeline: Any, outputs: Outputs, x: pd.DataFrame) -> Floats:
    """Return a fitted pipeline's probabilities, shape (n, K)."""
    # With few rows, threads wait for one another at every tree: on a busy machine that takes several times as long as one.
    with parallel.one_thread() if len(x) <= FEW else nullcontext():
        raw = np.asarray(quick(pipeline).predict_proba(x), dtype="float64")
    return aligned(outputs, pipeline.classes_, raw)
