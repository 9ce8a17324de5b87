"""Shapley values of one prediction, by antithetic permutations.

Strumbelj and Kononenko 2014; Mitchell et al. 2022. The method is model-agnostic: it sees rows and their values only, so
calibration and ensembles are within. For an additive function, such as a logistic regression in log odds, the values are
exact: each column's term less its mean over the background.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from leeway.core.metrics import Floats

MOST_LINES = 100_000  # that are valued at once

Valued = Callable[[pd.DataFrame], Floats]


def values(value: Valued, rows: pd.DataFrame, background: pd.DataFrame, seed: int = 0) -> tuple[Floats, float]:
    """Return each column's contribution to each row's value.

    For every row of the background there is one order of the columns, and its reverse. In that order, one column after the
    other takes the row's own value in place of the background's.

    Args:
        value: one number for each of such rows, shape (n,).
        rows, background: with the same columns.

    Returns:
        The contributions, shape (n, columns), and the background's mean value; for every row, they add up to its value.
    """
    rng, width = np.random.default_rng(seed), rows.shape[1]
    orders = np.stack([rng.permutation(width) for _ in range(len(background))])
    ranks = np.argsort(np.concatenate([orders, orders[:, ::-1]]), axis=1)
    own = ranks[:, None, :] < np.arange(width + 1)[None, :, None]  # (orders, steps, columns): whose value it is
    each = max(1, MOST_LINES // (own.shape[0] * own.shape[1]))
    found = [_of(value, rows.iloc[start : start + each], background, ranks, own) for start in range(0, len(rows), each)]
    base = float(value(background).mean())
    return (np.concatenate(found) if found else np.zeros((0, width))), base


def _of(value: Valued, rows: pd.DataFrame, background: pd.DataFrame, ranks: np.ndarray, own: np.ndarray) -> Floats:
    orders, steps, width = own.shape
    mine = np.repeat(np.arange(len(rows)), orders * steps)
    theirs = np.tile(np.repeat(np.tile(np.arange(len(background)), 2), steps), len(rows))
    lines = {}
    for place, name in enumerate(rows.columns):
        takes = np.tile(own[:, :, place].ravel(), len(rows))
        both = pd.concat([rows[name], background[name]], ignore_index=True)
        lines[name] = both.iloc[np.where(takes, mine, len(rows) + theirs)].reset_index(drop=True)
    course = value(pd.DataFrame(lines)).reshape(len(rows), orders, steps)
    gained = np.diff(course, axis=2)
    by_column = np.take_along_axis(gained, np.broadcast_to(ranks, (len(rows), orders, width)), axis=2)
    return np.asarray(by_column.mean(axis=1))
