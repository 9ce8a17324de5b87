"""The permutation importance of a bundle's columns."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from leeway.core import intervals
from leeway.core.intervals import Interval
from leeway.core.metrics import Bools, Floats, log_losses

REPEATS = 2
MOST_SCORED = 40_000  # rows, of all columns together
FEWEST = 200


def permuted(
    score: Callable[[pd.DataFrame], Floats],
    rows: pd.DataFrame,
    y: Bools,
    nights: npt.NDArray[np.intp],
    *,
    exclusive: bool,
    seed: int,
) -> Mapping[str, Interval]:
    """Return each column's permutation importance, in nats.

    It is the rise of the mean log loss when the column's values are shuffled (Breiman 2001). A column is permuted as a whole,
    whatever it is encoded as. The intervals hold for other rows, not for other models.

    Args:
        score: probabilities of such rows, shape (n, K).
        rows: the features only.
        nights: each row's partition; the intervals draw partitions.

    Returns:
        By column, the most important first.
    """
    rng = np.random.default_rng(seed)
    count = min(len(rows), max(FEWEST, MOST_SCORED // (REPEATS * rows.shape[1])))
    kept = np.sort(rng.choice(len(rows), count, replace=False))
    base, truth, night = rows.iloc[kept].reset_index(drop=True), y[kept], nights[kept]
    before = log_losses(truth, score(base), exclusive=exclusive)
    found = {}
    for name in rows.columns:
        orders = [rng.permutation(count) for _ in range(REPEATS)]
        dealt = pd.concat([base.assign(**{name: base[name].to_numpy()[order]}) for order in orders], ignore_index=True)
        after = log_losses(np.tile(truth, (REPEATS, 1)), score(dealt), exclusive=exclusive)
        found[str(name)] = intervals.mean(after.reshape(REPEATS, count).mean(axis=0) - before, night, seed=seed)
    return dict(sorted(found.items(), key=lambda item: -item[1].value))
