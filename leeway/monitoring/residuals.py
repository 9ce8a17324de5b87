"""Residuals: where labels and scores part, column by column.

A drop in accuracy may be nobody's fault; a residual that a column predicts is something that a new model could learn. So
each column's bins are asked how far the scores in them are from the labels on average: with e_b the sum of y - p in bin b, n_b
its rows of n, and v_b the sum of p (1 - p), which is what chance alone would make of e_b squared,

    mse_j = sum_b (e_b^2 - v_b) / (n_b n)

is the mean squared error of the bins' mean scores, without what chance adds to it; so it is about zero, on either side, where
the scores are right. The score itself counts as a column: its residual is that of the calibration curve. Where there are
several classes, each is asked by itself, so that one that goes wrong is not lost among those that do not.
"""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from leeway.metrics import Bools, Floats
from leeway.monitoring.sketch import Binning

SCORE = "score"
MIN_ROWS = 20  # with fewer labels a partition says nothing


class ColumnResidual(BaseModel):
    """One column's residual: see the module.

    Attributes:
        mse: in squared probability.
    """

    model_config = ConfigDict(frozen=True)

    mse: float

    @property
    def error(self) -> float:
        """The root of `mse` with its sign, in probability."""
        return math.copysign(math.sqrt(abs(self.mse)), self.mse)

    def beyond(self, error: float) -> float:
        """How much of the error is not explained by an ordinary one: the root of the difference of their squares."""
        return math.sqrt(max(0.0, self.mse - math.copysign(error**2, error)))


def residuals(
    binnings: Mapping[str, Binning], scores: Mapping[str, Binning], x: pd.DataFrame, y: Bools, p: Floats
) -> dict[str, dict[str, ColumnResidual]]:
    """The residual of every class along every column, and along its own score.

    Args:
        binnings: the bins of every column.
        scores: the bins of every class's score, in the order of the classes.
        x: the columns, shape (n, columns).
        y, p: labels and scores, shape (n, K).
    """
    error, variance = y - p, p * (1 - p)
    found: dict[str, dict[str, ColumnResidual]] = {name: {} for name in scores}
    for column, binning in binnings.items():
        squares = _mse(binning, x[column], error, variance)
        for name, mse in zip(scores, squares.tolist(), strict=True):
            found[name][column] = ColumnResidual(mse=mse)
    for k, (name, binning) in enumerate(scores.items()):
        (mse,) = _mse(binning, pd.Series(p[:, k]), error[:, [k]], variance[:, [k]]).tolist()
        found[name][SCORE] = ColumnResidual(mse=mse)
    return found


def _mse(binning: Binning, column: "pd.Series[float]", error: Floats, variance: Floats) -> Floats:
    """The mean squared error along a column of every class, shape (K,)."""
    bins, count = binning.bin(column), error.shape[1]
    cells = (bins[:, None] * count + np.arange(count)).ravel()
    e, v = (
        np.bincount(cells, weights=values.ravel(), minlength=binning.size * count).reshape(binning.size, count)
        for values in (error, variance)
    )
    n = np.maximum(np.bincount(bins, minlength=binning.size), 1)[:, None]
    return np.asarray(((e**2 - v) / n).sum(axis=0) / max(len(error), 1))
