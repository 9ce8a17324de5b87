"""Alarm limits: the baseline of the channels, and the limit that keeps the budget."""

from collections.abc import Sequence
from functools import cached_property
from math import comb
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy import stats

from leeway.core.metrics import Floats
from leeway.definition import DriftPolicy, Grain
from leeway.definition.grains import NamedGrain
from leeway.definition.partitions import Partition
from leeway.detection import budget
from leeway.detection.budget import WINDOWS, Baseline, Ints, Rule, Watch
from leeway.detection.channels import Channel

STRETCH = 60, 1_000  # partitions at least and at most that a budget is kept in: a year of days or weeks
MIN_PARTITIONS = 3


class Alarm(BaseModel):
    """The limit beyond which a partition is out of control.

    Attributes:
        channels: the monitored numbers, in order.
        grain: of the partitions.
        values, rows: the channels of the reference's partitions, and the number of rows behind each; shape (T, C).
        places: each partition's place in the season, shape (T,).
        policy: the policy that the limit was computed for.
        limit: for the largest channel, in standard deviations; infinite with too few partitions.
        rate: the false alarms of a year, on average over references like this one. `often` is the number that most such years
            do not exceed. Both are None with too few partitions to draw from: then the limit is analytic.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    channels: tuple[Channel, ...]
    grain: NamedGrain
    values: list[list[float]]
    rows: list[list[float]]
    places: list[int]
    seed: int
    policy: DriftPolicy
    limit: float = float("inf")
    rate: float | None = None
    often: float | None = None

    @property
    def partitions(self) -> int:
        """The number of reference partitions."""
        return len(self.values)

    @property
    def is_short(self) -> bool:
        """Whether the reference is too short to act on."""
        return self.partitions < self.policy.least_reference(self.grain)

    def under(self, policy: DriftPolicy) -> Self:
        """Return the alarm for another policy."""
        if self.policy == policy:
            return self
        return self.model_copy(update={"policy": policy}).calibrated()

    def calibrated(self) -> Self:
        """Return the alarm with its limit computed anew."""
        if self.partitions < MIN_PARTITIONS or not self.channels:
            return self.model_copy(update={"limit": float("inf"), "rate": None, "often": None})
        if self.is_short:
            limit = analytic_limit(len(self.channels), self.partitions, self.grain, self.policy)
            return self.model_copy(update={"limit": limit, "rate": None, "often": None})
        year, rule = self.grain.a_year, rule_of(self.channels, self.grain, self.policy)
        arrays = (np.array(self.values), np.array(self.rows), np.array(self.places, dtype=np.intp))
        stretch, allowed = round(np.clip(year, *STRETCH)), self.policy.alarms_per_year / year
        found = budget.calibrate(self.baseline, *arrays, rule, allowed, stretch, self.seed)
        return self.model_copy(update={"limit": found.spreads, "rate": found.rate * year, "often": found.often * year})

    @cached_property
    def baseline(self) -> Baseline:
        """The baseline of the channels."""
        sampling_variance = np.array([channel.sampling_variance for channel in self.channels])
        season, values = self.grain.season, np.array(self.values).reshape(self.partitions, len(self.channels))
        if not values.size:
            return Baseline(
                np.zeros((season, len(sampling_variance))),
                0 * sampling_variance,
                sampling_variance,
                np.ones((len(WINDOWS), len(sampling_variance))),
            )
        rows, places = np.array(self.rows), np.array(self.places, dtype=np.intp)
        return Baseline.of(values, rows, sampling_variance, places, season)

    def watch(self, values: Floats, rows: Floats, places: Ints) -> Watch:
        """Compare consecutive partitions with the baseline.

        Args:
            values, rows, places: of each partition and channel, shape (T, C); NaN where the value is unknown.
        """
        return budget.watch(self.baseline, values, rows, places, _material(self.channels))

    def detectable(self) -> Floats:
        """Return the smallest detectable change of each channel.

        A change of this size is confirmed more often than not.

        Returns:
            The changes, shape (C,).
        """
        sure = stats.norm.ppf(0.5 ** (1 / self.policy.confirm))  # each of the partitions must be out of control
        spread = self.baseline.spread(np.median(np.array(self.rows), axis=0))
        return np.asarray(np.maximum(_material(self.channels), (self.limit + sure) * spread))


def rule_of(channels: Sequence[Channel], grain: Grain, policy: DriftPolicy) -> Rule:
    """Return the alarm rule of a policy."""
    cooldown = max(1, round(policy.cooldown / grain.length))
    return Rule(policy.confirm, policy.among, cooldown, _material(channels), grain.season)


def analytic_limit(channels: int, partitions: int, grain: Grain, policy: DriftPolicy) -> float:
    """Compute a limit for a short reference.

    It is Student's quantile, with all channels taken for independent (Bonferroni).
    """
    allowed = policy.alarms_per_year / grain.a_year
    once = (allowed / comb(policy.among - 1, policy.confirm - 1)) ** (1 / policy.confirm)
    return float(stats.t.isf(min(once, 0.5) / (4 * channels), max(1, partitions - 1)))  # two sides, two windows


def place_of(partition: Partition) -> int:
    """Return a partition's place in the season."""
    return partition.grain.place(partition.start)


def _material(channels: Sequence[Channel]) -> Floats:
    return np.array([channel.material for channel in channels])
