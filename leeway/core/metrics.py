"""How good probabilities and decisions are.

Labels, probabilities and decisions are matrices of shape (n, K), as `leeway.core.outputs` describes them. Where there are
several classes, each is held against the rest, and a metric is the mean of the classes'.
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
FEW = 5  # a class with fewer rows, or fewer others, says too little to be averaged with the rest
BY_CLASS = ("roc_auc", "average_precision", "precision", "recall", "f1", "calibration_error")


def logit(p: Floats) -> Floats:
    """The log odds of probabilities, finite also at 0 and 1."""
    clipped = np.clip(p, EPSILON, 1 - EPSILON)
    return np.asarray(np.log(clipped / (1 - clipped)))


def log_losses(y: Bools, p: Floats, *, exclusive: bool = False) -> Floats:
    """Each row's log loss, in nats: of the class that holds, or the mean over classes that do not exclude each other.

    Args:
        y, p: labels and probabilities, shape (n, K).
        exclusive: whether exactly one class holds; a row of none, an unknown class, has the greatest loss.
    """
    clipped = np.clip(p, EPSILON, 1 - EPSILON)
    if exclusive:
        return np.asarray(-np.log(np.where(y, clipped, EPSILON).max(axis=1)))
    return np.asarray(-np.where(y, np.log(clipped), np.log1p(-clipped)).mean(axis=1))


def varied(y: Bools) -> bool:
    """Whether there is anything to learn: a class that holds for some rows, and not for others."""
    return bool((y.any(axis=0) & ~y.all(axis=0)).any())


def judged(y: Bools) -> Bools:
    """The classes that can be judged on these rows, shape (K,): not too few rows on either side, if any has so many."""
    fewer = np.minimum(y.sum(axis=0), (~y).sum(axis=0))
    return np.asarray(fewer >= (FEW if (fewer >= FEW).any() else 1))


def averaged(metric: Callable[[Bools, Floats], float], y: Bools, p: Floats) -> float:
    """The mean of a metric over the classes that can be judged, each against the rest."""
    return float(np.mean([metric(y[:, k], p[:, k]) for k in np.flatnonzero(judged(y))]))


def summary(outputs: Outputs, y: Bools, p: Floats, decided: Bools) -> dict[str, Any]:
    """The metrics that gates and reports speak of; those that the rows leave undefined are None.

    Where there are several classes, `by_class` has each one's, and `too_few` names those that could not be judged.
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
    """Expected calibration error of one class: the mean over equally filled bins of |its share - its mean probability|.

    Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015, with quantile bins.

    Args:
        y, p: whether the class holds, and its probability, shape (n,).
    """
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(len(part) * abs(y[part].mean() - p[part].mean()) for part in parts) / len(y))


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
    """The mean, where an undefined value among defined ones counts as zero: a class that is never called has no hits."""
    return float(np.mean([value or 0.0 for value in values])) if any(value is not None for value in values) else None
