"""Events that are taken in as they arrive: each batch once, kept, and split by the partitions that it feeds.

A partition's delivery is all that ever arrived for it. What a later batch says of an event takes the place of what an
earlier one said, so late rows and corrections reach the partition that they belong to and make it due again.
"""

import time
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

from leeway.core.errors import SourceError, StoreError
from leeway.core.logs import logger
from leeway.core.value_text import as_text
from leeway.definition import Classifier
from leeway.definition.partitions import Partition, keys_of
from leeway.ingest.content_id import content_hashes
from leeway.ingest.contract import content_ids
from leeway.ingest.reading.frames import joined
from leeway.ingest.reading.unread import fault_of
from leeway.ingest.sources import staging
from leeway.ingest.sources.kinds import kind_of, news
from leeway.ingest.sources.seen import remembered
from leeway.ingest.sources.source_changes import NewRows
from leeway.ingest.sources.staging import KEY, TIME, UNPLACED, UNUSED
from leeway.store import storage
from leeway.store.database import database
from leeway.store.schemas import ensure_tables
from leeway.store.tables import Tables, arrival, batch
from leeway.store.tables import partition as ledger

log = logger(__name__)

ID = "leeway:id"  # a further column where events have no id of their own


def are_taken_in(classifier: Classifier) -> bool:
    """Whether the source is one that grows and is taken in, not one that is asked for a partition."""
    return classifier.by_arrival or kind_of(classifier.source).grows


def delivered_columns(classifier: Classifier) -> list[str]:
    """The columns of a delivery: the declared ones, and the time and id that arrival gave."""
    given = [classifier.time_column] if classifier.by_arrival else []
    ids = [classifier.id_column] if classifier.by_arrival and classifier.event_id is None else []
    return [*ids, *given, *classifier.source_columns]


def take(classifier: Classifier, now: datetime) -> int:
    """Take in what has newly arrived; returns how many batches. One process at a time; others wait.

    Raises:
        SourceError: a file could not be read. The others have been taken in.
    """
    taken, refused = 0, None
    with database().transaction() as connection:  # of its own: others wait for it until it ends
        tables = ensure_tables(connection, classifier)
    with database().transaction() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"arrivals {classifier.name}"))))
        for item in news(connection, classifier.name, "events", classifier.source, now):
            try:
                taken += _take(connection, tables, classifier, item)
            except SourceError as error:
                log.warning("events of %s are not taken in: %s", item.origin, error)
                refused = refused or error
        if taken:  # else there is nothing to look through thousands of folders for
            _tidy(connection, classifier.name)
    if refused is not None:
        raise refused
    return taken


def read(classifier: Classifier, partition: Partition) -> tuple[list[pd.DataFrame], int]:
    """All that arrived for a partition, the latest version of each event, and the number of the newest batch in it.

    An event that moved to another partition since, because its time was corrected, is there and not here.
    """
    frames, newest = _arrived(classifier, partition)
    if len(frames) == 1 and ID in frames[0]:
        frames = [frames[0][~_has_moved(classifier, partition, frames[0])]]
    names = {TIME: classifier.time_column} if classifier.by_arrival else {}
    names |= {ID: classifier.id_column} if classifier.event_id is None else {}
    return [rows.rename(columns=names) for rows in frames], newest


def _has_moved(classifier: Classifier, partition: Partition, rows: pd.DataFrame) -> "pd.Series[bool]":
    """Flag rows whose event a later batch put into another partition, where that is published."""
    never = pd.Series(False, index=rows.index)
    if classifier.event_id is None or classifier.by_arrival:  # else its time is its first arrival, or a part of its id
        return never
    with database().transaction() as connection:
        event = ensure_tables(connection, classifier).event
        query = sa.select(event.c.event_id, event.c.partition).where(
            event.c.superseded_at.is_(None),
            event.c.partition != partition.key,
            event.c.event_id == sa.any_(sa.literal(rows[ID].dropna().tolist(), ARRAY(sa.Text))),
        )
        elsewhere = connection.execute(query).all()
    if not elsewhere:
        return never
    placed = pd.Series([row.partition for row in elsewhere], index=[row.event_id for row in elsewhere])
    later = pd.Series(0, index=placed.index)
    for key, ids in placed.groupby(placed).groups.items():
        for there in _arrived(classifier, Partition.parse(str(key), classifier.partition))[0]:
            if ID in there:
                later.update(there[there[ID].isin(ids)].groupby(ID)[_NUMBER].max())
    return rows[ID].map(later).fillna(0) > rows[_NUMBER]


