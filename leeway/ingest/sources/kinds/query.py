"""A SQL query."""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from leeway.core.value_text import EXACT, as_text
from leeway.definition import Classifier, Query
from leeway.definition.partitions import Partition, keys_of
from leeway.ingest.reading import query
from leeway.ingest.reading.frames import joined
from leeway.ingest.sources import databases, staging
from leeway.ingest.sources.kinds.kind import SourceKind
from leeway.ingest.sources.prepared import prepared
from leeway.ingest.sources.source_changes import NewRows, Taken, hash_of
from leeway.ingest.sources.staging import Listing
from leeway.ingest.times import FIRST, LAST

DAY = timedelta(days=1)
OVERLAP = DAY  # of labels that were written later than they became known


class SQLQuery(SourceKind[Query]):
    """A query with the bounds of a period, or all of it."""

    declaration = Query
    looks_back = True

    def rows(
        self, classifier: Classifier, source: Query, partition: Partition, now: datetime, listing: Listing | None = None
    ) -> Iterator[pd.DataFrame]:
        """What it gives for a partition."""
        for rows in asked(source, partition.start, partition.end):
            yield _of_itself(_within(classifier, partition, rows)) if _has_times_as_text(source) else rows

    def occupied(self, classifier: Classifier, source: Query) -> set[str]:
        """The keys of the partitions of all that it gives."""
        keys: set[str] = set()
        for rows in asked(source, FIRST.tz_localize("UTC"), LAST.tz_localize("UTC")):
            keys |= set(keys_of(staging.times_of(classifier, rows), classifier.partition).dropna())
        return keys

    def new(self, source: Query, taken: Taken, now: datetime) -> Iterator[NewRows]:
        """What it gives from shortly before the last reading on, as one batch."""
        last = taken.watermark()
        start = last - OVERLAP if isinstance(last, datetime) else FIRST.tz_localize("UTC").to_pydatetime()
        rows = joined(list(asked(source, start, now)))
        yield NewRows(hash_of(rows), "query", "", now, [rows], now)


def asked(source: Query, start: datetime, end: datetime) -> Iterator[pd.DataFrame]:
    """The rows of a query, prepared, some at a time; at least one frame.

    Args:
        start, end: the bounds, where it asks for them. SQLite, where times are text, is asked for the days around them.

    Raises:
        SourceError: the database does not answer.
    """
    import sqlalchemy as sa

    given: dict[str, datetime | str] = {"start": start, "end": end}
    if _has_times_as_text(source):
        # A day more on either side, for clocks that are not UTC's; `~` comes after every time of a day.
        given = {"start": str(_day_after(start, -1)), "end": f"{_day_after(end, 1)}~"}
    elif re.match(
        r"(mysql|mariadb)\b", source.url
    ):  # its times have no zone, and its drivers leave out that of a bound
        zone = ZoneInfo(source.timezone)
        given = {"start": start.astimezone(zone).replace(tzinfo=None), "end": end.astimezone(zone).replace(tzinfo=None)}
    bounds = {name: value for name, value in given.items() if f":{name}" in source.sql}
    with databases.connected(source.url, source.timezone) as connection:
        statement = sa.text(source.sql).bindparams(**bounds)
        for rows in query.read(connection, statement, databases.ROWS):
            yield prepared(source, rows, "the query's rows")


def _has_times_as_text(source: Query) -> bool:
    """Whether its database compares times by their letters: a date comes before every time of its day, however written."""
    return source.url.startswith("sqlite")


def _day_after(moment: datetime, days: int) -> date:
    return moment.date() + timedelta(days=days)


def _within(classifier: Classifier, partition: Partition, rows: pd.DataFrame) -> pd.DataFrame:
    """Select a partition's rows from those of the days around it; an unreadable time goes by the day that it names."""
    name = classifier.time_column
    if name not in rows:
        return rows
    times = staging.times_of(classifier, rows)
    # An hour that is none counts as the day's first. Without a day it comes along with all that may have it: not lost.
    letters = as_text(rows[name]).str.extract(r"^\s*(\d{4}-\d\d-\d\d)(?:[T ](\d\d))?")
    hour = letters[0] + "T" + letters[1].fillna("00")
    start, end = (f"{moment:%Y-%m-%dT%H}" for moment in (partition.start, partition.end))
    unread = times.isna() & (((hour >= start) & (hour < end)) | hour.isna())
    return rows[((times >= partition.start) & (times < partition.end)) | unread]


def _of_itself(rows: pd.DataFrame) -> pd.DataFrame:
    """Give columns the types that their own values have, whatever the rows of the days around them had.

    Else a label on the next day would make another delivery of the same rows.
    """
    own: dict[str, pd.Series[Any]] = {}
    for name in rows.columns:
        values = rows[name]
        if values.isna().all():
            own[name] = pd.Series([None] * len(rows), index=rows.index, dtype="object")
        elif (
            str(values.dtype) == "float64" and values.dropna().abs().lt(EXACT).all() and not (values.dropna() % 1).any()
        ):
            own[name] = values.astype("Int64")
    return rows.assign(**own)
