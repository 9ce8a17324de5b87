"""The threshold: from which probability on an event is called positive."""

import numpy as np

from leeway.definition import MaximizeF1, MinimizeCost, Objective, PrecisionFloor
from leeway.errors import TrainingError
from leeway.metrics import Bools, Floats


def threshold(objective: Objective, y: Bools, p: Floats) -> float:
    """The threshold that serves the objective best on these rows; every observed probability is tried.

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
                return float(np.nextafter(1.0, 2.0))  # calling nothing positive is cheapest
            return float(candidates[np.argmin(cost)])
        case PrecisionFloor(precision=floor):
            enough = precision >= floor
            if not enough.any():
                raise TrainingError(
                    "setting the threshold",
                    rule=f"precision must be at least {floor}",
                    found=f"at most {precision.max():.3f} at any threshold",
                    way_out="lower the floor, or give the classifier better features",
                )
            return float(candidates[np.argmax(np.where(enough, recall, -1.0))])
        case MaximizeF1():
            f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
            return float(candidates[np.argmax(f1)])
