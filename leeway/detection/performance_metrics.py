"""Performance of a partition, from labels or from probabilities.

One set of formulas serves both. With a label, the probability q of a class is 0 or 1. Without, the counts of a confusion matrix
become sums of probabilities (a flagged row is a true positive with probability q, a false positive with 1 - q), the log loss
its mean over the two outcomes, and the area under the curve the expected share of pairs in the right order. This is
confidence-based performance estimation (CBPE): Białek et al., "Estimating model performance under covariate shift without
labels", 2024, arXiv:2401.08348. It is exact if and only if the probabilities are right.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy import stats

from leeway.core.metrics import EPSILON, Bools, Floats, Rows

PerformanceMetric = Literal["accuracy", "precision", "recall", "roc_auc", "log_loss"]
METRICS: tuple[PerformanceMetric, ...] = get_args(PerformanceMetric)
WORDS: dict[str, str] = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "roc_auc": "ROC AUC",
    "log_loss": "log loss",
}
SHARES = frozenset({"accuracy", "precision", "recall"})  # shown in per cent
DRAWS = 60
FEWEST_PARTITIONS = 3
MOST_DRAWN = 50_000  # cells of rows and classes in a draw


class Usual(BaseModel):
    """The performance of the reference's partitions.

    Attributes:
        rows: the number of labels of each partition.
        realised: each partition's metrics by its labels, shape (T, metrics); `expected` has those by its scores.
        chance: the sampling variance of each metric for a single row.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    rows: list[int]
    realised: list[list[float]]
    expected: list[list[float]]
    chance: list[float]

    @classmethod
    def of(
        cls,
        y: Bools,
        p: Floats,
        decided: Bools,
        parts: Sequence[Rows],
        *,
        exclusive: bool,
        judged: Sequence[int],
        seed: int,
    ) -> "Usual":
        """Measure the reference's partitions.

        Args:
            y, p, decided: of the reference's rows, shape (n, K).
            parts: the rows of each partition whose labels a night would have seen.
        """
        labels = y.astype(np.float64)

        def each(q: Floats) -> list[list[float]]:
            found = (performance(q[i], p[i], decided[i], exclusive=exclusive, judged=judged) for i in parts)
            return [metrics.tolist() for metrics in found]

        rows = np.concatenate(parts) if parts else np.arange(0)
        sampling_noise = chance(
            p[rows], p[rows], decided[rows], exclusive=exclusive, judged=judged, rng=np.random.default_rng(seed)
        )
        return cls(
            rows=[len(part) for part in parts], realised=each(labels), expected=each(p), chance=sampling_noise.tolist()
        )

    @property
    def constant(self) -> Floats:
        """The mean of each metric over the partitions.

        An estimate must not be worse than this.
        """
        return _means(np.array(self.realised).reshape(-1, len(METRICS)))

    @property
    def unrest(self) -> Floats:
        """The variance of realised minus expected metrics.

        Sampling noise is subtracted, so this is the variance of the calibration from partition to partition.
        """
        errors = np.array(self.realised).reshape(-1, len(METRICS)) - np.array(self.expected).reshape(-1, len(METRICS))
        sampling_noise = np.array(self.chance) / np.maximum(np.array(self.rows), 1).reshape(-1, 1)
        return np.asarray(np.maximum(_means(errors**2 - sampling_noise), 0.0))


@dataclass(frozen=True)
class Decisions:
    """Wrong decisions of a partition, compared with the reference.

    Attributes:
        wrong: the share of wrong decisions; `usual` is that of the reference's partitions.
        surely: a lower bound of the difference (one-sided, 95 of 100); below 0 where it may be none.
        recall: of the partition, and usually; None where undefined. With a rare class, most decisions are right even if recall
            is lost.
    """

    wrong: float
    usual: float
    surely: float
    recall: tuple[float, float] | None = None

    def __str__(self) -> str:
        more = f", at least {100 * self.surely:.1f} points more" if self.surely > 0 else ""
        caught = f"; recall {self.recall[0]:.0%}, usually {self.recall[1]:.0%}" if self.recall else ""
        return f"{self.wrong:.0%} of the decisions were wrong, usually {self.usual:.0%}{more}{caught}"


