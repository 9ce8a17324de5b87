"""What was taken in of a growing source, and the batches that are new in it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from leeway.definition import Classifier
from leeway.ingest.content_id import content_hashes
from leeway.store.tables import batch

StreamName = Literal["events", "labels"]
Watermark = float | int | str | datetime


@dataclass(frozen=True)
class NewRows:
    """One batch of rows.

    Attributes:
        hash: of its content.
        origin: the file, or the kind of reading.
        state: for a file, what is the same as long as nobody writes it.
        arrived_at: when it arrived: a file when it was written, other rows now.
        watermark: where the next reading starts.
    """

    hash: str
    origin: str
    state: str
    arrived_at: datetime
    rows: Iterable[pd.DataFrame]
    watermark: Watermark | None = None

    def record(self, connection: Connection, classifier: Classifier, stream: StreamName, folder: str) -> int:
        """Write down that it was taken in; returns its number."""
        values = {
            "classifier": classifier.name,
            "stream": stream,
            "hash": self.hash,
            "origin": self.origin,
            "state": self.state,
            "watermark": _as_json(self.watermark),
            "folder": folder,
            "arrived_at": self.arrived_at,
        }
        return int(connection.execute(sa.insert(batch).values(values).returning(batch.c.number)).scalar_one())


@dataclass(frozen=True)
class KnownBatch:
    """A batch that was taken in."""

    number: int
    hash: str


@dataclass(frozen=True)
class Taken:
    """What was taken in of a classifier's events or labels, within one transaction."""

    connection: Connection
    classifier: str
    stream: StreamName

    def states(self) -> set[tuple[str, str]]:
        """The files that were taken in, each with its state then."""
        query = sa.select(batch.c.origin, batch.c.state).where(self._mine)
        return {(row.origin, row.state) for row in self.connection.execute(query)}

    def last(self, **columns: str) -> KnownBatch | None:
        """The last batch with these values; None where there is none."""
        same = [batch.c[name] == value for name, value in columns.items()]
        query = sa.select(batch.c.number, batch.c.hash).where(self._mine, *same)
        row = self.connection.execute(query.order_by(batch.c.number.desc()).limit(1)).first()
        return None if row is None else KnownBatch(row.number, row.hash)

    def move(self, number: int, origin: str, state: str) -> None:
        """Write down that a batch's file has another name or state, with the same content."""
        self.connection.execute(sa.update(batch).where(batch.c.number == number).values(state=state, origin=origin))

    def watermark(self) -> Watermark | None:
        """Where the last reading ended."""
        marked = sa.select(batch.c.watermark).where(self._mine, batch.c.watermark.is_not(None))
        found: Any = self.connection.scalar(marked.order_by(batch.c.number.desc()).limit(1))
        return datetime.fromisoformat(found["time"]) if isinstance(found, dict) else found

    @property
    def _mine(self) -> sa.ColumnElement[bool]:
        return (batch.c.classifier == self.classifier) & (batch.c.stream == self.stream)


def hash_of(rows: pd.DataFrame) -> str:
    """The hash of rows that are no file."""
    return hashlib.sha256("".join(content_hashes(rows)).encode()).hexdigest()


def _as_json(watermark: Watermark | None) -> object:
    if watermark is None:
        return sa.null()
    return {"time": watermark.isoformat()} if isinstance(watermark, datetime) else watermark
