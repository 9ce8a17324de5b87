"""What a growing source has that was not taken in before: files by their content, rows of a table by its watermark."""

import hashlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from leeway.core.files import sha256
from leeway.definition import CSV, Classifier, Folder, Parquet, Query, Rows, Table
from leeway.ingest.content_id import content_hashes
from leeway.ingest.sources import databases, files
from leeway.ingest.sources.databases import Watermark
from leeway.ingest.times import FIRST
from leeway.store.tables import batch

StreamName = Literal["events", "labels"]
QUERY_OVERLAP = timedelta(days=1)  # of labels that were written later than they became known


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


def news(connection: Connection, name: str, stream: StreamName, source: Rows, now: datetime) -> Iterator[NewRows]:
    """What the source has that was not taken in; to be taken in one after another, within the connection's transaction."""
    mine = (batch.c.classifier == name) & (batch.c.stream == stream)
    match source:
        case CSV() | Parquet() | Folder():
            yield from _files(connection, mine, source, now)
        case Table():
            for rows, watermark in databases.grown(source, _last_watermark(connection, mine)):
                yield NewRows(_hash_of(rows), source.table, "", now, [rows], watermark)
        case Query():
            last = _last_watermark(connection, mine)
            start = last - QUERY_OVERLAP if isinstance(last, datetime) else FIRST.tz_localize("UTC").to_pydatetime()
            rows = pd.concat(list(databases.query(source, start, now)), ignore_index=True)
            yield NewRows(_hash_of(rows), "query", "", now, [rows], now)


def _files(
    connection: Connection, mine: sa.ColumnElement[bool], source: files.Files, now: datetime
) -> Iterator[NewRows]:
    found = _settled(source)
    for file, state in sorted(found.items(), key=lambda item: (item[1][0], str(item[0]))):
        origin, written = str(file), " ".join(str(part) for part in state)
        if connection.scalar(sa.select(sa.exists().where(mine, batch.c.origin == origin, batch.c.state == written))):
            continue
        content = sha256(file)
        if files.state(file) != state:
            continue  # it is being written
        last = sa.select(batch.c.number, batch.c.hash).where(mine).order_by(batch.c.number.desc()).limit(1)
        same = last.where(batch.c.hash == content)
        known = connection.execute(same if isinstance(source, Folder) else last.where(batch.c.origin == origin)).first()
        if known is None and not isinstance(source, Folder):  # a copy under another name
            known = connection.execute(same).first()
        if known is not None and known.hash == content:
            connection.execute(
                sa.update(batch).where(batch.c.number == known.number).values(state=written, origin=origin)
            )
            continue
        yield NewRows(content, origin, written, files.changed_at(state, now), files.chunks(source, file))


def _settled(source: files.Files) -> dict[Path, files.FileState]:
    """The files with their states; those of a folder only if nobody writes them."""
    states = {file: files.state(file) for file in files.matching(source)}
    if not isinstance(source, Folder) or not states:
        return states
    youngest = max(written for written, *_ in states.values()) / 1e9
    if (rest := source.settle.total_seconds() - (time.time() - youngest)) > 0:
        time.sleep(min(rest, source.settle.total_seconds()))
    return {file: state for file, state in states.items() if file.exists() and files.state(file) == state}


def _hash_of(rows: pd.DataFrame) -> str:
    return hashlib.sha256("".join(content_hashes(rows)).encode()).hexdigest()


def _last_watermark(connection: Connection, mine: sa.ColumnElement[bool]) -> Watermark | None:
    query = sa.select(batch.c.watermark).where(mine, batch.c.watermark.is_not(None)).order_by(batch.c.number.desc())
    found: Any = connection.scalar(query.limit(1))
    if isinstance(found, dict):
        return datetime.fromisoformat(found["time"])
    return found  # type: ignore[no-any-return]


def _as_json(watermark: Watermark | None) -> object:
    if watermark is None:
        return sa.null()
    return {"time": watermark.isoformat()} if isinstance(watermark, datetime) else watermark
