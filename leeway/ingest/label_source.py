"""Labels from a source of their own.

They are read as they become known, and matched to events by id, whichever comes first.
"""

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from leeway.core.errors import NotFound, SourceError
from leeway.core.logs import logger
from leeway.core.value_text import as_text
from leeway.definition import Classifier
from leeway.ingest import meaning
from leeway.ingest.content_id import content_hashes
from leeway.ingest.contract import KNOWN_AT, check_labels
from leeway.ingest.publication import label_arrays, quarantine, write_labels
from leeway.ingest.reading.frames import joined
from leeway.ingest.sources import staging
from leeway.ingest.sources.kinds import news
from leeway.ingest.sources.seen import remembered
from leeway.ingest.sources.source_changes import NewRows
from leeway.store import storage
from leeway.store.database import database, drop_staged, staging_name
from leeway.store.schemas import ensure_tables
from leeway.store.tables import INSTANT, Tables, batch, tables_of

log = logger(__name__)

ALL = "labels"  # the one key of their parts: labels are not split by partition
PREFIX = "label:"  # of the keys under which their quarantine lies
COMPARED = 10_000  # ids and keys, where none is found
EARLY = "a label must not be known before its event"


@dataclass(frozen=True)
class Labelled:
    """The counts of a reading of labels.

    Attributes:
        labels: versions written, new or corrected.
        quarantined: rows in quarantine.
    """

    labels: int = 0
    quarantined: int = 0

    def __add__(self, other: "Labelled") -> "Labelled":
        return Labelled(self.labels + other.labels, self.quarantined + other.quarantined)


def take(classifier: Classifier, now: datetime | None = None) -> Labelled:
    """Read the labels that became known since the last time.

    Labels that come with the events are not read here. A label whose event has not come yet is kept, and joins it when it does.
    A correction is a later version, known from its own time. One process reads at a time; others wait.

    Raises:
        SourceError: a file could not be read. The others have been taken in.
    """
    source, now = classifier.label.source, now or datetime.now(UTC)
    if source is None:
        return Labelled()
    done, refused = Labelled(), None
    with database().transaction() as connection:  # of its own: others wait for it until it ends
        tables = ensure_tables(connection, classifier)
    with database().transaction() as connection:
        _lock(connection, classifier)
        meaning.must_be_adopted(connection, classifier, f"reading labels of {classifier.name}")
        for item in news(connection, classifier.name, "labels", source, now):
            try:
                with connection.begin_nested():  # what is refused leaves nothing
                    taken = _take(connection, tables, classifier, item)
                done += taken
            except SourceError as error:
                log.warning("labels of %s are not taken in: %s", item.origin, error)
                refused = refused or error
    if refused is not None:
        raise refused
    return done


def is_of_labels(key: str) -> bool:
    """Say whether quarantined rows are from a label's own source."""
    return key.startswith(PREFIX)


def replay(classifier: Classifier, folder: str) -> Labelled:
    """Check and write a batch of labels again."""
    with database().transaction() as connection:
        _lock(connection, classifier)
        mine = (batch.c.classifier == classifier.name) & (batch.c.folder == folder)
        arrived_at = connection.scalar(sa.select(batch.c.arrived_at).where(mine))
        path = _path(classifier, folder)
        if arrived_at is None or not storage.exists(path):
            raise NotFound(
                f"replaying labels of {classifier.name}",
                problem="the batch is not in the storage",
                found=f"no {storage.address(path)}",
                hint="restore it from a copy of the storage",
            )
        rows = joined(staging.read(storage.fetched(path), [ALL])).drop(columns=staging.KEY)
        return _write(connection, tables_of(classifier), classifier, rows, folder, arrived_at)


def _lock(connection: Connection, classifier: Classifier) -> None:
    # The publication's lock: both write labels.
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"publish {classifier.name}"))))


def _path(classifier: Classifier, folder: str) -> Path:
    return storage.place("labels", classifier.name, folder)


def _take(connection: Connection, tables: Tables, classifier: Classifier, item: NewRows) -> Labelled:
    label = classifier.label
    columns = [name for name in (label.key, *label.source_columns, label.time) if name is not None]
    rows = joined(list(item.rows))
    if missing := [name for name in columns if name not in rows.columns]:
        raise SourceError(
            f"reading labels in {item.origin}",
            problem="a column of the labels is missing",
            found=f"no {', '.join(repr(name) for name in missing)}",
            hint="deliver it again with these columns, or correct the definition; nothing of it was taken in",
        )
    rows = rows.loc[rows[list(label.source_columns)].notna().any(axis=1), columns]  # not known yet
    content = content_hashes(rows)
    rows = rows[remembered(connection, tables, "labels", content, content, item.arrived_at)["is_new"]]
    rows = rows[~content[rows.index].duplicated()].reset_index(drop=True)
    folder = f"{item.hash[:32]}-{uuid.uuid4().hex[:8]}"
    done = Labelled()
    if len(rows):
        with storage.keeping(_path(classifier, folder), f"taking in labels of {item.origin}") as beside:
            staging.write(beside, [rows.assign(**{staging.KEY: ALL})])
        done = _write(connection, tables, classifier, rows, folder, item.arrived_at)
        _must_be_keys_of_events(connection, tables, classifier, rows, item.origin)
    if len(rows) or item.state or item.watermark is not None:
        item.record(connection, classifier, "labels", folder)
    return done


