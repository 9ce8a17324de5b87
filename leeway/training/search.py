"""Cross-validated search over the candidates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from leeway.definition import Candidate, Classifier
from leeway.metrics import Bools, Floats, Outcomes, Rows, averaged, log_losses
from leeway.outputs import Outputs
from leeway.training.candidates import Encoded, Trial, best_iterations, encode, fit, probabilities, trials
from leeway.training.estimating import aligned, targets
from leeway.training.folds import Fold

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What the search found.

    Attributes:
        trial: the best one.
        rows: positions of the development rows that have an out-of-fold score, in the order of the folds.
        scores: the best trial's out-of-fold scores of these rows, shape (n, K).
        results: every trial's metric by name.
    """

    trial: Trial
    rows: Rows
    scores: Floats
    results: dict[str, float]


def search(
    classifier: Classifier,
    x: pd.DataFrame,
    y: Bools,
    folds: Sequence[Fold],
    progress: Progress = lambda text: None,
) -> Outcome:
    """Try every trial on the folds and keep the best, with the iterations that were best for it.

    Args:
        x, y: the development rows; labels of shape (n, K).
        folds: what is learnt from and validated on, as `leeway.training.folds` makes them.
        progress: told of each trial before it starts.
    """
    outputs, seed = classifier.label.outputs, classifier.training.seed
    rows = np.concatenate([validate for _, validate in folds])
    scored: list[tuple[float, Trial, Floats]] = []
    for candidate in classifier.candidates:
        encoded = [_encoded(classifier, candidate, x, targets(outputs, y), fold) for fold in folds]
        for trial in trials([candidate]):
            progress(str(trial))
            tuned, scores = _out_of_fold(trial, outputs, encoded, seed)
            scored.append((_METRICS[classifier.training.select_by](outputs, y[rows], scores), tuned, scores))
    _, trial, scores = max(scored, key=lambda item: item[0])
    results = {str(tried): abs(metric) for metric, tried, _ in scored}
    return Outcome(trial, rows, scores, results)


@dataclass(frozen=True)
class _Fold:
    """A fold's rows as a candidate sees them: what is learnt from, and what is validated on with its outcomes."""

    rows: Encoded
    x: Any
    y: Outcomes


def _encoded(classifier: Classifier, candidate: Candidate, x: pd.DataFrame, y: Outcomes, fold: Fold) -> _Fold:
    train, validate = fold
    rows = encode(candidate, classifier.features, x.iloc[train], y[train], classifier.training.seed)
    return _Fold(rows, rows.columns.transform(x.iloc[validate]), y[validate])


def _out_of_fold(trial: Trial, outputs: Outputs, folds: Sequence[_Fold], seed: int) -> tuple[Trial, Floats]:
    """The trial with its best iterations, and its scores of what the folds validate on, shape (n, K).

    One number of iterations serves all folds, as it will serve the final fit: it is chosen like every other parameter.
    """
    estimators = [fit(trial, fold.rows, seed, watch=(fold.x, fold.y)) for fold in folds]
    iterations = best_iterations(estimators, [len(fold.y) for fold in folds])
    scores = [
        aligned(outputs, estimator.classes_, probabilities(estimator, fold.x, iterations))
        for estimator, fold in zip(estimators, folds, strict=True)
    ]
    return replace(trial, iterations=iterations), np.concatenate(scores)


_METRICS: dict[str, Callable[[Outputs, Bools, Floats], float]] = {
    "log_loss": lambda outputs, y, p: -float(log_losses(y, p, exclusive=outputs.exclusive).mean()),
    "roc_auc": lambda _, y, p: averaged(roc_auc_score, y, p),
    "average_precision": lambda _, y, p: averaged(average_precision_score, y, p),
}
