"""Metrics of probabilities and decisions.

Labels, probabilities and decisions are matrices of shape (n, K), as `leeway.core.outputs` describes them. With several
classes, each is compared with the rest, and a metric is the mean over the classes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, roc_auc_score

from leeway.core.outputs import Outputs

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]  # positions
Outcomes = npt.NDArray[Any]  # booleans, class codes, or an indicator of shape (n, labels)

EPSILON = 1e-6
FEW = 5  # a class with fewer rows, or fewer others, is too uncertain to be averaged with the rest
BY_CLASS = ("roc_auc", "average_precision", "precision", "recall", "f1", "calibration_error")


def logit(p: Floats) -> Floats:
    """Return log odds that are finite at 0 and 1."""
    clipped = np.clip(p, EPSILON, 1 - EPSILON)
    return np.asarray(np.log(clipped / (1 - clipped)))


def log_losses(y: Bools, p: Floats, *, exclusive: bool = False) -> Floats:
    """Return each row's log loss, in nats.

    For exclusive classes it is that of the true class, else the mean over the classes.

    Args:
        y, p: labels and probabilities, shape (n, K).
        exclusive: whether each row has exactly one class. A row with an unknown class has the greatest loss.
    """
    clipped = np.clip(p, EPSILON, 1 - EPSILON)
    if exclusive:
        return np.asarray(-np.log(np.where(y, clipped, EPSILON).max(axis=1)))
    return np.asarray(-np.where(y, np.log(clipped), np.log1p(-clipped)).mean(axis=1))


def varied(y: Bools) -> bool:
    """Say whether any class has both kinds of rows."""
    return bool((y.any(axis=0) & ~y.all(axis=0)).any())


def judged(y: Bools) -> Bools:
    """Return which classes have enough rows to measure.

    A class needs five rows on either side; if no class has so many, one.

    Returns:
        Truth values, shape (K,).
    """
    fewer = np.minimum(y.sum(axis=0), (~y).sum(axis=0))
    return np.asarray(fewer >= (FEW if (fewer >= FEW).any() else 1))


def averaged(metric: Callable[[Bools, Floats], float], y: Bools, p: Floats) -> float:
    """Return a metric's mean over the measurable classes."""
    return float(np.mean([metric(y[:, k], p[:, k]) for k in np.flatnonzero(judged(y))]))


def summary(outputs: Outputs, y: Bools, p: Floats, decided: Bools) -> dict[str, Any]:
    """Compute the metrics of gates and reports.

    A metric that is undefined on the rows is None. With several classes, `by_class` has the metrics of each, and `too_few`
    names those with too few rows.
    """
    of_class = {name: _one_class(y[:, k], p[:, k], decided[:, k]) for k, name in enumerate(outputs.names)}
    can = judged(y)
    kept = [metrics for metrics, ok in zip(of_class.values(), can, strict=True) if ok or len(of_class) == 1]
    found: dict[str, Any] = {
        "rows": len(y),
        "positives": outputs.count(y),
        "log_loss": float(log_losses(y, p, exclusive=outputs.exclusive).mean()) if len(y) else None,
        **{metric: _mean([metrics[metric] for metrics in kept]) for metric in BY_CLASS},
    }
    if outputs.several:
        found["by_class"] = of_class
        found["too_few"] = [name for name, ok in zip(outputs.names, can, strict=True) if not ok]
    return found


def calibration_error(y: Bools, p: Floats, bins: int = 10) -> float:
    """Return the expected calibration error of one class.

    It is the mean over equally filled bins of |share of labels - mean probability|: Naeini et al., "Obtaining well calibrated
    probabilities using Bayesian binning", AAAI 2015, with quantile bins.

    Args:
        y, p: whether the class holds, and its probability, shape (n,).
    """
    parts = equally_filled(p, bins)
    return float(sum(len(part) * abs(y[part].mean() - p[part].mean()) for part in parts) / len(y))


def equally_filled(p: Floats, bins: int) -> list[npt.NDArray[np.intp]]:
    """Cut rows into bins of about equal size, by their probability.

    Rows of equal probability are in one bin, so that their order does not count.

    Returns:
        The rows' positions by bin; no bin is empty, and there may be fewer than asked for.
    """
    order = np.argsort(p, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(p[order]) != 0, True)) + 1  # of each run of equal probabilities
    wanted = np.linspace(0, len(p), bins + 1)[1:-1]
    after = np.minimum(np.searchsorted(ends, wanted), len(ends) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(ends[after] - wanted <= wanted - ends[before], ends[after], ends[before])
    cuts = np.unique(nearest[(nearest > 0) & (nearest < len(p))])
    return np.split(order, cuts)


def _one_class(y: Bools, p: Floats, decided: Bools) -> dict[str, Any]:
    both = 0 < int(y.sum()) < len(y)
    rows, predicted_positive, true_positives = int(y.sum()), int(decided.sum()), int((decided & y).sum())
    return {
        "rows": rows,
        "roc_auc": float(roc_auc_score(y, p)) if both else None,
        "average_precision": float(average_precision_score(y, p)) if both else None,
        "precision": true_positives / predicted_positive if predicted_positive else None,
        "recall": true_positives / rows if rows else None,
        "f1": 2 * true_positives / (rows + predicted_positive) if rows + predicted_positive else None,
        "calibration_error": calibration_error(y, p) if len(y) else None,
    }


def _mean(values: list[float | None]) -> float | None:
    """Return the mean, with undefined values as zero.

    A class that is never predicted has no precision. If all values are undefined, so is the mean.
    """
    return float(np.mean([value or 0.0 for value in values])) if any(value is not None for value in values) else None
