"""scikit-learn's histogram gradient boosting."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from leeway.core.metrics import Floats, Outcomes
from leeway.definition.candidates import Boosting
from leeway.training.learners.booster import PATIENCE, WORTH, Booster
from leeway.training.learners.learner import Parameters, Size, Task


class BoostingLearner(Booster[Boosting]):
    """Stopped early on the folds' own rows, for its own split would be random, not time-ordered."""

    declaration = Boosting

    def most(self, candidate: Boosting) -> int:
        """As declared."""
        return candidate.max_iter

    def grid(self, candidate: Boosting) -> dict[str, Sequence[Any]]:
        """Learning rates and sizes of trees."""
        return {"learning_rate": candidate.learning_rate, "max_leaf_nodes": candidate.max_leaf_nodes}

    def estimator(self, candidate: Boosting, parameters: Parameters, iterations: int | None, task: Task) -> Any:
        """scikit-learn's."""
        return HistGradientBoostingClassifier(
            **parameters,
            max_iter=iterations or self.iterations(candidate, parameters, task.y),
            min_samples_leaf=candidate.min_samples_leaf,
            l2_regularization=candidate.l2_regularization,
            max_features=candidate.max_features,
            class_weight=candidate.class_weight,
            categorical_features=(list(task.codes) or None) if candidate.categories == "sets" else None,
            early_stopping=False,
            random_state=task.seed,
        )

    def watching(self, made: Any, x: Any, y: Outcomes) -> dict[str, Any]:
        """Have it watch its log loss on these rows."""
        made.set_params(early_stopping=True, n_iter_no_change=PATIENCE, tol=WORTH)
        return {"X_val": x, "y_val": y}

    def curve(self, fitted: Any) -> Floats:
        """The watched log loss, with a minus."""
        return np.asarray(getattr(fitted, "validation_score_", np.empty(0)), dtype="float64")

    def probabilities(self, fitted: Any, x: Any, iterations: int) -> Floats:
        """After so many iterations; after all where there are not so many."""
        if iterations >= fitted.n_iter_:
            return super().probabilities(fitted, x, iterations)
        stages = fitted.staged_predict_proba(x)
        return np.asarray(next(itertools.islice(stages, iterations - 1, None)), dtype="float64")

    def seconds(
        self, candidate: Boosting, parameters: Parameters, iterations: int | None, rows: int, size: Size
    ) -> float:
        """By leaves and cells, for every iteration."""
        leaves, cells = int(parameters["max_leaf_nodes"]), float(rows * size.columns)
        each = 1e-4 * leaves + cells * (6e-9 + 1.5e-9 * float(np.log2(leaves)))
        return 0.05 + each * self.expected(candidate, parameters, iterations, size.outputs) * size.outputs
