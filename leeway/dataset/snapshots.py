"""Immutable training sets as of a time.

They are Parquet files, named by the hash of their content.
"""

import hashlib
import io
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from leeway.core import parallel
from leeway.core.errors import NotFound, TrainingError
from leeway.core.files import replacing, workspace
from leeway.core.metrics import Bools, varied
from leeway.core.outputs import Count, describe
from leeway.core.settings import settings
from leeway.dataset import features
from leeway.definition import Classifier, catalog
from leeway.definition.partitions import Partition
from leeway.detection import changes
from leeway.detection.maturity import COMPLETE
from leeway.ingest import meaning
from leeway.store import ledger, storage
from leeway.store.database import database
from leeway.store.schemas import ensure_tables
from leeway.store.tables import monitoring
from leeway.store.tables import snapshot as table

MOST_PARTS = 64


@dataclass(frozen=True)
class Snapshot:
    """A training set.

    Attributes:
        hash: the hash of the file's content; the same knowledge gives the same hash.
        as_of: the time after which nothing in it became known.
        positives: rows whose label is positive; by class where there are several.
    """

    hash: str
    as_of: datetime
    rows: int
    positives: Count


def take(classifier: Classifier, as_of: datetime) -> Snapshot:
    """Write the training set as of a time.

    Raises:
        TrainingError: no label was known, or all of them were the same.
    """
    with database().transaction() as connection:
        meaning.must_be_adopted(connection, classifier, f"training {classifier.name}")
        ensure_tables(connection, classifier)
    window = classifier.training.window
    first = None if window is None else as_of - classifier.label.maturity - window
    ranges = _ranges(classifier, first, as_of)
    # Each column becomes one piece: the file must not depend on how the rows were read.
    rows = _read_parts(classifier, ranges, as_of) if ranges else _read(classifier, Range(first, None), as_of)
    rows = _trusted(classifier, rows, as_of)
    rows = rows.slice(max(0, rows.num_rows - classifier.training.max_rows)).combine_chunks()
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
    """Read the rows of a snapshot, ordered by time.

    Columns are the features, `event_id`, `event_time`, the stored label and its `known_at`.

    Raises:
        NotFound: there is no such snapshot.
    """
    path = path_of(name, snapshot)
    if not storage.exists(path):
        raise NotFound(
            f"reading snapshot {snapshot[:12]} of {name}",
            problem="it is not in the storage",
            found=f"no {storage.address(path)}",
            hint=f"train again with `leeway train {name} --as-of TIME`: the same data give the same snapshot",
        )
    return pd.read_parquet(storage.fetched(path, snapshot))


def path_of(name: str, snapshot: str) -> Path:
    """Return the path of a snapshot."""
    return storage.place("snapshots", name, f"{snapshot}.parquet")


@dataclass(frozen=True)
class Range:
    """A range of event times.

    It starts at `first`, or the beginning, and ends before `until`, or at the end.
    """

    first: datetime | None
    until: datetime | None


@dataclass(frozen=True)
class SnapshotPart:
    """The part of a training set in one range.

    Any worker can write it.

    Attributes:
        folder: the folder of its rows, within the data folder.
    """

    name: str
    definition: str
    range: Range
    as_of: datetime
    folder: str
    number: int

    @property
    def path(self) -> Path:
        """The path of its rows."""
        return settings().folder(self.folder) / f"{self.number}.parquet"


def take_part(part: SnapshotPart) -> None:
    """Write one part of a training set.

    Raises:
        DefinitionError: the classifier is declared differently here.
    """
    classifier = catalog.load_as(part.name, part.definition)
    with replacing(part.path, f"writing a part of a snapshot of {part.name}") as beside:
        pq.write_table(_read(classifier, part.range, part.as_of), beside, compression="zstd")


def _read(classifier: Classifier, range: Range, as_of: datetime) -> pa.Table:
    return database().read(features.for_training(classifier, first=range.first, until=range.until, as_of=as_of))


def _read_parts(classifier: Classifier, ranges: Sequence[Range], as_of: datetime) -> pa.Table:
    """Read a training set by several connections.

    No more rows are read back than are kept.
    """
    name = classifier.name
    place = settings().folder("parts", name) / "snapshot"
    with workspace(place, f"taking a snapshot of {name} in parts") as folder:
        within = str(folder.relative_to(settings().home.absolute()))
        definition = catalog.fingerprint(name)
        parts = [SnapshotPart(name, definition, range, as_of, within, number) for number, range in enumerate(ranges)]
        parallel.each(take_part, parts)
        kept: list[pa.Table] = []
        for part in reversed(parts):
            kept.insert(0, pq.read_table(part.path))
            if sum(rows.num_rows for rows in kept) >= classifier.training.max_rows:
                break
    return pa.concat_tables(kept)


