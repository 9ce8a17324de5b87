"""Realised performance: what became of a partition's decisions, by the labels that are mature."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from leeway.definition import Classifier
from leeway.partitions import Partition
from leeway.store.database import database
from leeway.store.tables import labels_known, tables_of


@dataclass(frozen=True)
class Realised:
    """Decisions held against labels.

    Attributes:
        labelled: events with a known label; `positives` of them positive, `called` called positive, `hits` both.
    """

    labelled: int
    positives: int
    called: int
    hits: int

    @property
    def recall(self) -> float | None:
        """The share of the positives that were called positive."""
        return self.hits / self.positives if self.positives else None

    @property
    def precision(self) -> float | None:
        """The share of those called positive that were."""
        return self.hits / self.called if self.called else None


def realised(classifier: Classifier, partition: Partition, version: int, *, as_of: datetime) -> Realised | None:
    """How a version did on a partition, by what is known as of a time; None while labels are not mature."""
    if partition.end + classifier.label.maturity > as_of:
        return None
    with database().transaction() as connection:
        return Realised(*connection.execute(_query(classifier, partition, version, as_of)).one())


def _query(classifier: Classifier, partition: Partition, version: int, as_of: datetime) -> sa.Select[Any]:
    tables = tables_of(classifier)
    prediction = tables.prediction
    known = labels_known(tables, as_of).subquery()
    count = sa.func.count()
    return (
        sa.select(
            count,
            count.filter(known.c.positive),
            count.filter(prediction.c.decision),
            count.filter(prediction.c.decision & known.c.positive),
        )
        .select_from(prediction.join(known, known.c.event_id == prediction.c.event_id))
        .where(prediction.c.partition == partition.key, prediction.c.version == version)
    )
