"""Data faults: errors of a source, a join or a delivery.

They are no drift. A partition with a fault is neither learnt from nor compared with, and starts no retraining.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict
from scipy import stats

from leeway.core.metrics import Floats
from leeway.detection.sketch import Binning, Bins, Sketch, pairs, products, ranks

VOLUME_FACTOR = 4.0
# Bursts are shares of rows above any partition of the reference, and any recent clean one: slow growth is drift.
NULL_BURST = 0.05
UNSEEN_BURST = 0.10
OUTSIDE_BURST = 0.20
VALUE_BURST = 0.03  # of a number's rare value
RARE_VALUE = 0.01  # in every reference partition: a more frequent value may well become more frequent still
LEAST_PROBABILITY = 1e-6  # a count less probable than this is no sampling noise
CORRELATION_CHANGE, CHANGE_SPREADS = 0.25, 8.0  # a correlation's change, and the same in its standard deviations
FEWEST = 60  # rows, to find that two partitions are the same, or that one has each row twice
LEAST_RANKS = 0.5  # of the variance of evenly spread ranks: a number within a few bins has no useful correlation
NEVER = 9.0  # a standard deviation that no change of a correlation exceeds
KNOWN_VALUES = 20


class Clean(BaseModel):
    """The properties of fault-free partitions.

    Attributes:
        least_rows, most_rows: of a partition.
        nulls: for each column of the source, the largest share of nulls in a partition.
        values: for each number among these, its most frequent values, each with its largest share of a partition. The smallest
            of these shares is taken for every other value.
        correlations, spreads: for each pair of numbers, the rank correlation, and its standard deviation over partitions.
    """

    model_config = ConfigDict(frozen=True)

    least_rows: int
    most_rows: int
    nulls: dict[str, float]
    values: dict[str, list[tuple[float, float]]]
    correlations: list[float]
    spreads: list[float]

    @classmethod
    def learn(
        cls,
        binnings: Mapping[str, Binning],
        bins: Mapping[str, Bins],
        x: pd.DataFrame,
        place: Bins,
        volumes: Sequence[int],
    ) -> "Clean":
        """Learn the properties from all partitions.

        Args:
            bins: each row's bin, for every column.
            x: the features of the rows; place: each row's partition.
            volumes: how many events each partition has, labelled or not.
        """
        rows = np.bincount(place)
        own = [{name: column[place == part] for name, column in bins.items()} for part in range(len(rows))]
        found = [_correlations(binnings, _counts(binnings, part), products(binnings, part)) for part in own]
        given = [name for name, binning in binnings.items() if binning.given]
        nulls = {name: bins[name] == binnings[name].size - 1 for name in given}
        return cls(
            least_rows=min(volumes),
            most_rows=max(volumes),
            nulls={name: float((np.bincount(place, null) / rows).max()) for name, null in nulls.items()},
            values={name: _values(x[name], place, rows) for name in given if binnings[name].edges is not None},
            correlations=np.nan_to_num(np.mean(found, axis=0)).tolist(),
            spreads=np.nan_to_num(np.std(found, axis=0), nan=NEVER).tolist(),
        )

    def faults(self, binnings: Mapping[str, Binning], observed: Sketch, before: Sequence[Sketch]) -> Iterator[str]:
        """Yield the faults of a partition, in words.

        Args:
            before: the clean partitions before it.
        """
        volumes = [self.least_rows, self.most_rows, *(earlier.rows for earlier in before if earlier.rows)]
        if not min(volumes) / VOLUME_FACTOR <= observed.rows <= max(volumes) * VOLUME_FACTOR:
            events = "1 event" if observed.rows == 1 else f"{observed.rows} events"
            yield f"{events}; the reference's partitions have {self.least_rows} to {self.most_rows}"
        if not observed.rows:
            return
        for name, most in self.nulls.items():
            lately = _most(before, [earlier.counts[name][-1] for earlier in before])
            if (share := observed.counts[name][-1] / observed.rows) > max(most, lately) + NULL_BURST:
                yield f"{name} is missing in {share:.0%} of the rows"
        for name, count in observed.unseen.items():
            lately = _most(before, [earlier.unseen[name] for earlier in before])
            if binnings[name].given and (share := count / observed.rows) > lately + UNSEEN_BURST:
                yield f"{name} has unseen values in {share:.0%} of the rows"
        for name in self.values:
            yield from self._of_number(name, observed, before)
        if observed.rows >= FEWEST:
            yield from _repeated(observed, before)
            yield from self._changed_correlations(binnings, observed, before)

    def _of_number(self, name: str, observed: Sketch, before: Sequence[Sketch]) -> Iterator[str]:
        lately = _most(before, [earlier.outside[name] for earlier in before])
        if (share := observed.outside[name] / observed.rows) > lately + OUTSIDE_BURST:
            yield f"{name} is far outside its known range in {share:.0%} of the rows"
        known = dict(self.values[name])
        rarest = min(known.values(), default=0.0)
        for value, count in observed.common[name]:
            lately = _most(before, [dict(earlier.common[name]).get(value, 0) for earlier in before])
            most, share = max(known.get(value, rarest), lately), count / observed.rows
            if (
                most < RARE_VALUE
                and share > most + VALUE_BURST
                and count > stats.binom.isf(LEAST_PROBABILITY, observed.rows, most)
            ):
                yield f"{name} is {value:g} in {share:.0%} of the rows; until now in at most {most:.0%}"

    def _changed_correlations(
        self, binnings: Mapping[str, Binning], observed: Sketch, before: Sequence[Sketch]
    ) -> Iterator[str]:
        """Yield a fault where the correlation of two numbers changed.

        The cause is often swapped columns, or rows joined to the wrong ones.
        """
        if not self.correlations:
            return
        now = _correlations(binnings, observed.counts, np.asarray(observed.products))
        change = np.nan_to_num(np.abs(now - np.asarray(self.correlations)))
        far = np.maximum(CORRELATION_CHANGE, CHANGE_SPREADS * np.maximum(self.spreads, 1 / np.sqrt(observed.rows)))
        out = change > far
        for earlier in before if out.any() else ():
            was = _correlations(binnings, earlier.counts, np.asarray(earlier.products))
            out &= ~(np.abs(now - was) <= far)
        if out.any():
            one, two = pairs(binnings)[int(np.argmax(np.where(out, change, 0.0)))]
            place = int(np.argmax(np.where(out, change, 0.0)))
            more = f", and {int(out.sum()) - 1} more pairs" if out.sum() > 1 else ""
            yield (
                f"the correlation of {one} and {two} changed to {now[place]:+.2f} from "
                f"{self.correlations[place]:+.2f}{more}: swapped columns, or a wrong join?"
            )


def _most(before: Sequence[Sketch], counts: Sequence[int]) -> float:
    """Return the largest share of a count in earlier partitions."""
    return max(
        (count / earlier.rows for earlier, count in zip(before, counts, strict=True) if earlier.rows), default=0.0
    )


def _repeated(observed: Sketch, before: Sequence[Sketch]) -> Iterator[str]:
    if any(observed.rows == earlier.rows and observed.counts == earlier.counts for earlier in before):
        yield "its rows are those of an earlier partition"
    filled = [count for counts in observed.counts.values() for count in counts if count]
    if len(filled) >= FEWEST and all(count % 2 == 0 for count in filled):
        yield "every row is there twice"


def _correlations(binnings: Mapping[str, Binning], counts: Mapping[str, Sequence[int]], sums: Floats) -> Floats:
    """Compute the rank correlation of each pair of numbers.

    It is NaN where one of them hardly varies.

    Args:
        sums: the sums of the products of their ranks.
    """
    watched = pairs(binnings)
    moments = {}
    for name in dict.fromkeys(name for pair in watched for name in pair):
        rows, rank = np.asarray(counts[name]), ranks(binnings[name])
        mean = float(rows @ rank) / max(rows.sum(), 1)
        variance = float(rows @ rank**2) / max(rows.sum(), 1) - mean**2
        moments[name] = mean, variance**0.5 if variance > LEAST_RANKS / 12 else math.nan
    total = max(1, int(np.sum(next(iter(counts.values()), [0]))))
    return np.array(
        [
            (product / total - moments[one][0] * moments[two][0]) / (moments[one][1] * moments[two][1])
            for product, (one, two) in zip(sums, watched, strict=True)
        ]
    )


def _counts(binnings: Mapping[str, Binning], bins: Mapping[str, Bins]) -> dict[str, list[int]]:
    return {name: np.bincount(own, minlength=binnings[name].size).tolist() for name, own in bins.items()}


def _values(column: "pd.Series[float]", place: Bins, rows: Bins) -> list[tuple[float, float]]:
    """Return a number's most frequent values.

    Each has its largest share of a partition.
    """
    common = column.value_counts().head(KNOWN_VALUES).index
    found = [(float(value), float((np.bincount(place, column == value, len(rows)) / rows).max())) for value in common]
    return sorted(found, key=lambda item: -item[1])
