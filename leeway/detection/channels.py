"""Channels: the numbers of a partition that can raise an alarm.

Each is linear in a sketch, so no raw row is needed. There are two families. *Impact* is how far a column's new distribution,
with nothing else changed, would move the mean score of a class:

    impact_jk = sum_b (p_b - q_b) g_jk(b)

with p_b the share of the partition's rows in bin b, q_b that of the reference's, and g_jk the partial dependence of the score
on the column (Friedman 2001): the mean score of the reference's rows if all of them had a value of this bin. A column that the
model does not use has no impact. The score itself is a column, too.

*Residual* is how far labels differ from scores along a direction f of a column, as in the score test of a recalibration:

    residual_jkf = 1/n sum_i (y_ik - p_ik) f_j(x_ij),      mean f = 0, variance of f = 1 (but for the plain mean, f = 1)

Directions are the partial dependence itself (has the column's effect become weaker or stronger?), its ranks, and whether it is
missing or has one of its most frequent values. Both families are in points of probability.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from leeway.core.metrics import Floats
from leeway.detection.sketch import BinCounts, Binning

Family = Literal["impact", "residual"]

MEAN = "its mean"  # the direction of the score itself
ALIKE = 0.95  # two directions of one column with this correlation are one
COMMON = 0.05  # of the rows: a rarer value is no direction of its own
LEAST_SPREAD = 1e-6  # of a direction before it is scaled: below, there is none
LEVELS = 3  # values of a category that are directions of their own


class Channel(BaseModel):
    """One monitored number of a partition.

    Attributes:
        column: its column; that of the score for the score itself.
        of_class: the class.
        weights: of each bin.
        sampling_variance: the sampling variance of a single row; a partition of n rows has 1/n of it.
        material: the smallest change that counts, in probability.
        direction: for a residual, the direction along the column; the mean for the impact of the score itself.
    """

    model_config = ConfigDict(frozen=True)

    family: Family
    column: str
    of_class: str
    weights: tuple[float, ...]
    sampling_variance: float
    material: float
    direction: str = ""

    @model_validator(mode="before")
    @classmethod
    def _as_it_was_written_once(cls, given: Any) -> Any:
        """Read `chance`, the name of the variance in bundles of Leeway 0.1."""
        if isinstance(given, dict) and "chance" in given:
            return {"sampling_variance": given["chance"]} | {key: given[key] for key in given if key != "chance"}
        return given


def impact(
    column: str, of_class: str, output: Floats, share: Floats, material: float, direction: str = ""
) -> Channel | None:
    """Build the impact channel of a column.

    Args:
        output: the score's partial dependence on each bin.
        share: the reference's share of rows in each bin.

    Returns:
        The channel; None where the score of the class hardly depends on the column.
    """
    weights = output - share @ output
    if np.abs(weights).max(initial=0.0) < material:  # not even if all rows were in one bin
        return None
    return Channel(
        family="impact",
        column=column,
        of_class=of_class,
        weights=tuple(weights.tolist()),
        sampling_variance=float(share @ weights**2),
        material=material,
        direction=direction,
    )


def residual(
    column: str, of_class: str, direction: str, weights: Floats, share: Floats, variance: Floats, material: float
) -> Channel:
    """Build the residual channel of a direction.

    Args:
        variance: the mean of (y - p)^2 of the reference's rows in each bin.
    """
    return Channel(
        family="residual",
        column=column,
        of_class=of_class,
        weights=tuple(weights.tolist()),
        sampling_variance=float((share * variance) @ weights**2),
        material=material,
        direction=direction,
    )


def directions(binning: Binning, share: Floats, output: Floats) -> Iterator[tuple[str, Floats]]:
    """Yield a column's directions for comparing labels with scores.

    Args:
        share, output: as in `impact`.
    """
    found: list[Floats] = []
    for name, weights in _candidates(binning, share, output):
        centred = weights - share @ weights
        spread = float(np.sqrt(share @ centred**2))
        if spread < LEAST_SPREAD:  # all in one bin
            continue
        centred = centred / spread
        if all(abs(share @ (centred * other)) < ALIKE for other in found):
            found.append(centred)
            yield name, centred


def _candidates(binning: Binning, share: Floats, output: Floats) -> Iterator[tuple[str, Floats]]:
    if np.ptp(output[share > 0]) > LEAST_SPREAD:
        yield "its effect", output
    missing = np.arange(len(share)) == len(share) - 1
    if binning.edges is not None:
        below = np.cumsum(share) - share / 2  # the mean rank of a bin's rows
        known = share * ~missing
        yield "its size", np.where(missing, known @ below / max(known.sum(), 1e-12), below)
    else:
        for place in np.argsort(-share)[:LEVELS]:
            if COMMON <= share[place] <= 1 - COMMON and not missing[place]:
                yield _named(binning, int(place)), (np.arange(len(share)) == place).astype(float)
    if COMMON <= share[-1] <= 1 - COMMON:
        yield "whether it is missing", missing.astype(float)


def _named(binning: Binning, place: int) -> str:
    if binning.values is None:
        return f"its commonest kind {place}"
    return repr(binning.values[place]) if place < len(binning.values) else "its rare values"


def directions_of_score(share: Floats, log_odds: Floats) -> Iterator[tuple[str, Floats]]:
    """Yield the directions of the score itself.

    They show bias (more or fewer labels than expected) and slope (calibration too steep or too flat).

    Args:
        log_odds: of each bin's mean score.
    """
    yield MEAN, np.ones(len(share))
    centred = log_odds - share @ log_odds
    spread = float(np.sqrt(share @ centred**2))
    if spread > LEAST_SPREAD:
        yield "its slope", centred / spread


class Matrix:
    """The channels as one matrix over all bins.

    Args:
        sizes: the number of bins of every column, in order.
        classes: the monitored classes, in the order of errors.
    """

    def __init__(self, channels: Sequence[Channel], sizes: Mapping[str, int], classes: Sequence[str]) -> None:
        first = dict(zip(sizes, np.cumsum([0, *sizes.values()]).tolist(), strict=False))
        self._columns = list(sizes)
        self._weights = np.zeros((sum(sizes.values()), len(channels)))
        for place, channel in enumerate(channels):
            start = first[channel.column]
            self._weights[start : start + len(channel.weights), place] = channel.weights
        self._of_class = np.array([classes.index(channel.of_class) for channel in channels], dtype=np.intp)
        self._is_impact = np.array([channel.family == "impact" for channel in channels], dtype=bool)

    def values(
        self, counts: Mapping[str, BinCounts], rows: int, errors: Mapping[str, Floats], labelled: int
    ) -> tuple[Floats, Floats]:
        """Compute the channels of a partition.

        Args:
            counts: of every column, the rows in each of its bins.
            errors: of every column, the sum of y - p in each of its bins and for each class, shape (bins, K).
            labelled: how many rows have a label.

        Returns:
            The channels and the number of rows behind each, both of shape (C,); NaN and 0 where unknown.
        """
        of_rows = np.where(self._is_impact, rows, labelled).astype(np.float64)
        found = np.full(len(of_rows), np.nan)
        if rows:
            whole = np.concatenate([counts[name] for name in self._columns])
            found = np.where(self._is_impact, whole @ self._weights / rows, found)
        if labelled:
            whole = np.concatenate([errors[name] for name in self._columns])
            by_class = (whole.T @ self._weights)[self._of_class, np.arange(len(of_rows))]
            found = np.where(self._is_impact, found, by_class / labelled)
        return found, of_rows
