"""The calibration of scores by known labels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from leeway.core import calibration_curve
from leeway.core.metrics import Floats
from leeway.detection.reference import MIN_ROWS, Reference
from leeway.monitoring.realised import RealisedPartition

FEWEST = 8  # partitions, for an interval
DRAWS = 1_000
SPREADS = 1.96
POINTS = 10  # of a curve


@dataclass(frozen=True)
class Off:
    """The calibration error of one class.

    Attributes:
        labels, partitions: how many it rests on.
        error: the root mean square difference between label shares and scores, in probability, without the labels' sampling
            noise.
        low, high: the bounds of the error; None where there are too few partitions.
        curve: groups of rows by score, lowest first: the number of rows, the mean score and the share of labels.
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
        chance: the standard error of `apart`.
        rates, scores: the share of labels and the mean score in each partition; None where it has no such row.
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
        """The share of labels minus the mean score."""
        return self.rate - self.score

    @property
    def surely(self) -> float:
        """The difference that sampling noise cannot explain."""
        return max(0.0, abs(self.apart) - SPREADS * self.chance)


def off(reference: Reference, score_columns: Sequence[str], known: Sequence[RealisedPartition]) -> list[Off]:
    """Return each watched class's calibration error, worst first.

    Args:
        score_columns: the columns of the scores, in the order of the classes.
        known: the realised performance of partitions that the same version scored.
    """
    found: list[Off] = []
    for k, (place, name) in enumerate(zip(reference.judged, reference.watched, strict=True)):
        sums = _sums(known, score_columns[place], k, len(reference.watched))
        if sums.sum():
            found.append(_off(name, sums))
    return sorted(found, key=lambda item: -item.error)


def slices(reference: Reference, columns: Sequence[str], known: Sequence[RealisedPartition]) -> list[CategorySlice]:
    """Return slices, those with most certain differences first.

    A slice is one value of a category. Values with few rows are left out.
    """
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
    """Return the k-th watched class's sums of each bin.

    They are rows, labels and scores in each partition, shape (T, bins, 3).
    """
    tables = [np.array(item.groups[column])[:, [0, 1 + k, 1 + classes + k]] for item in known if column in item.groups]
    return np.stack(tables) if tables else np.zeros((0, 0, 3))


def _off(name: str, sums: Floats) -> Off:
    """Return one class's calibration error.

    The interval comes from resampling partitions, since all rows of a night share an error. A resampled set repeats partitions
    and thus the sampling noise of their labels. The bias that all draws share is subtracted.
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
    """Merge bins until each holds enough information.

    Where a class is rare, few rows hold most of the information.
    """
    score = sums[:, 2] / np.maximum(sums[:, 0], 1)
    information = sums[:, 0] * score * (1 - score)
    found, together, held = [], np.zeros(3), 0.0
    for part, more in zip(sums, information, strict=True):
        together, held = together + part, held + more
        if together[0] and held >= information.sum() / POINTS:
            found.append(together)
            together, held = np.zeros(3), 0.0
    if together[0]:
        found.append(together)
    return [(int(rows), float(scored / rows), float(holding / rows)) for rows, holding, scored in found]
