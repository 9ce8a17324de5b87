"""What is tried: every candidate's trials, each an unfitted scikit-learn pipeline."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from leeway.definition import Boosting, Candidate, Kind, Logistic
from leeway.metrics import Bools
from leeway.outputs import Outputs
from leeway.training import estimating

RARE = 20  # categories seen less often share one code


@dataclass(frozen=True)
class Trial:
    """One way to learn.

    Attributes:
        candidate: the candidate it belongs to.
        parameters: what differs between the candidate's trials.
    """

    candidate: Candidate
    parameters: dict[str, Any]

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


def build(trial: Trial, features: Mapping[str, Kind], seed: int) -> Pipeline:
    """The unfitted pipeline of a trial, for frames made by `model_input`."""
    numbers = [name for name, kind in features.items() if kind != "categorical"]
    categories = [name for name, kind in features.items() if kind == "categorical"]
    match trial.candidate:
        case Logistic() as logistic:
            scaled = make_pipeline(
                SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler()
            )
            hot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=RARE)
            estimator = LogisticRegression(
                C=trial.parameters["C"], class_weight=logistic.class_weight, max_iter=2_000, random_state=seed
            )
            return _pipeline(scaled, numbers, hot, categories, estimator)
        case Boosting() as boosting:
            codes = OrdinalEncoder(
                handle_unknown="use_encoded_value",
                unknown_value=np.nan,
                encoded_missing_value=np.nan,
                min_frequency=RARE,
            )
            estimator = HistGradientBoostingClassifier(
                **trial.parameters,
                max_iter=boosting.max_iter,
                min_samples_leaf=boosting.min_samples_leaf,
                l2_regularization=boosting.l2_regularization,
                early_stopping=False,  # its own split would be random, not time-ordered
                random_state=seed,
            )
            return _pipeline("passthrough", numbers, codes, categories, estimator)


def learn(
    trial: Trial, features: Mapping[str, Kind], outputs: Outputs, x: pd.DataFrame, y: Bools, seed: int
) -> Pipeline:
    """The fitted pipeline of a trial. A column without any value teaches nothing, and boosting refuses it: it is left out."""
    present = {name: kind for name, kind in features.items() if x[name].notna().any()}
    return estimating.fit(build(trial, present, seed), outputs, x, y)


def model_input(rows: pd.DataFrame, features: Mapping[str, Kind]) -> pd.DataFrame:
    """The features in their fixed order: numbers and booleans as float64, categories as text; NaN where missing."""
    columns = {
        name: rows[name].astype("object").where(rows[name].notna(), np.nan)
        if kind == "categorical"
        else pd.to_numeric(rows[name].astype("object"), errors="coerce").astype("float64")
        for name, kind in features.items()
    }
    return pd.DataFrame(columns, index=rows.index)


def _pipeline(numeric: Any, numbers: list[str], categorical: Any, categories: list[str], estimator: Any) -> Pipeline:
    columns = ColumnTransformer([("numbers", numeric, numbers), ("categories", categorical, categories)])
    return Pipeline([("columns", columns), ("estimator", estimator)])
