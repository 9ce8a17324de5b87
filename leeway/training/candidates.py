"""What is tried: every candidate's trials, each a scikit-learn pipeline."""

import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline

from leeway.definition import Boosting, Candidate, Kind, Logistic
from leeway.errors import TrainingError
from leeway.metrics import Floats, Outcomes, Rows
from leeway.training import encoding

MERGED = 0.8  # of the rows: where fewer are distinct, equal ones are learnt from once
PATIENCE = 10  # iterations after which boosting stops, where it is watched and they have gained less than
WORTH = 1e-4  # nats of log loss
MOST_TREES = (
    2_000  # of boosting: with many classes, each of which is a tree in every iteration, these are fewer iterations
)


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

    def __str__(self) -> str:
        return f"{self.candidate.kind}({', '.join(f'{name}={value}' for name, value in self.parameters.items())})"


def trials(candidates: Sequence[Candidate]) -> Iterator[Trial]:
    """Every combination that the candidates ask for, in their order."""
    for candidate in candidates:
        match candidate:
            case Logistic():
                grid: dict[str, Sequence[Any]] = {"C": candidate.C}
            case Boosting():
                grid = {"learning_rate": candidate.learning_rate, "max_leaf_nodes": candidate.max_leaf_nodes}
        for values in itertools.product(*grid.values()):
            yield Trial(candidate, dict(zip(grid, values, strict=True)))


@dataclass(frozen=True)
class Encoded:
    """Rows as numbers, for every trial of one candidate to learn from.

    Attributes:
        columns: the fitted transformer.
        codes: which of its columns are codes of categories, for boosting.
        x, y, weights: distinct rows, their outcomes, and how many rows each stands for; None where nearly all differ.
    """

    columns: ColumnTransformer
    codes: list[int]
    x: Any
    y: Outcomes
    weights: Floats | None


def encode(candidate: Candidate, features: Mapping[str, Kind], x: pd.DataFrame, y: Outcomes, seed: int) -> Encoded:
    """Learn how a candidate sees columns. Those that never vary teach nothing and are left out.

    Args:
        x: as `model_input` makes it.
        y: booleans, class codes, or an indicator of shape (n, labels).

    Raises:
        TrainingError: no column varies.
    """
    varying = {name: kind for name, kind in features.items() if _varies(x[name])}
    if not varying:
        raise TrainingError(
            "learning from the development rows",
            rule="at least one feature must have different values",
            found=f"{len(x)} rows, equal in all of {len(features)} features",
            way_out="look at what was ingested, or declare further columns",
        )
    codes: list[int] = []
    match candidate:
        case Logistic():
            columns = encoding.linear(varying)
        case Boosting():
            columns, codes = encoding.trees(varying, encoding.with_many_values(x, varying, y), seed)
    encoded = columns.fit_transform(x, y)
    if y.ndim > 1:  # scikit-learn passes no weights on to the estimators of several labels
        return Encoded(columns, codes, encoded, y, None)
    first, weights = _distinct(x[list(varying)], y)
    if len(first) > MERGED * len(x):  # boosting takes far longer to find its bins of rows with weights
        return Encoded(columns, codes, encoded, y, None)
    return Encoded(columns, codes, encoded[first], y[first], weights)


def fit(trial: Trial, rows: Encoded, seed: int, watch: tuple[Any, Outcomes] | None = None) -> Any:
    """The fitted estimator of a trial.

    Args:
        watch: encoded rows on which boosting watches its log loss, to stop where it has not fallen for a while.
    """
    estimator, options = _estimator(trial, rows, seed), {}
    if rows.y.ndim > 1:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Label .* present in all training examples")  # rare, and no fault
            return OneVsRestClassifier(estimator).fit(rows.x, rows.y.astype("int8"))
    if rows.weights is not None:
        options["sample_weight"] = rows.weights
    if watch is not None and isinstance(estimator, HistGradientBoostingClassifier):
        known = np.isin(watch[1], rows.y)  # it cannot tell the loss of a class that it does not know
        if known.any():
            estimator.set_params(early_stopping=True, n_iter_no_change=PATIENCE, tol=WORTH)
            options |= {"X_val": watch[0][known], "y_val": watch[1][known]}
    return estimator.fit(rows.x, rows.y, **options)


