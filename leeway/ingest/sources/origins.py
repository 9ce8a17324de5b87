"""From what a partition's delivery was drawn, and so whether its rows have changed at the source since.

Files are split by partition, each share with a hash. A partition whose shares are others than those of its delivery has
changed, which is known without reading a file that has not. A query says nothing of the kind: the partitions whose labels
may still come are asked for again, and their rows compared with the delivery.
"""

import math
import time
from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from leeway.core.logs import logger
from leeway.definition import Classifier
from leeway.definition.partitions import Partition
from leeway.ingest import deliveries
from leeway.ingest.sources.delivering import extracted
from leeway.ingest.sources.kinds import kind_of
from leeway.ingest.sources.staging import Listing
from leeway.store.database import database
from leeway.store.tables import origin
from leeway.store.tables import partition as ledger

log = logger(__name__)

MARGIN = 7  # partitions beyond the age at which labels count, for which a query is asked again
COMPARING = 20.0  # seconds, for partitions of which it is not known what they were drawn from; the rest waits


def record(classifier: Classifier, partition: Partition, delivery: str, listing: Listing) -> None:
    """Write down which files, with which rows, a delivery was drawn from."""
    values = {"delivery": delivery, "read_as": listing.read_as, "files": listing.origins(partition.key)}
    statement = insert(origin).values(classifier=classifier.name, partition=partition.key, **values)
    with database().transaction() as connection:
        connection.execute(statement.on_conflict_do_update(index_elements=["classifier", "partition"], set_=values))


def changed(classifier: Classifier, last: Partition, now: datetime) -> set[str]:
    """Return the keys of ingested partitions, up to `last`, whose rows have changed at the source since.

    Raises:
        SourceError: the source cannot be read.
    """
    kind = kind_of(classifier.source)
    ingested = _ingested(classifier, last)
    if not ingested:
        return set()
    first = _looked_back_to(classifier, last).key
    listing = kind.listed(classifier, classifier.source, now)
    if listing is not None:
        return _changed_files(classifier, listing, ingested, first)
    if not kind.looks_back:
        return set()
    return {key for key, delivery in ingested.items() if key >= first and _differs(classifier, key, delivery, now)}


def _changed_files(classifier: Classifier, listing: Listing, ingested: Mapping[str, str], first: str) -> set[str]:
    with database().transaction() as connection:
        query = sa.select(origin).where(origin.c.classifier == classifier.name)
        known = {row.partition: row for row in connection.execute(query)}
    found, until = set(), time.monotonic() + COMPARING
    for key in sorted(
        ingested.keys() & listing.by_partition.keys(), reverse=True
    ):  # what the source has no longer stays as it is
        drawn = known.get(key)
        if drawn is not None and drawn.delivery != ingested[key]:
            found.add(key)  # it was delivered, and the process ended before it was published
        elif drawn is not None and drawn.read_as == listing.read_as:
            if _is_news(drawn.files, listing.origins(key), listing.names, withdraws=classifier.event_id is None):
                found.add(key)
        elif time.monotonic() < until:
            # Of an older version, or of another definition, which may differ in every row without any change at the
            # source: then only rows whose labels may still come are taken in, and `backfill --stale` takes in the rest.
            if _differs(classifier, key, ingested[key], listing.now, listing) and (drawn is None or key >= first):
                found.add(key)
            else:
                record(classifier, Partition.parse(key, classifier.partition), ingested[key], listing)
        else:
            log.info("%s %s is compared with its source another time", classifier.name, key)
    return found


def _is_news(drawn: Mapping[str, str], present: Mapping[str, str], names: Collection[str], *, withdraws: bool) -> bool:
    """Tell whether files have other rows of a partition; one that was renamed or removed has none.

    Args:
        names: of all files of the source.
        withdraws: whether events that a delivery lacks are withdrawn. Then a partition of which a file has gone is left
            as it is: it was moved away, which is no correction.
    """
    contents = set(present.values())
    gone = [name for name, content in drawn.items() if name not in present and content not in contents]
    if withdraws and any(name not in names for name in gone):
        return False
    return bool(contents - set(drawn.values())) or any(name in names for name in gone)


def _differs(classifier: Classifier, key: str, delivery: str, now: datetime, listing: Listing | None = None) -> bool:
    """Tell whether a partition's rows differ from its delivery; no rows at all are no difference."""
    rows = extracted(classifier, Partition.parse(key, classifier.partition), now, listing)
    return len(rows) > 0 and deliveries.hash_of(rows) != delivery


def _looked_back_to(classifier: Classifier, last: Partition) -> Partition:
    age = max(classifier.label.maturity, classifier.label_age)
    return last.shift(-math.ceil(age / (last.end - last.start)) - MARGIN)


def _ingested(classifier: Classifier, last: Partition) -> dict[str, str]:
    query = sa.select(ledger.c.partition, ledger.c.input["delivery"].astext.label("delivery")).where(
        ledger.c.classifier == classifier.name, ledger.c.stage == "ingest", ledger.c.partition <= last.key
    )
    with database().transaction() as connection:
        return {row.partition: row.delivery for row in connection.execute(query)}
