"""XGBoost's gradient boosting."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.preprocessing import LabelEncoder

from leeway.core.metrics import Floats, Outcomes
from leeway.definition.candidates import XGBoost
from leeway.training.learners.booster import PATIENCE, WORTH, Booster
from leeway.training.learners.learner import THREADS, Parameters, Size, Task, losses, of_extra

CLASS = "xgboost.XGBClassifier"


class XGBoostLearner(Booster[XGBoost]):
    """By histograms, with categories as sets and gaps as they are."""

    declaration = XGBoost

    def must_be_there(self, candidate: XGBoost) -> None:
        """Refuse to train without the extra."""
        of_extra(XGBoost, CLASS)

    def most(self, candidate: XGBoost) -> int:
        """As declared."""
        return candidate.max_iter

    def grid(self, candidate: XGBoost) -> dict[str, Sequence[Any]]:
        """Learning rates and sizes of trees."""
        return {"learning_rate": candidate.learning_rate, "max_leaves": candidate.max_leaves}

    def estimator(self, candidate: XGBoost, parameters: Parameters, iterations: int | None, task: Task) -> Any:
        """XGBoost's own, with scikit-learn's interface."""
        kinds = ["c" if column in task.codes else "q" for column in range(task.columns)]
        return of_extra(XGBoost, CLASS)(
            **parameters,
            n_estimators=iterations or self.iterations(candidate, parameters, task.y),
            tree_method="hist",
            grow_policy="lossguide",
            max_depth=0,  # leaves bound a tree
            min_child_weight=candidate.min_child_weight,
            reg_lambda=candidate.reg_lambda,
            subsample=candidate.subsample,
            colsample_bytree=candidate.colsample,
            enable_categorical=bool(task.codes),
            feature_types=kinds if task.codes else None,
            random_state=task.seed,
            n_jobs=THREADS,
            verbosity=0,
        )

    def fit(
        self, made: Any, x: Any, y: Outcomes, weights: Floats | None, task: Task, watch: tuple[Any, Outcomes] | None
    ) -> Any:
        """The estimator, fitted to encoded rows; it knows classes by their numbers without a gap only."""
        new = clone(made)
        classes, numbered = np.unique(y, return_inverse=True)
        own = None if watch is None else (watch[0], np.searchsorted(classes, watch[1]))
        fitted = super().fit(made, x, numbered, weights, task, own)
        return fitted if y.dtype == bool else _knowing(classes, new, fitted)

    def watching(self, made: Any, x: Any, y: Outcomes) -> dict[str, Any]:
        """Have it watch its log loss on these rows."""
        from xgboost.callback import EarlyStopping

        made.set_params(callbacks=[EarlyStopping(PATIENCE, min_delta=WORTH)])
        return {"eval_set": [(x, y)], "verbose": False}

    def curve(self, fitted: Any) -> Floats:
        """The watched log loss, with a minus."""
        watched = getattr(_own(fitted), "evals_result_", {}).get("validation_0", {})
        return losses(next(iter(watched.values()), []))

    def probabilities(self, fitted: Any, x: Any, iterations: int) -> Floats:
        """After so many iterations; after all where there are not so many."""
        own = _own(fitted)
        most = own.get_booster().num_boosted_rounds()
        found = own.predict_proba(x, iteration_range=(0, min(iterations, most)))
        return np.asarray(found, dtype="float64")

    def seconds(
        self, candidate: XGBoost, parameters: Parameters, iterations: int | None, rows: int, size: Size
    ) -> float:
        """By leaves and rows, for every column and iteration."""
        each = (2.5e-6 * int(parameters["max_leaves"]) + 8.5e-9 * rows) * size.columns
        return 0.05 + each * self.expected(candidate, parameters, iterations, size.outputs) * size.outputs


def _knowing(classes: Outcomes, new: Any, fitted: Any) -> VotingClassifier:
    """The fitted estimator under the codes of its classes: a vote of one, which scikit-learn can learn anew.

    Args:
        new: the same before it was fitted, for then it has set its objective by the number of classes.
    """
    voting = VotingClassifier([("xgboost", new)], voting="soft")
    voting.estimators_ = [fitted]
    voting.le_ = LabelEncoder().fit(classes)
    voting.classes_ = voting.le_.classes_
    return voting


def _own(fitted: Any) -> Any:
    return fitted.estimators_[0] if isinstance(fitted, VotingClassifier) else fitted