def _must_be_keys_of_events(
    connection: Connection, tables: Tables, classifier: Classifier, rows: pd.DataFrame, origin: str
) -> None:
    """Refuse labels that no event can be found for, although their keys are written much like the events' ids.

    Labels of events that have not come yet are kept; so it is no fault that none is found, unless it is seen why.

    Raises:
        SourceError: they are.
    """
    label, event = tables.label, tables.event
    joined_one = sa.select(sa.exists().where(label.c.event_id == event.c.event_id))
    keys = as_text(rows[str(classifier.label.key)]).dropna().drop_duplicates().head(COMPARED).tolist()
    is_one_s_id = sa.select(sa.exists().where(event.c.event_id.in_(keys)))
    if not keys or connection.scalar(joined_one) or connection.scalar(is_one_s_id):
        return
    ids = list(connection.scalars(sa.select(event.c.event_id).limit(COMPARED)))
    alike = {_core(text) for text in ids} & {_core(text) for text in keys}
    if len(alike) <= 0.1 * min(len(ids), len(keys)):
        return
    core = sorted(alike)[0]
    of_event, of_label = (next(text for text in texts if _core(text) == core) for texts in (ids, keys))
    raise SourceError(
        f"reading labels in {origin}",
        problem="no label has the id of an event, though they are written alike",
        found=f"{classifier.label.key} {of_label!r} of a label, {classifier.id_column} {of_event!r} of an event",
        hint="write the key as the events' id in `prepare` of the label's source; nothing of it was taken in",
    )


def _core(text: str) -> str:
    """Return a key's digits without zeros before them, or its letters where it has none."""
    return re.sub(r"\D", "", text).lstrip("0") or re.sub(r"\W", "", text).casefold()


def _write(
    connection: Connection, tables: Tables, classifier: Classifier, raw: pd.DataFrame, folder: str, arrived_at: datetime
) -> Labelled:
    checked = check_labels(classifier, raw, arrived_at)
    now = sa.literal(connection.scalar(sa.select(sa.func.clock_timestamp())), INSTANT)
    rows = checked.rows.drop(index=list(checked.broken)).sort_values(KNOWN_AT, kind="stable")
    for position in _early(connection, tables, rows):
        checked.broken.setdefault(position, []).append(f"{classifier.label.time or classifier.label.key}: {EARLY}")
    rows = rows.drop(index=[position for position in checked.broken if position in rows.index])
    version = rows.groupby("event_id").cumcount()
    written = 0
    # Versions of one label one after another: each is compared with the one before it.
    for number in range(int(version.max()) + 1 if len(rows) else 0):
        part = rows[version == number]
        ids = {"event_id": pa.array(part["event_id"], pa.string())}
        labels = {**ids, **label_arrays(classifier, checked, part.index)}
        staged = database().stage(staging_name(classifier.name, "labels"), pa.table(labels))
        written += write_labels(connection, tables, staged, classifier.label.outputs.column, folder, now)
        _mended(connection, tables, classifier, staged)
        drop_staged(connection, staged)
    quarantined = quarantine(connection, tables, raw, checked.broken, frozenset(), PREFIX + folder[:12], folder)
    return Labelled(written, quarantined)


def _mended(connection: Connection, tables: Tables, classifier: Classifier, staged: sa.TableClause) -> None:
    """Release an event's broken labels once a good one came."""
    table = tables.quarantine
    key = table.c.row[str(classifier.label.key)].astext
    mine = table.c.partition.startswith(PREFIX) & key.in_(sa.select(staged.c.event_id))
    connection.execute(sa.delete(table).where(mine))


def _early(connection: Connection, tables: Tables, rows: pd.DataFrame) -> list[int]:
    """Return the positions of labels dated before their event."""
    event = tables.event
    known = pa.table(
        {
            "position": pa.array(rows.index, pa.int64()),
            "event_id": pa.array(rows["event_id"], pa.string()),
            "known_at": pa.array(rows[KNOWN_AT], pa.timestamp("us", tz="UTC")),
        }
    )
    staged = database().stage(staging_name(str(event.schema), "label_times"), known)
    mine = (event.c.event_id == staged.c.event_id) & event.c.superseded_at.is_(None)
    query = sa.select(staged.c.position).join(event, mine).where(staged.c.known_at < event.c.event_time)
    early = list(connection.scalars(query))
    drop_staged(connection, staged)
    return early
