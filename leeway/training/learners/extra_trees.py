"""Extremely randomised trees."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

from leeway.definition.candidates import ExtraTrees
from leeway.training.learners.learner import Learner, Parameters, Size, Task


class ExtraTreesLearner(Learner[ExtraTrees]):
    """Grown once, without iterations to stop at."""

    declaration = ExtraTrees

    def grid(self, candidate: ExtraTrees) -> dict[str, Sequence[Any]]:
        """Sizes of leaves."""
        return {"min_samples_leaf": candidate.min_samples_leaf}

    def estimator(self, candidate: ExtraTrees, parameters: Parameters, iterations: int | None, task: Task) -> Any:
        """scikit-learn's."""
        return ExtraTreesClassifier(
            **parameters,
            n_estimators=candidate.n_estimators,
            max_features=candidate.max_features,
            class_weight=candidate.class_weight,
            random_state=task.seed,
        )

    def seconds(
        self, candidate: ExtraTrees, parameters: Parameters, iterations: int | None, rows: int, size: Size
    ) -> float:
        """By cells and depth, for every tree."""
        return 0.05 + 8e-9 * float(rows * size.columns) * float(np.log2(max(rows, 2))) * candidate.n_estimators

    def microseconds(self, candidate: ExtraTrees, parameters: Parameters, iterations: int | None, size: Size) -> float:
        """By columns and trees."""
        return 1.0 + 0.1 * size.columns + 0.25 * candidate.n_estimators
