"""The reference: what the monitor compares with. Built with the bundle and kept in it.

It is made of the development rows' out-of-fold scores and the holdout's, cut into the partitions that the nights will have:
so the size, the season and the ordinary unrest of a partition are in it.
"""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from leeway.definition import Classifier
from leeway.metrics import Bools, Floats
from leeway.monitoring import sketch
from leeway.monitoring.residuals import MIN_ROWS, SCORE, residuals
from leeway.monitoring.sketch import Binning, hellinger, shares
from leeway.partitions import Partition, keys_of

MIN_PARTITIONS = 3
LEAST_DISTANCE = 0.01  # of Hellinger
LEAST_ERROR = 0.001  # in probability


class Typical(BaseModel):
    """What a statistic is like among the reference's partitions.

    Attributes:
        median, spread: robust, so that a few unusual partitions do not hide those to come: the spread is the interquartile
            range over 1.349, which is the standard deviation of a normal distribution.
    """

    model_config = ConfigDict(frozen=True)

    median: float
    spread: float

    @classmethod
    def of(cls, values: Floats, *, least: float) -> "Typical":
        """The typical value; a spread below `least` is not worth telling apart, and taken as that."""
        if not len(values):
            return cls(median=0.0, spread=least)
        lower, median, upper = np.quantile(values, [0.25, 0.5, 0.75])
        return cls(median=float(median), spread=float(max((upper - lower) / 1.349, least)))

    def standardise(self, value: float) -> float:
        """How many spreads the value lies from the median."""
        return (value - self.median) / self.spread


class Reference(BaseModel):
    """Everything that the monitor needs to know of the past.

    Attributes:
        partitions: the reference partitions' keys; the rows of the arrays below.
        rows: their sizes.
        binnings: per feature, its bins.
        counts: per feature, the counts of every partition in its bins; not for parts of the calendar, which every partition
            has its own of.
        outputs: per feature, the mean score of the reference rows in each bin.
        distance: per feature, Hellinger distances of each partition from the others.
        residual: per column and for the score, the `error` of the partitions' mature labels (see
            `leeway.monitoring.residuals`).
        bias: mean(y - p) of the partitions' mature labels.
        score_mean: the mean reference score.
        label_spread: the standard deviation of the label.
        drift_limit, residual_limit: the chosen quantile of the reference partitions' own largest
            standardised statistic: one number for the whole family. Infinite where there are too few to say.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    partitions: tuple[str, ...]
    rows: tuple[int, ...]
    binnings: dict[str, Binning]
    counts: dict[str, list[list[int]]]
    outputs: dict[str, list[float]]
    distance: dict[str, Typical]
    null_share: dict[str, float]
    score_binning: Binning
    score_mean: float
    label_spread: float
    drift_limit: float
    residual_limit: float
    residual: dict[str, Typical]
    bias: Typical

    @property
    def residual_binnings(self) -> dict[str, Binning]:
        """The bins by which residuals are summed: every feature's, and the score's."""
        return {**self.binnings, SCORE: self.score_binning}

    def distances(self, counts: Mapping[str, sketch.Counts]) -> dict[str, float]:
        """Each feature's distance from the whole reference."""
        return {
            name: float(hellinger(shares(own), shares(np.asarray(self.counts[name]).sum(axis=0))))
            for name, own in counts.items()
        }

    def impacts(self, counts: Mapping[str, sketch.Counts]) -> dict[str, float]:
        """How far each feature's new distribution moves the mean score, were all else equal, in probability."""
        return {
            name: float(
                (shares(own) - shares(np.asarray(self.counts[name]).sum(axis=0))) @ np.asarray(self.outputs[name])
            )
            for name, own in counts.items()
        }


