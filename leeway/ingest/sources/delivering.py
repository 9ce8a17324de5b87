"""The rows of a delivery: of all parts of a source, one frame in one order."""

from datetime import datetime

import pandas as pd

from leeway.definition import Classifier
from leeway.definition.partitions import Partition
from leeway.ingest.content_id import content_hashes
from leeway.ingest.reading.frames import joined
from leeway.ingest.reading.unread import UNREAD
from leeway.ingest.sources import arrivals, staging
from leeway.ingest.sources.kinds import kind_of
from leeway.ingest.sources.staging import Listing


def extracted(
    classifier: Classifier, partition: Partition, now: datetime, listing: Listing | None = None
) -> pd.DataFrame:
    """The rows that a source has of a partition that it is asked for.

    Args:
        listing: what the source's kind said that it has, where it was asked before.

    Raises:
        SourceError: the source is not there, is empty, or cannot be read.
    """
    source = classifier.source
    return in_order(classifier, list(kind_of(source).rows(classifier, source, partition, now, listing)))


def in_order(classifier: Classifier, frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Put frames under one another, sorted by event time and id.

    A frame that lacks a declared column comes alone, for the audit to say so.
    """
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
