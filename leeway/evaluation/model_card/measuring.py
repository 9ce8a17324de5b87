"""Metrics with their intervals."""

from typing import NamedTuple

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from leeway.core import intervals
from leeway.core.metrics import Bools, Floats, Rows, averaged, calibration_error, judged, log_losses
from leeway.core.outputs import Outputs

DRAWN_ROWS, DRAWS = 4_000, 60
FEWEST = 5  # partitions to draw from; of fewer, rows are drawn


class Measured(NamedTuple):
    """A metric with its 95 % interval."""

    value: float
    low: float
    high: float


def measured(outputs: Outputs, y: Bools, p: Floats, nights: Rows, decided: Bools | None) -> dict[str, Measured]:
    """Compute the metrics that the rows define.

    Arrays have shape (n, K). Precision and recall need decisions.
    """
    found = {"log_loss": Measured(*intervals.mean(log_losses(y, p, exclusive=outputs.exclusive), nights))}
    if not judged(y).any() or not (y.any(axis=0) & ~y.all(axis=0)).any():
        return found
    kept = np.arange(len(y))[:: -(-len(y) // DRAWN_ROWS)]
    for name, metric in (
        ("roc_auc", roc_auc_score),
        ("average_precision", average_precision_score),
        ("calibration_error", calibration_error),
    ):
        drawn = [averaged(metric, y[rows], p[rows]) for rows in _draws(kept, nights) if _judgeable(y[rows])]
        found[name] = Measured(averaged(metric, y, p), *intervals.bounds(np.array(drawn)))
    if decided is not None:
        true_positives, all_decided, all_true = int((decided & y).sum()), int(decided.sum()), int(y.sum())
        if all_decided:
            found["precision"] = Measured(*intervals.share(true_positives, all_decided))
        if all_true:
            found["recall"] = Measured(*intervals.share(true_positives, all_true))
    return found


def _judgeable(y: Bools) -> bool:
    return bool((y.any(axis=0) & ~y.all(axis=0)).any())


def _draws(rows: Rows, nights: Rows) -> list[Rows]:
    """Draw rows with replacement, whole partitions at a time.

    With fewer than `FEWEST` partitions, single rows are drawn.
    """
    rng, present = np.random.default_rng(0), np.unique(nights[rows])
    if len(present) < FEWEST:
        return [rng.choice(rows, len(rows)) for _ in range(DRAWS)]
    of = [rows[nights[rows] == night] for night in present]
    return [np.concatenate([of[place] for place in rng.integers(0, len(of), len(of))]) for _ in range(DRAWS)]
