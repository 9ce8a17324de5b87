"""The coefficients of linear models, as odds ratios."""

from typing import Any

import numpy as np
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline

from leeway.core.outputs import Outputs

MOST = 50  # of each class, those that weigh most


def odds_ratios(model: Any, outputs: Outputs, sensitive: frozenset[str]) -> dict[str, dict[str, float]]:
    """Return the odds ratios of a linear member.

    They are by class and term: for one standard deviation more of a number, or for a category. The first logistic regression
    among the members counts; without one the result is empty. Words of texts are left out, because they are hashed, and so are
    values of sensitive columns.

    Args:
        model: the pipeline of a bundle.
        sensitive: features whose values must not be shown.
    """
    pipeline = next(iter(_linear(model)), None)
    if pipeline is None:
        return {}
    columns, estimator = pipeline[0], pipeline[-1]
    names = _terms(columns, sensitive)
    fitted = estimator.estimators_ if isinstance(estimator, OneVsRestClassifier) else [estimator]
    weights = [one.coef_ for one in fitted if hasattr(one, "coef_")]
    if not weights:
        return {}
    rows = np.concatenate(weights)
    known = outputs.names if len(rows) == len(outputs.names) else [outputs.names[k] for k in estimator.classes_]
    return {name: _heaviest(row, names) for name, row in zip(known, rows, strict=False)}


def _linear(model: Any) -> list[Pipeline]:
    if isinstance(model, VotingClassifier):
        return [found for part in model.estimators_ for found in _linear(part)]
    if not isinstance(model, Pipeline):
        return []
    last = model[-1]
    inner = last.estimators_ if isinstance(last, VotingClassifier) else [last]
    of = [one.estimators_[0] if isinstance(one, OneVsRestClassifier) else one for one in inner]
    places = [place for place, one in enumerate(of) if isinstance(one, LogisticRegression)]
    return [Pipeline([("columns", model[0]), ("estimator", inner[place])]) for place in places]


def _terms(columns: Any, sensitive: frozenset[str]) -> list[str | None]:
    """Return the terms' names in order.

    Terms that must not be shown are None.
    """
    found: list[str | None] = []
    for part, transformer, names in columns.transformers_:
        place = columns.output_indices_[part]
        if place.stop == place.start:
            continue
        if part not in ("numbers", "categories"):
            found += [None] * (place.stop - place.start)
            continue
        for term in transformer.get_feature_names_out(names):
            column = max((name for name in names if name in term), key=len)
            value = term[len(column) + 1 :].replace("infrequent_sklearn", "a rare one")
            shown = term if part == "numbers" else f"{column} = {value}"
            found.append(None if column in sensitive else shown)
    return found


def _heaviest(weights: Any, names: list[str | None]) -> dict[str, float]:
    shown = [(name, float(weight)) for name, weight in zip(names, weights, strict=True) if name is not None and weight]
    return {name: float(np.exp(weight)) for name, weight in sorted(shown, key=lambda item: -abs(item[1]))[:MOST]}
