"""Training data: a snapshot, split and folded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from leeway.core.errors import NotFound, TrainingError
from leeway.core.logs import logger
from leeway.core.metrics import Bools, Rows, varied
from leeway.core.outputs import describe
from leeway.dataset import snapshots
from leeway.definition import Classifier
from leeway.model.bundle import Bundle
from leeway.model.class_probabilities import targets
from leeway.model.inputs import model_input
from leeway.model.window import TrainingWindow
from leeway.training import folds
from leeway.training.folds import Fold

log = logger(__name__)

LEAST_KEPT = 0.5  # share of the development rows that must stay, or nothing is purged


@dataclass(frozen=True)
class Split:
    """A snapshot in parts, each in the snapshot's order.

    Attributes:
        development: rows to learn from.
        holdout: rows that nothing sees before the gates.
        before: rows before the window; they are scored for the monitor's reference, and nothing else.
        purged: rows that lie before the holdout by less than labels take to mature; they are scored as `before` is.
    """

    development: pd.DataFrame
    holdout: pd.DataFrame
    before: pd.DataFrame
    purged: pd.DataFrame


@dataclass(frozen=True)
class Material:
    """The data that a training learns from.

    They are the same wherever they are made.

    Attributes:
        x, y: the development rows as candidates see them; labels of shape (n, K).
        folds: positions in them.
    """

    snapshot: str
    as_of: datetime
    window: TrainingWindow | None
    split: Split
    x: pd.DataFrame
    y: Bools
    folds: Sequence[Fold]


def material(classifier: Classifier, snapshot: str, as_of: datetime, window: TrainingWindow | None = None) -> Material:
    """Read, split and fold a snapshot.

    Args:
        window: the part of the snapshot to learn from; by default all of it.

    Raises:
        TrainingError: there is not enough to learn from.
        NotFound: there is no such snapshot.
    """
    split = cut(classifier, snapshots.read(classifier.name, snapshot), as_of, window)
    outputs = classifier.label.outputs
    x, y = model_input(split.development, classifier.features), outputs.matrix(split.development[outputs.column])
    return Material(
        snapshot, as_of, window, split, x, y, folds.folds(classifier, split.development, targets(outputs, y))
    )


def cut(classifier: Classifier, rows: pd.DataFrame, as_of: datetime, window: TrainingWindow | None = None) -> Split:
    """Split a snapshot into development and holdout.

    The window or `training.holdout` says how. Between the parts lies a gap as long as labels take to mature, as between
    training and scoring. A window has no gap: it answers a change, and only rows just before its holdout can teach it.

    Between them lies a gap as long as labels take to mature, as it lies between what is learnt from and what is scored. A
    window answers a change, of which there is nothing to learn but what came just before its holdout: it has no gap.

    Raises:
        TrainingError: the labels of a side are all the same.
    """
    outputs, before, rows = classifier.label.outputs, *_within(rows, window)
    asked = classifier if window is None else _holding_out(classifier, window)
    parts = folds.split(asked, rows, targets(outputs, outputs.matrix(rows[outputs.column])))
    learnable, late = _purged(classifier, rows, *parts) if window is None else (parts[0], parts[0][:0])
    development, holdout, purged = (rows.iloc[part].reset_index(drop=True) for part in (learnable, parts[1], late))
    split = Split(development, holdout, before, purged)
    starts = f", which starts {split.holdout['event_time'].iloc[0]:%Y-%m-%d %H:%M}" if len(split.holdout) else ""
    for side, part in (("before", split.development), ("within", split.holdout)):
        y = outputs.matrix(part[outputs.column])
        if not varied(y):
            raise TrainingError(
                f"training {classifier.name} as of {as_of:%Y-%m-%d %H:%M}",
                problem=f"labels of {outputs.least} are missing {side} the holdout{starts}",
                found=f"{len(part)} labelled events, {describe(outputs.count(y))}",
                hint="ingest more partitions, train as of a time that had labels (--as-of), or change training.holdout"
                + _or_ungrouped(classifier),
            )
    return split


def learnt_from(classifier: Classifier, bundle: Bundle) -> frozenset[str] | None:
    """Return the events that a bundle learnt from.

    None where only their times tell, or where its snapshot is gone.
    """
    card, outputs = bundle.card, bundle.outputs
    if not classifier.by_arrival or card.holdout_share is None:
        return None
    try:
        rows = snapshots.read(classifier.name, card.snapshot)
    except NotFound as error:
        log.warning("events of %s's bundle are not excluded, its snapshot is gone: %s", classifier.name, error)
        return None
    training = classifier.training.model_copy(update={"holdout": card.holdout_share, "seed": card.seed})
    then = classifier.model_copy(update={"training": training})
    development, _ = folds.split(then, rows, targets(outputs, outputs.matrix(rows[outputs.column])))
    return frozenset(rows["event_id"].iloc[development])


def _purged(classifier: Classifier, rows: pd.DataFrame, train: Rows, validate: Rows) -> tuple[Rows, Rows]:
    """Return the learnable positions, and those in the gap.

    The gap is empty where it would leave few rows.
    """
    kept = folds.mature_before(classifier, rows, train, validate)
    if len(kept) < LEAST_KEPT * len(train):
        return train, train[:0]
    return kept, train[~np.isin(train, kept)]


def _within(rows: pd.DataFrame, window: TrainingWindow | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split rows into before and within the window."""
    since = None if window is None else window.since
    early = np.zeros(len(rows), dtype=bool) if since is None else (rows["event_time"] < since).to_numpy()
    return rows[early].reset_index(drop=True), rows[~early].reset_index(drop=True)


def _holding_out(classifier: Classifier, window: TrainingWindow) -> Classifier:
    """Return the definition with the window's holdout."""
    training = classifier.training.model_copy(update={"holdout": window.holdout})
    return classifier.model_copy(update={"training": training})


def _or_ungrouped(classifier: Classifier) -> str:
    if classifier.training.group is None:
        return ""
    before = "" if classifier.by_arrival else ", and events of those seen before the holdout are not in it"
    return f"; or drop training.group: it keeps each {classifier.training.group} on one side{before}"
