"""Intervals, trade-offs and review bands of thresholds."""

import numpy as np

from leeway.core.errors import TrainingError
from leeway.core.metrics import Bools, Floats, logit
from leeway.core.outputs import Outputs
from leeway.definition import MinimizeCost, MostProbable, Objective
from leeway.model import decision
from leeway.model.decision import Tradeoff

DRAWS = 200
WITHIN = (0.025, 0.975)
POINTS = 25  # of a curve
MOST_CELLS = 2_000  # of rows with nearly the same probability, for the intervals
# Where the thresholds of all classes are chosen together, which takes long:
SEVERAL_DRAWS, SEVERAL_ROWS, MOST_CLASSES = 40, 5_000, 20


def intervals(
    objective: Objective, outputs: Outputs, y: Bools, p: Floats, days: float, seed: int
) -> list[tuple[float, float] | None]:
    """Return bootstrap bounds of each class's threshold.

    None where a threshold does not follow from rows.

    Args:
        y, p: labels and probabilities that thresholds were chosen by, shape (n, K).
        days: the time over which the rows are spread.
    """
    given = isinstance(objective, MostProbable) or (outputs.exclusive and isinstance(objective, MinimizeCost))
    if given or (outputs.exclusive and len(outputs.names) > MOST_CLASSES):
        return [None] * len(outputs.names)
    if outputs.exclusive:
        return _of_all(objective, outputs, y, p, seed)
    return [_interval(objective, y[:, k], p[:, k], days, seed) for k in range(len(outputs.names))]


def curve(objective: Objective, y: Bools, p: Floats) -> list[dict[str, float]]:
    """Return what other thresholds of a class would do.

    Thresholds fall, and each flags about as many more rows as the one before. The measures are precision, recall, the share of
    flagged rows, and with `MinimizeCost` the cost of a row.
    """
    tradeoff = Tradeoff.of(y, p)
    places = np.unique(np.linspace(0, len(tradeoff.thresholds) - 1, POINTS).round().astype(int))
    measures = {
        "threshold": tradeoff.thresholds,
        "precision": tradeoff.precision,
        "recall": tradeoff.recall,
        "flagged": tradeoff.predicted_positive / tradeoff.rows,
    }
    if isinstance(objective, MinimizeCost):
        measures["cost"] = tradeoff.cost(objective) / tradeoff.rows
    return [{name: float(values[place]) for name, values in measures.items()} for place in places]


def band(threshold: float, p: Floats, share: float) -> tuple[float, float]:
    """Return the probabilities between which a person decides.

    The band holds the given share of the rows, those nearest the threshold in log odds.

    Args:
        p: probabilities of rows like those to come, shape (n,).
    """
    away = np.abs(logit(p) - logit(np.array(threshold)))
    near = p[np.argsort(away, kind="stable")[: max(1, round(share * len(p)))]]
    return float(near.min()), float(near.max())


def _of_all(objective: Objective, outputs: Outputs, y: Bools, p: Floats, seed: int) -> list[tuple[float, float] | None]:
    """Return bounds of exclusive classes' thresholds.

    Many rows are thinned first, so that the bounds are rather too wide.
    """
    every = -(-len(y) // SEVERAL_ROWS) or 1
    y, p, rng = y[::every], p[::every], np.random.default_rng(seed)
    drawn = (rng.integers(0, len(y), len(y)) for _ in range(SEVERAL_DRAWS))
    found = [decision.thresholds(objective, outputs, y[rows], p[rows]) for rows in drawn]
    low, high = np.quantile(found, WITHIN, axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _interval(objective: Objective, y: Bools, p: Floats, days: float, seed: int) -> tuple[float, float] | None:
    rng, found = np.random.default_rng(seed), []
    whole = Tradeoff.of(y, p)
    places = np.unique(np.linspace(0, len(whole.thresholds) - 1, MOST_CELLS).round().astype(int))
    true_positives = np.diff(whole.true_positives[places], prepend=0)
    others = np.diff(whole.predicted_positive[places], prepend=0) - true_positives
    for _ in range(DRAWS):
        # Each row is drawn a Poisson number of times: a bootstrap for many rows (Hanley and MacGibbon 2006).
        right, wrong = np.cumsum(rng.poisson(true_positives)).astype("float64"), np.cumsum(rng.poisson(others))
        if right[-1] == 0:
            continue
        predicted_positive = right + wrong
        drawn = Tradeoff(
            whole.thresholds[places], predicted_positive, right, float(predicted_positive[-1]), float(right[-1])
        )
        try:
            found.append(decision.best(objective, drawn, days=days))
        except TrainingError:  # these rows do not reach the floor
            found.append(decision.NEVER)
    if not found:
        return None
    low, high = np.quantile(found, WITHIN)
    return float(low), float(high)
