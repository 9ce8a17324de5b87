"""Residuals: where labels and scores part, column by column.

A drop in accuracy may be nobody's fault; a residual that a column predicts is something that a new model could learn. So
each column's bins are asked whether the scores in them are right on average: with e_b the sum of y - p in bin b, n_b its rows
and v_b the sum of p (1 - p), the variance of e_b were the scores right,

    chi_j = sqrt(sum_b e_b^2 / (v_b + 1/2))          how surely the scores are wrong somewhere along column j
    mse_j = sum_b (e_b^2 - v_b) / (n_b n)            by how much: the mean squared error of the bins' mean score, without
                                                     what chance adds to it (so it may come out below zero)

The score itself counts as a column: its row is the calibration curve.
"""

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
        chi: of no unit; about the square root of the number of bins where the scores are right.
        mse: in squared probability.
    """

    model_config = ConfigDict(frozen=True)

    chi: float
    mse: float


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
    chi = float(np.sqrt((e**2 / (v + 0.5)).sum()))
    return ColumnResidual(chi=chi, mse=float(((e**2 - v) / n).sum() / max(len(error), 1)))