def build(classifier: Classifier, rows: pd.DataFrame, x: pd.DataFrame, p: Floats, as_of: datetime) -> Reference:
    """The reference of a new bundle.

    Args:
        rows: `event_time`, `positive` and `known_at` of rows that were not trained on when they were scored.
        x: their features, as `model_input` makes them.
        p: their calibrated scores.
        as_of: when `known_at` was looked up; younger partitions may have labels still to come.
    """
    keys = keys_of(rows["event_time"], classifier.partition)
    sizes = keys.value_counts().sort_index()
    kept = ([key for key in sizes.index if sizes[key] >= MIN_ROWS] or list(sizes.index))[-classifier.drift.reference :]
    inside = keys.isin(kept).to_numpy()
    rows, x, p, keys = rows[inside], x[inside], p[inside], keys[inside]

    binnings = sketch.learn(x, classifier.features)
    order = {key: position for position, key in enumerate(kept)}
    place = keys.map(order).to_numpy()
    counts, outputs, distances = {}, {}, {}
    for name in [name for name in binnings if name not in classifier.calendar_features]:
        binning = binnings[name]
        bins = binning.bin(x[name])
        table = np.zeros((len(kept), binning.size), dtype=np.int64)
        np.add.at(table, (place, bins), 1)
        counts[name], outputs[name] = table, _mean_by(bins, p, binning.size)
        distances[name] = hellinger(shares(table), shares(table.sum(axis=0) - table))

    y = rows["positive"].to_numpy(dtype=bool)
    score_binning = Binning.learn(pd.Series(p), "numeric")
    mature = [_mature(classifier, rows, place == position, key, as_of) for position, key in enumerate(kept)]
    mature = [part for part in mature if part.sum() >= MIN_ROWS]
    found = [residuals({**binnings, SCORE: score_binning}, x[part], y[part], p[part]) for part in mature]
    errors = {name: np.array([item[name].error for item in found]) for name in [*binnings, SCORE]}
    distance = {name: Typical.of(values, least=LEAST_DISTANCE) for name, values in distances.items()}
    residual = {name: Typical.of(values, least=LEAST_ERROR) for name, values in errors.items()}
    return Reference(
        partitions=tuple(kept),
        rows=tuple(int(sizes[key]) for key in kept),
        binnings=binnings,
        counts={name: table.tolist() for name, table in counts.items()},
        outputs={name: output.tolist() for name, output in outputs.items()},
        distance=distance,
        null_share={name: float(shares(table)[:, -1].max()) for name, table in counts.items()},
        score_binning=score_binning,
        score_mean=float(p.mean()),
        label_spread=float(max(y.std(), 1e-9)),
        drift_limit=_limit(distances, distance, classifier.drift.quantile),
        residual_limit=_limit(errors, residual, classifier.drift.quantile),
        residual=residual,
        bias=Typical.of(np.array([float((y[part] - p[part]).mean()) for part in mature]), least=LEAST_ERROR),
    )


def _mean_by(bins: np.ndarray, p: Floats, size: int) -> Floats:
    totals = np.bincount(bins, minlength=size)
    sums = np.bincount(bins, weights=p, minlength=size)
    return np.where(totals > 0, sums / np.maximum(totals, 1), p.mean())


def _mature(classifier: Classifier, rows: pd.DataFrame, inside: Bools, key: str, as_of: datetime) -> Bools:
    """The rows of a partition whose labels were known at the age at which the night will see them; none if it is younger."""
    seen_at = Partition.parse(key, classifier.partition).end + classifier.label_age
    if seen_at > as_of:
        return np.zeros(len(rows), dtype=bool)
    return np.asarray(inside & (rows["known_at"] <= seen_at).to_numpy())


def _limit(families: Mapping[str, Floats], typical: Mapping[str, Typical], quantile: float) -> float:
    """The quantile, over the reference's partitions, of their largest standardised statistic."""
    standardised = [(values - typical[name].median) / typical[name].spread for name, values in families.items()]
    if len(standardised[0]) < MIN_PARTITIONS:  # nothing can be said, so nothing exceeds it
        return float("inf")
    return float(np.quantile(np.max(standardised, axis=0), quantile, method="higher"))
