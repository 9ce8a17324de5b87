"""The realised performance of partitions, by their labels.

It is stored night by night as it was known then, and never changed. A corrected label counts from its own night on: that night
reads the partition again. A query as of an earlier night returns what was known then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from leeway.core.metrics import Floats
from leeway.definition import Classifier
from leeway.definition.partitions import Partition
from leeway.detection.performance_metrics import METRICS, performance
from leeway.detection.reference import MIN_ROWS
from leeway.model.bundle import Bundle
from leeway.model.inputs import model_input
from leeway.scoring import batch_scoring
from leeway.store.database import database
from leeway.store.tables import labels_known, tables_of
from leeway.store.tables import realised as table

#: For a column, in each of its bins: how many rows have a label, and the sums of labels, then of scores, of each watched class.
Groups = dict[str, list[list[float]]]


@dataclass(frozen=True)
class RealisedPartition:
    """The realised performance of a partition.

    Attributes:
        labels: how many labels there were.
        metrics: the metrics that are defined.
        groups: sums by bin, of the scores and of the categories that are not sensitive.
    """

    partition: str
    version: int
    labels: int
    metrics: dict[str, float]
    groups: Groups

    @property
    def values(self) -> Floats:
        """The metrics in their order; NaN where undefined."""
        return np.array([self.metrics.get(name, np.nan) for name in METRICS])


def labelled(
    classifier: Classifier, partition: Partition, version: int, moment: datetime, least: float
) -> pd.DataFrame | None:
    """Return a partition's scored rows with known labels.

    None where there are too few.

    Args:
        moment: labels that became known later are left out.
        least: the smallest share of rows that must have a label.
    """
    tables = tables_of(classifier)
    prediction = tables.prediction
    predicted = sa.select(prediction.c.event_id).where(
        prediction.c.partition == partition.key, prediction.c.version == version
    )
    known = database().read(labels_known(tables, moment, predicted)).to_pandas()
    if len(known) < MIN_ROWS:
        return None
    scored = batch_scoring.read(classifier.name, partition, version)
    return scored.merge(known, on="event_id") if len(known) >= least * len(scored) else None


def of(classifier: Classifier, partition: str, bundle: Bundle, version: int, rows: pd.DataFrame) -> RealisedPartition:
    """Compute realised performance from labelled rows."""
    outputs, reference = bundle.outputs, bundle.reference
    p, y = batch_scoring.probabilities(rows, outputs), outputs.matrix(rows[outputs.column])
    judged = reference.judged
    metrics = performance(y.astype(np.float64), p, bundle.decide(p), exclusive=outputs.exclusive, judged=judged)
    defined: dict[str, float] = {
        name: value for name, value in zip(METRICS, metrics.tolist(), strict=True) if np.isfinite(value)
    }
    columns = _grouped_by(classifier, bundle, rows)
    for k in judged:
        columns[outputs.score_columns[k]] = pd.Series(p[:, k])
    sums = np.column_stack([np.ones(len(p)), *(values[:, judged] for values in (y, p))])
    groups = {}
    for name, column in columns.items():
        binning = reference.binnings[name]
        bins = binning.bin(column)
        groups[name] = np.column_stack([np.bincount(bins, own, binning.size) for own in sums.T]).round(6).tolist()
    return RealisedPartition(partition, version, len(rows), defined, groups)


def corrected(
    connection: Connection, classifier: Classifier, night: Partition, mature: Partition, version: int, back: int
) -> list[Partition]:
    """Return older partitions with newly known labels.

    They lie before the mature partition, and a label of theirs became known since its labels began to count.

    Args:
        back: how many partitions before the mature one are checked.
    """
    tables = tables_of(classifier)
    label, prediction = tables.label, tables.prediction
    changed = (
        sa.select(prediction.c.partition)
        .distinct()
        .join(label, label.c.event_id == prediction.c.event_id)
        .where(
            label.c.known_at > mature.start + classifier.label_age,  # the night before read labels up to then
            label.c.known_at <= night.end,
            prediction.c.version == version,
            prediction.c.partition.between(mature.shift(-back).key, mature.shift(-1).key),
        )
    )
    return sorted(Partition.parse(key, classifier.partition) for key in connection.scalars(changed))


def write(connection: Connection, name: str, night: Partition, found: Sequence[RealisedPartition]) -> None:
    """Store a night's realised performance, replacing earlier results."""
    connection.execute(sa.delete(table).where(table.c.classifier == name, table.c.night == night.key))
    columns = ("partition", "version", "labels", "metrics", "groups")
    own = {"classifier": name, "night": night.key}
    if found:
        rows = [own | {column: getattr(item, column) for column in columns} for item in found]
        connection.execute(sa.insert(table), rows)


def until(connection: Connection, name: str, night: Partition, count: int) -> dict[str, RealisedPartition]:
    """Return what was known before a night, by partition.

    At most `count` partitions are returned, the newest ones.
    """
    columns = [table.c[column] for column in ("partition", "version", "labels", "metrics", "groups")]
    query = (
        sa.select(*columns)
        .distinct(table.c.partition)
        .where(table.c.classifier == name, table.c.night < night.key)
        .order_by(table.c.partition.desc(), table.c.night.desc())
        .limit(count)
    )
    found = [RealisedPartition(**row._mapping) for row in connection.execute(query)]
    return {item.partition: item for item in reversed(found)}


def _grouped_by(classifier: Classifier, bundle: Bundle, rows: pd.DataFrame) -> "dict[str, pd.Series[Any]]":
    """Return the watched categories that are not sensitive."""
    shown: Mapping[str, str] = bundle.card.features
    names = [
        name for name in bundle.reference.features if shown[name] == "categorical" and not classifier.is_sensitive(name)
    ]
    x = model_input(rows, {name: bundle.card.features[name] for name in names})
    return {name: x[name] for name in names}
