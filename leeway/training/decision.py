"""Decisions: from probabilities to the classes that an event is called.

Every class has a threshold. Where classes exclude each other, the decision is for the one whose probability is largest in
relation to its threshold; otherwise for every class whose probability reaches it.
"""

import numpy as np
import numpy.typing as npt

from leeway.definition import MaximizeF1, MinimizeCost, MostProbable, Objective, PrecisionFloor
from leeway.errors import TrainingError
from leeway.metrics import Bools, Floats
from leeway.outputs import Outputs
from leeway.training.calibration import thinned

NEVER = float(np.nextafter(1.0, 2.0))  # the threshold that no probability reaches
STEPS = np.geomspace(1 / 8, 8, 25)  # what a class's threshold is tried to be multiplied by
ROUNDS = 2

Codes = npt.NDArray[np.intp]


def decide(outputs: Outputs, thresholds: Floats, p: Floats) -> Bools:
    """The classes that events are called, shape (n, K), from probabilities of that shape and K thresholds."""
    if not outputs.exclusive:
        return np.asarray(p >= thresholds)
    return np.asarray((p / thresholds).argmax(axis=1)[:, None] == np.arange(len(outputs.names)))


def thresholds(objective: Objective, outputs: Outputs, y: Bools, p: Floats) -> Floats:
    """The thresholds that serve the objective best on these rows, shape (K,).

    Raises:
        TrainingError: no threshold reaches the precision that the objective asks for.
    """
    count = len(outputs.names)
    if isinstance(objective, MostProbable):
        return np.full(count, 1 / count if outputs.exclusive else 0.5)
    if outputs.exclusive:
        return _weights(outputs, y, p)
    return np.array([_threshold_of(objective, outputs, name, y[:, k], p[:, k]) for k, name in enumerate(outputs.names)])


def threshold(objective: Objective, y: Bools, p: Floats, name: str = "") -> float:
    """The threshold of one class that serves the objective best on these rows; every observed probability is tried.

    Args:
        y, p: whether the class holds, and its probability, shape (n,).
        name: the class's, for the error, where there are several.

    Raises:
        TrainingError: no threshold reaches the precision that the objective asks for.
    """
    order = np.argsort(-p, kind="stable")
    hits, called = np.cumsum(y[order]), np.arange(1, len(y) + 1)
    last_of_ties = np.append(np.diff(p[order]) != 0, True)
    hits, called, candidates = hits[last_of_ties], called[last_of_ties], p[order][last_of_ties]
    precision, recall = hits / called, hits / max(1, int(y.sum()))
    match objective:
        case MinimizeCost(false_positive=false_positive, false_negative=false_negative):
            cost = false_positive * (called - hits) + false_negative * (y.sum() - hits)
            if cost.min() > false_negative * y.sum():
                return NEVER  # calling nothing positive is cheapest
            return float(candidates[np.argmin(cost)])
        case PrecisionFloor(precision=floor):
            enough = precision >= floor
            if not enough.any():
                raise TrainingError(
                    f"setting the threshold{f' of {name}' if name else ''}",
                    rule=f"precision must be at least {floor}",
                    found=f"at most {precision.max():.3f} at any threshold",
                    way_out="lower the floor, or give the classifier better features",
                )
            return float(candidates[np.argmax(np.where(enough, recall, -1.0))])
        case MaximizeF1():
            f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
            return float(candidates[np.argmax(f1)])
        case MostProbable():
            return 0.5


def _threshold_of(objective: Objective, outputs: Outputs, name: str, y: Bools, p: Floats) -> float:
    if outputs.several and not y.any():
        return NEVER  # nothing is known of when it holds
    return threshold(objective, y, p, name if outputs.several else "")


def _weights(outputs: Outputs, y: Bools, p: Floats) -> Floats:
    """Thresholds of exclusive classes with a high mean F1: each in turn is moved for as long as that helps."""
    count, y, p = len(outputs.names), thinned(y), thinned(p)
    true, best = y.argmax(axis=1), np.full(count, 1 / count)
    highest = _mean_f1(true, p.argmax(axis=1), count)
    for _ in range(ROUNDS):
        for k in np.flatnonzero(y.any(axis=0)):
            others = p / best
            others[:, k] = -1.0
            rival, beaten_by = others.argmax(axis=1), others.max(axis=1)
            for threshold in best[k] * STEPS:
                reached = _mean_f1(true, np.where(p[:, k] / threshold > beaten_by, k, rival), count)
                if reached > highest:
                    best[k], highest = threshold, reached
    return best


def _mean_f1(true: Codes, called: Codes, count: int) -> float:
    """The mean F1 of the classes that hold or are called somewhere, from each row's class by its place."""
    hits = np.bincount(true[true == called], minlength=count)
    calls = np.bincount(true, minlength=count) + np.bincount(called, minlength=count)
    return float((2 * hits[calls > 0] / calls[calls > 0]).mean())
