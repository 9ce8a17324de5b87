"""How far scores are off, by labels that are known: overall, and by the values of categories."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from leeway.core import calibration_curve
from leeway.core.metrics import Floats
from leeway.detection.reference import MIN_ROWS, Reference
from leeway.monitoring.realised import RealisedPartition

FEWEST = 8  # partitions, to say how sure it is
DRAWS = 1_000
SPREADS = 1.96
POINTS = 10  # of a curve


@dataclass(frozen=True)
class Off:
    """How far the scores of a class are off.

    Attributes:
        labels, partitions: by how many.
        error: the root mean square of how far label shares lie from scores, in probability, beyond what the luck of the labels
            makes of it; `low` and `high` bound it, where there are enough partitions to say.
        curve: for some groups of rows by their scores, how many, the mean score and the share of labels; the lowest first.
    """

    of_class: str
    labels: int
    partitions: int
    error: float
    low: float | None
    high: float | None
    curve: list[tuple[int, float, float]]


@dataclass(frozen=True)
class CategorySlice:
    """The rows with one value of a category.

    Attributes:
        apart: by how far the share of labels lies from the mean score, and `chance` the standard error of that.
        rates, scores: of each partition; None where it has no such row.
    """

    column: str
    value: str
    of_class: str
    rows: int
    rate: float
    score: float
    chance: float
    rates: list[float | None]
    scores: list[float | None]

    @property
    def apart(self) -> float:
        """By how far the share of labels lies from the mean score."""
        return self.rate - self.score

    @property
    def surely(self) -> float:
        """How far they surely lie apart."""
        return max(0.0, abs(self.apart) - SPREADS * self.chance)


def off(reference: Reference, score_columns: Sequence[str], known: Sequence[RealisedPartition]) -> list[Off]:
    """How far the scores of each class that is watched are off, the worst first.

    Args:
        score_columns: the columns of the scores, in the order of the classes.
        known: what labels said of partitions that the same version scored.
    """
    found: list[Off] = []
    for k, (place, name) in enumerate(zip(reference.judged, reference.watched, strict=True)):
        sums = _sums(known, score_columns[place], k, len(reference.watched))
        if sums.sum():
            found.append(_off(name, sums))
    return sorted(found, key=lambda item: -item.error)


def slices(reference: Reference, columns: Sequence[str], known: Sequence[RealisedPartition]) -> list[CategorySlice]:
    """The values of categories, but for those with hardly a row; where labels and scores part most, and surely, comes first."""
    found = [item for name in columns for item in _slices(reference, name, known)]
    return sorted(found, key=lambda item: (-item.surely, -abs(item.apart)))


def _slices(reference: Reference, column: str, known: Sequence[RealisedPartition]) -> Iterator[CategorySlice]:
    values = [*(reference.binnings[column].values or ()), "rare values", "missing"]
    for k, of_class in enumerate(reference.watched):
        sums = _sums(known, column, k, len(reference.watched))
        for place, value in enumerate(values):
            rows, holding, scored = sums[:, place].sum(axis=0)
            if rows < MIN_ROWS:
                continue
            score = scored / rows
            by_partition = [
                (part[1] / part[0], part[2] / part[0]) if part[0] else (None, None) for part in sums[:, place]
            ]
            yield CategorySlice(
                column,
                value,
                of_class,
                int(rows),
                float(holding / rows),
                float(score),
                float(np.sqrt(max(score * (1 - score), 1e-9) / rows)),
                [None if rate is None else float(rate) for rate, _ in by_partition],
                [None if mean is None else float(mean) for _, mean in by_partition],
            )


def _sums(known: Sequence[RealisedPartition], column: str, k: int, classes: int) -> Floats:
    """Rows, labels and scores of the k-th watched class in each partition and bin, shape (T, bins, 3)."""
    tables = [np.array(item.groups[column])[:, [0, 1 + k, 1 + classes + k]] for item in known if column in item.groups]
    return np.stack(tables) if tables else np.zeros((0, 0, 3))


def _off(name: str, sums: Floats) -> Off:
    """How far one class is off.

    The interval is by drawing partitions, for what is off on one night is off in all of its rows. A drawn set has partitions
    twice, so the luck of their labels, too: what all draws have too much of is taken off again.
    """
    squared, count = float(calibration_curve.squared_error(sums.sum(axis=0))), len(sums)
    low = high = None
    if count >= FEWEST:
        times = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), DRAWS)
        low, high = calibration_curve.around(
            squared, calibration_curve.squared_error(np.tensordot(times, sums, axes=1))
        )
    whole = sums.sum(axis=0)
    return Off(name, int(whole[:, 0].sum()), count, calibration_curve.root(squared), low, high, _curve(whole))


def _curve(sums: Floats) -> list[tuple[int, float, float]]:
    """Bins together until each has a fair part of what labels can tell: much of it lies in few rows where a class is rare."""
    score = sums[:, 2] / np.maximum(sums[:, 0], 1)
    tells = sums[:, 0] * score * (1 - score)
    found, together, told = [], np.zeros(3), 0.0
    for part, more in zip(sums, tells, strict=True):
        together, told = together + part, told + more
        if together[0] and told >= tells.sum() / POINTS:
            found.append(together)
            together, told = np.zeros(3), 0.0
    if together[0]:
        found.append(together)
    return [(int(rows), float(scored / rows), float(holding / rows)) for rows, holding, scored in found]
