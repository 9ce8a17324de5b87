"""Performance estimates without labels, under covariate shift.

Calibrated scores give the probability of each class, and from it accuracy and the other metrics
(`leeway.detection.performance_metrics`). But scores are calibrated on the reference as a whole. For a partition with other rows
they may be wrong. So they are recalibrated for it:

1. A domain classifier separates the partition's rows from the reference's, out of fold. With h its probability that a reference
   row belongs to the partition, the row's weight is w = n_s / n_t * h / max(.05, 1 - h). The weighted reference resembles the
   partition.
2. An isotonic regression of the reference's labels on its scores is fitted with these weights, and once more without. The
   difference corrects the partition's scores. It has less noise than the weighted fit itself, because both fits share the
   labels' sampling noise. Without any shift it is zero.

An estimate is shown where the weighted reference has enough effective rows, and where the estimates of the partitions before
were no worse than a constant. It cannot see concept drift (other labels for the same columns), and it takes a wrong measurement
for a real shift. So it is only displayed, and never starts anything.

The bundle keeps a sample of the reference's rows for it, as bins of the columns that scores depend on most, with score and
label. Sums over bins are not enough: only rows show whether scores are wrong for a combination of two values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from leeway.core.metrics import Bools, Floats
from leeway.core.outputs import Outputs
from leeway.detection.performance_metrics import METRICS, PerformanceMetric, Usual, chance, performance
from leeway.detection.reference import Reference
from leeway.detection.sketch import Binning, Bins, shares

KEPT = 50_000  # reference rows
MOST_KEPT = 500_000  # of them, cells of rows and classes
COLUMNS = 20  # those that the scores depend on most
LEAST_SAY = 0.05  # of the most important column's effect on the score; a column with less cannot bias the scores
RARE = 0.01  # of the rows: a rarer value of a category is no feature
STRENGTH = 0.01  # C of the domain classifier's ridge: nights also differ from one another by sampling noise
MOST_WEIGHED = 20_000  # rows of a partition that the domain classifier sees
#: The effective share of the reference's rows, once weighted. With an important column shifted by one standard deviation it was
#: .3 to .4, and the error up to 1.7 times the labels' sampling noise; with half of one, .7, and the error within 1.1 times.
FEWEST_EFFECTIVE = 0.45
WITHIN = 1.96  # standard deviations: 95 of 100
BACK = 56  # partitions by which estimates are judged
FEWEST_BACK = 14  # of them
LATE, FEWEST_LATE = 7, 3  # recent partitions, most of which must be within the bounds


@dataclass(frozen=True)
class LabelledRows:
    """A sample of the reference's rows, with mature labels.

    Attributes:
        codes: each row's bin, for some columns.
        y, p: labels and scores, shape (n, K).
    """

    codes: dict[str, Bins]
    y: Bools
    p: Floats

    @classmethod
    def of(cls, reference: Reference, columns: pd.DataFrame, y: Bools, p: Floats, seed: int) -> "LabelledRows":
        """Draw a sample of the reference's rows.

        Args:
            columns: the features of the reference's rows whose labels a night would have seen.
        """
        most = min(KEPT, MOST_KEPT // p.shape[1])
        rows = np.sort(np.random.default_rng(seed).choice(len(p), min(len(p), most), replace=False))
        codes = {name: reference.binnings[name].bin(columns[name].iloc[rows]) for name in telling(reference)}
        return cls(codes, y[rows], p[rows])

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, outputs: Outputs) -> "LabelledRows":
        """Read the rows from a table; inverts `frame`."""
        y, p = (frame[[f"{what} {name}" for name in outputs.names]].to_numpy() for what in ("label", "score"))
        columns = [name.removeprefix("bin ") for name in frame.columns if name.startswith("bin ")]
        codes = {name: frame[f"bin {name}"].to_numpy(dtype=np.intp) for name in columns}
        return cls(codes, y.astype(bool), p.astype(np.float64))

    def frame(self, outputs: Outputs) -> pd.DataFrame:
        """Return the rows as a table, for a file."""
        classes = list(enumerate(outputs.names))
        return pd.DataFrame(
            {f"bin {name}": bins.astype(np.uint8) for name, bins in self.codes.items()}
            | {f"label {name}": self.y[:, k] for k, name in classes}
            | {f"score {name}": self.p[:, k].astype(np.float32) for k, name in classes}
        )


@dataclass(frozen=True)
class Estimate:
    """The estimated performance of a partition.

    Attributes:
        metrics: each metric's value, and the bounds that hold its realised value 95 times of 100.
        effective: the effective sample size of the weighted reference, as a share of its rows.
        off: for each metric that is not shown, the reason. All metrics are kept, for their back-test.
    """

    metrics: dict[PerformanceMetric, tuple[float, float, float]]
    effective: float
    off: dict[PerformanceMetric, str]

    def as_json(self, worse: Mapping[PerformanceMetric, str]) -> dict[str, Any]:
        """Return the estimate for the monitoring record.

        Args:
            worse: the metrics that failed the back-test, with the reason, as `judge` returns them.
        """
        metrics = {name: list(values) for name, values in self.metrics.items()}
        off = {name: self.off.get(name, worse.get(name)) for name in metrics if name in self.off or name in worse}
        return {"metrics": metrics, "effective": self.effective, "off": off}


def telling(reference: Reference) -> list[str]:
    """Return the columns of the domain classifier.

    They are those that scores depend on most.
    """
    say = {
        name: float(np.sqrt(shares(np.asarray(reference.counts[name]).sum(axis=0)) @ np.asarray(effect) ** 2).max())
        for name, effect in reference.effects.items()
        if name in reference.distance
    }
    ranked = sorted(say, key=lambda name: -say[name])
    return [name for name in ranked[:COLUMNS] if say[name] >= LEAST_SAY * say[ranked[0]]]


def estimate(
    reference: Reference,
    known: LabelledRows,
    columns: pd.DataFrame,
    p: Floats,
    decided: Bools,
    *,
    exclusive: bool,
    seed: int,
) -> Estimate:
    """Estimate a partition's performance.

    Args:
        columns: the features of its rows.
        p, decided: their scores and decisions, shape (n, K).
    """
    rng, usual = np.random.default_rng(seed), reference.usual
    assert usual is not None
    rows = rng.choice(len(p), min(len(p), MOST_WEIGHED), replace=False)
    codes = {name: reference.binnings[name].bin(columns[name].iloc[rows]) for name in known.codes}
    w = weights(reference, known, codes, p[rows], rng)
    effective = float(w.sum() ** 2 / (w**2).sum() / len(w))
    q = recalibrated(known, w, p, exclusive=exclusive)
    judged = reference.judged
    values = performance(q, p, decided, exclusive=exclusive, judged=judged)
    sampling_noise = chance(q, p, decided, exclusive=exclusive, judged=judged, rng=rng)
    spread = WITHIN * np.sqrt(sampling_noise / len(p) + sampling_noise / (effective * len(w)) + usual.unrest)
    metrics = {
        name: (float(value), *_within(name, value - by, value + by))
        for name, value, by in zip(METRICS, values, spread, strict=True)
        if np.isfinite(value) and np.isfinite(by)
    }
    far = f"only {effective:.0%} of the reference resembles this partition; {FEWEST_EFFECTIVE:.0%} is needed"
    return Estimate(metrics, effective, dict.fromkeys(metrics, far) if effective < FEWEST_EFFECTIVE else {})


def weights(
    reference: Reference, known: LabelledRows, told: dict[str, Bins], p: Floats, rng: np.random.Generator
) -> Floats:
    """Weight the known rows so that they resemble a partition's.

    Args:
        told: the bins of the partition's rows, for the known columns; p: their scores, shape (n, K).
    """
    blocks = [_encoded(reference.binnings[name], known.codes[name], told[name]) for name in known.codes]
    blocks += [_encoded_score(known.p[:, k], p[:, k]) for k in reference.judged]
    x = np.concatenate(blocks, axis=1)
    count, other = len(known.p), len(p)
    is_other = np.arange(count + other) >= count
    half = np.concatenate([rng.permutation(count) % 2, rng.permutation(other) % 2])
    h = np.empty(count + other)
    for fold in (0, 1):
        learnt = LogisticRegression(C=STRENGTH, max_iter=1_000).fit(x[half != fold], is_other[half != fold])
        h[half == fold] = learnt.predict_proba(x[half == fold])[:, 1]
    return np.asarray(count / other * h[:count] / np.maximum(0.05, 1 - h[:count]))


def recalibrated(known: LabelledRows, w: Floats, p: Floats, *, exclusive: bool) -> Floats:
    """Recalibrate a partition's scores by a weighted reference.

    Returns:
        The scores, shape (n, K).
    """
    q = np.column_stack([p[:, k] + _correction(known.y[:, k], known.p[:, k], w, p[:, k]) for k in range(p.shape[1])])
    q = np.clip(q, 0.0, 1.0)
    total = q.sum(axis=1, keepdims=True)
    return np.where(total > 0, q / np.where(total > 0, total, 1.0), p) if exclusive else q


def judge(usual: Usual, pairs: Sequence[tuple[Floats, Floats]]) -> dict[PerformanceMetric, str]:
    """Back-test the estimates, and name the metrics that fail.

    An estimate must be no worse than a constant, the reference's own mean, by more than its standard error: without any change,
    an estimate is as good as a constant, at times a little better, at times a little worse. With too few partitions, the
    reference's last ones count, too, since a model scored them that had not seen them.

    Most realised values of the recent partitions must also be within the estimates' bounds.

    Args:
        pairs: of each partition, the oldest first, each metric's estimate with its bounds, shape (metrics, 3), and the realised
            values, shape (metrics,); NaN where undefined.

    Returns:
        The metrics that fail, each with the reason.
    """
    before = [(np.array(guess), np.array(real)) for guess, real in zip(usual.expected, usual.realised, strict=True)]
    last, constant = [*before, *((own[:, 0], real) for own, real in pairs)][-BACK:], usual.constant
    off: dict[PerformanceMetric, str] = {}
    for place, name in enumerate(METRICS):
        guess, real = (np.array([pair[side][place] for pair in last]) for side in (0, 1))
        known = ~np.isnan(guess) & ~np.isnan(real)
        if known.sum() < FEWEST_BACK:
            off[name] = f"labels are known for only {known.sum()} partitions; {FEWEST_BACK} are needed"
            continue
        error, of_constant = np.abs(guess - real)[known], np.abs(constant[place] - real)[known]
        worse = error - of_constant
        if worse.mean() > worse.std(ddof=1) / np.sqrt(len(worse)):
            off[name] = (
                f"over the last {len(worse)} partitions with labels the mean error was {error.mean():.3f}; "
                f"the reference's mean has an error of {of_constant.mean():.3f}"
            )
            continue
        inside = [
            bool(own[place, 1] <= real[place] <= own[place, 2]) for own, real in pairs if np.isfinite(real[place])
        ]
        if len(of_late := inside[-LATE:]) >= FEWEST_LATE and 2 * sum(of_late) < len(of_late):
            off[name] = (
                f"of the last {len(of_late)} partitions with labels, {sum(of_late)} are within the estimate's bounds"
            )
    return off


def _within(name: PerformanceMetric, low: float, high: float) -> tuple[float, float]:
    return max(0.0, float(low)), float(high) if name == "log_loss" else min(1.0, float(high))


def _correction(y: Bools, p: Floats, w: Floats, at: Floats) -> Floats:
    if y.all() or not y.any():
        return np.zeros(len(at))
    weighted, plain = (
        IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(p, y, sample_weight=weight).predict(at)
        for weight in (w, None)
    )
    return np.asarray(weighted - plain)


def _encoded(binning: Binning, known: Bins, told: Bins) -> Floats:
    """Encode a column for the domain classifier.

    The known rows come first, then the partition's.
    """
    codes = np.concatenate([known, told])
    own = binning.size - 2
    kinds = [own, own + 1] if binning.edges is not None else list(range(binning.size))
    shown = [codes == code for code in kinds if max((known == code).mean(), (told == code).mean()) >= RARE]
    flags = np.column_stack(shown).astype(np.float64) if shown else np.empty((len(codes), 0))
    return np.column_stack([_scores((codes + 0.5) / own, codes < own), flags]) if binning.edges is not None else flags


def _encoded_score(known: Floats, told: Floats) -> Floats:
    """Encode a score by its ranks among the known rows."""
    order = np.sort(known)
    rank = (np.searchsorted(order, np.concatenate([known, told])) + 0.5) / (len(order) + 1)
    return _scores(rank, np.ones(len(rank), dtype=bool))


def _scores(rank: Floats, there: Bools) -> Floats:
    """Return normal scores of ranks, and their squares.

    With both, a shift and a change of scale of a normal column are exact.
    """
    z = np.where(there, stats.norm.ppf(np.where(there, rank, 0.5)), 0.0)
    return np.column_stack([z, z**2 - there])
