"""Decisions: from probabilities to classes.

Every class has a threshold, and the decision is for every class whose probability reaches it. Exclusive classes differ: the
decision is for the class whose probability is largest in relation to its threshold, or with a cost matrix for the class with
the least expected cost.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leeway.core.errors import TrainingError
from leeway.core.metrics import Bools, Floats
from leeway.core.outputs import Outputs
from leeway.definition import (
    Capacity,
    MaximizeF1,
    MaximizeFBeta,
    MinimizeCost,
    MostProbable,
    Objective,
    PrecisionFloor,
    RecallFloor,
)
from leeway.model.calibration import thinned

NEVER = float(np.nextafter(1.0, 2.0))  # the threshold that no probability reaches
STEPS = np.geomspace(1 / 8, 8, 25)  # factors that are tried on a class's threshold
ROUNDS = 2

Codes = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Tradeoff:
    """The effect of each threshold, from the highest on.

    Arrays have shape (thresholds,).

    Attributes:
        thresholds: every observed probability.
        predicted_positive: rows that reach it.
        true_positives: those of them of which the class holds.
        rows, positives: of all.
    """

    thresholds: Floats
    predicted_positive: Floats
    true_positives: Floats
    rows: float
    positives: float

    @classmethod
    def of(cls, y: Bools, p: Floats) -> "Tradeoff":
        """Count labels and probabilities, shapes (n,)."""
        order = np.argsort(-p, kind="stable")
        predicted_positive, true_positives = np.arange(1.0, len(y) + 1), np.cumsum(y[order].astype("float64"))
        last_of_ties = np.append(np.diff(p[order]) != 0, True)
        return cls(
            p[order][last_of_ties],
            predicted_positive[last_of_ties],
            true_positives[last_of_ties],
            float(predicted_positive[-1]),
            float(true_positives[-1]),
        )

    @property
    def precision(self) -> Floats:
        """The share of flagged rows that are positive."""
        return self.true_positives / np.maximum(self.predicted_positive, 1e-12)

    @property
    def recall(self) -> Floats:
        """The share of positive rows that are flagged."""
        return self.true_positives / max(self.positives, 1e-12)

    def cost(self, objective: MinimizeCost) -> Floats:
        """Return the total cost of all decisions."""
        wrong, missed = self.predicted_positive - self.true_positives, self.positives - self.true_positives
        left = self.rows - self.positives - wrong
        return np.asarray(
            objective.false_positive * wrong
            + objective.false_negative * missed
            + objective.true_positive * self.true_positives
            + objective.true_negative * left
        )


def decide(outputs: Outputs, thresholds: Floats, p: Floats, costs: Floats | None = None) -> Bools:
    """Decide by probabilities and thresholds, shape (n, K).

    Args:
        costs: the matrix of `costs_of`; with it thresholds are unused.
    """
    if not outputs.exclusive:
        return np.asarray(p >= thresholds)
    best = (p / thresholds).argmax(axis=1) if costs is None else (p @ costs).argmin(axis=1)
    return np.asarray(best[:, None] == np.arange(len(outputs.names)))


def costs_of(objective: Objective, outputs: Outputs) -> Floats | None:
    """Return an objective's cost matrix, shape (K, K).

    Rows are true classes, columns are decisions. None where thresholds decide.
    """
    if not isinstance(objective, MinimizeCost) or not objective.matrix:
        return None
    costs, place = 1.0 - np.eye(len(outputs.names)), {name: k for k, name in enumerate(outputs.names)}
    for holds, named in objective.matrix.items():
        for decided, cost in named.items():
            costs[place[holds], place[decided]] = cost
    return costs


def thresholds(objective: Objective, outputs: Outputs, y: Bools, p: Floats, days: float = 0.0) -> Floats:
    """Return the best thresholds for an objective, shape (K,).

    Args:
        days: the time over which the rows are spread, for `Capacity`.

    Raises:
        TrainingError: no threshold reaches the precision floor.
    """
    count = len(outputs.names)
    if isinstance(objective, MostProbable) or costs_of(objective, outputs) is not None:
        return np.full(count, 1 / count if outputs.exclusive else 0.5)
    if isinstance(objective, MinimizeCost) and objective.missed:
        # The expected cost of deciding for a class is what the others, missed, would cost: least where cost times p is most.
        costs = np.array([objective.missed.get(name, 1.0) for name in outputs.names])
        return np.asarray((1 / costs) / (1 / costs).sum())
    if outputs.exclusive:
        return _weights(outputs, y, p, _beta(objective))
    found = [_threshold_of(objective, outputs, name, y[:, k], p[:, k], days) for k, name in enumerate(outputs.names)]
    return np.array(found)


def threshold(objective: Objective, y: Bools, p: Floats, name: str = "", days: float = 0.0) -> float:
    """Return one class's best threshold for an objective.

    Every observed probability is tried.

    Args:
        y, p: whether the class holds, and its probability, shape (n,).
        name: the class's name, for the error, where there are several.
        days: the time over which the rows are spread, for `Capacity`.

    Raises:
        TrainingError: no threshold reaches the precision floor.
    """
    return best(objective, Tradeoff.of(y, p), name, days)


def best(objective: Objective, tradeoff: Tradeoff, name: str = "", days: float = 0.0) -> float:
    """Return the best threshold of a trade-off."""
    tried, precision, recall = tradeoff.thresholds, tradeoff.precision, tradeoff.recall
    match objective:
        case MinimizeCost():
            cost = tradeoff.cost(objective)
            negatives = tradeoff.rows - tradeoff.positives
            nothing = objective.false_negative * tradeoff.positives + objective.true_negative * negatives
            return NEVER if cost.min() > nothing else float(tried[np.argmin(cost)])
        case PrecisionFloor(precision=floor):
            enough = precision >= floor
            if not enough.any():
                raise TrainingError(
                    f"setting the threshold{f' of {name}' if name else ''}",
                    problem=f"no threshold reaches the precision floor {floor}",
                    found=f"at most {precision.max():.3f}",
                    hint="lower the floor, or declare better features",
                )
            return float(tried[np.argmax(np.where(enough, recall, -1.0))])
        case RecallFloor(recall=floor):
            return float(tried[np.argmax(np.where(recall >= floor, precision, -1.0))])
        case Capacity(per_day=most):
            within = np.flatnonzero(tradeoff.predicted_positive <= most * days)
            return float(tried[within[-1]]) if len(within) else NEVER
        case MaximizeF1() | MaximizeFBeta():
            return float(tried[np.argmax(f_beta(precision, recall, _beta(objective)))])
        case MostProbable():
            return 0.5


def f_beta(precision: Floats, recall: Floats, beta: float) -> Floats:
    """Return the weighted harmonic mean of precision and recall."""
    return np.asarray((1 + beta**2) * precision * recall / np.maximum(beta**2 * precision + recall, 1e-12))


def _beta(objective: Objective) -> float:
    return objective.beta if isinstance(objective, MaximizeFBeta) else 1.0


def _threshold_of(objective: Objective, outputs: Outputs, name: str, y: Bools, p: Floats, days: float) -> float:
    if outputs.several and not y.any():
        return NEVER  # nothing is known of when it holds
    return threshold(objective, y, p, name if outputs.several else "", days)


def _weights(outputs: Outputs, y: Bools, p: Floats, beta: float) -> Floats:
    """Return thresholds of exclusive classes by mean F.

    Each in turn is moved for as long as that helps.
    """
    count, y, p = len(outputs.names), thinned(y), thinned(p)
    true, best = y.argmax(axis=1), np.full(count, 1 / count)
    highest = _mean_f(true, p.argmax(axis=1), count, beta)
    for _ in range(ROUNDS):
        for k in np.flatnonzero(y.any(axis=0)):
            others = p / best
            others[:, k] = -1.0
            rival, beaten_by = others.argmax(axis=1), others.max(axis=1)
            for threshold in best[k] * STEPS:
                reached = _mean_f(true, np.where(p[:, k] / threshold > beaten_by, k, rival), count, beta)
                if reached > highest:
                    best[k], highest = threshold, reached
    return best


def _mean_f(true: Codes, predicted: Codes, count: int, beta: float) -> float:
    """Return the mean F of the classes that occur.

    They are those that hold or are predicted somewhere; arrays have each row's class by its place.
    """
    right = np.bincount(true[true == predicted], minlength=count)
    calls = beta**2 * np.bincount(true, minlength=count) + np.bincount(predicted, minlength=count)
    return float(((1 + beta**2) * right[calls > 0] / calls[calls > 0]).mean())
