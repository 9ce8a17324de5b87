"""Calibration: from an estimator's scores to probabilities.

It is learnt from out-of-fold scores. Each class has a calibrator of its own. Where classes exclude each other, the results are
normalised to sum to one.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

import numpy as np
from scipy import stats
from scipy.optimize import minimize_scalar
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from leeway.core.metrics import EPSILON, Bools, Floats, Rows, log_losses, logit

Kept = TypeVar("Kept", Bools, Floats)
Method = Literal["none", "temperature", "sigmoid", "isotonic"]
#: From the simplest on. A temperature is for exclusive classes; for others it is only a part of the sigmoid.
METHODS: tuple[Method, ...] = ("none", "sigmoid", "isotonic")
EXCLUSIVE_METHODS: tuple[Method, ...] = ("none", "temperature", "sigmoid", "isotonic")

#: A method must beat the simpler ones by this much mean log loss (nats), or the simpler one stays.
WORTH = 1e-5
CONFIDENCE = 0.95  # of Student's test over the blocks, that it does

#: Rows enough to choose a method and to fit one number; of more, every n-th is taken.
ENOUGH = 100_000


def choose(
    y: Bools, scores: Floats, *, exclusive: bool = False, ordered: bool = False, blocks: int = 5
) -> tuple[list[Method], dict[str, float]]:
    """Choose each class's calibration method by log loss.

    Each block of rows is judged by a calibrator that was fitted to the other blocks, or to the earlier ones if `ordered`:
    models of earlier folds have learnt from less, and where the data drift, their errors are not those of the last one. A
    method must beat the simpler ones significantly, by its gain on each block: one that gains much on one block and loses on
    another follows the drift, not the estimator's errors. Exclusive classes share one method, because they share one loss.

    Args:
        y, scores: labels and scores, shape (n, K).
        ordered: whether the rows are in the order of time.

    Returns:
        The methods by class, and every method's mean loss.
    """
    y, scores = thinned(y), thinned(scores)
    parts = [part for part in np.array_split(np.arange(len(y)), blocks) if len(part)]
    judged = parts[1:] if ordered else parts
    if not judged:
        return ["none"] * y.shape[1], {}
    sizes = np.array([len(part) for part in judged])
    methods = EXCLUSIVE_METHODS if exclusive else METHODS
    losses: dict[Method, Floats] = {}  # of each block and class
    for method in methods:
        own = []
        for part in judged:
            known = np.arange(part[0]) if ordered else np.delete(np.arange(len(y)), part)
            fitted = fit([method] * y.shape[1], y[known], scores[known])
            own.append(_losses(y[part], apply(fitted, scores[part], exclusive=exclusive), exclusive))
        losses[method] = np.array(own).reshape(len(judged), -1)
    best = [
        _best({method: loss[:, k] for method, loss in losses.items()}, sizes) for k in range(losses["none"].shape[1])
    ]
    chosen = best * y.shape[1] if exclusive else best
    return chosen, {method: float((sizes @ loss).mean() / sizes.sum()) for method, loss in losses.items()}


def fit(methods: Sequence[Method], y: Bools, scores: Floats) -> list[Any]:
    """Fit a calibrator for each class.

    It is None for `none`, and where all labels are the same. `sigmoid` is Platt's logistic regression on the log odds (1999),
    `isotonic` Zadrozny and Elkan's (2002), `temperature` the one exponent of all probabilities (Guo et al., "On calibration of
    modern neural networks", ICML 2017).
    """
    if methods[0] == "temperature":
        return [_exponent(y, scores)] * len(methods)
    return [_fit(method, y[:, k], scores[:, k]) for k, method in enumerate(methods)]


def apply(calibrators: Sequence[Any], scores: Floats, *, exclusive: bool = False) -> Floats:
    """Return probabilities from an estimator's scores, shape (n, K)."""
    if all(calibrator is None for calibrator in calibrators):
        return scores
    p = np.column_stack([_apply(calibrator, scores[:, k]) for k, calibrator in enumerate(calibrators)])
    if not exclusive:
        return p
    total = p.sum(axis=1, keepdims=True)
    return np.where(total > 0, p / np.where(total > 0, total, 1.0), scores)


def thinned(rows: Kept) -> Kept:
    """Thin rows to at most `ENOUGH`.

    Every n-th row is kept.
    """
    return rows[:: -(-len(rows) // ENOUGH) or 1]


def _losses(y: Bools, p: Floats, exclusive: bool) -> Floats:
    """Return the mean log loss of each class.

    Exclusive classes share one.
    """
    if exclusive:
        return np.array([log_losses(y, p, exclusive=True).mean()])
    return np.array([log_losses(y[:, [k]], p[:, [k]]).mean() for k in range(y.shape[1])])


def _best(losses: dict[Method, Floats], sizes: Rows) -> Method:
    """Choose a method by its losses on blocks.

    `sizes` are the numbers of rows in the blocks.
    """
    best: Method = "none"
    for method, loss in losses.items():
        gains = losses[best] - loss
        if sizes @ gains / sizes.sum() > WORTH and _surely_above_zero(gains):
            best = method
    return best


def _surely_above_zero(gains: Floats) -> bool:
    if len(gains) < 2:
        return False
    error = max(float(gains.std(ddof=1)) / np.sqrt(len(gains)), 1e-12)
    return bool(gains.mean() / error >= stats.t.ppf(CONFIDENCE, len(gains) - 1))


def _exponent(y: Bools, scores: Floats) -> float:
    """Fit the exponent with the least log loss.

    The probabilities are normalised.
    """
    if not len(y):
        return 1.0
    y, scores = thinned(y), thinned(scores)

    def loss(log_exponent: float) -> float:
        p = apply([float(np.exp(log_exponent))] * scores.shape[1], scores, exclusive=True)
        return float(log_losses(y, p, exclusive=True).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded").x))


def _fit(method: Method, y: Bools, scores: Floats) -> Any:
    if method == "none" or y.all() or not y.any():
        return None
    if method == "sigmoid":
        return LogisticRegression(C=1e6).fit(logit(scores).reshape(-1, 1), y)
    return IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, y)


def _apply(calibrator: Any, scores: Floats) -> Floats:
    if calibrator is None:
        return scores
    if isinstance(calibrator, float):
        return np.asarray(np.clip(scores, EPSILON, 1) ** calibrator)
    if isinstance(calibrator, IsotonicRegression):
        return np.asarray(calibrator.predict(scores), dtype="float64")
    return np.asarray(calibrator.predict_proba(logit(scores).reshape(-1, 1))[:, 1])
