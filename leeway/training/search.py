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
from leeway.metrics import Bools, Floats, averaged, log_losses, varied
from leeway.outputs import Outputs, describe
from leeway.training import estimating
from leeway.training.candidates import Trial, learn, trials

Rows = npt.NDArray[np.intp]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What the search found.

    Attributes:
        trial: the best one.
        rows: positions of the development rows that have an out-of-fold score, in the order of time.
        scores: the best trial's out-of-fold scores of these rows, shape (n, K).
        results: every trial's metric by name.
    """

    trial: Trial
    rows: Rows
    scores: Floats
    results: dict[str, float]


def search(classifier: Classifier, x: pd.DataFrame, y: Bools, progress: Progress = lambda text: None) -> Outcome:
    """Try every trial on time-ordered folds and keep the best.

    Args:
        x, y: the development rows in the order of time; labels of shape (n, K).
        progress: told of each trial before it starts.

    Raises:
        TrainingError: no fold has labels that differ on both sides.
    """
    outputs = classifier.label.outputs
    folds = list(time_folds(y, classifier.training.folds))
    if not folds:
        raise TrainingError(
            f"cross-validating {classifier.name}",
            rule=f"at least one time-ordered fold must have {outputs.least} before and after its cut",
            found=f"{len(y)} rows, {describe(outputs.count(y))}",
            way_out="ingest more partitions, or train as of a later time",
        )
    rows = np.concatenate([validate for _, validate in folds])
    scored: list[tuple[float, Trial, Floats]] = []
    for trial in trials(classifier.candidates):
        progress(str(trial))
        scores = np.concatenate([_out_of_fold(classifier, trial, x, y, fold) for fold in folds])
        scored.append((_METRICS[classifier.training.select_by](outputs, y[rows], scores), trial, scores))
    _, trial, scores = max(scored, key=lambda item: item[0])
    results = {str(tried): abs(metric) for metric, tried, _ in scored}
    return Outcome(trial, rows, scores, results)


def time_folds(y: Bools, count: int) -> Iterator[tuple[Rows, Rows]]:
    """Folds over rows in the order of time: each trains on all that lies before what it validates on.

    The rows are cut into `count` + 1 blocks; the first is never validated on. A fold with labels that are all the
    same on a side is left out.
    """
    blocks: Sequence[Any] = np.array_split(np.arange(len(y)), count + 1)
    for position in range(1, count + 1):
        train, validate = np.concatenate(blocks[:position]), blocks[position]
        if varied(y[train]) and varied(y[validate]):
            yield train, validate


def _out_of_fold(classifier: Classifier, trial: Trial, x: pd.DataFrame, y: Bools, fold: tuple[Rows, Rows]) -> Floats:
    train, validate = fold
    outputs = classifier.label.outputs
    pipeline = learn(trial, classifier.features, outputs, x.iloc[train], y[train], classifier.training.seed)
    return estimating.predict(pipeline, outputs, x.iloc[validate])


_METRICS: dict[str, Callable[[Outputs, Bools, Floats], float]] = {
    "log_loss": lambda outputs, y, p: -float(log_losses(y, p, exclusive=outputs.exclusive).mean()),
    "roc_auc": lambda _, y, p: averaged(roc_auc_score, y, p),
    "average_precision": lambda _, y, p: averaged(average_precision_score, y, p),
}