def learn(trial: Trial, features: Mapping[str, Kind], x: pd.DataFrame, y: Outcomes, seed: int) -> Pipeline:
    """The fitted pipeline of a trial, for frames made by `model_input`; rows that are equal are learnt from once, weighted.

    Raises:
        TrainingError: no column varies.
    """
    rows = encode(trial.candidate, features, x, y, seed)
    return Pipeline([("columns", rows.columns), ("estimator", fit(trial, rows, seed))])


def best_iterations(estimators: Sequence[Any], sizes: Sequence[int]) -> int | None:
    """With how many iterations the watched log loss is least over all folds together; None where nothing was watched.

    Args:
        sizes: how many rows each fold watched. A fold that had stopped counts with its last loss.
    """
    curves = [getattr(estimator, "validation_score_", np.empty(0)) for estimator in estimators]
    watched = [(curve, size) for curve, size in zip(curves, sizes, strict=True) if len(curve)]
    if not watched:
        return None
    longest = max(len(curve) for curve, _ in watched)
    padded = [np.pad(curve, (0, longest - len(curve)), mode="edge") for curve, _ in watched]
    score = np.average(padded, axis=0, weights=[size for _, size in watched])
    return max(1, int(score.argmax()))  # the first entry is from before the first iteration


def probabilities(estimator: Any, encoded: Any, iterations: int | None) -> Floats:
    """Each encoded row's probability of each class that the estimator knows, shape (n, classes).

    Args:
        iterations: boosting's predictions after so many; all of them where None, or where there are not so many.
    """
    if iterations is None or iterations >= getattr(estimator, "n_iter_", 0):
        return np.asarray(estimator.predict_proba(encoded), dtype="float64")
    stages = estimator.staged_predict_proba(encoded)
    return np.asarray(next(itertools.islice(stages, iterations - 1, None)), dtype="float64")


def model_input(rows: pd.DataFrame, features: Mapping[str, Kind]) -> pd.DataFrame:
    """The features in their fixed order: numbers and booleans as float64, categories and texts as text.

    Missing is NaN, but for texts the empty one.
    """
    return pd.DataFrame({name: _column(rows[name], kind) for name, kind in features.items()}, index=rows.index)


def _column(raw: "pd.Series[Any]", kind: Kind) -> "pd.Series[Any]":
    if kind in ("categorical", "text"):
        return raw.astype("object").where(raw.notna(), "" if kind == "text" else np.nan)
    if not pd.api.types.is_numeric_dtype(raw.dtype):
        raw = pd.to_numeric(raw.astype("object"), errors="coerce")
    return raw.astype("float64")


def _estimator(trial: Trial, rows: Encoded, seed: int) -> Any:
    match trial.candidate:
        case Logistic() as logistic:
            return LogisticRegression(
                C=trial.parameters["C"], class_weight=logistic.class_weight, max_iter=2_000, random_state=seed
            )
        case Boosting() as boosting:
            outputs = rows.y.shape[1] if rows.y.ndim > 1 else max(1, len(np.unique(rows.y)) - 1)
            return HistGradientBoostingClassifier(
                **trial.parameters,
                max_iter=trial.iterations or min(boosting.max_iter, max(1, MOST_TREES // outputs)),
                min_samples_leaf=boosting.min_samples_leaf,
                l2_regularization=boosting.l2_regularization,
                categorical_features=rows.codes or None,
                early_stopping=False,  # its own split would be random, not time-ordered
                random_state=seed,
            )


def _varies(column: "pd.Series[Any]") -> bool:
    present = column.notna()
    if not present.all():
        return bool(present.any())
    return bool((column != column.iloc[0]).any())


def _distinct(x: pd.DataFrame, y: Outcomes) -> tuple[Rows, Floats]:
    """The first of each set of equal rows, and how many it stands for."""
    outcome = pd.DataFrame(y.reshape(len(y), -1)).add_prefix("outcome ")
    hashes = pd.util.hash_pandas_object(pd.concat([x.reset_index(drop=True), outcome], axis=1), index=False)
    codes, uniques = pd.factorize(hashes)
    first = np.unique(codes, return_index=True)[1]
    return first, np.bincount(codes, minlength=len(uniques)).astype("float64")
