"""Read rows from SQL databases, some at a time."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from leeway.core.errors import SourceError
from leeway.definition import Query, Table
from leeway.ingest.sources.prepared import first_line, prepared

if TYPE_CHECKING:
    import sqlalchemy as sa

ROWS = 100_000
OVERLAP, NUMBER_OVERLAP = timedelta(hours=1), 10_000
Watermark = float | int | str | datetime


def query(source: Query, start: datetime, end: datetime) -> Iterator[pd.DataFrame]:
    """The rows of a query, prepared, some at a time; at least one frame.

    Args:
        start, end: the bounds, where it asks for them. SQLite, where times are text, is asked for the days around them.

    Raises:
        SourceError: the database does not answer.
    """
    import sqlalchemy as sa

    asked: dict[str, datetime | str] = {"start": start, "end": end}
    if has_times_as_text(source):
        # A day more on either side, for clocks that are not UTC's; `~` comes after every time of a day.
        asked = {"start": str(_day_after(start, -1)), "end": f"{_day_after(end, 1)}~"}
    bounds = {name: value for name, value in asked.items() if f":{name}" in source.sql}
    with _connected(source) as connection:
        statement = sa.text(source.sql).bindparams(**bounds)
        for rows in pd.read_sql(statement, connection, chunksize=ROWS):
            yield prepared(source, rows, "the query's rows")


def has_times_as_text(source: Query) -> bool:
    """Whether its database compares times by their letters: a date comes before every time of its day, however written."""
    return source.url.startswith("sqlite")


def _day_after(moment: datetime, days: int) -> date:
    return moment.date() + timedelta(days=days)


def grown(source: Table, since: Watermark | None) -> Iterator[tuple[pd.DataFrame, Watermark | None]]:
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
    with _connected(source) as connection:
        for rows in pd.read_sql(statement, connection, chunksize=ROWS):
            if source.watermark not in rows.columns:
                raise SourceError(
                    f"reading table {source.table}",
                    problem="it must have the watermark's column",
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
        problem="overlap must be a duration for a watermark that is a time, a whole number for one that is a number",
        found=f"{source.overlap!r} for {type(since).__name__}",
        hint="correct `overlap` in the definition",
    )


def _plain(value: Any) -> Watermark:
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    plain: Watermark = value.item() if hasattr(value, "item") else value
    return plain


@contextmanager
def _connected(source: Query | Table) -> Iterator["sa.Connection"]:
    import sqlalchemy as sa

    engine = engine_of(source.url)
    try:
        with engine.connect() as connection:
            yield connection.execution_options(stream_results=True)
    except (sa.exc.SQLAlchemyError, pd.errors.DatabaseError, ValueError) as error:  # ValueError: a date beyond Python's
        cause = error.__cause__ if isinstance(error, pd.errors.DatabaseError) and error.__cause__ else error
        raise SourceError(
            f"querying {engine.url.render_as_string(hide_password=True)}",
            problem="the database must answer the query",
            found=first_line(getattr(cause, "orig", None) or cause),
            hint="check the source's url, sql or table in the definition, and that the database is up",
        ) from error


def engine_of(text: str) -> "sa.Engine":
    """An engine for a SQLAlchemy URL that keeps no connection; `${NAME}` in it is replaced from the environment.

    Raises:
        SourceError: a variable is not set, it is no such URL, or SQLite's file is not there.
    """
    import sqlalchemy as sa

    action = "reading the source's url"
    try:
        url = re.sub(r"\$\{(\w+)\}", lambda variable: os.environ[variable[1]], text)
    except KeyError as error:
        raise SourceError(action, problem="its variables must be set", found=f"no {error}", hint="set it") from None
    try:
        made = sa.make_url(url)
        file = made.database if made.get_backend_name() == "sqlite" else None
        if file and not file.startswith((":memory:", "file:")) and not Path(file).exists():  # it would be made, empty
            raise SourceError(action, problem="the database must be there", found=f"no file {file}", hint="correct it")
        return sa.create_engine(made, poolclass=sa.NullPool)
    except (sa.exc.ArgumentError, ImportError, ValueError) as error:  # ValueError: a port that is no number
        raise SourceError(
            action,
            problem="it must be a SQLAlchemy URL whose driver is installed",
            found=first_line(error),
            hint="write it as dialect+driver://user:password@host:port/database, special characters percent-encoded",
        ) from error
