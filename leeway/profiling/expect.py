"""From a profile to a suite: expectations that bad data breaks and the next clean delivery does not.

Margins follow from the sample: a share that was seen in `seen` of `rows` is allowed to be, in the next delivery, what a
beta-binomial distribution (Jeffreys' prior) gives to it at most once in `1 / RISK` deliveries, the suite's expectations
together, and at least what any partition of the sample had.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import betabinom

from leeway.audit import HOURS_TO_END
from leeway.profiling import values
from leeway.profiling.columns import Column

RISK = 0.002  # that a clean delivery is rejected, over all expectations
LEAST_MARGIN = 0.02  # of a delivery's rows
CLOSED = 30  # a column with more values than this may always bring a new one
WIDER = 10.0  # times what was seen, for numbers whose largest lie far from the others


@dataclass(frozen=True)
class Expectation:
    """One expectation, by its class in `great_expectations.expectations`."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Deliveries:
    """How the sample's rows fall into deliveries.

    Attributes:
        keys: per sampled row, the number of its partition, -1 for none; None where all came at once.
        sizes: rows of each partition in the whole source.
        hours_to_end: per partition, from its last event to its end; empty where times are dates only.
    """

    keys: np.ndarray | None
    sizes: Sequence[int]
    hours_to_end: Sequence[float] = ()
    period: float = math.inf

    @property
    def typical(self) -> int:
        """The rows of an ordinary delivery."""
        return max(1, int(np.median(self.sizes)))


def suite(columns: Sequence[Column], event_id: str | None, deliveries: Deliveries) -> list[Expectation]:
    """The expectations of the declared columns, those about the whole delivery first."""
    found = [_volume(deliveries), *_freshness(deliveries)]
    if event_id is not None:
        found.append(Expectation("ExpectColumnValuesToBeUnique", {"column": event_id}))
    margin = _Margin(deliveries, RISK / max(1, 3 * len(columns)))
    for column in columns:
        found.extend(_of_column(column, margin))
    return found


@dataclass(frozen=True)
class _Margin:
    deliveries: Deliveries
    risk: float

    def allowed(self, bad: pd.Series) -> float:
        """The largest share of bad rows that a clean delivery may have."""
        rows, size = len(bad), self.deliveries.typical
        seen = int(bad.sum())
        chance = float(betabinom.ppf(1 - self.risk, size, seen + 0.5, rows - seen + 0.5)) / size
        worst, wander = 0.0, 0.0
        if self.deliveries.keys is not None:
            dated = self.deliveries.keys >= 0
            keys = self.deliveries.keys[dated]
            shares = np.bincount(keys, weights=bad.to_numpy(dtype=float)[dated]) / np.maximum(np.bincount(keys), 1)
            worst, wander = float(shares.max()), float(shares.max() - shares.min())
        return min(1.0, max(chance, worst + wander) + LEAST_MARGIN)


def _volume(deliveries: Deliveries) -> Expectation:
    if deliveries.keys is None:
        return Expectation("ExpectTableRowCountToBeBetween", {"min_value": 1})
    least, most = max(1, min(deliveries.sizes) // 2), _round_up(4 * max(deliveries.sizes))
    return Expectation("ExpectTableRowCountToBeBetween", {"min_value": least, "max_value": most})


def _freshness(deliveries: Deliveries) -> Iterator[Expectation]:
    if len(deliveries.hours_to_end) >= 3:
        limit = _round_up(2 * max(deliveries.hours_to_end) + deliveries.period / 24)
        if limit < deliveries.period:
            yield Expectation("ExpectColumnMinToBeBetween", {"column": HOURS_TO_END, "max_value": limit})


def _of_column(column: Column, margin: _Margin) -> Iterator[Expectation]:
    missing = column.values.isna()
    if not missing.any():
        mostly = _mostly(margin.allowed(missing))
        yield Expectation("ExpectColumnValuesToNotBeNull", {"column": column.name, "mostly": mostly})
    elif (least := 1 - margin.allowed(missing)) > 0.01:
        least = math.floor(least * 100) / 100
        yield Expectation(
            "ExpectColumnProportionOfNonNullValuesToBeBetween", {"column": column.name, "min_value": least}
        )
    if column.holds == "numeric":
        yield from _range(column, margin)
    if column.holds == "categorical" and (known := _closed(column)) is not None:
        mostly = _mostly(margin.allowed(pd.Series(np.zeros(len(missing), dtype=bool))))
        arguments = {"column": column.name, "value_set": known, "mostly": mostly}
        yield Expectation("ExpectColumnValuesToBeInSet", arguments)


def _range(column: Column, margin: _Margin) -> Iterator[Expectation]:
    given = column.values.dropna().astype("float64")
    given = given[np.isfinite(given)]
    if given.empty:
        return
    least, most = float(given.min()), float(given.max())
    lower, middle, upper = np.quantile(given, [0.01, 0.5, 0.99])
    spread = max(upper - lower, abs(middle), 1e-9)
    above = max(WIDER * (most - upper), 2 * spread)
    below = 0.0 if least >= 0 else max(WIDER * (lower - least), 2 * spread)
    # Nothing but its past says how large a number may be; that none was ever negative is worth a rule.
    arguments = {
        "column": column.name,
        "min_value": 0 if least >= 0 else -_round_up(below - least),
        "max_value": _round_up(most + above),
        "mostly": _mostly(margin.allowed(pd.Series(np.zeros(len(column.values), dtype=bool)))),
    }
    yield Expectation("ExpectColumnValuesToBeBetween", arguments)


def _closed(column: Column) -> list[str] | None:
    """All values of a column that has shown all it has: few, and none of them only once or twice (Good and Turing)."""
    counts = column.values.dropna().astype("str").value_counts()
    if len(counts) > CLOSED or counts.min() < 3:
        return None
    return sorted(counts.index)


def _mostly(allowed: float) -> float:
    return max(0.0, math.floor((1 - allowed) * 100) / 100)


def _round_up(value: float) -> float:
    """To two significant digits, upwards."""
    if value <= 0:
        return 0
    scale = 10.0 ** (math.floor(math.log10(value)) - 1)
    rounded = math.ceil(value / scale - 1e-9) * scale
    return int(rounded) if values.is_whole(pd.Series([rounded])) else float(f"{rounded:.3g}")
