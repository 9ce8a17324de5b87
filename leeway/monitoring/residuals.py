"""Residuals: where labels and scores part, column by column.

A drop in accuracy may be nobody's fault; a residual that a column predicts is something that a new model could learn. So
each column's bins are asked how far the scores in them are from the labels on average: with e_b the sum of y - p in bin b, n_b
its rows of n, and v_b the sum of p (1 - p), which is what chance alone would make of e_b squared,

    mse_j = sum_b (e_b^2 - v_b) / (n_b n)

is the mean squared error of the bins' mean scores, without what chance adds to it; so it is about zero, on either side, where
the scores are right. The score itself counts as a column: its residual is that of the calibration curve.
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


def residuals(binnings: Mapping[str, Binning], x: pd.DataFrame, y: Bools, p: Floats) -> dict[str, ColumnResidual]:
    """The residual of every column.

    Args:
        binnings: the bins of every column, the score's own included.
        x: the columns but for the score, shape (n, columns).
        y, p: labels and scores, shape (n,).
    """
    error, variance = y - p, p * (1 - p)
    columns = x.assign(**{SCORE: p})
    return {name: _residual(binning, columns[name], error, variance) for name, binning in binnings.items()}


def _residual(binning: Binning, column: "pd.Series[float]", error: Floats, variance: Floats) -> ColumnResidual:
    bins = binning.bin(column)
    e = np.bincount(bins, weights=error, minlength=binning.size)
    v = np.bincount(bins, weights=variance, minlength=binning.size)
    n = np.maximum(np.bincount(bins, minlength=binning.size), 1)
    return ColumnResidual(mse=float(((e**2 - v) / n).sum() / max(len(error), 1)))
