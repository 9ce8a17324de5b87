"""Leakage: columns that reveal the label.

One predicts it too well by itself, or is known only after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from leeway.profiling.columns import ColumnProfile
from leeway.profiling.roles import LabelGuess
from leeway.profiling.values import all_midnight

MAX_ROWS = 30_000
BINS = 64
BEYOND_BELIEF = 0.98  # of ROC AUC, three standard errors below what was found
SURE = 0.98  # of a class's rows predicted by one column, where there are many classes
AFTER = 0.05  # of the rows with a date after the event's: from here on it is suspect
SUSPECT = 0.80  # of ROC AUC, for a date that is suspect


@dataclass(frozen=True)
class Leak:
    """A column that is set aside, with the reason.

    Attributes:
        auc: the ROC AUC of a prediction by this column, out of sample: the mean over the outputs.
    """

    column: str
    auc: float
    why: str


def leaks(
    columns: Mapping[str, ColumnProfile], outcome: LabelGuess, time: pd.Series | None, *, seed: int = 0
) -> dict[str, Leak]:
    """Find the columns that must not be learnt from, by name.

    Args:
        columns: the candidates for features.
        time: the events' times; None where there are none.
    """
    chosen = np.flatnonzero(outcome.labelled)
    y = outcome.outputs
    random = np.random.default_rng([seed, *b"leeway"])  # the stream of no simulation that the data may come from
    if len(chosen) > MAX_ROWS:
        pick = np.sort(random.choice(len(chosen), MAX_ROWS, replace=False))
        chosen, y = chosen[pick], y[pick]
    fold = random.random(len(chosen)) < 0.5
    found: dict[str, Leak] = {}
    for name, column in columns.items():
        if column.holds == "text":
            continue
        if (leak := _leak(column, chosen, y, fold, outcome, time)) is not None:
            found[name] = leak
    return found


def _leak(
    column: ColumnProfile,
    chosen: np.ndarray,
    y: np.ndarray,
    fold: np.ndarray,
    outcome: LabelGuess,
    time: pd.Series | None,
) -> Leak | None:
    values = column.values.iloc[chosen]
    after = 0.0
    if column.holds == "timestamp" and time is not None:
        moments = time.iloc[chosen]
        compared = values.dt.normalize() if all_midnight(time) else values
        after = float((compared > moments).mean())
        values = (values - moments).dt.total_seconds()
    auc, _, why = single_feature_auc(values, y, fold, exclusive=outcome.kind == "multiclass")
    if after > AFTER and auc > SUSPECT:
        return Leak(
            column.name,
            auc,
            f"is after the event in {after:.0%} of the rows, and predicts the label; --keep it if it is known before",
        )
    return None if why is None else Leak(column.name, auc, why)


def single_feature_auc(
    values: pd.Series, y: np.ndarray, fold: np.ndarray, *, exclusive: bool
) -> tuple[float, float, str | None]:
    """Measure how well one column predicts the label.

    Args:
        y: labels, shape (n, K).
        fold: the rows of one half; each half is predicted by the other.
        exclusive: whether each row has exactly one class.

    Returns:
        ROC AUC, its standard error, and the reason if it is too good to be true.
    """
    scores = _predicted(_codes(values), y, fold)
    auc, error = roc_auc(y, scores)
    if exclusive:
        right = float((scores.argmax(axis=1) == y.argmax(axis=1)).mean())
        most = float(y.mean(axis=0).max())
        by_class = [
            float((scores[y[:, k]].argmax(axis=1) == k).mean()) for k in range(y.shape[1]) if y[:, k].sum() >= 20
        ]
        beyond = right > SURE and most < 0.9 and bool(by_class) and min(by_class) > SURE
        return auc, error, f"predicts the class of {right:.1%} of the rows by itself" if beyond else None
    return auc, error, f"predicts the label by itself, ROC AUC {auc:.3f}" if auc - 3 * error > BEYOND_BELIEF else None


def _codes(values: pd.Series) -> np.ndarray:
    """Bin a column: by value where these are few, else by quantile.

    Missing is a bin of its own.
    """
    many = min(1_000, max(BINS, len(values) // 10))  # values that differ in every row predict nothing
    if values.nunique() > many and pd.api.types.is_numeric_dtype(values.dtype):
        edges = np.unique(np.nanquantile(values.astype("float64"), np.linspace(0, 1, BINS + 1)[1:-1]))
        codes = np.searchsorted(edges, values.astype("float64").fillna(np.inf))
        return np.where(values.isna(), len(edges) + 1, codes)
    return np.asarray(pd.factorize(values, use_na_sentinel=False)[0])


def _predicted(codes: np.ndarray, y: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Predict each half of the rows from the other.

    Returns:
        Smoothed shares of the outputs by bin, in the shape of `y`.
    """
    scores = np.empty(y.shape)
    size = int(codes.max()) + 1
    for half in (fold, ~fold):
        prior = y[half].mean(axis=0)
        total = np.bincount(codes[half], minlength=size)
        for output in range(y.shape[1]):
            sums = np.bincount(codes[half], weights=y[half, output], minlength=size)
            shares = (sums + prior[output]) / (total + 1)
            scores[~half, output] = shares[codes[~half]]
    return scores


def roc_auc(y: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """Return the mean ROC AUC and its standard error.

    The mean is over the outputs with both classes; the error is by Hanley and McNeil (1982).
    """
    found, errors = [], []
    for output in range(y.shape[1]):
        positives = int(y[:, output].sum())
        negatives = len(y) - positives
        if not positives or not negatives:
            continue
        ranks = rankdata(scores[:, output])
        auc = (ranks[y[:, output]].sum() - positives * (positives + 1) / 2) / (positives * negatives)
        q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
        variance = auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
        found.append(auc)
        errors.append(np.sqrt(max(variance, 0.0) / (positives * negatives)))
    if not found:
        return 0.5, 1.0
    return float(np.mean(found)), float(max(np.mean(errors), 1 / len(y)))
