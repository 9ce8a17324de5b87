"""Cross-validated search over the candidates, in the order of time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from leeway.definition import Classifier
from leeway.errors import TrainingError
from leeway.metrics import Bools, Floats, log_losses
from leeway.training.candidates import Trial, learn, trials

Rows = npt.NDArray[np.intp]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What the search found.

    Attributes:
        trial: the best one.
        rows: positions of the development rows that have an out-of-fold score, in the order of time.
        scores: the best trial's out-of-fold scores of these rows.
        results: every trial's metric by name.
    """

    trial: Trial
    rows: Rows
    scores: Floats
    results: dict[str, float]


def search(classifier: Classifier, x: pd.DataFrame, y: Bools, progress: Progress = lambda text: None) -> Outcome:
    """Try every trial on time-ordered folds and keep the best.

    Args:
        x, y: the development rows in the order of time.
        progress: told of each trial before it starts.

    Raises:
        TrainingError: no fold has both classes on both sides.
    """
    folds = list(time_folds(y, classifier.training.folds))
    if not folds:
        raise TrainingError(
            f"cross-validating {classifier.name}",
            rule="at least one time-ordered fold must have both classes before and after its cut",
            found=f"{len(y)} rows, {int(y.sum())} positive",
            way_out="ingest more partitions, or train as of a later time",
        )
    rows = np.concatenate([validate for _, validate in folds])
    scored: list[tuple[float, Trial, Floats]] = []
    for trial in trials(classifier.candidates):
        progress(str(trial))
        scores = np.concatenate([_out_of_fold(classifier, trial, x, y, fold) for fold in folds])
        scored.append((_METRICS[classifier.training.select_by](y[rows], scores), trial, scores))
    _, trial, scores = max(scored, key=lambda item: item[0])
    results = {str(tried): abs(metric) for metric, tried, _ in scored}
    return Outcome(trial, rows, scores, results)


def time_folds(y: Bools, count: int) -> Iterator[tuple[Rows, Rows]]:
    """Folds over rows in the order of time: each trains on all that lies before what it validates on.

    The rows are cut into `count` + 1 blocks; the first is never validated on. A fold with one class on a side is left out.
    """
    blocks: Sequence[Any] = np.array_split(np.arange(len(y)), count + 1)
    for position in range(1, count + 1):
        train, validate = np.concatenate(blocks[:position]), blocks[position]
        if all(0 < y[side].sum() < len(side) for side in (train, validate)):
            yield train, validate


def _out_of_fold(classifier: Classifier, trial: Trial, x: pd.DataFrame, y: Bools, fold: tuple[Rows, Rows]) -> Floats:
    train, validate = fold
    pipeline = learn(trial, classifier.features, x.iloc[train], y[train], classifier.training.seed)
    return np.asarray(pipeline.predict_proba(x.iloc[validate])[:, 1], dtype="float64")


_METRICS: dict[str, Callable[[Bools, Floats], float]] = {
    "log_loss": lambda y, p: -float(log_losses(y, p).mean()),
    "roc_auc": lambda y, p: float(roc_auc_score(y, p)),
    "average_precision": lambda y, p: float(average_precision_score(y, p)),
}
