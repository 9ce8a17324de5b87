"""What boosting has in common, whoever made it: iterations, of which the folds say how many are best."""

from abc import abstractmethod
from math import ceil

import numpy as np

from leeway.core.metrics import Outcomes
from leeway.training.learners.learner import C, Learner, Parameters, Size

PATIENCE = 25  # iterations after which boosting stops, where it is watched and they have gained less than
WORTH = 3e-5  # nats of log loss
MOST_TREES = (
    2_000  # of boosting: with many classes, each of which is a tree in every iteration, these are fewer iterations
)
UNWATCHED = 15.0  # iterations times learning rate that are enough where nothing tells when to stop
USUAL = 20.0  # iterations times learning rate, until boosting has learnt what there is


class Booster(Learner[C]):
    """A learner that goes by iterations; `learning_rate` is among its trials' parameters."""

    @abstractmethod
    def most(self, candidate: C) -> int:
        """The most iterations that a candidate allows."""

    def iterations(self, candidate: C, parameters: Parameters, y: Outcomes) -> int:
        """How many there may be; several labels learn each by itself, where nothing says when to stop."""
        outputs = y.shape[1] if y.ndim > 1 else max(1, len(np.unique(y)) - 1)
        most = min(self.most(candidate), max(1, MOST_TREES // outputs))
        return min(most, max(1, int(UNWATCHED / parameters["learning_rate"]))) if y.ndim > 1 else most

    def expected(self, candidate: C, parameters: Parameters, iterations: int | None, outputs: int) -> float:
        """How many there will be, as far as is known."""
        if iterations is not None:
            return iterations
        return float(min(self.most(candidate), USUAL / parameters["learning_rate"], MOST_TREES / outputs))

    def microseconds(self, candidate: C, parameters: Parameters, iterations: int | None, size: Size) -> float:
        """How long the estimator takes to score a row."""
        trees = self.expected(candidate, parameters, iterations, size.outputs) * size.outputs
        return 1.0 + 0.1 * size.columns + 0.06 * trees

    def after(self, candidate: C, iterations: int | None, times: float) -> int | None:
        """How many iterations are tried, where so many times the best number is needed and it goes on for a while."""
        return None if iterations is None else min(self.most(candidate), ceil(times * iterations) + PATIENCE)
