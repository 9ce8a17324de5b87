"""Realised performance by mature labels."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from leeway.core.outputs import Outputs
from leeway.definition import Classifier
from leeway.definition.partitions import Partition
from leeway.store.database import database
from leeway.store.tables import labels_known, tables_of


@dataclass(frozen=True)
class RealisedPerformance:
    """The counts of decisions and labels.

    Attributes:
        labelled: events with a known label. Where there are several classes, the other counts are sums over them.
        positives, predicted_positive, true_positives: how many of them are positive, flagged, and both.
        by_class: the same for each class where there are several.
    """

    labelled: int
    positives: int
    predicted_positive: int
    true_positives: int
    by_class: "dict[str, RealisedPerformance]" = field(default_factory=dict)

    @property
    def recall(self) -> float | None:
        """The share of positives that were flagged."""
        return self.true_positives / self.positives if self.positives else None

    @property
    def precision(self) -> float | None:
        """The share of flagged events that are positive."""
        return self.true_positives / self.predicted_positive if self.predicted_positive else None


def realised(
    classifier: Classifier, partition: Partition, version: int, *, as_of: datetime
) -> RealisedPerformance | None:
    """Return a version's performance on a partition.

    Only labels that were known as of a time count. None while labels are not mature.
    """
    if partition.end + classifier.label.maturity > as_of:
        return None
    outputs = classifier.label.outputs
    with database().transaction() as connection:
        labelled, *counts = connection.execute(_query(classifier, partition, version, as_of)).one()
    by_class = {name: RealisedPerformance(labelled, *counts[3 * k : 3 * k + 3]) for k, name in enumerate(outputs.names)}
    positives, predicted_positive, true_positives = (sum(counts[place::3]) for place in range(3))
    return RealisedPerformance(
        labelled, positives, predicted_positive, true_positives, by_class if outputs.several else {}
    )


def _query(classifier: Classifier, partition: Partition, version: int, as_of: datetime) -> sa.Select[*tuple[Any, ...]]:
    tables, outputs = tables_of(classifier), classifier.label.outputs
    prediction = tables.prediction
    scored = (prediction.c.partition == partition.key) & (prediction.c.version == version)
    known = labels_known(tables, as_of, sa.select(prediction.c.event_id).where(scored)).subquery()
    count = sa.func.count()
    counts: list[sa.ColumnElement[int]] = []
    for name in outputs.names:
        is_positive, is_flagged = (
            _holds(column, outputs, name) for column in (known.c[outputs.column], prediction.c.decision)
        )
        counts += [count.filter(is_positive), count.filter(is_flagged), count.filter(is_flagged & is_positive)]
    return (
        sa.select(count, *(column.label(f"count_{place}") for place, column in enumerate(counts)))
        .select_from(prediction.join(known, known.c.event_id == prediction.c.event_id))
        .where(scored)
    )


def _holds(stored: sa.ColumnElement[Any], outputs: Outputs, name: str) -> sa.ColumnElement[bool]:
    """Return whether a stored value holds a class."""
    match outputs.kind:
        case "binary":
            return stored
        case "multiclass":
            return stored == name
        case "multilabel":
            return stored.any(name)  # type: ignore[no-any-return]
