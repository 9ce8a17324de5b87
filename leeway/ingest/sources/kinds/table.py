"""A growing SQL table."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from leeway.core.errors import SourceError
from leeway.definition import Table
from leeway.ingest.reading import query
from leeway.ingest.sources import databases
from leeway.ingest.sources.kinds.kind import GrowingKind
from leeway.ingest.sources.prepared import prepared
from leeway.ingest.sources.source_changes import NewRows, Taken, Watermark, hash_of

OVERLAP, NUMBER_OVERLAP = timedelta(hours=1), 10_000


class SQLTable(GrowingKind[Table]):
    """Read from its watermark on, with an overlap, so rows may come again."""

    declaration = Table
    shows_again = True

    def new(self, source: Table, taken: Taken, now: datetime) -> Iterator[NewRows]:
        """The rows since the last watermark, in its order."""
        for rows, watermark in _grown(source, taken.watermark()):
            yield NewRows(hash_of(rows), source.table, "", now, [rows], watermark)


def _grown(source: Table, since: Watermark | None) -> Iterator[tuple[pd.DataFrame, Watermark | None]]:
    """The rows of a table from a watermark on, prepared, in its order, some at a time, each with the highest so far.

    Args:
        since: the highest watermark seen; the reading starts the overlap before it. Everything when None.

    Raises:
        SourceError: the database does not answer, or the overlap does not fit the watermark's type.
    """
    import sqlalchemy as sa

    schema, _, name = source.table.rpartition(".")
    mark: sa.ColumnElement[Any] = sa.column(source.watermark)
    statement = sa.select(sa.text("*")).select_from(sa.table(name, schema=schema or None)).order_by(mark)
    if since is not None:
        statement = statement.where((mark >= sa.literal(_before(source, since))) | mark.is_(None))
    highest = since
    with databases.connected(source.url, source.timezone) as connection:
        for rows in query.read(connection, statement, databases.ROWS):
            if source.watermark not in rows.columns:
                raise SourceError(
                    f"reading table {source.table}",
                    problem="the watermark's column is missing",
                    found=f"no {source.watermark}",
                    hint="correct `watermark` in the definition",
                )
            seen = rows[source.watermark].dropna()
            if len(seen):
                highest = max(_plain(seen.max()), highest) if highest is not None else _plain(seen.max())
            yield prepared(source, rows, f"rows of table {source.table}"), highest


def _before(source: Table, since: Watermark) -> Watermark:
    if isinstance(since, datetime) and isinstance(source.overlap or OVERLAP, timedelta):
        return since - (OVERLAP if source.overlap is None else source.overlap)  # type: ignore[operator]
    if isinstance(since, int | float) and isinstance(source.overlap, int | None):
        return since - (NUMBER_OVERLAP if source.overlap is None else source.overlap)
    if source.overlap is None:
        return since
    raise SourceError(
        f"reading table {source.table}",
        problem="overlap does not fit the watermark: a time needs a duration, a number a whole number",
        found=f"{source.overlap!r} for {type(since).__name__}",
        hint="correct `overlap` in the definition",
    )


def _plain(value: Any) -> Watermark:
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    plain: Watermark = value.item() if hasattr(value, "item") else value
    return plain
