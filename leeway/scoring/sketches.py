"""The store of sketches.

There is one row for each partition and version that scored it.
"""

from dataclasses import asdict
from functools import reduce
from operator import add
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from leeway.definition.partitions import Partition
from leeway.detection.monitor import MonitoredNight
from leeway.detection.sketch import LabelResiduals, Sketch, with_scores
from leeway.model.bundle import Bundle
from leeway.model.inputs import model_input
from leeway.store.tables import monitoring
from leeway.store.tables import sketch as table


def count(bundle: Bundle, path: Path) -> Sketch:
    """Count scored rows, one row group at a time."""
    with pq.ParquetFile(path) as file:
        groups = (file.read_row_group(place).to_pandas() for place in range(file.num_row_groups))
        return reduce(add, (of(bundle, rows) for rows in groups))


def of(bundle: Bundle, rows: pd.DataFrame) -> Sketch:
    """Count scored rows."""
    p = rows[list(bundle.outputs.score_columns)].to_numpy(dtype="float64")
    x = model_input(rows, bundle.card.features)
    return Sketch.of(bundle.reference.binnings, with_scores(x, p, bundle.outputs))


def write(connection: Connection, name: str, partition: Partition, version: int, observed: Sketch) -> None:
    """Store the sketch of a scored partition.

    It goes into the transaction of the predictions. What earlier labels said of the partition is reset.
    """
    values = {"observed": asdict(observed), "mature": None, "label_residuals": None}
    fresh = insert(table).values(classifier=name, partition=partition.key, version=version, **values)
    connection.execute(fresh.on_conflict_do_update(index_elements=["classifier", "partition", "version"], set_=values))


def hold(
    connection: Connection,
    name: str,
    partition: Partition,
    version: int,
    mature: Partition,
    label_residuals: LabelResiduals | None,
) -> None:
    """Store what a night's newly mature labels said."""
    kept = sa.update(table).where(_of(name, version), table.c.partition == partition.key)
    connection.execute(
        kept.values(mature=mature.key, label_residuals=None if label_residuals is None else asdict(label_residuals))
    )


def read(connection: Connection, name: str, partition: Partition, version: int) -> Sketch | None:
    """Read the sketch of a partition.

    None where it was scored before sketches were kept.
    """
    query = sa.select(table.c.observed).where(_of(name, version), table.c.partition == partition.key)
    observed = connection.scalar(query)
    return None if observed is None else Sketch(**observed)


def before(connection: Connection, name: str, partition: Partition, version: int, count: int) -> list[MonitoredNight]:
    """List a version's last nights without a data fault.

    They are at most `count` monitored nights before `partition`, the oldest first.
    """
    faulty = sa.select(monitoring.c.partition).where(
        monitoring.c.classifier == name, monitoring.c.verdict == "data fault"
    )
    query = (
        sa.select(table.c.partition, table.c.observed, table.c.mature, table.c.label_residuals)
        .where(
            _of(name, version),
            table.c.partition.between(partition.shift(-count).key, partition.shift(-1).key),
            table.c.mature.is_not(None),
            table.c.partition.not_in(faulty),
        )
        .order_by(table.c.partition)
    )
    return [
        MonitoredNight(
            Partition.parse(row.partition, partition.grain),
            Sketch(**row.observed),
            Partition.parse(row.mature, partition.grain),
            None if row.label_residuals is None else LabelResiduals(**row.label_residuals),
        )
        for row in connection.execute(query)
    ]


def _of(name: str, version: int) -> sa.ColumnElement[bool]:
    return (table.c.classifier == name) & (table.c.version == version)
