"""LightGBM's gradient boosting."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from leeway.core.metrics import Floats, Outcomes
from leeway.definition.candidates import LightGBM
from leeway.training.learners.booster import PATIENCE, WORTH, Booster
from leeway.training.learners.learner import THREADS, Parameters, Size, Task, losses, of_extra

CLASS = "lightgbm.LGBMClassifier"


class LightGBMLearner(Booster[LightGBM]):
    """Deterministic, with categories as sets."""

    declaration = LightGBM

    def must_be_there(self, candidate: LightGBM) -> None:
        """Refuse to train without the extra."""
        of_extra(LightGBM, CLASS)

    def most(self, candidate: LightGBM) -> int:
        """As declared."""
        return candidate.max_iter

    def grid(self, candidate: LightGBM) -> dict[str, Sequence[Any]]:
        """Learning rates and sizes of trees."""
        return {"learning_rate": candidate.learning_rate, "num_leaves": candidate.num_leaves}

    def estimator(self, candidate: LightGBM, parameters: Parameters, iterations: int | None, task: Task) -> Any:
        """LightGBM's own, with scikit-learn's interface."""
        return of_extra(LightGBM, CLASS)(
            **parameters,
            n_estimators=iterations or self.iterations(candidate, parameters, task.y),
            min_child_samples=candidate.min_child_samples,
            reg_lambda=candidate.reg_lambda,
            subsample=candidate.subsample,
            subsample_freq=1,
            colsample_bytree=candidate.colsample,
            class_weight=candidate.class_weight,
            random_state=task.seed,
            deterministic=True,
            force_row_wise=True,
            n_jobs=THREADS,
            verbose=-1,
        )

    def fit(
        self, made: Any, x: Any, y: Outcomes, weights: Floats | None, task: Task, watch: tuple[Any, Outcomes] | None
    ) -> Any:
        """The estimator, fitted to encoded rows."""
        # It numbers the classes of `y` by itself, but not those of the rows that it watches.
        own = None if watch is None else (watch[0], np.searchsorted(np.unique(y), watch[1]))
        return super().fit(made, x, y, weights, task, own)

    def options(self, task: Task) -> dict[str, Any]:
        """Which columns are codes."""
        return {"categorical_feature": list(task.codes)} if task.codes else {}

    def watching(self, made: Any, x: Any, y: Outcomes) -> dict[str, Any]:
        """Have it watch its log loss on these rows."""
        from lightgbm import early_stopping

        return {"eval_X": x, "eval_y": y, "callbacks": [early_stopping(PATIENCE, verbose=False, min_delta=WORTH)]}

    def curve(self, fitted: Any) -> Floats:
        """The watched log loss, with a minus."""
        return losses(next(iter(fitted.evals_result_.get("valid_0", {}).values()), []))

    def probabilities(self, fitted: Any, x: Any, iterations: int) -> Floats:
        """After so many iterations."""
        return np.asarray(fitted.predict_proba(x, num_iteration=iterations), dtype="float64")

    def seconds(
        self, candidate: LightGBM, parameters: Parameters, iterations: int | None, rows: int, size: Size
    ) -> float:
        """By leaves and cells, for every iteration."""
        each = 5e-5 * int(parameters["num_leaves"]) + 1.4e-8 * float(rows * size.columns)
        return 0.05 + each * self.expected(candidate, parameters, iterations, size.outputs) * size.outputs
