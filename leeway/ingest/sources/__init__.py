"""Read one partition from a source, as raw rows: the source's own columns and values, nothing cast yet."""

from datetime import UTC, datetime

import pandas as pd

from leeway.definition import Classifier
from leeway.definition.partitions import Partition
from leeway.ingest import deliveries
from leeway.ingest.content_id import content_hashes
from leeway.ingest.reading.frames import joined
from leeway.ingest.reading.unread import UNREAD
from leeway.ingest.sources import arrivals, staging
from leeway.ingest.sources.kinds import kind_of


def deliver(classifier: Classifier, partition: Partition, *, now: datetime | None = None, take: bool = True) -> str:
    """Keep the source's rows for a partition as a delivery; returns its hash.

    Args:
        take: look for what has newly arrived first, where the source is one that is taken in as it arrives.
    """
    now = now or datetime.now(UTC)
    if not arrivals.are_taken_in(classifier):
        return deliveries.write(classifier.name, partition, extract(classifier, partition, now=now))
    if take:
        arrivals.take(classifier, now)
    frames, newest = arrivals.read(classifier, partition)
    delivery = deliveries.write(classifier.name, partition, _in_order(classifier, frames))
    arrivals.mark_delivered(classifier, partition, delivery, newest)
    return delivery


def extract(classifier: Classifier, partition: Partition, *, now: datetime | None = None) -> pd.DataFrame:
    """The source's rows for a partition, sorted by event time and id.

    Rows that belong to no partition yet (an event time that cannot be read, or lies after `now`) come along, for the audit
    to quarantine: dropped here, they would be lost in silence.

    Raises:
        SourceError: the source is not there, is empty, or cannot be read.
    """
    now = now or datetime.now(UTC)
    if not arrivals.are_taken_in(classifier):
        rows = kind_of(classifier.source).rows(classifier, classifier.source, partition, now)
        return _in_order(classifier, list(rows))
    arrivals.take(classifier, now)
    return _in_order(classifier, arrivals.read(classifier, partition)[0])


def due(classifier: Classifier, now: datetime | None = None) -> Partition:
    """The partition that a night at `now` is for: the last one that is over.

    Where events are dated by their arrival, what has arrived is complete: the newest partition with rows that were not yet
    delivered, or where there are none, the newest with rows at all.
    """
    now = now or datetime.now(UTC)
    if not classifier.by_arrival:
        return Partition.last_complete(now, classifier.partition)
    arrivals.take(classifier, now)
    keys = arrivals.undelivered(classifier) or arrivals.occupied(classifier)
    return Partition.parse(max(keys), classifier.partition) if keys else Partition.containing(now, classifier.partition)


def occupied(classifier: Classifier, now: datetime | None = None) -> list[Partition]:
    """The partitions that the source has rows of, up to the due one, oldest first. No more than a part is in memory.

    Raises:
        SourceError: the source cannot say.
    """
    now = now or datetime.now(UTC)
    if arrivals.are_taken_in(classifier):
        arrivals.take(classifier, now)
        keys = arrivals.occupied(classifier)
    else:
        keys = kind_of(classifier.source).occupied(classifier, classifier.source)
    last = due(classifier, now)
    found = sorted(Partition.parse(key, classifier.partition) for key in keys if key != staging.UNPLACED)
    return [partition for partition in found if partition <= last]


def _in_order(classifier: Classifier, frames: list[pd.DataFrame]) -> pd.DataFrame:
    columns = arrivals.delivered_columns(classifier)
    frames = [frame for frame in frames if len(frame)] or frames[:1]
    for frame in frames:
        if not set(columns) <= set(frame.columns):
            return frame.reset_index(drop=True)  # the audit refuses it, and says what is missing and what is there
    if not frames:
        return pd.DataFrame({name: pd.Series([], dtype="str") for name in columns})
    rows = joined([frame[[name for name in frame.columns if name in (*columns, UNREAD)]] for frame in frames])
    rows = rows[[*columns, *([UNREAD] if UNREAD in rows.columns else [])]]
    times = staging.times_of(classifier, rows)
    ids = rows[classifier.id_column].astype("str") if classifier.id_column in rows else content_hashes(rows)
    order = pd.DataFrame({"time": times, "id": ids}).sort_values(["time", "id"], kind="stable").index
    return rows.reindex(order).reset_index(drop=True)
