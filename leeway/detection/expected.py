"""How well a partition was decided, where labels are known, or only how likely each class is to hold.

One set of formulas for both: with a label, the likelihood q is 0 or 1. Without one, the counts of a confusion matrix become
sums of likelihoods (a row called positive is a hit with likelihood q, a false alarm with 1 - q), the log loss its mean over
the two outcomes, and the area under the curve the likely share of pairs in the right order. This is confidence-based
performance estimation (CBPE): Białek et al., "Estimating model performance under covariate shift without labels", 2024,
arXiv:2401.08348. It is exact if the likelihoods are right, and only then.
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
    """The performance of the reference's partitions, as labels had it and as the scores had it; shape (T, metrics).

    Attributes:
        rows: how many labels each is of.
        chance: of each metric, the variance that is one row's luck.
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
        """Learn it.

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
        """The mean of each metric over the partitions: what an estimate must not be worse than."""
        return _means(np.array(self.realised).reshape(-1, len(METRICS)))

    @property
    def unrest(self) -> Floats:
        """The variance of each metric about what the scores said, beyond the luck of the rows: calibration is not at rest."""
        errors = np.array(self.realised).reshape(-1, len(METRICS)) - np.array(self.expected).reshape(-1, len(METRICS))
        sampling_noise = np.array(self.chance) / np.maximum(np.array(self.rows), 1).reshape(-1, 1)
        return np.asarray(np.maximum(_means(errors**2 - sampling_noise), 0.0))


@dataclass(frozen=True)
class Decisions:
    """How often decisions were wrong, beside how often those of the reference's partitions were.

    Attributes:
        surely: by how much more often at least, with 95 of 100 in one direction; below 0 where it may as well be less often.
        recall: there, and usually; None where undefined. Where few events hold, most decisions are right whatever befalls.
    """

    wrong: float
    usual: float
    surely: float
    recall: tuple[float, float] | None = None

    def __str__(self) -> str:
        more = f", surely {100 * self.surely:.1f} points more often" if self.surely > 0 else ""
        caught = f"; recall there {self.recall[0]:.0%}, usually {self.recall[1]:.0%}" if self.recall else ""
        return f"decisions there: {self.wrong:.0%} wrong, usually {self.usual:.0%}{more}{caught}"


def decisions(usual: Usual, accuracy: float, rows: int, recall: float | None = None) -> Decisions | None:
    """Hold a partition's accuracy against the reference's partitions; None where these are too few, or there is none.

    What varies is the partitions' own unrest, the luck of its rows, and the mean of the reference.
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
    """Each of the metrics, in their order; NaN for what is undefined.

    Args:
        q: how likely each class holds, shape (n, K); 0 or 1 where labels are known.
        p: the scores, and `decided` the decisions, of that shape.
        exclusive: whether exactly one class holds.
        judged: the classes whose precision, recall and area under the curve are averaged.
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
    """The variance of each metric that is the luck of one row's label: that of n rows is an n-th of it.

    By drawing labels of some rows time and again: how the area under a curve varies has no short formula.
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
    """Means over rows of what is defined; NaN where nothing is."""
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    return np.asarray(np.where(known, values, 0.0).sum(axis=0) / np.where(count > 0, count, np.nan))


def _draw(q: Floats, exclusive: bool, rng: np.random.Generator) -> Floats:
    """Labels, as likely as they are."""
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
    """The likely share of pairs, one that holds and one that does not, whose scores are in that order; ties count half."""
    _, place = np.unique(p, return_inverse=True)
    holding, others = np.bincount(place, q), np.bincount(place, 1 - q)
    with_itself = float((q * (1 - q)).sum())  # a row makes no pair with itself
    pairs = float(holding.sum() * others.sum()) - with_itself
    ordered = float(holding @ (np.cumsum(others) - others / 2)) - with_itself / 2
    return ordered / pairs if pairs > 0 else np.nan
