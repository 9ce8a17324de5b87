"""The reference: what the monitor compares with. Built with the bundle (`leeway.detection.build_reference`) and kept in it.

It is made of the development rows' out-of-fold scores and the holdout's, cut into the partitions that the nights will have:
so the size, the season and the ordinary unrest of a partition are in it.
"""

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from pydantic import BaseModel, ConfigDict

from leeway.core.metrics import Floats
from leeway.detection.alarm_limits import Alarm
from leeway.detection.channels import Matrix
from leeway.detection.expected import Usual
from leeway.detection.faults import Clean
from leeway.detection.maturity import Maturity
from leeway.detection.sketch import BinCounts, Binning, LabelResiduals, Sketch, hellinger, shares

MIN_ROWS = 20  # with fewer a partition says nothing


class Typical(BaseModel):
    """What a distance is like among the reference's partitions.

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
        binnings: of every column that is watched, its bins; the scores of the classes are columns, too. Parts of the calendar
            are not watched: every partition has its own of them.
        counts: for each, the counts of every partition in its bins.
        distance: for each feature, Hellinger distances of each partition from the others.
        distance_limit: the chosen quantile of the reference partitions' own largest standardised distance: one number for
            all features, for the eye. Infinite where there are too few to say.
        effects: for each column and each class, how far the mean score lies from the reference's where all rows are in one
            bin; shape (bins, K).
        clean: what its partitions are like that a fault of the data would change.
        classes: what the scores are of, in their order.
        watched: those with enough rows, and others, in a partition to say anything of by labels.
        score_means: each class's mean reference score.
        alarm: when a partition lies out.
        usual: how well its partitions were decided; None where that was not told.
        maturity: how soon its labels were known; None where that was not told.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    partitions: tuple[str, ...]
    rows: tuple[int, ...]
    binnings: dict[str, Binning]
    counts: dict[str, list[list[int]]]
    distance: dict[str, Typical]
    distance_limit: float
    effects: dict[str, list[list[float]]]
    clean: Clean
    classes: tuple[str, ...]
    watched: tuple[str, ...]
    score_means: dict[str, float]
    alarm: Alarm
    usual: Usual | None = None
    maturity: Maturity | None = None

    @property
    def judged(self) -> list[int]:
        """The places of the classes that are watched."""
        return [self.classes.index(name) for name in self.watched]

    @property
    def features(self) -> list[str]:
        """The columns that are watched, without the scores."""
        return list(self.distance)

    def distances(self, counts: Mapping[str, BinCounts]) -> dict[str, float]:
        """Each feature's distance from the whole reference."""
        return {name: float(hellinger(shares(counts[name]), self._shares[name])) for name in self.features}

    def impacts(self, counts: Mapping[str, BinCounts]) -> dict[str, Floats]:
        """How far each feature's new distribution alone moves each class's mean score, in probability."""
        return {name: shares(counts[name]) @ np.asarray(self.effects[name]) for name in self.features}

    def values(self, observed: Sketch, label_residuals: LabelResiduals | None) -> tuple[Floats, Floats]:
        """The channels of a partition, and how many rows each is of; NaN and 0 for what no labels are known for.

        Args:
            held: of the partition whose labels have just become mature.
        """
        counts = {name: np.asarray(own) for name, own in observed.counts.items()}
        errors = {name: np.asarray(own) for name, own in label_residuals.errors.items()} if label_residuals else {}
        return self._matrix.values(counts, observed.rows, errors, label_residuals.rows if label_residuals else 0)

    @cached_property
    def _shares(self) -> dict[str, Floats]:
        return {name: shares(np.asarray(table).sum(axis=0)) for name, table in self.counts.items()}

    @cached_property
    def _matrix(self) -> Matrix:
        sizes = {name: binning.size for name, binning in self.binnings.items()}
        return Matrix(self.alarm.channels, sizes, self.watched)
