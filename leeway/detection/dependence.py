"""Partial dependence of the mean score on a column (Friedman 2001).

It is the mean score if all rows had a value of one bin.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from leeway.core.metrics import Floats
from leeway.detection.sketch import Binning, Bins

Predict = Callable[[pd.DataFrame], Floats]

FILLED_IN = 100_000  # rows that are scored for it, all columns together
MOST, FEWEST = 300, 20  # of them, for each bin


def partial_dependence(
    x: pd.DataFrame, bins: Mapping[str, Bins], binnings: Mapping[str, Binning], predict: Predict, seed: int
) -> dict[str, Floats]:
    """Compute the partial dependence on every binned column.

    Args:
        x: the rows that values are taken from, shape (n, features).
        predict: scores of such rows, shape (n, K).

    Returns:
        Mean scores by column, shape (bins, K). A bin without rows has the mean of all rows.
    """
    rng = np.random.default_rng(seed)
    copies = int(np.clip(FILLED_IN // max(1, sum(binnings[name].size for name in bins)), FEWEST, MOST))
    base = x.iloc[np.sort(rng.choice(len(x), copies, replace=len(x) < copies))]
    whole = predict(base).mean(axis=0)
    return {name: _of_column(name, x, base, bins[name], binnings[name].size, whole, predict, rng) for name in bins}


def _of_column(
    name: str,
    x: pd.DataFrame,
    base: pd.DataFrame,
    bins: Bins,
    size: int,
    whole: Floats,
    predict: Predict,
    rng: np.random.Generator,
) -> Floats:
    order = np.argsort(bins, kind="stable")
    ends = np.searchsorted(bins[order], np.arange(size + 1))
    filled = [place for place in range(size) if ends[place] < ends[place + 1]]
    # Values as they occur, not one for each bin: the widest bins are the outermost.
    chosen = [order[rng.integers(ends[place], ends[place + 1], len(base))] for place in filled]
    rows = base.iloc[np.tile(np.arange(len(base)), len(filled))].reset_index(drop=True)
    rows[name] = x[name].to_numpy()[np.concatenate(chosen)]
    found = np.tile(whole, (size, 1))
    found[filled] = predict(rows).reshape(len(filled), len(base), -1).mean(axis=1)
    return found
