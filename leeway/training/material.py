"""What a training works on: a snapshot, cut into what is learnt from and what is held out, and folded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from leeway import snapshots
from leeway.definition import Classifier
from leeway.errors import TrainingError
from leeway.metrics import Bools, varied
from leeway.outputs import describe
from leeway.training import folds
from leeway.training.candidates import model_input
from leeway.training.estimating import targets
from leeway.training.folds import Fold


@dataclass(frozen=True)
class Split:
    """A snapshot in two: what is learnt from, and what nothing sees before the gates. Both in the snapshot's order."""

    development: pd.DataFrame
    holdout: pd.DataFrame


@dataclass(frozen=True)
class Material:
    """What a snapshot gives to learn from; the same wherever it is made.

    Attributes:
        x, y: the development rows as candidates see them; labels of shape (n, K).
        folds: positions in them.
    """

    snapshot: str
    as_of: datetime
    split: Split
    x: pd.DataFrame
    y: Bools
    folds: Sequence[Fold]


def material(classifier: Classifier, snapshot: str, as_of: datetime) -> Material:
    """Read a snapshot, cut and fold it.

    Raises:
        TrainingError: there is not enough to learn from.
        NotFound: there is no such snapshot.
    """
    split, outputs = cut(classifier, snapshots.read(classifier.name, snapshot), as_of), classifier.label.outputs
    x, y = model_input(split.development, classifier.features), outputs.matrix(split.development[outputs.column])
    return Material(snapshot, as_of, split, x, y, folds.folds(classifier, split.development, targets(outputs, y)))


def cut(classifier: Classifier, rows: pd.DataFrame, as_of: datetime) -> Split:
    """Split a snapshot into what is learnt from and what is held out, as `training.holdout` asks.

    Raises:
        TrainingError: the labels of a side are all the same.
    """
    outputs = classifier.label.outputs
    parts = folds.split(classifier, rows, targets(outputs, outputs.matrix(rows[outputs.column])))
    split = Split(*(rows.iloc[part].reset_index(drop=True) for part in parts))
    starts = f", which starts {split.holdout['event_time'].iloc[0]:%Y-%m-%d %H:%M}" if len(split.holdout) else ""
    for side, part in (("before", split.development), ("within", split.holdout)):
        y = outputs.matrix(part[outputs.column])
        if not varied(y):
            raise TrainingError(
                f"training {classifier.name} as of {as_of:%Y-%m-%d %H:%M}",
                rule=f"there must be labels of {outputs.least} {side} the holdout{starts}",
                found=f"{len(part)} labelled events, {describe(outputs.count(y))}",
                way_out="ingest more partitions, train as of a time that had labels (--as-of), or change training.holdout"
                + _or_ungrouped(classifier),
            )
    return split


def _or_ungrouped(classifier: Classifier) -> str:
    if classifier.training.group is None:
        return ""
    before = "" if classifier.by_arrival else ", and events of those seen before the holdout are not in it"
    return f"; or drop training.group: it keeps each {classifier.training.group} on one side{before}"
