"""The ledger: stages done, by partition, with their input.

A line is written in the transaction of the work itself.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from leeway.definition.partitions import Partition
from leeway.store.tables import partition as ledger

Stage = Literal["ingest", "score", "monitor"]
STAGES: tuple[Stage, ...] = ("ingest", "score", "monitor")


@dataclass(frozen=True)
class LedgerEntry:
    """One line of the ledger.

    Attributes:
        status: `done`, or `rejected` for a delivery that failed its audit.
        input: the stage's input; another input makes the entry stale.
        output: the result, in counts.
        seconds: the duration, where a flow did it.
    """

    partition: str
    stage: str
    status: str
    input: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    finished_at: datetime | None = None
    seconds: float | None = None


def lock_of(name: str, partition: Partition) -> str:
    """Return the name of a partition's lock."""
    return f"partition {name} {partition.key}"


def record(
    connection: Connection,
    name: str,
    partition: Partition,
    stage: Stage,
    *,
    status: str = "done",
    input: dict[str, Any],
    output: dict[str, Any],
) -> None:
    """Record a stage as done, in place of its earlier entry."""
    values = {"status": status, "input": input, "output": output, "finished_at": sa.func.clock_timestamp()}
    values["seconds"] = None  # of what it did before
    statement = insert(ledger).values(classifier=name, partition=partition.key, stage=stage, **values)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["classifier", "partition", "stage"], set_=values)
    )


def took(connection: Connection, name: str, partition: Partition, stage: Stage, seconds: float) -> None:
    """Record the duration of a stage that was just done.

    A stage that was found done already keeps its duration.
    """
    mine = (ledger.c.classifier == name) & (ledger.c.partition == partition.key) & (ledger.c.stage == stage)
    connection.execute(sa.update(ledger).where(mine, ledger.c.seconds.is_(None)).values(seconds=seconds))


def entry(connection: Connection, name: str, partition: Partition, stage: Stage) -> LedgerEntry | None:
    """Return a stage's entry for a partition, if any."""
    query = _select(name).where(ledger.c.partition == partition.key, ledger.c.stage == stage)
    row = connection.execute(query).one_or_none()
    return LedgerEntry(**row._mapping) if row else None


def entries(connection: Connection, name: str, *, first: str = "", last: str = "~") -> list[LedgerEntry]:
    """Return a classifier's entries, oldest first.

    Args:
        first, last: the range of partition keys.
    """
    query = _select(name).where(ledger.c.partition.between(first, last)).order_by(ledger.c.partition, ledger.c.stage)
    return [LedgerEntry(**row._mapping) for row in connection.execute(query)]


def oldest(connection: Connection, name: str, *, stage: Stage | None = None) -> str | None:
    """Return the key of the oldest partition.

    Args:
        stage: of the partitions that this stage has done; by default of all.
    """
    return _end(connection, sa.func.min(ledger.c.partition), name, stage)


def newest(connection: Connection, name: str, *, stage: Stage | None = None) -> str | None:
    """Return the key of the newest partition.

    Args:
        stage: of the partitions that this stage has done; by default of all.
    """
    return _end(connection, sa.func.max(ledger.c.partition), name, stage)


def _end(connection: Connection, end: sa.ColumnElement[Any], name: str, stage: Stage | None) -> str | None:
    query = sa.select(end).where(ledger.c.classifier == name)
    found: str | None = connection.scalar(query if stage is None else query.where(ledger.c.stage == stage))
    return found


def _select(name: str) -> sa.Select[Any]:
    columns = [column for column in ledger.c if column.name != "classifier"]
    return sa.select(*columns).where(ledger.c.classifier == name)
