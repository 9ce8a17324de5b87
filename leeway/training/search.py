"""Cross-validated search over the candidates."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from leeway import parallel
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


@dataclass(frozen=True)
class Tried:
    """What came of a trial.

    Attributes:
        metric: the higher, the better.
        trial: with the iterations that were best for it.
        scores: out-of-fold, shape (n, K).
    """

    metric: float
    trial: Trial
    scores: Floats


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
    tried: list[Tried] = []
    for candidate in classifier.candidates:
        encoded = encode_folds(classifier, candidate, x, y, folds)
        for trial in trials([candidate]):
            progress(str(trial))
            tried.append(attempt(classifier, trial, y, folds, encoded))
    return best(folds, tried)


def best(folds: Sequence[Fold], tried: Sequence[Tried]) -> Outcome:
    """The outcome of all trials, in their order: of equals the first is kept."""
    kept = max(tried, key=lambda item: item.metric)
    return Outcome(kept.trial, scored_rows(folds), kept.scores, {str(item.trial): abs(item.metric) for item in tried})


def scored_rows(folds: Sequence[Fold]) -> Rows:
    """Positions of the rows that are validated on, in the order of the folds."""
    return np.concatenate([validate for _, validate in folds])


def encode_folds(
    classifier: Classifier, candidate: Candidate, x: pd.DataFrame, y: Bools, folds: Sequence[Fold]
) -> "list[EncodedFold]":
    """The folds as a candidate sees them; the same for all of its trials."""
    with parallel.one_order_of_sums():
        return [_encoded(classifier, candidate, x, targets(classifier.label.outputs, y), fold) for fold in folds]


def attempt(
    classifier: Classifier, trial: Trial, y: Bools, folds: Sequence[Fold], encoded: "Sequence[EncodedFold]"
) -> Tried:
    """Try one trial on all folds."""
    outputs = classifier.label.outputs
    with parallel.one_order_of_sums():
        tuned, scores = _out_of_fold(trial, outputs, encoded, classifier.training.seed)
    return Tried(_METRICS[classifier.training.select_by](outputs, y[scored_rows(folds)], scores), tuned, scores)


@dataclass(frozen=True)
class EncodedFold:
    """A fold's rows as a candidate sees them: what is learnt from, and what is validated on with its outcomes."""

    rows: Encoded
    x: Any
    y: Outcomes


def _encoded(classifier: Classifier, candidate: Candidate, x: pd.DataFrame, y: Outcomes, fold: Fold) -> EncodedFold:
    train, validate = fold
    rows = encode(candidate, classifier.features, x.iloc[train], y[train], classifier.training.seed)
    return EncodedFold(rows, rows.columns.transform(x.iloc[validate]), y[validate])


def _out_of_fold(trial: Trial, outputs: Outputs, folds: Sequence[EncodedFold], seed: int) -> tuple[Trial, Floats]:
    """The trial with its best iterations, and its scores of what the folds validate on, shape (n, K).

    One number of iterations serves all folds, as it will serve the final fit: it is chosen like every other parameter.
    """
    # A thread for each fold at a time: boosting's own wait for one another after every split, which costs as much as it gains.
    with ThreadPoolExecutor(parallel.threads() if folds[0].y.ndim == 1 else 1) as pool:
        estimators = list(pool.map(lambda fold: _fitted(trial, fold, seed), folds))
    iterations = best_iterations(estimators, [len(fold.y) for fold in folds])
    scores = [
        aligned(outputs, estimator.classes_, probabilities(estimator, fold.x, iterations))
        for estimator, fold in zip(estimators, folds, strict=True)
    ]
    return replace(trial, iterations=iterations), np.concatenate(scores)


def _fitted(trial: Trial, fold: EncodedFold, seed: int) -> Any:
    with parallel.one_thread():
        return fit(trial, fold.rows, seed, watch=(fold.x, fold.y))


_METRICS: dict[str, Callable[[Outputs, Bools, Floats], float]] = {
    "log_loss": lambda outputs, y, p: -float(log_losses(y, p, exclusive=outputs.exclusive).mean()),
    "roc_auc": lambda _, y, p: averaged(roc_auc_score, y, p),
    "average_precision": lambda _, y, p: averaged(average_precision_score, y, p),
}
