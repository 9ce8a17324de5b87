"""What every source does to the rows that it read: blanks become missing, the definition's `prepare` is asked."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from leeway.core.errors import LeewayError, SourceError
from leeway.definition import Rows
from leeway.ingest.reading.frames import joined
from leeway.ingest.reading.unread import UNREAD


def prepared(source: Rows, rows: pd.DataFrame, origin: str) -> pd.DataFrame:
    """Rows as the definition declares them.

    Args:
        origin: where they come from, for messages.

    Raises:
        SourceError: `prepare` fails or returns something else, or two columns share a name.
    """
    whole = rows
    if UNREAD in rows.columns:  # `prepare` sees rows
        rows = rows[rows[UNREAD].isna()].drop(columns=UNREAD)
    rows = without_blanks(rows, source)
    functions = source.prepare if isinstance(source.prepare, tuple) else (source.prepare,)
    for function in functions:
        try:
            rows = rows if function is None else function(rows)
        except LeewayError:
            raise
        except Exception as error:  # whatever a person's function raises
            raise SourceError(
                f"preparing {origin}",
                problem="the definition's prepare fails on the rows",
                found=f"{type(error).__name__}: {error}",
                hint="has a column been renamed at the source? Correct it there, or in prepare",
            ) from error
        if not isinstance(rows, pd.DataFrame):
            raise SourceError(
                f"preparing {origin}",
                problem="the definition's prepare does not return a DataFrame",
                found=type(rows).__name__,
                hint="end it with `return rows`",
            )
    must_be_distinct(rows.columns, origin, hint="rename one of them at the source, in the query, or in prepare")
    if UNREAD not in whole.columns:
        return rows
    unread = whole.loc[whole[UNREAD].notna(), [UNREAD]]
    return joined([rows, unread], keep_index=True).sort_index(kind="stable")


def must_be_distinct(columns: "pd.Index[str]", origin: str, *, hint: str) -> None:
    """Refuse columns of which two share a name.

    Raises:
        SourceError: two do.
    """
    if not columns.is_unique:
        raise SourceError(
            f"reading {origin}",
            problem="two columns share a name",
            found=", ".join(sorted({str(name) for name in columns[columns.duplicated()]})),
            hint=hint,
        )


def first_line(error: BaseException) -> str:
    """What an error says, in one line."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def without_blanks(rows: pd.DataFrame, source: Rows) -> pd.DataFrame:
    """Return rows whose blank texts, and what the definition names so, are missing."""
    if not rows.columns.is_unique:
        return rows  # refused in a moment
    blank = {}
    for name in rows.columns:
        if rows[name].dtype == "str":
            spelled = pa.array(["", *source.missing_in(str(name))], pa.large_string())
            stripped = pc.utf8_trim_whitespace(pa.array(rows[name], pa.large_string()))
            if pc.any(is_blank := pc.is_in(stripped, value_set=spelled)).as_py():
                blank[name] = rows[name].mask(is_blank.to_numpy(zero_copy_only=False))
        elif rows[name].dtype == "float64" and "inf" in source.missing_in(str(name)):
            blank[name] = rows[name].replace([np.inf, -np.inf], np.nan)
    return rows.assign(**blank)
