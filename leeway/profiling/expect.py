"""Expectations from a profile.

Bad data breaks them, and the next clean delivery does not. Margins follow from the sample: a share that was seen in `seen` of
`rows` may reach, in the next delivery, a value that a beta-binomial distribution (Jeffreys' prior) exceeds once in `1 / RISK`
deliveries, over all expectations of the suite, and at least the largest share of any partition of the sample. Where the size of
deliveries is unknown, they may be as small as `SMALL`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import betabinom, t

from leeway.ingest.audit import HOURS_TO_END
from leeway.profiling import values
from leeway.profiling.columns import ColumnProfile

RISK = 0.002  # that a clean delivery is rejected, over all expectations
ROOM = 0.8  # of the fewest rows that a delivery may have by sampling noise
LEAST_MARGIN = 0.02  # of a delivery's rows
SMALL = 50  # rows of a delivery, where the sample does not say how rows are delivered
QUARANTINED = 0.02  # of a delivery's rows, at most, by rules against gaps that a small sample did not show
CLOSED = 30  # a column with more values than this may always bring a new one
MIDDLE = 10.0  # times the median seen, either way, for numbers whose range does not show a change of unit
UNIT = 100.0  # a change of unit: cents for euros, metres for centimetres
NEAR_ZERO = 0.05  # of the spread
WIDER = 10.0  # times the distance seen, for numbers whose largest lie far from the others


@dataclass(frozen=True)
class Expectation:
    """One expectation, by its class in `great_expectations.expectations`."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Deliveries:
    """The sample's rows by delivery.

    Attributes:
        keys: per sampled row, the number of its partition, -1 for none; None where all came at once.
        sizes: rows of each partition in the whole source.
        hours_to_end: per partition, from its last event to its end; empty where times are dates only.
        period: hours of a partition.
        exact: whether the sizes were counted; else estimated from a sample.
    """

    keys: np.ndarray | None
    sizes: Sequence[int]
    hours_to_end: Sequence[float] = ()
    period: float = math.inf
    exact: bool = True

    @property
    def small(self) -> int:
        """The rows of a delivery smaller than most."""
        if self.keys is None:
            return min(SMALL, *self.sizes)
        return max(1, int(np.quantile(self.sizes, 0.05)))

    def each(self, column: pd.Series, how: Literal["mean", "median"]) -> np.ndarray:
        """Return a column's mean or median in every delivery.

        A delivery without a value of it is left out; there is at least one number.
        """
        if self.keys is None:
            found = np.array([column.agg(how)], dtype="float64")
        else:
            dated = self.keys >= 0
            found = column[dated].groupby(self.keys[dated]).agg(how).to_numpy(dtype="float64")
        found = found[np.isfinite(found)]
        return found if len(found) else np.zeros(1)


def suite(columns: Sequence[ColumnProfile], event_id: str | None, deliveries: Deliveries) -> list[Expectation]:
    """Build the suite of the declared columns.

    Expectations about the whole delivery come first.
    """
    found = [_volume(deliveries), *_freshness(deliveries)]
    if event_id is not None:
        found.append(Expectation("ExpectColumnValuesToBeUnique", {"column": event_id}))
    margin = _Margin(deliveries, RISK / max(1, 3 * len(columns)), columns=len(columns))
    for column in columns:
        found.extend(_of_column(column, margin))
    return found


@dataclass(frozen=True)
class _Margin:
    deliveries: Deliveries
    risk: float
    columns: int

    def allowed(self, bad: pd.Series) -> float:
        """Return the largest share of bad rows in a clean delivery."""
        rows, size = len(bad), self.deliveries.small
        seen = int(bad.sum())
        sampled = float(betabinom.ppf(1 - self.risk, size, seen + 0.5, rows - seen + 0.5)) / size
        shares = (
            self.deliveries.each(bad.astype("float64"), "mean") if self.deliveries.keys is not None else np.zeros(1)
        )
        worst, wander = float(shares.max()), float(shares.max() - shares.min())
        return min(1.0, max(sampled, worst + wander) + LEAST_MARGIN)


