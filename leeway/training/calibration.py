"""Calibration: from an estimator's scores to probabilities, learnt from out-of-fold scores."""

from typing import Any, Literal

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from leeway.metrics import Bools, Floats, log_losses, logit

Method = Literal["none", "sigmoid", "isotonic"]
METHODS: tuple[Method, ...] = ("none", "sigmoid", "isotonic")

#: A method must beat the simpler ones by this much mean log loss (nats), or the simpler one stays.
WORTH = 1e-5


def choose(y: Bools, scores: Floats, blocks: int = 5) -> tuple[Method, dict[str, float]]:
    """The method with the least log loss on scores that it was not fitted to, and every method's loss.

    The rows are in the order of time. Blocks are held out in turn, so no method is judged on what it has seen.
    """
    parts = [part for part in np.array_split(np.arange(len(y)), blocks) if len(part)]
    losses: dict[str, float] = {}
    for method in METHODS:
        held_out = np.empty(len(y))
        for part in parts:
            rest = np.ones(len(y), dtype=bool)
            rest[part] = False
            held_out[part] = apply(fit(method, y[rest], scores[rest]), scores[part])
        losses[method] = float(log_losses(y, held_out).mean())
    best: Method = "none"
    for method in METHODS:
        if losses[method] < losses[best] - WORTH:
            best = method
    return best, losses


def fit(method: Method, y: Bools, scores: Floats) -> Any:
    """A fitted calibrator; None for `none`, or where there is but one class to learn from.

    `sigmoid` is Platt's logistic regression on the log odds (1999), `isotonic` Zadrozny and Elkan's (2002).
    """
    if method == "none" or y.all() or not y.any():
        return None
    if method == "sigmoid":
        return LogisticRegression(C=1e6).fit(logit(scores).reshape(-1, 1), y)
    return IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, y)


def apply(calibrator: Any, scores: Floats) -> Floats:
    """Probabilities from an estimator's scores."""
    if calibrator is None:
        return scores
    if isinstance(calibrator, IsotonicRegression):
        return np.asarray(calibrator.predict(scores), dtype="float64")
    return np.asarray(calibrator.predict_proba(logit(scores).reshape(-1, 1))[:, 1])
