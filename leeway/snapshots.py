"""Snapshots: immutable training sets as of a time, as Parquet files named by the hash of their content."""

import hashlib
import io
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy.dialects.postgresql import insert

from leeway import features, storage
from leeway.definition import Classifier
from leeway.errors import NotFound, TrainingError
from leeway.metrics import Bools, varied
from leeway.outputs import Count, describe
from leeway.store.database import database
from leeway.store.schemas import ensure_tables
from leeway.store.tables import snapshot as table


@dataclass(frozen=True)
class Snapshot:
    """A training set.

    Attributes:
        hash: the hash of the file's content; the same knowledge gives the same hash.
        as_of: nothing that became known later is in it.
        positives: rows whose label is positive; by class where there are several.
    """

    hash: str
    as_of: datetime
    rows: int
    positives: Count


def take(classifier: Classifier, as_of: datetime) -> Snapshot:
    """Write down what could be learnt from at `as_of`.

    Raises:
        TrainingError: no label was known, or all of them were the same.
    """
    store = database()
    with store.transaction() as connection:
        ensure_tables(connection, classifier)
    window = classifier.training.window
    first = None if window is None else as_of - classifier.label.maturity - window
    rows = store.read(features.for_training(classifier, first=first, as_of=as_of))
    rows = rows.slice(max(0, rows.num_rows - classifier.training.max_rows))
    outputs = classifier.label.outputs
    y = outputs.matrix(rows[outputs.column].to_pandas())
    _learnable(classifier, as_of, y)

    buffer = io.BytesIO()
    pq.write_table(rows, buffer, compression="zstd")
    content = buffer.getbuffer()
    taken = Snapshot(hashlib.sha256(content).hexdigest(), as_of, len(y), outputs.count(y))
    path = path_of(classifier.name, taken.hash)
    if not storage.exists(path):
        with storage.keeping(path, f"writing a snapshot of {classifier.name}") as beside:
            beside.write_bytes(content)
    _record(classifier.name, taken, rows)
    return taken


def read(name: str, snapshot: str) -> pd.DataFrame:
    """The rows of a snapshot, ordered by time: features, `event_id`, `event_time`, the stored label and its `known_at`.

    Raises:
        NotFound: there is no such snapshot.
    """
    path = path_of(name, snapshot)
    if not storage.exists(path):
        raise NotFound(
            f"reading snapshot {snapshot[:12]} of {name}",
            rule="it must be in the storage",
            found=f"no {storage.address(path)}",
            way_out="train again: the same knowledge gives the same snapshot",
        )
    return pd.read_parquet(storage.fetched(path, snapshot))


def path_of(name: str, snapshot: str) -> Path:
    """Where a snapshot lies."""
    return storage.place("snapshots", name, f"{snapshot}.parquet")


def _learnable(classifier: Classifier, as_of: datetime, y: Bools) -> None:
    if varied(y):
        return
    outputs = classifier.label.outputs
    raise TrainingError(
        f"training {classifier.name} as of {as_of:%Y-%m-%d %H:%M}",
        rule=f"there must be mature labels of {outputs.least}",
        found=f"{len(y)} labelled events, {describe(outputs.count(y))}" if len(y) else "no labelled event",
        way_out="ingest more partitions, train as of a time when there were labels (--as-of), or shorten label.maturity",
    )


def _record(name: str, taken: Snapshot, rows: pa.Table) -> None:
    values = {
        "classifier": name,
        "hash": taken.hash,
        "as_of": taken.as_of,
        "rows": taken.rows,
        "positives": taken.positives,
        "first_event": rows["event_time"][0].as_py(),
        "last_event": rows["event_time"][-1].as_py(),
    }
    with database().transaction() as connection:
        connection.execute(insert(table).values(values).on_conflict_do_nothing())
