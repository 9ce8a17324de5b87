"""The reference: the past that the monitor compares with.

It is built with the bundle (`leeway.detection.build_reference`) and kept in it. It holds the out-of-fold scores of the
development rows and the scores of the holdout, cut into the same partitions as the nights. So it has the size, the season and
the usual variation of a partition.
"""

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from pydantic import BaseModel, ConfigDict

from leeway.core.metrics import Floats
from leeway.detection.alarm_limits import Alarm
from leeway.detection.channels import Matrix
from leeway.detection.faults import Clean
from leeway.detection.maturity import Maturity
from leeway.detection.performance_metrics import Usual
from leeway.detection.sketch import BinCounts, Binning, LabelResiduals, Sketch, hellinger, shares

MIN_ROWS = 20  # with fewer, a partition is not compared


class Typical(BaseModel):
    """A distance's distribution over the reference's partitions.

    Attributes:
        median, spread: robust, so that a few unusual partitions do not hide those to come: the spread is the interquartile
            range over 1.349, which is the standard deviation of a normal distribution.
    """

    model_config = ConfigDict(frozen=True)

    median: float
    spread: float

    @classmethod
    def of(cls, values: Floats, *, least: float) -> "Typical":
        """Measure median and spread; the spread is at least `least`."""
        if not len(values):
            return cls(median=0.0, spread=least)
        lower, median, upper = np.quantile(values, [0.25, 0.5, 0.75])
        return cls(median=float(median), spread=float(max((upper - lower) / 1.349, least)))

    def standardise(self, value: float) -> float:
        """Return the distance from the median, in spreads."""
        return (value - self.median) / self.spread


class Reference(BaseModel):
    """The past that the monitor compares with.

    Attributes:
        partitions: the reference partitions' keys; the rows of the arrays below.
        rows: their sizes.
        binnings: the bins of every monitored column; the scores of the classes are columns, too. Calendar parts are not
            monitored, because they differ between partitions.
        counts: for each column, the counts of every partition in its bins.
        distance: for each feature, Hellinger distances of each partition from the others.
        distance_limit: the chosen quantile of the reference partitions' own largest standardised distance: one number for
            all features, for display. Infinite with too few partitions.
        effects: for each column and each class, the change of the mean score if all rows were in one bin; shape (bins, K).
        clean: the properties of fault-free partitions.
        classes: the classes of the scores, in their order.
        watched: the classes with enough rows, and enough other rows, in a partition to be compared by labels.
        score_means: each class's mean reference score.
        alarm: the limit beyond which a partition is out of control.
        usual: the performance of its partitions; None where it is unknown.
        maturity: the share of its labels known at each age; None where it is unknown.
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
        """The places of the monitored classes."""
        return [self.classes.index(name) for name in self.watched]

    @property
    def features(self) -> list[str]:
        """The monitored columns, without the scores."""
        return list(self.distance)

    def distances(self, counts: Mapping[str, BinCounts]) -> dict[str, float]:
        """Return each feature's distance from the whole reference."""
        return {name: float(hellinger(shares(counts[name]), self._shares[name])) for name in self.features}

    def impacts(self, counts: Mapping[str, BinCounts]) -> dict[str, Floats]:
        """Return each feature's impact on the mean scores.

        It is the change of each class's mean score by the feature's new distribution, in probability, shape (K,).
        """
        return {name: shares(counts[name]) @ np.asarray(self.effects[name]) for name in self.features}

    def values(self, observed: Sketch, label_residuals: LabelResiduals | None) -> tuple[Floats, Floats]:
        """Compute the channels of a partition.

        Args:
            label_residuals: of the partition whose labels have just become mature.

        Returns:
            The channels and the number of rows behind each; NaN and 0 without known labels.
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