def _trusted(classifier: Classifier, rows: pa.Table, as_of: datetime) -> pa.Table:
    """Drop the rows of untrustworthy partitions.

    These are partitions with a data fault, and partitions whose labels disagreed with the scores only for a while, as wrong
    labels do: a change that passed is not there to be learnt.
    """
    at = rows["event_time"].to_pandas()
    kept = np.ones(len(at), dtype=bool)
    for key in _untrusted(classifier, as_of):
        partition = Partition.parse(key, classifier.partition)
        kept &= ~((at >= partition.start) & (at < partition.end)).to_numpy()
    return rows if kept.all() else rows.filter(pa.array(kept))


def _untrusted(classifier: Classifier, as_of: datetime) -> set[str]:
    evidence = (monitoring.c.evidence[name].label(name) for name in ("harm", "labels"))
    columns = (monitoring.c.partition, monitoring.c.version, monitoring.c.verdict, *evidence)
    mine = (monitoring.c.classifier == classifier.name) & (monitoring.c.partition < _key(classifier, as_of))
    with database().transaction() as connection:
        nights = connection.execute(sa.select(*columns).where(mine).order_by(monitoring.c.partition)).all()
    found = {night.partition for night in nights if night.verdict == "data fault"}
    # A night before 0.1.0 did not say whether its labels and scores were out of control.
    judged = [night for night in nights if "shift" in (night.harm or ()) and _is_complete(night.labels)]
    drift = classifier.drift
    for champion in {
        night.version for night in judged
    }:  # a change that ended with its successor was learnt: it did not pass
        harms = [night.harm for night in judged if night.version == champion]
        gone = changes.passed([harm["shift"]["out"] for harm in harms], drift.confirm, drift.among)
        found |= {harm["partition"] for harm, is_gone in zip(harms, gone, strict=True) if is_gone}
    return found


def _is_complete(labels: Sequence[Mapping[str, Any]] | None) -> bool:
    """Return whether nearly all labels were known.

    They are those of the partition that a night judged. Deviations in early labels come and go with time.
    """
    counted = next((item for item in labels or () if item["age"] is None), None)
    return counted is None or counted["labels"] >= COMPLETE * counted["events"]


def _ranges(classifier: Classifier, first: datetime | None, as_of: datetime) -> list[Range]:
    """Return the time ranges to read separately.

    The list is empty where that does not pay. Each range is at least half as long as history reaches back, because every range
    has to read that again.
    """
    with database().transaction() as connection:
        entries = ledger.entries(connection, classifier.name, last=_key(classifier, as_of))
    entries = [entry for entry in entries if entry.stage == "ingest" and entry.status == "done"]
    entries = [entry for entry in entries if first is None or entry.partition >= _key(classifier, first)]
    if not entries or not parallel.is_spread(sum(int(entry.output.get("rows", 0)) for entry in entries)):
        return []
    start = first or Partition.parse(entries[0].partition, classifier.partition).start
    count = min(MOST_PARTS, int(2 * (as_of - start) / max(features.reach(classifier), timedelta(hours=1))))
    if count < 2:
        return []
    cuts = [start + (as_of - start) * place / count for place in range(1, count)]
    return [Range(*pair) for pair in itertools.pairwise([first, *cuts, None])]


def _key(classifier: Classifier, moment: datetime) -> str:
    return Partition.containing(moment, classifier.partition).key


def _learnable(classifier: Classifier, as_of: datetime, y: Bools) -> None:
    if varied(y):
        return
    outputs = classifier.label.outputs
    raise TrainingError(
        f"training {classifier.name} as of {as_of:%Y-%m-%d %H:%M}",
        problem=f"mature labels of {outputs.least} are missing",
        found=f"{len(y)} labelled events, {describe(outputs.count(y))}" if len(y) else "no labelled event",
        hint="ingest more partitions, train as of a time that had labels (--as-of), or shorten label.maturity"
        + ("" if len(y) else f"; `leeway status {classifier.name}` shows deliveries that were rejected"),
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