def with_moved_events(classifier: Classifier) -> set[str]:
    """The keys of partitions that share an event with another one, because its time was corrected.

    What is delivered of them depends on what is published of the others, so they are worked on one after the other.
    """
    if classifier.event_id is None or classifier.by_arrival:
        return set()
    mine = (batch.c.classifier == classifier.name) & (batch.c.stream == "events")
    with database().transaction() as connection:
        folders = list(connection.scalars(sa.select(batch.c.folder).where(mine).order_by(batch.c.number)))
    if len(folders) < 2:
        return set()
    found = []
    for folder in dict.fromkeys(folders):
        path = _path(classifier.name, folder)
        for rows in staging.columns(storage.fetched(path), [classifier.event_id, KEY]) if storage.exists(path) else ():
            ids = as_text(rows[classifier.event_id])
            hashes = pd.util.hash_array(ids.to_numpy(dtype="object"), categorize=False)
            found.append(pd.DataFrame({"id": hashes, "key": rows[KEY]})[ids.notna().to_numpy()].drop_duplicates())
    places = pd.concat(found).drop_duplicates() if found else pd.DataFrame({"id": [], "key": []})
    return set(places.loc[places["id"].duplicated(keep=False), "key"].astype("str"))


def _arrived(classifier: Classifier, partition: Partition) -> tuple[list[pd.DataFrame], int]:
    """All that arrived for a partition, the latest of each id in it; several frames where one lacks a column."""
    later = batch.alias()
    is_replaced = sa.exists().where(
        later.c.classifier == batch.c.classifier,
        later.c.stream == batch.c.stream,
        later.c.origin == batch.c.origin,
        later.c.number > batch.c.number,
    )
    query = (
        sa.select(batch.c.number, batch.c.folder, is_replaced.label("is_replaced"))
        .join(arrival, arrival.c.batch == batch.c.number)
        .where(arrival.c.classifier == classifier.name, arrival.c.partition == partition.key)
        .order_by(batch.c.number)
    )
    with database().transaction() as connection:
        batches = connection.execute(query).all()
    frames = []
    for item in batches:
        for frame in _of_batch(classifier, partition, item.number, item.folder):
            # What could not be read of a file does not count any more once the file was delivered again.
            frames.append(frame[frame[TIME].notna() & fault_of(frame).isna()] if item.is_replaced else frame)
    newest = max((item.number for item in batches), default=0)
    if not frames or not all(set(classifier.source_columns) <= set(frame.columns) for frame in frames):
        return frames, newest
    rows = joined(frames)
    last = rows.groupby(ID)[_NUMBER].transform("max")
    return [rows[rows[ID].isna() | (rows[_NUMBER] == last)]], newest


def mark_delivered(classifier: Classifier, partition: Partition, delivery: str, newest: int) -> None:
    """Write down that a partition's rows, up to a batch's number, are in a delivery."""
    mine = (arrival.c.classifier == classifier.name) & (arrival.c.partition == partition.key)
    with database().transaction() as connection:
        connection.execute(sa.update(arrival).where(mine, arrival.c.batch <= newest).values(delivery=delivery))


def undelivered(classifier: Classifier) -> set[str]:
    """The keys of partitions with rows that are in no published delivery."""
    published = (
        sa.select(ledger.c.partition, ledger.c.input["delivery"].astext.label("delivery"))
        .where(ledger.c.classifier == classifier.name, ledger.c.stage == "ingest")
        .subquery()
    )
    query = (
        sa.select(arrival.c.partition)
        .outerjoin(published, published.c.partition == arrival.c.partition)
        .where(arrival.c.classifier == classifier.name)
        .where(arrival.c.delivery.is_(None) | arrival.c.delivery.is_distinct_from(published.c.delivery))
    )
    with database().transaction() as connection:
        return set(connection.scalars(query))


def occupied(classifier: Classifier) -> set[str]:
    """The keys of partitions that anything has arrived for."""
    with database().transaction() as connection:
        query = sa.select(arrival.c.partition).distinct().where(arrival.c.classifier == classifier.name)
        return set(connection.scalars(query))


_NUMBER = "leeway:batch"


def _of_batch(classifier: Classifier, partition: Partition, number: int, folder: str) -> Iterator[pd.DataFrame]:
    path = _path(classifier.name, folder)
    if not storage.exists(path):
        raise StoreError(
            f"reading what arrived for {classifier.name} {partition}",
            problem="a batch that was taken in is not in the storage",
            found=f"no {storage.address(path)}",
            hint="restore it from a copy of the storage",
        )
    for rows in staging.read(storage.fetched(path), [partition.key]):
        if ID not in rows and set(classifier.source_columns) <= set(rows.columns):
            rows[ID] = ids_of(classifier, rows)
        yield rows.drop(columns=KEY).assign(**{_NUMBER: number})


