"""Trials: every way to learn that is tried, each a scikit-learn pipeline."""

import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline

from leeway.core.errors import TrainingError
from leeway.core.metrics import Floats, Outcomes, Rows
from leeway.definition import Candidate, Kind
from leeway.training import encoders
from leeway.training.learners import Learner, Sees, Size, Task, learner_of

MERGED = 0.8  # of the rows: where fewer are distinct, equal ones are learnt from a few times, with weights
COPIES = 50  # of a row, at most: a leaf asks for so many rows, whatever they weigh, and a lone heavy row must fill one


@dataclass(frozen=True)
class Trial:
    """One way to learn.

    Attributes:
        candidate: the candidate it belongs to.
        parameters: what differs between the candidate's trials.
        iterations: how many the search found to be best; None before, and where there is nothing to stop.
    """

    candidate: Candidate
    parameters: dict[str, Any]
    iterations: int | None = None

    @property
    def learner(self) -> Learner[Any]:
        """How it learns."""
        return learner_of(self.candidate)

    @property
    def sees(self) -> Sees:
        """How columns become numbers for it."""
        return self.learner.sees(self.candidate)

    def seconds(self, rows: int, size: Size) -> float:
        """How long one core learns from so many rows."""
        return self.learner.seconds(self.candidate, self.parameters, self.iterations, rows, size)

    def microseconds(self, size: Size) -> float:
        """How long its estimator takes to score a row, without reading it."""
        return self.learner.microseconds(self.candidate, self.parameters, self.iterations, size)

    def __str__(self) -> str:
        declared = self.candidate.model_dump(exclude_defaults=True, exclude={"kind", "sees", *self.parameters})
        given = {**self.parameters, **declared.pop("parameters", {}), **declared}
        name = given.pop("path", self.candidate.kind)
        return f"{name}({', '.join(f'{key}={value}' for key, value in given.items())})"


def trials(candidates: Sequence[Candidate]) -> Iterator[Trial]:
    """Every combination that the candidates ask for, in their order."""
    for candidate in candidates:
        grid = learner_of(candidate).grid(candidate)
        for values in itertools.product(*grid.values()):
            yield Trial(candidate, dict(zip(grid, values, strict=True)))


@dataclass(frozen=True)
class Encoded:
    """Rows as numbers, for every trial that sees them so to learn from.

    Attributes:
        columns: the fitted transformer.
        codes: which of its columns are codes of categories, for boosting.
        x, y, weights: distinct rows, each at most `COPIES` times, their outcomes, and how many rows each stands for; None
            where nearly all differ.
    """

    columns: ColumnTransformer
    codes: list[int]
    x: Any
    y: Outcomes
    weights: Floats | None


def encode(sees: Sees, features: Mapping[str, Kind], x: pd.DataFrame, y: Outcomes, seed: int) -> Encoded:
    """Learn how candidates see columns. Those that never vary teach nothing and are left out.

    Args:
        x: as `model_input` makes it.
        y: booleans, class codes, or an indicator of shape (n, labels).

    Raises:
        TrainingError: no column varies.
    """
    varying = {name: kind for name, kind in features.items() if varies(x[name])}
    if not varying:
        raise TrainingError(
            "learning from the development rows",
            problem="no feature has different values",
            found=f"{len(x)} rows, equal in all of {len(features)} features",
            hint="look at what was ingested, or declare further columns",
        )
    codes: list[int] = []
    if sees == "trees":
        columns, codes = encoders.trees(varying, encoders.with_many_values(x, varying, y), seed)
    else:
        columns = encoders.linear(varying, dense=sees == "dense")
    encoded = columns.fit_transform(x, y)
    if y.ndim > 1:  # scikit-learn passes no weights on to the estimators of several labels
        return Encoded(columns, codes, encoded, y, None)
    first, weights = _copied(*_distinct(x[list(varying)], y))
    if len(first) > MERGED * len(x):  # boosting takes far longer to find its bins of rows with weights
        return Encoded(columns, codes, encoded, y, None)
    return Encoded(columns, codes, encoded[first], y[first], weights)


