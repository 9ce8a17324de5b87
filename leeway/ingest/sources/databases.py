"""Connections to SQL databases that rows come from."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from leeway.core.errors import SourceError
from leeway.ingest.sources.prepared import first_line

if TYPE_CHECKING:
    import sqlalchemy as sa

ROWS = 100_000  # of one part


@contextmanager
def connected(url: str, timezone: str = "UTC") -> Iterator["sa.Connection"]:
    """A connection to read many rows by.

    Args:
        timezone: the zone of times that carry none. PostgreSQL compares them with bounds by its session's zone.

    Raises:
        SourceError: the database does not answer.
    """
    import sqlalchemy as sa

    engine = engine_of(url)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.set_config("TimeZone", timezone, False)))
            yield connection.execution_options(stream_results=True)
    except (sa.exc.SQLAlchemyError, pd.errors.DatabaseError, ValueError) as error:  # ValueError: a date beyond Python's
        cause = error.__cause__ if isinstance(error, pd.errors.DatabaseError) and error.__cause__ else error
        raise SourceError(
            f"querying {engine.url.render_as_string(hide_password=True)}",
            problem="the database does not answer the query",
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
        raise SourceError(
            action, problem="a variable of its address is not set", found=f"no {error}", hint="set it"
        ) from None
    try:
        made = _with_driver(sa.make_url(url))
        file = made.database if made.get_backend_name() == "sqlite" else None
        if file and not file.startswith((":memory:", "file:")) and not Path(file).exists():  # it would be made, empty
            raise SourceError(
                action, problem="the database file is not there", found=f"no file {file}", hint="correct it"
            )
        return sa.create_engine(made, poolclass=sa.NullPool)
    except (sa.exc.ArgumentError, ImportError, ValueError) as error:  # ValueError: a port that is no number
        raise SourceError(
            action,
            problem="it is not a SQLAlchemy URL with an installed driver",
            found=first_line(error),
            hint="write it as dialect+driver://user:password@host:port/database, special characters percent-encoded",
        ) from error


def _with_driver(url: "sa.URL") -> "sa.URL":
    """Name the driver that comes with Leeway, where a URL of PostgreSQL names none.

    SQLAlchemy's own choice changed with 2.1, and is not installed.
    """
    return url.set(drivername="postgresql+psycopg2") if url.drivername in ("postgresql", "postgres") else url
