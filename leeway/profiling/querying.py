"""Read what a SQL query gives, in pieces."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from leeway.errors import LeewayError, SourceError

if TYPE_CHECKING:
    import sqlalchemy as sa


def chunks(url: str, sql: str, rows: int) -> Iterator[pd.DataFrame]:
    """What a query gives, so many rows at a time.

    Raises:
        SourceError: the URL is wrong, or the database does not answer.
    """
    import sqlalchemy as sa

    engine = _engine(url)
    shown = without_password(url)
    try:
        with engine.connect().execution_options(stream_results=True) as connection:
            yield from pd.read_sql(sa.text(sql), connection, chunksize=rows)
    except (sa.exc.SQLAlchemyError, pd.errors.DatabaseError) as error:
        raise unreadable(shown, error.__cause__ or error, "check the URL and the query") from error
    finally:
        engine.dispose()


def _engine(url: str) -> "sa.Engine":
    """An engine that keeps no connection; `${NAME}` in the URL is replaced from the environment."""
    import sqlalchemy as sa

    def refused(rule: str, found: object, way_out: str) -> SourceError:
        return SourceError(f"reading {without_password(url)}", rule=rule, found=found, way_out=way_out)

    try:
        filled = re.sub(r"\$\{(\w+)\}", lambda variable: os.environ[variable[1]], url)
    except KeyError as error:
        raise refused("the variables in the URL must be set", f"no {error}", "set it") from None
    try:
        made = sa.make_url(filled)
        file = made.database if made.get_backend_name() == "sqlite" else None
        if (
            file and not file.startswith((":memory:", "file:")) and not Path(file).exists()
        ):  # SQLite would make it, empty
            raise refused("the database must be there", f"no file {file}", "correct the path")
        return sa.create_engine(made, poolclass=sa.NullPool)
    except (sa.exc.ArgumentError, ImportError, ValueError) as error:  # ValueError: a port that is no number
        raise refused(
            "it must be a SQLAlchemy URL whose driver is installed",
            str(error).splitlines()[0],
            "write it as dialect+driver://user:password@host:port/database, special characters percent-encoded",
        ) from error


def unreadable(what: str, error: BaseException, way_out: str) -> LeewayError:
    """What a reader raised, as an error of ours; one of ours as it is."""
    if isinstance(error, LeewayError):
        return error
    text = str(getattr(error, "orig", None) or error).strip()
    found = text.splitlines()[0].removeprefix("Error tokenizing data. C error: ") if text else type(error).__name__
    return SourceError(f"reading {what}", rule="it must be readable as a table", found=found, way_out=way_out)


def without_password(url: str) -> str:
    """A URL that may be shown."""
    return replace_password(url, "***")


def replace_password(url: str, by: str) -> str:
    """A URL with something else for its password, unless that stands for one already, as `${NAME}`."""
    in_front = re.sub(r"(://[^:/@]*):(?!\$\{)[^@]*@", lambda found: f"{found[1]}:{by}@", url)
    return re.sub(r"(?i)([?&](?:password|passwd|pwd)=)(?!\$\{)[^&]*", lambda found: f"{found[1]}{by}", in_front)


def quoted_name(url: str, column: str) -> str:
    """A column's name as the database of a URL quotes it."""
    import sqlalchemy as sa

    bare = sa.make_url(re.sub(r"\$\{\w+\}", "0", url))
    return str(bare.get_dialect()().identifier_preparer.quote_identifier(column))