def _volume(deliveries: Deliveries) -> Expectation:
    if deliveries.keys is None:
        return Expectation("ExpectTableRowCountToBeBetween", {"min_value": 1})
    seen = min(deliveries.sizes) if deliveries.exact else min(deliveries.sizes) // 2
    least, most = max(1, seen // 4, min(seen, _fewest(deliveries.sizes))), _round_up(4 * max(deliveries.sizes))
    return Expectation("ExpectTableRowCountToBeBetween", {"min_value": least, "max_value": most})


def _fewest(sizes: Sequence[int]) -> int:
    """Predict the fewest rows of the next delivery.

    It is the bound of a prediction interval of the logarithms, with some room. The first and the last partition are left out:
    the sample may have begun and ended within them.
    """
    whole = np.log(np.maximum(sizes[1:-1] if len(sizes) > 3 else sizes, 1))
    if len(whole) < 2:
        return int(np.exp(whole.min())) // 2
    error = float(whole.std(ddof=1)) * math.sqrt(1 + 1 / len(whole))
    predicted = float(whole.mean()) - float(t.ppf(1 - RISK / 2, len(whole) - 1)) * error
    beyond = 2 * float(whole.min()) - float(np.median(whole))  # as far below the least as that is below the middle
    return int(ROOM * math.exp(min(predicted, beyond)))


def _freshness(deliveries: Deliveries) -> Iterator[Expectation]:
    if len(deliveries.hours_to_end) >= 3:
        limit = _round_up(2 * max(deliveries.hours_to_end) + deliveries.period / 24)
        if limit < deliveries.period:
            yield Expectation("ExpectColumnMinToBeBetween", {"column": HOURS_TO_END, "max_value": limit})


def _of_column(column: ColumnProfile, margin: _Margin) -> Iterator[Expectation]:
    missing = column.values.isna()
    gaps = 0.5 / (len(missing) + 1) * margin.columns  # expected share of rows with one that the sample did not have
    if not missing.any() and gaps <= QUARANTINED:
        mostly = _mostly(margin.allowed(missing))
        yield from _held("ExpectColumnValuesToNotBeNull", {"column": column.name}, mostly)
    elif (least := 1 - margin.allowed(missing)) > 0.01:
        least = math.floor(least * 100) / 100
        yield Expectation(
            "ExpectColumnProportionOfNonNullValuesToBeBetween", {"column": column.name, "min_value": least}
        )
    if column.holds == "numeric":
        yield from _range(column, margin)
    if column.holds == "categorical" and (known := _closed(column, margin.deliveries)) is not None:
        mostly = _mostly(margin.allowed(pd.Series(np.zeros(len(missing), dtype=bool))))
        yield from _held("ExpectColumnValuesToBeInSet", {"column": column.name, "value_set": known}, mostly)


def _range(column: ColumnProfile, margin: _Margin) -> Iterator[Expectation]:
    given = column.values.dropna().astype("float64")
    given = given[np.isfinite(given)]
    if given.empty:
        return
    least, most = float(given.min()), float(given.max())
    lower, middle, upper = np.quantile(given, [0.01, 0.5, 0.99])
    spread = max(upper - lower, abs(middle), 1e-9)
    above = max(WIDER * (most - upper), 2 * spread)
    below = max(WIDER * (lower - least), 2 * spread)
    # Only its past shows how large a number may be. That none was ever negative is worth a rule, unless they are measured
    # and all far from 0, as temperatures in summer.
    natural = least >= 0 and (least <= NEAR_ZERO * spread or values.is_whole(given))
    largest = _round_up(most + above) if most + above > 0 else -_round_down(-most - above)
    arguments = {
        "column": column.name,
        "min_value": 0 if natural else -_round_up(below - least) if below > least else 0,
        "max_value": largest,
    }
    mostly = _mostly(margin.allowed(pd.Series(np.zeros(len(column.values), dtype=bool))))
    yield from _held("ExpectColumnValuesToBeBetween", arguments, mostly)
    yield from _middle(column.name, given.reindex(column.values.index), largest, margin.deliveries)


def _middle(name: str, numbers: pd.Series, largest: float, deliveries: Deliveries) -> Iterator[Expectation]:
    """Bound the median, where the range is too wide.

    Most numbers of such a column would stay within the range if their unit changed.
    """
    if UNIT * float(numbers.median()) > largest:
        return
    reach = 2 / math.sqrt(deliveries.small)  # four standard errors of where a small delivery's median lies
    likely = numbers.quantile([max(0.0, 0.5 - reach), min(1.0, 0.5 + reach)])
    medians = [*deliveries.each(numbers, "median"), *likely]
    if min(medians) > 0:
        bounds = {"min_value": _round_down(min(medians) / MIDDLE), "max_value": _round_up(max(medians) * MIDDLE)}
        yield Expectation("ExpectColumnMedianToBeBetween", {"column": name, **bounds})


def _closed(column: ColumnProfile, deliveries: Deliveries) -> list[str] | None:
    """Return all values of a column, if the sample has them all.

    They are few, and none occurs only once or twice (Good and Turing). With a time, none is new in its second half.
    """
    text = column.values.dropna().astype("str")
    counts = text.value_counts()
    if len(counts) > CLOSED or counts.min() < 3:
        return None
    if deliveries.keys is not None:
        early = deliveries.keys[text.index] <= np.median(deliveries.keys)
        if set(text[early]) != set(counts.index):
            return None
    return sorted(counts.index)


def _held(name: str, arguments: Mapping[str, Any], mostly: float) -> Iterator[Expectation]:
    """Yield an expectation of most rows.

    There is none where deliveries are so small that a single row would break it.
    """
    if mostly > 0:
        yield Expectation(name, {**arguments, "mostly": mostly})


def _mostly(allowed: float) -> float:
    return max(0.0, math.floor((1 - allowed) * 100) / 100)


def _round_up(value: float) -> float:
    """Round up to two significant digits."""
    if value <= 0:
        return 0
    scale = 10.0 ** (math.floor(math.log10(value)) - 1)
    rounded = math.ceil(value / scale - 1e-9) * scale
    return int(rounded) if values.is_whole(pd.Series([rounded])) else float(f"{rounded:.3g}")


def _round_down(value: float) -> float:
    """Round a positive number down to two significant digits."""
    scale = 10.0 ** (math.floor(math.log10(value)) - 1)
    rounded = math.floor(value / scale + 1e-9) * scale
    return int(rounded) if values.is_whole(pd.Series([rounded])) else float(f"{rounded:.3g}")
