"""Intervals of means and shares, and corrections for many tests."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from leeway.core.metrics import Floats

DRAWS = 1_000
FEWEST = 5  # groups to draw from; of fewer, rows count as independent of each other


class Interval(NamedTuple):
    """An estimate with its bounds."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4f} ({self.low:.4f} to {self.high:.4f})"


def mean(values: Floats, groups: npt.NDArray[np.integer] | None = None, level: float = 0.95, seed: int = 0) -> Interval:
    """Return the mean with its interval.

    With groups, it draws groups with replacement, because rows of one group depend on each other. Without, or with fewer than
    five groups, it takes the normal distribution.

    Args:
        values: shape (n,), at least one.
        groups: each row's group as a number; None where rows are independent.
    """
    found = float(values.mean())
    counts = np.zeros(0) if groups is None else np.bincount(groups)
    if groups is None or (counts > 0).sum() < FEWEST:
        error = float(values.std(ddof=1)) / np.sqrt(len(values)) if len(values) > 1 else float("inf")
        by = float(stats.norm.ppf((1 + level) / 2)) * error
        return Interval(found, found - by, found + by)
    sums, kept = np.bincount(groups, weights=values), counts > 0
    drawn = draws(int(kept.sum()), seed)
    means = (drawn @ sums[kept]) / (drawn @ counts[kept])
    return Interval(found, *bounds(means, level))


def draws(count: int, seed: int = 0) -> Floats:
    """Draw bootstrap weights of groups.

    Returns:
        How often each of `count` groups is drawn, shape (DRAWS, count). Each line sums to `count`.
    """
    return np.random.default_rng(seed).multinomial(count, [1 / count] * count, size=DRAWS).astype(np.float64)


def bounds(drawn: Floats, level: float = 0.95) -> tuple[float, float]:
    """Return Efron's percentile interval of the finite draws."""
    known = drawn[np.isfinite(drawn)]
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2]) if len(known) else (np.nan, np.nan)
    return float(low), float(high)


def share(count: int, rows: int, level: float = 0.95) -> Interval:
    """Return a share with Wilson's score interval.

    The interval (Wilson 1927) also holds near 0 and 1.

    Args:
        rows: at least one.
    """
    z = float(stats.norm.ppf((1 + level) / 2))
    p = count / rows
    centre, by = p + z**2 / (2 * rows), z * np.sqrt(p * (1 - p) / rows + z**2 / (4 * rows**2))
    total = 1 + z**2 / rows
    return Interval(p, float(max(0.0, (centre - by) / total)), float(min(1.0, (centre + by) / total)))


def difference(one: Interval, other: Interval) -> Interval:
    """Return the difference of two independent shares.

    The bounds follow from the shares' own intervals (Newcombe 1998, method 10).
    """
    found = one.value - other.value
    low = found - np.hypot(one.value - one.low, other.high - other.value)
    high = found + np.hypot(one.high - one.value, other.value - other.low)
    return Interval(found, float(low), float(high))


def holm(p: Sequence[float]) -> list[float]:
    """Adjust p-values for multiple testing (Holm 1979).

    They keep their order.
    """
    adjusted, highest = [0.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda at: p[at])):
        highest = max(highest, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = highest
    return adjusted