def decisions(usual: Usual, accuracy: float, rows: int, recall: float | None = None) -> Decisions | None:
    """Compare a partition's accuracy with the reference's.

    The bound covers the variance between partitions, the sampling noise of the rows, and the error of the reference's mean.

    Returns:
        None with too few reference partitions, or without an accuracy.
    """
    own = np.array(usual.realised).reshape(-1, len(METRICS))[:, METRICS.index("accuracy")]
    if len(own) < FEWEST_PARTITIONS or not np.isfinite(accuracy) or not rows:
        return None
    sampling_noise = usual.chance[METRICS.index("accuracy")]
    unrest = max(float(own.var(ddof=1) - (sampling_noise / np.array(usual.rows)).mean()), 0.0)
    spread = np.sqrt((unrest + sampling_noise / rows) + own.var(ddof=1) / len(own))
    fewer = float(own.mean()) - accuracy
    sure = float(stats.t.ppf(0.95, len(own) - 1))
    caught = None
    usually = float(usual.constant[METRICS.index("recall")])
    if recall is not None and np.isfinite(recall) and np.isfinite(usually):
        caught = recall, usually
    return Decisions(1 - accuracy, 1 - float(own.mean()), fewer - sure * float(spread), caught)


def performance(q: Floats, p: Floats, decided: Bools, *, exclusive: bool, judged: Sequence[int]) -> Floats:
    """Compute the metrics, in the order of `METRICS`.

    Args:
        q: the probability of each class, shape (n, K); 0 or 1 where labels are known.
        p: the scores, and `decided` the decisions, of that shape.
        exclusive: whether each row has exactly one class.
        judged: the classes whose precision, recall and area under the curve are averaged.

    Returns:
        The metrics; NaN where undefined.
    """
    if not len(q):
        return np.full(len(METRICS), np.nan)
    clipped = np.clip(p, EPSILON, 1 - EPSILON)
    if exclusive:
        accuracy, losses = (q * decided).sum(axis=1), -(q * np.log(clipped)).sum(axis=1)
    else:
        accuracy = np.where(decided, q, 1 - q).mean(axis=1)
        losses = -(q * np.log(clipped) + (1 - q) * np.log1p(-clipped)).mean(axis=1)
    of_class = [_of_class(q[:, k], p[:, k], decided[:, k]) for k in judged]
    return np.array([accuracy.mean(), *_means(np.array(of_class).reshape(-1, 3)), losses.mean()])


def chance(
    q: Floats, p: Floats, decided: Bools, *, exclusive: bool, judged: Sequence[int], rng: np.random.Generator
) -> Floats:
    """Estimate the sampling variance of each metric for one row.

    That of n rows is 1/n of it. It is found by drawing labels of some rows again and again, because the variance of the area
    under the curve has no short formula.
    """
    if not len(q):
        return np.full(len(METRICS), np.nan)
    rows = rng.choice(len(q), min(len(q), max(200, MOST_DRAWN // q.shape[1])), replace=False)
    q, p, decided = q[rows], p[rows], decided[rows]
    drawn = [
        performance(_draw(q, exclusive, rng), p, decided, exclusive=exclusive, judged=judged) for _ in range(DRAWS)
    ]
    varied = np.array(drawn)
    return np.asarray(np.where(np.isnan(varied).any(axis=0), np.nan, varied.var(axis=0)) * len(rows))


def _means(values: Floats) -> Floats:
    """Average over rows, without undefined values.

    The mean is NaN where all are undefined.
    """
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    return np.asarray(np.where(known, values, 0.0).sum(axis=0) / np.where(count > 0, count, np.nan))


def _draw(q: Floats, exclusive: bool, rng: np.random.Generator) -> Floats:
    """Draw labels by their probabilities."""
    if not exclusive:
        return (rng.random(q.shape) < q).astype(np.float64)
    beyond = rng.random((len(q), 1)) * q.sum(axis=1, keepdims=True) > np.cumsum(q, axis=1)
    return np.asarray(np.eye(q.shape[1])[np.minimum(beyond.sum(axis=1), q.shape[1] - 1)])


def _of_class(q: Floats, p: Floats, decided: Bools) -> tuple[float, float, float]:
    true_positives, predicted_positive, holding = float(q[decided].sum()), int(decided.sum()), float(q.sum())
    return (
        true_positives / predicted_positive if predicted_positive else np.nan,
        true_positives / holding if holding else np.nan,
        _roc_auc(q, p),
    )


def _roc_auc(q: Floats, p: Floats) -> float:
    """Return the expected area under the ROC curve.

    It is the expected share of pairs, one positive and one negative, with the scores in that order; ties count half.
    """
    _, place = np.unique(p, return_inverse=True)
    holding, others = np.bincount(place, q), np.bincount(place, 1 - q)
    with_itself = float((q * (1 - q)).sum())  # a row makes no pair with itself
    pairs = float(holding.sum() * others.sum()) - with_itself
    ordered = float(holding @ (np.cumsum(others) - others / 2)) - with_itself / 2
    return ordered / pairs if pairs > 0 else np.nan
