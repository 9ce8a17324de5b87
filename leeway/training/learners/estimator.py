"""A class of one's own."""

from collections.abc import Sequence
from typing import Any

from leeway.definition.candidates import Estimator
from leeway.training.learners.learner import READING, Learner, Parameters, Sees, Size, Task, imported


class EstimatorLearner(Learner[Estimator]):
    """Nobody knows whether it ends, nor what it takes: the clock holds it to its share of the budget."""

    declaration = Estimator
    is_bounded = False

    def must_be_there(self, candidate: Estimator) -> None:
        """Refuse to train without the class."""
        _class(candidate)

    def grid(self, candidate: Estimator) -> dict[str, Sequence[Any]]:
        """It is tried as it is declared."""
        return {}

    def sees(self, candidate: Estimator) -> Sees:
        """As declared."""
        return candidate.sees

    def estimator(self, candidate: Estimator, parameters: Parameters, iterations: int | None, task: Task) -> Any:
        """The class, made with the declared parameters and the training's seed."""
        own, given = _class(candidate), dict(candidate.parameters)
        takes_seed = "random_state" in own(**given).get_params() and "random_state" not in given
        return own(**given, **({"random_state": task.seed} if takes_seed else {}))

    def seconds(
        self, candidate: Estimator, parameters: Parameters, iterations: int | None, rows: int, size: Size
    ) -> float:
        """Nobody knows."""
        return 0.0

    def microseconds(self, candidate: Estimator, parameters: Parameters, iterations: int | None, size: Size) -> float:
        """Nobody knows; as long as reading the row."""
        return READING


def _class(candidate: Estimator) -> Any:
    return imported(
        candidate.path, f"making the candidate {candidate.path}", "install its package, or correct the path"
    )
