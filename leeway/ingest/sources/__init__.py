"""Read one partition from a source, as raw rows: the source's own columns and values, nothing cast yet."""

from datetime import UTC, datetime

import pandas as pd

from leeway.definition import Classifier
from leeway.definition.partitions import Partition
from leeway.ingest import deliveries
from leeway.ingest.sources import arrivals, origins, staging
from leeway.ingest.sources.delivering import extracted, in_order
from leeway.ingest.sources.kinds import kind_of


def deliver(classifier: Classifier, partition: Partition, *, now: datetime | None = None, take: bool = True) -> str:
    """Keep the source's rows for a partition as a delivery; returns its hash.

    Args:
        take: look for what has newly arrived first, where the source is one that is taken in as it arrives.
    """
    now = now or datetime.now(UTC)
    if not arrivals.are_taken_in(classifier):
        # If a file changes in between, the rows are newer than what is written down, and are drawn again.
        listing = kind_of(classifier.source).listed(classifier, classifier.source, now)
        delivery = deliveries.write(classifier.name, partition, extracted(classifier, partition, now, listing))
        if listing is not None:
            origins.record(classifier, partition, delivery, listing)
        return delivery
    if take:
        arrivals.take(classifier, now)
    frames, newest = arrivals.read(classifier, partition)
    delivery = deliveries.write(classifier.name, partition, in_order(classifier, frames))
    arrivals.mark_delivered(classifier, partition, delivery, newest)
    return delivery


def extract(classifier: Classifier, partition: Partition, *, now: datetime | None = None) -> pd.DataFrame:
    """The source's rows for a partition, sorted by event time and id.

    Rows that belong to no partition yet (an event time that cannot be read, or lies after `now`) come along with one, for the
    audit to quarantine: dropped here, they would be lost in silence.

    Raises:
        SourceError: the source is not there, is empty, or cannot be read.
    """
    now = now or datetime.now(UTC)
    if not arrivals.are_taken_in(classifier):
        return extracted(classifier, partition, now)
    arrivals.take(classifier, now)
    return in_order(classifier, arrivals.read(classifier, partition)[0])


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


def undelivered(classifier: Classifier, last: Partition, now: datetime | None = None) -> set[str]:
    """The keys of partitions, up to `last`, with rows at the source that are in no published delivery.

    Of a source that is asked for partitions, those that were ingested before and have changed since. Of one that is taken
    in as it arrives, all that has arrived.

    Raises:
        SourceError: the source cannot be read.
    """
    if arrivals.are_taken_in(classifier):
        return {key for key in arrivals.undelivered(classifier) if key <= last.key}
    return origins.changed(classifier, last, now or datetime.now(UTC))


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
