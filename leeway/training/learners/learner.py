"""How a kind of candidate learns: what each must say, and what most have in common."""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
from sklearn.utils.validation import has_fit_parameter

from leeway.core.errors import TrainingError
from leeway.core.metrics import Floats, Outcomes
from leeway.definition.candidates import BaseCandidate

THREADS = 2  # of estimators that write down how many they had: the same on every machine, as the bundle must be
READING = 10.0  # microseconds a row, for reading and storing it, whatever scores it

C = TypeVar("C", bound=BaseCandidate)
Sees = Literal["linear", "dense", "trees"]
Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Size:
    """What a search learns from.

    Attributes:
        rows: of each fold.
        all_rows: that the last fit learns from.
        columns: numbers, as many as candidates see.
        outputs: probabilities that are learnt, each by itself; 1 of a binary label.
    """

    rows: tuple[int, ...]
    all_rows: int
    columns: int
    outputs: int


@dataclass(frozen=True)
class Task:
    """What an estimator is to learn.

    Attributes:
        y: the outcomes: booleans, class codes, or an indicator of shape (n, labels).
        columns: how many encoded columns there are, and `codes` which of them are codes of categories.
    """

    y: Outcomes
    columns: int
    codes: Sequence[int]
    seed: int


@dataclass(frozen=True)
class Learner(ABC, Generic[C]):
    """How one kind of candidate learns, and what that costs.

    Costs were measured once, on one core, for tables of 4,000 to 80,000 rows and 14 to 60 columns, and are right within a half.

    Attributes:
        declaration: what a definition says of it.
        is_bounded: whether it surely ends; one that may not is tried in a process of its own.
    """

    declaration: ClassVar[type[BaseCandidate]]
    is_bounded: ClassVar[bool] = True

    @abstractmethod
    def grid(self, candidate: C) -> dict[str, Sequence[Any]]:
        """The parameters of its trials, with the values of each."""

    @abstractmethod
    def estimator(self, candidate: C, parameters: Parameters, iterations: int | None, task: Task) -> Any:
        """An estimator that has learnt nothing yet.

        Args:
            parameters: the trial's.
            iterations: of boosting; None for the most that the candidate allows.
        """

    @abstractmethod
    def seconds(self, candidate: C, parameters: Parameters, iterations: int | None, rows: int, size: Size) -> float:
        """How long one core learns from so many rows; 0 where nobody knows."""

    @abstractmethod
    def microseconds(self, candidate: C, parameters: Parameters, iterations: int | None, size: Size) -> float:
        """How long the estimator takes to score a row, without `READING`."""

    def sees(self, candidate: C) -> Sees:
        """How columns become numbers for it: see `leeway.training.encoders`."""
        return "trees"

    def must_be_there(self, candidate: C) -> None:
        """Refuse to train where its class is not installed.

        Raises:
            TrainingError: it cannot be imported.
        """

    def fit(
        self, made: Any, x: Any, y: Outcomes, weights: Floats | None, task: Task, watch: tuple[Any, Outcomes] | None
    ) -> Any:
        """The estimator, fitted to encoded rows.

        Args:
            y: booleans or class codes.
            weights: how many rows each stands for.
            watch: encoded rows on which boosting watches its log loss, to stop where it has not fallen for a while.
        """
        options = self.options(task) | (self.watching(made, *watch) if watch is not None else {})
        if weights is not None and has_fit_parameter(made, "sample_weight"):
            return made.fit(x, y, sample_weight=weights, **options)
        if weights is not None:  # it must see every row as often as it is there
            often = np.repeat(np.arange(len(y)), weights.astype("int64"))
            x, y = x[often], y[often]
        return made.fit(x, y, **options)

    def options(self, task: Task) -> dict[str, Any]:
        """What `fit` must be told of the columns."""
        return {}

    def watching(self, made: Any, x: Any, y: Outcomes) -> dict[str, Any]:
        """Have an estimator watch its log loss on these rows; returns what its `fit` needs for that."""
        return {}

    def curve(self, fitted: Any) -> Floats:
        """The watched log loss, with a minus; the first entry is from before any iteration. Empty where none was watched."""
        return np.empty(0)

    def probabilities(self, fitted: Any, x: Any, iterations: int) -> Floats:
        """Each encoded row's probability of each class after so many iterations, shape (n, classes)."""
        return np.asarray(fitted.predict_proba(x), dtype="float64")

    def after(self, candidate: C, iterations: int | None, times: float) -> int | None:
        """How many iterations are tried, where so many times the best number is needed and it goes on for a while."""
        return iterations


def losses(watched: Sequence[float]) -> Floats:
    """A curve from the log losses after each iteration."""
    return np.array([-np.inf, *(-loss for loss in watched)]) if len(watched) else np.empty(0)


def imported(path: str, action: str, hint: str) -> Any:
    """A class by its package, module and name.

    Raises:
        TrainingError: it is not there.
    """
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise TrainingError(
            action, problem="its class is not installed where the training runs", found=error, hint=hint
        ) from error


def of_extra(declaration: type[BaseCandidate], path: str) -> Any:
    """A class that an extra of Leeway brings.

    Raises:
        TrainingError: the extra is not installed.
    """
    return imported(path, f"making the candidate {declaration.__name__}", f"pip install leeway[{declaration.extra}]")