def ids_of(classifier: Classifier, rows: pd.DataFrame) -> "pd.Series[str]":
    """What identifies raw rows: their id, or their content."""
    return content_ids(classifier, rows) if classifier.event_id is None else as_text(rows[classifier.event_id])


def _take(connection: Connection, tables: Tables, classifier: Classifier, item: NewRows) -> bool:
    parts: Iterator[pd.DataFrame] = (_complete(classifier, rows, item.origin) for rows in item.rows)
    if classifier.by_arrival or kind_of(classifier.source).shows_again:
        rows = _fresh(connection, tables, classifier, joined(list(parts)), item)
        name = f"{item.hash[:32]}-{uuid.uuid4().hex[:8]}"
        parts = iter([rows])
        if rows.empty and item.watermark is None and item.state == "":
            return False
    else:
        name = item.hash[:32]
        parts = _placed(classifier, parts, item.arrived_at)
    folder = _path(classifier.name, name)
    if not storage.exists(folder):
        with storage.keeping(folder, f"taking in {item.origin}") as beside:
            staging.write(beside, parts)
    number = item.record(connection, classifier, "events", name)
    arrived = [
        {"batch": number, "partition": key, "classifier": classifier.name, "rows": count}
        for key, count in staging.counts(storage.fetched(folder)).items()
    ]
    if arrived:
        connection.execute(sa.insert(arrival), arrived)
    return True


def _complete(classifier: Classifier, rows: pd.DataFrame, origin: str) -> pd.DataFrame:
    if missing := [name for name in classifier.source_columns if name not in rows.columns]:
        raise SourceError(
            f"taking in {origin}",
            problem="a declared column is missing",
            found=f"no {', '.join(repr(name) for name in missing)}",
            hint="deliver it again with these columns, or correct the definition; nothing of it was taken in",
        )
    return rows


def _placed(classifier: Classifier, parts: Iterable[pd.DataFrame], arrived_at: datetime) -> Iterator[pd.DataFrame]:
    """Yield rows with their partition; those without a time, or ahead of it, with that of the row before them.

    Where no row of the batch has a time, they come with the partition that was due when it arrived.
    """
    due = Partition.last_complete(arrived_at, classifier.partition).key
    for rows in staging.beside(_by_time(classifier, part, arrived_at) for part in parts):
        yield rows.assign(**{KEY: rows[KEY].mask(rows[KEY] == UNPLACED, due)})


def _by_time(classifier: Classifier, rows: pd.DataFrame, arrived_at: datetime) -> pd.DataFrame:
    placed = rows.assign(**staging.place(classifier, rows)[[TIME, KEY]])
    return placed.assign(**{KEY: placed[KEY].mask(placed[TIME] > arrived_at, UNPLACED)})


def _fresh(
    connection: Connection, tables: Tables, classifier: Classifier, rows: pd.DataFrame, item: NewRows
) -> pd.DataFrame:
    """The rows that were not there before, or not so, at the time at which each first arrived."""
    rows = rows.assign(
        **{ID: ids_of(classifier, rows), "leeway:content": content_hashes(rows[classifier.source_columns])}
    )
    if kind_of(classifier.source).shows_again:  # in the order in which they were written, so the last version counts
        rows = rows[rows[ID].isna() | ~rows[ID].duplicated(keep="last")]
    before = remembered(connection, tables, "events", rows[ID], rows.pop("leeway:content"), item.arrived_at)
    rows, before = rows[before["is_new"]], before[before["is_new"]]
    if classifier.by_arrival:
        rows = rows.assign(**{TIME: before["event_time"], KEY: keys_of(before["event_time"], classifier.partition)})
    return rows if classifier.by_arrival else next(_placed(classifier, [rows.drop(columns=ID)], item.arrived_at))


def _path(name: str, folder: str) -> Path:
    return storage.place("arrived", name, folder)


def _tidy(connection: Connection, name: str) -> None:
    """Remove folders of batches that were never written down: a process was killed in between."""
    known = set(connection.scalars(sa.select(batch.c.folder).where(batch.c.classifier == name)))
    written: dict[Path, float] = {}
    for entry in storage.entries("arrived", name):
        folder = storage.place("arrived", name, entry.path.relative_to(storage.place("arrived", name)).parts[0])
        written[folder] = max(written.get(folder, 0.0), entry.modified)
    for folder, last in written.items():
        if folder.name not in known and last < time.time() - UNUSED:
            storage.remove(folder)
