"""The rows of a SQL query, in chunks."""

import re
from collections.abc import Iterator, Sequence

import pandas as pd

from leeway.core.errors import LeewayError, SourceError
from leeway.ingest.reading import query
from leeway.ingest.sources.databases import engine_of
from leeway.profiling.values import EPOCHS

#: A database's expression that turns seconds since 1970 into a time.
SINCE_1970 = {"sqlite": "datetime({}, 'unixepoch')", "postgresql": "to_timestamp({})"}


def chunks(url: str, sql: str, rows: int) -> Iterator[pd.DataFrame]:
    """Yield the rows of a query, in chunks.

    Raises:
        SourceError: the URL is wrong, or the database does not answer.
    """
    import sqlalchemy as sa

    engine = engine_of(url)
    shown = without_password(url)
    try:
        with engine.connect().execution_options(stream_results=True) as connection:
            yield from query.read(connection, sa.text(sql), rows)
    except (sa.exc.SQLAlchemyError, pd.errors.DatabaseError, ValueError) as error:  # ValueError: a date beyond Python's
        raise unreadable(shown, error.__cause__ or error, "check the URL and the query") from error
    finally:
        engine.dispose()


def unreadable(what: str, error: BaseException, hint: str) -> LeewayError:
    """Turn a reader's exception into an error of ours."""
    if isinstance(error, LeewayError):
        return error
    text = str(getattr(error, "orig", None) or error).strip()
    found = text.splitlines()[0].removeprefix("Error tokenizing data. C error: ") if text else type(error).__name__
    return SourceError(f"reading {what}", problem="it cannot be read as a table", found=found, hint=hint)


def without_password(url: str) -> str:
    """Hide the password of a URL."""
    return replace_password(url, "***")


def replace_password(url: str, by: str) -> str:
    """Replace the password of a URL.

    A placeholder such as `${NAME}` stays.
    """
    in_front = re.sub(r"(://[^:/@]*):(?!\$\{)[^@]*@", lambda found: f"{found[1]}:{by}@", url)
    return re.sub(r"(?i)([?&](?:password|passwd|pwd)=)(?!\$\{)[^&]*", lambda found: f"{found[1]}{by}", in_front)


def quoted_name(url: str, column: str) -> str:
    """Quote a column's name for the database of a URL."""
    import sqlalchemy as sa

    bare = sa.make_url(re.sub(r"\$\{\w+\}", "0", url))
    return str(bare.get_dialect()().identifier_preparer.quote_identifier(column))


def bound_by(url: str, column: str, formats: Sequence[str] = ()) -> str:
    """Return the SQL that compares the times of a column.

    It is the column's name, or an expression that turns seconds since 1970 into a time.
    """
    name = quoted_name(url, column)
    if not (per_second := [EPOCHS[form] for form in formats if form in EPOCHS]):
        return name
    return SINCE_1970[dialect(url)].format(name if per_second[0] == 1 else f"{name} / {per_second[0]:.1f}")


def dialect(url: str) -> str:
    """Return the kind of a URL's database."""
    return re.split(r"[+:]", url, maxsplit=1)[0]
