"""The reference: what the monitor compares with. Built with the bundle and kept in it.

It is made of the development rows' out-of-fold scores and the holdout's, cut into the partitions that the nights will have:
so the size, the season and the ordinary unrest of a partition are in it.
"""

from collections.abc import Hashable, Mapping
from datetime import datetime
from typing import TypeVar

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from leeway.definition import Classifier
from leeway.metrics import FEW, Bools, Floats
from leeway.monitoring import sketch
from leeway.monitoring.residuals import MIN_ROWS, SCORE, residuals
from leeway.monitoring.sketch import Binning, hellinger, shares
from leeway.partitions import Partition, keys_of

MIN_PARTITIONS = 3
LEAST_DISTANCE = 0.01  # of Hellinger
LEAST_ERROR = 0.001  # in probability
NEGLIGIBLE = 1 / 3  # of the error that is harm: a spread below that is not worth telling apart

Key = TypeVar("Key", bound=Hashable)


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
        classes: what the scores are of, in their order.
        outputs: per feature, the mean score of the reference rows in each bin, for each class.
        distance: per feature, Hellinger distances of each partition from the others.
        score_means: each class's mean reference score.
        residual: for each class that is watched, per column and for its score, the `error` of the partitions' mature labels
            (see `leeway.monitoring.residuals`). A class of which a partition has but a few rows is not watched, unless all
            are like that: its ordinary unrest would hide what happens to the others.
        score_binnings: for each class that is watched, the bins of its score.
        bias: for each, mean(y - p) of the partitions' mature labels.
        label_spread: for each, the standard deviation of the label.
        drift_limit, residual_limit: the chosen quantile of the reference partitions' own largest
            standardised statistic: one number for the whole family. Infinite where there are too few to say.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    partitions: tuple[str, ...]
    rows: tuple[int, ...]
    binnings: dict[str, Binning]
    counts: dict[str, list[list[int]]]
    classes: tuple[str, ...]
    outputs: dict[str, list[list[float]]]
    distance: dict[str, Typical]
    null_share: dict[str, float]
    score_means: dict[str, float]
    drift_limit: float
    residual_limit: float
    residual: dict[str, dict[str, Typical]]
    score_binnings: dict[str, Binning]
    bias: dict[str, Typical]
    label_spread: dict[str, float]

    @property
    def watched(self) -> list[int]:
        """The places of the classes that are watched."""
        return [k for k, name in enumerate(self.classes) if name in self.residual]

    def distances(self, counts: Mapping[str, sketch.Counts]) -> dict[str, float]:
        """Each feature's distance from the whole reference."""
        return {
            name: float(hellinger(shares(own), shares(np.asarray(self.counts[name]).sum(axis=0))))
            for name, own in counts.items()
        }

    def impacts(self, counts: Mapping[str, sketch.Counts]) -> dict[str, Floats]:
        """How far each feature's new distribution moves each class's mean score, were all else equal, in probability."""
        return {
            name: (shares(own) - shares(np.asarray(self.counts[name]).sum(axis=0))) @ np.asarray(self.outputs[name])
            for name, own in counts.items()
        }


def build(classifier: Classifier, rows: pd.DataFrame, x: pd.DataFrame, p: Floats, as_of: datetime) -> Reference:
    """The reference of a new bundle.

    Args:
        rows: `event_time`, the stored label and its `known_at` of rows that were not trained on when they were scored.
        x: their features, as `model_input` makes them.
        p: their calibrated scores, shape (n, K).
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

    label = classifier.label.outputs
    y = label.matrix(rows[label.column])
    watched = _watched(y, len(kept))
    scores = {label.names[k]: Binning.learn(pd.Series(p[:, k]), "numeric") for k in watched}
    mature = [_mature(classifier, rows, place == position, key, as_of) for position, key in enumerate(kept)]
    mature = [part for part in mature if part.sum() >= MIN_ROWS]
    found = [residuals(binnings, scores, x[part], y[part][:, watched], p[part][:, watched]) for part in mature]
    errors = {
        (name, column): np.array([item[name][column].error for item in found])
        for name in scores
        for column in [*binnings, SCORE]
    }
    biases = {label.names[k]: np.array([float((y[part, k] - p[part, k]).mean()) for part in mature]) for k in watched}
    distance = {name: Typical.of(values, least=LEAST_DISTANCE) for name, values in distances.items()}
    spreads = {label.names[k]: float(max(y[:, k].std(), 1e-9)) for k in watched}
    # Where a class is easy to tell, errors are next to nothing but for a row now and then; by its own spread alone, that row
    # would be the largest of all, and set the limit for every class.
    least = {
        name: max(LEAST_ERROR, NEGLIGIBLE * classifier.drift.tolerance * spread) for name, spread in spreads.items()
    }
    residual = {key: Typical.of(values, least=least[key[0]]) for key, values in errors.items()}
    return Reference(
        partitions=tuple(kept),
        rows=tuple(int(sizes[key]) for key in kept),
        binnings=binnings,
        counts={name: table.tolist() for name, table in counts.items()},
        outputs={name: output.tolist() for name, output in outputs.items()},
        distance=distance,
        null_share={name: float(shares(table)[:, -1].max()) for name, table in counts.items()},
        classes=label.names,
        score_means={name: float(p[:, k].mean()) for k, name in enumerate(label.names)},
        drift_limit=_limit(distances, distance, classifier.drift.quantile),
        residual_limit=_limit(errors, residual, classifier.drift.quantile),
        residual={name: {column: residual[name, column] for column in [*binnings, SCORE]} for name in scores},
        score_binnings=scores,
        bias={name: Typical.of(values, least=LEAST_ERROR) for name, values in biases.items()},
        label_spread=spreads,
    )


def _watched(y: Bools, partitions: int) -> list[int]:
    """The classes with enough rows, and others, in a partition to say anything of it; all where there is none."""
    fewer = np.minimum(y.sum(axis=0), (~y).sum(axis=0))
    enough = fewer >= FEW * partitions
    return np.flatnonzero(enough if enough.any() else enough | True).tolist()


def _mean_by(bins: np.ndarray, p: Floats, size: int) -> Floats:
    """The mean scores of the rows in each bin, shape (size, K); those of all rows where a bin has none."""
    totals = np.bincount(bins, minlength=size)[:, None]
    sums = np.column_stack([np.bincount(bins, weights=column, minlength=size) for column in p.T])
    return np.where(totals > 0, sums / np.maximum(totals, 1), p.mean(axis=0))


def _mature(classifier: Classifier, rows: pd.DataFrame, inside: Bools, key: str, as_of: datetime) -> Bools:
    """The rows of a partition whose labels were known at the age at which the night will see them; none if it is younger."""
    seen_at = Partition.parse(key, classifier.partition).end + classifier.label_age
    if seen_at > as_of:
        return np.zeros(len(rows), dtype=bool)
    return np.asarray(inside & (rows["known_at"] <= seen_at).to_numpy())


def _limit(families: Mapping[Key, Floats], typical: Mapping[Key, Typical], quantile: float) -> float:
    """The quantile, over the reference's partitions, of their largest standardised statistic."""
    standardised = [(values - typical[name].median) / typical[name].spread for name, values in families.items()]
    if len(standardised[0]) < MIN_PARTITIONS:  # nothing can be said, so nothing exceeds it
        return float("inf")
    return float(np.quantile(np.max(standardised, axis=0), quantile, method="higher"))
