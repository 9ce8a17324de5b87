"""The calibration error of one class, with its interval.

It measures how far probabilities are from the shares of labels. Rows are put into bins by their probability. A bin is its
number of rows, of positive labels, and the sum of its probabilities.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from leeway.core import intervals
from leeway.core.metrics import Bools, Floats, equally_filled

BINS = 15
DRAWS = 1_000
WITHIN = (0.025, 0.975)


@dataclass(frozen=True)
class Calibrated:
    """The calibration of one class.

    Attributes:
        rows: the number of rows it was measured on.
        error: the root mean square of the distance between label shares and probabilities, less the labels' sampling noise;
            `low` and `high` bound it in 95 of 100 cases.
        brier: the mean squared error of the probabilities; up to what varies within bins it is `reliability` less `resolution`
            plus `uncertainty` (Murphy, "A new vector partition of the probability score", 1973).
        curve: of each bin, the lowest first: rows, mean probability, share of labels, and its bounds (Wilson 1927).
    """

    rows: int
    error: float
    low: float
    high: float
    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    curve: list[tuple[int, float, float, float, float]]


def calibrated(y: Bools, p: Floats, bins: int = BINS) -> Calibrated:
    """Measure the calibration of one class.

    Args:
        y, p: whether the class holds, and its probability, shape (n,), n > 0.
    """
    sums = binned(y, p, bins)
    rows, holding, scored = sums.T
    rate, score, base = holding / rows, scored / rows, float(y.mean())
    reliability, resolution = (float((rows * part**2).sum() / len(y)) for part in (rate - score, rate - base))
    low, high = _interval(sums)
    shares = [intervals.share(int(hits), int(count)) for count, hits, _ in sums]
    return Calibrated(
        rows=len(y),
        error=root(float(squared_error(sums))),
        low=low,
        high=high,
        brier=float(((p - y) ** 2).mean()),
        reliability=reliability,
        resolution=resolution,
        uncertainty=base * (1 - base),
        curve=[
            (int(count), float(mean), share.value, share.low, share.high)
            for count, mean, share in zip(rows, score, shares, strict=True)
        ],
    )


def binned(y: Bools, p: Floats, bins: int = BINS) -> Floats:
    """Sum up equally filled bins.

    Returns:
        Rows, positive labels, and the sum of probabilities of each bin, shape (bins, 3). No bin is empty; there are fewer
        bins where many probabilities are equal.
    """
    parts = equally_filled(p, bins)
    return np.array([[len(part), y[part].sum(), p[part].sum()] for part in parts], dtype="float64")


def squared_error(sums: Floats) -> Any:
    """Return the squared calibration error without sampling noise.

    Kumar, Liang & Ma, "Verified uncertainty calibration", NeurIPS 2019.

    Args:
        sums: rows, labels and probabilities of each bin, shape (..., bins, 3).

    Returns:
        The errors, shape (...,). A perfectly calibrated class has one near zero, which may be negative.
    """
    rows = sums[..., 0]
    least = np.maximum(rows, 1)
    rate, score = sums[..., 1] / least, sums[..., 2] / least
    squared = (rate - score) ** 2 - rate * (1 - rate) / np.maximum(rows - 1, 1)
    return (np.where(rows > 1, squared, 0.0) * rows).sum(axis=-1) / np.maximum(rows.sum(axis=-1), 1)


def root(squared: float) -> float:
    """Return the square root; zero for a negative value."""
    return float(np.sqrt(max(0.0, squared)))


def around(squared: float, drawn: Floats) -> tuple[float, float]:
    """Bound an error by the errors of drawn sets.

    The mean of the draws is subtracted, so that a bias of all draws does not move the bounds.

    Args:
        squared: the squared error.
        drawn: the squared errors of the drawn sets.
    """
    low, high = (root(squared + float(np.quantile(drawn, at) - drawn.mean())) for at in WITHIN)
    return low, high


def _interval(sums: Floats) -> tuple[float, float]:
    """Bound the error by drawing each bin's labels anew."""
    rows, holding, scored = sums.T
    drawn = np.random.default_rng(0).binomial(rows.astype("int64"), holding / rows, (DRAWS, len(rows)))
    shape = drawn.shape
    again = np.stack([np.broadcast_to(rows, shape), drawn, np.broadcast_to(scored, shape)], axis=-1)
    return around(float(squared_error(sums)), np.asarray(squared_error(again)))
