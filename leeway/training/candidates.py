"""What is tried: every candidate's trials, each a scikit-learn pipeline."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from leeway.definition import Boosting, Candidate, Kind, Logistic
from leeway.errors import TrainingError
from leeway.metrics import Floats, Outcomes, Rows
from leeway.training import encoding

PATIENCE = 10  # iterations without a gain, after which boosting stops where it is watched


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


def build(trial: Trial, features: Mapping[str, Kind], seed: int, many: frozenset[str] = frozenset()) -> Pipeline:
    """The unfitted pipeline of a trial, for frames made by `model_input`.

    Args:
        many: the categorical columns with more values than a tree can take.
    """
    match trial.candidate:
        case Logistic() as logistic:
            columns = encoding.linear(features)
            estimator: Any = LogisticRegression(
                C=trial.parameters["C"], class_weight=logistic.class_weight, max_iter=2_000, random_state=seed
            )
        case Boosting() as boosting:
            columns, codes = encoding.trees(features, many, seed)
            estimator = HistGradientBoostingClassifier(
                **trial.parameters,
                max_iter=trial.iterations or boosting.max_iter,
                min_samples_leaf=boosting.min_samples_leaf,
                l2_regularization=boosting.l2_regularization,
                categorical_features=codes or None,
                early_stopping=False,  # its own split would be random, not time-ordered
                random_state=seed,
            )
    return Pipeline([("columns", columns), ("estimator", estimator)])


def learn(
    trial: Trial,
    features: Mapping[str, Kind],
    x: pd.DataFrame,
    y: Outcomes,
    seed: int,
    watch: tuple[pd.DataFrame, Outcomes] | None = None,
) -> Pipeline:
    """The fitted pipeline of a trial.

    Columns that never vary teach nothing and are left out. Rows that are equal are learnt from once, with their number as
    the weight.

    Args:
        watch: rows on which boosting watches its log loss, to stop where it has not fallen for a while.

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
    many = encoding.with_many_values(x, varying, y)
    pipeline = build(trial, varying, seed, many)
    columns, estimator = pipeline[0], pipeline[-1]
    encoded = columns.fit_transform(x, y)
    options: dict[str, Any] = {}
    first, weights = _distinct(x[list(varying)], y)
    if len(first) < len(x):
        encoded, options["sample_weight"] = encoded[first], weights
    if watch is not None and isinstance(estimator, HistGradientBoostingClassifier):
        known = np.isin(watch[1], y)  # it cannot tell the loss of a class that it does not know
        if known.any():
            estimator.set_params(early_stopping=True, n_iter_no_change=PATIENCE)
            options |= {"X_val": columns.transform(watch[0][known]), "y_val": watch[1][known]}
    estimator.fit(encoded, y[first], **options)
    return pipeline


def best_iterations(pipelines: Sequence[Pipeline], sizes: Sequence[int]) -> int | None:
    """With how many iterations the watched log loss is least over all folds together; None where nothing was watched.

    Args:
        sizes: how many rows each fold watched. A fold that had stopped counts with its last loss.
    """
    curves = [getattr(pipeline[-1], "validation_score_", np.empty(0)) for pipeline in pipelines]
    watched = [(curve, size) for curve, size in zip(curves, sizes, strict=True) if len(curve)]
    if not watched:
        return None
    longest = max(len(curve) for curve, _ in watched)
    padded = [np.pad(curve, (0, longest - len(curve)), mode="edge") for curve, _ in watched]
    score = np.average(padded, axis=0, weights=[size for _, size in watched])
    return max(1, int(score.argmax()))  # the first entry is from before the first iteration


def probabilities(pipeline: Pipeline, x: pd.DataFrame, iterations: int | None = None) -> Floats:
    """Each row's probability of each class that the pipeline knows, shape (n, classes).

    Args:
        iterations: boosting's predictions after so many; all of them where None, or where there are not so many.
    """
    estimator = pipeline[-1]
    if iterations is None or iterations >= getattr(estimator, "n_iter_", 0):
        return np.asarray(pipeline.predict_proba(x), dtype="float64")
    stages = estimator.staged_predict_proba(pipeline[0].transform(x))
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