def fit(trial: Trial, rows: Encoded, seed: int, watch: tuple[Any, Outcomes] | None = None) -> Any:
    """The fitted estimator of a trial.

    Args:
        watch: encoded rows on which boosting watches its log loss, to stop where it has not fallen for a while.
    """
    task = Task(rows.y, rows.x.shape[1], rows.codes, seed)
    made = trial.learner.estimator(trial.candidate, trial.parameters, trial.iterations, task)
    if rows.y.ndim > 1:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Label .* present in all training examples")  # rare, and no fault
            return OneVsRestClassifier(made).fit(rows.x, rows.y.astype("int8"))
    if watch is not None:
        known = np.isin(watch[1], rows.y)  # it cannot tell the loss of a class that it does not know
        watch = (watch[0][known], watch[1][known]) if known.any() else None
    return trial.learner.fit(made, rows.x, rows.y, rows.weights, task, watch)


def learn(trial: Trial, features: Mapping[str, Kind], x: pd.DataFrame, y: Outcomes, seed: int) -> Pipeline:
    """The fitted pipeline of a trial, for frames made by `model_input`; rows that are equal are learnt from once, weighted.

    Raises:
        TrainingError: no column varies.
    """
    rows = encode(trial.sees, features, x, y, seed)
    return Pipeline([("columns", rows.columns), ("estimator", fit(trial, rows, seed))])


def best_iterations(trial: Trial, fitted: Sequence[Any], sizes: Sequence[int]) -> int | None:
    """With how many iterations the watched log loss is least over all folds together; None where nothing was watched.

    Args:
        sizes: how many rows each fold watched. A fold that had stopped counts with its last loss.
    """
    curves = [np.empty(0) if _is_several(one) else trial.learner.curve(one) for one in fitted]
    watched = [(curve, size) for curve, size in zip(curves, sizes, strict=True) if len(curve)]
    if not watched:
        return None
    longest = max(len(curve) for curve, _ in watched)
    padded = [np.pad(curve, (0, longest - len(curve)), mode="edge") for curve, _ in watched]
    score = np.average(padded, axis=0, weights=[size for _, size in watched])
    return max(1, int(score.argmax()))  # the first entry is from before the first iteration


def probabilities(trial: Trial, fitted: Any, x: Any, iterations: int | None) -> Floats:
    """Each encoded row's probability of each class that the estimator knows, shape (n, classes).

    Args:
        iterations: boosting's predictions after so many; all of them where None.
    """
    if iterations is None or _is_several(fitted):
        return np.asarray(fitted.predict_proba(x), dtype="float64")
    return trial.learner.probabilities(fitted, x, iterations)


def _is_several(fitted: Any) -> bool:
    return isinstance(fitted, OneVsRestClassifier)  # one estimator for each label, none of which was watched


def varies(column: "pd.Series[Any]") -> bool:
    """Whether a column has different values, a missing one among them."""
    present = column.notna()
    if not present.all():
        return bool(present.any())
    return bool((column != column.iloc[0]).any())


def _copied(first: Rows, weights: Floats) -> tuple[Rows, Floats]:
    """Repeat distinct rows as often as they occurred, but not too often; their weights stay the same in all."""
    copies = np.minimum(weights, COPIES).astype(np.intp)
    return np.repeat(first, copies), np.repeat(weights / copies, copies)


def _distinct(x: pd.DataFrame, y: Outcomes) -> tuple[Rows, Floats]:
    """The first of each set of equal rows, and how many it stands for."""
    outcome = pd.DataFrame(y.reshape(len(y), -1)).add_prefix("outcome ")
    hashes = pd.util.hash_pandas_object(pd.concat([x.reset_index(drop=True), outcome], axis=1), index=False)
    codes, uniques = pd.factorize(hashes)
    first = np.unique(codes, return_index=True)[1]
    return first, np.bincount(codes, minlength=len(uniques)).astype("float64")
