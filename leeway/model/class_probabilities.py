"""Labels as scikit-learn learns them, and its probabilities as the outputs of a label."""

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
    """What an estimator is fitted to, from labels of shape (n, K): truth values, codes of classes, or the matrix itself."""
    if outputs.kind == "binary":
        return np.asarray(y[:, 0])
    return np.asarray(y.argmax(axis=1)) if outputs.exclusive else y


def aligned(outputs: Outputs, classes: Any, raw: Floats) -> Floats:
    """An estimator's probabilities, shape (n, its classes), as those of the outputs; zero for a class it has never seen."""
    if outputs.kind == "binary":
        return raw[:, 1:]
    if not outputs.exclusive:
        return raw
    scores = np.zeros((len(raw), len(outputs.names)))
    scores[:, classes] = raw
    return scores


def predict(pipeline: Any, outputs: Outputs, x: pd.DataFrame) -> Floats:
    """A fitted pipeline's probabilities, shape (n, K)."""
    # Threads that share a few rows wait for one another at every tree: on a busy machine several times as long as one takes.
    with parallel.one_thread() if len(x) <= FEW else nullcontext():
        raw = np.asarray(quick(pipeline).predict_proba(x), dtype="float64")
    return aligned(outputs, pipeline.classes_, raw)
