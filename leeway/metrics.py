"""How good probabilities and decisions are."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]  # positions
Outcomes = npt.NDArray[Any]  # booleans, class codes, or an indicator of shape (n, labels)

EPSILON = 1e-6


def logit(p: Floats) -> Floats:
    """The log odds of probabilities, finite also at 0 and 1."""
    clipped = np.clip(p, EPSILON, 1 - EPSILON)
    return np.asarray(np.log(clipped / (1 - clipped)))


def log_losses(y: Bools, p: Floats) -> Floats:
    """Each row's log loss, in nats."""
    clipped = np.clip(p, EPSILON, 1 - EPSILON)
    return np.asarray(-np.where(y, np.log(clipped), np.log1p(-clipped)))


def summary(y: Bools, p: Floats, threshold: float) -> dict[str, Any]:
    """The metrics that gates and reports speak of; those that one class alone leaves undefined are None."""
    both = 0 < int(y.sum()) < len(y)
    decided = p >= threshold
    hits = int((decided & y).sum())
    return {
        "rows": len(y),
        "positives": int(y.sum()),
        "roc_auc": float(roc_auc_score(y, p)) if both else None,
        "average_precision": float(average_precision_score(y, p)) if both else None,
        "log_loss": float(log_loss(y, np.clip(p, EPSILON, 1 - EPSILON), labels=[False, True])) if len(y) else None,
        "precision": hits / int(decided.sum()) if decided.any() else None,
        "recall": hits / int(y.sum()) if y.any() else None,
        "calibration_error": calibration_error(y, p) if len(y) else None,
    }


def calibration_error(y: Bools, p: Floats, bins: int = 10) -> float:
    """Expected calibration error: the mean over equally filled bins of |share of positives - mean probability|.

    Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015, with quantile bins.
    """
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(len(part) * abs(y[part].mean() - p[part].mean()) for part in parts) / len(y))
