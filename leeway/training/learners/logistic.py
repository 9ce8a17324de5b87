"""Logistic regression."""

from collections.abc import Sequence
from typing import Any

from sklearn.linear_model import LogisticRegression

from leeway.definition.candidates import Logistic
from leeway.training.learners.learner import Learner, Parameters, Sees, Size, Task


class LogisticLearner(Learner[Logistic]):
    """By lbfgs, or by saga where a part of the penalty is L1."""

    declaration = Logistic

    def grid(self, candidate: Logistic) -> dict[str, Sequence[Any]]:
        """Strengths of the penalty, and its kinds where there are several."""
        mixed = {"l1_ratio": candidate.l1_ratio} if any(candidate.l1_ratio) else {}
        return {"C": candidate.C, **mixed}

    def sees(self, candidate: Logistic) -> Sees:
        """Scaled numbers and one-hot categories."""
        return "linear"

    def estimator(self, candidate: Logistic, parameters: Parameters, iterations: int | None, task: Task) -> Any:
        """scikit-learn's."""
        # Only saga knows penalties with a part of L1 and any number of classes.
        solver = "saga" if parameters.get("l1_ratio") else "lbfgs"
        return LogisticRegression(
            **parameters,
            solver=solver,
            class_weight=candidate.class_weight,
            max_iter=2_000,
            tol=1e-3 if solver == "saga" else 1e-4,
            random_state=task.seed,
        )

    def seconds(
        self, candidate: Logistic, parameters: Parameters, iterations: int | None, rows: int, size: Size
    ) -> float:
        """By cells; saga takes five times as long."""
        each = 1e-5 if parameters.get("l1_ratio") else 2e-6
        return 0.05 + each * float(rows * size.columns) * size.outputs

    def microseconds(self, candidate: Logistic, parameters: Parameters, iterations: int | None, size: Size) -> float:
        """By columns."""
        return 0.3 + 0.03 * size.columns
