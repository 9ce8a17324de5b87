"""Read one partition from a source, as raw rows: the source's own columns and values, nothing cast yet."""

import glob
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import pandas as pd

from leeway.definition import CSV, Classifier, Parquet, Query, Simulator
from leeway.errors import LeewayError, SourceError
from leeway.partitions import Partition
from leeway.settings import settings
from leeway.times import read_times


def extract(classifier: Classifier, partition: Partition, *, now: datetime | None = None) -> pd.DataFrame:
    """The source's rows for a partition, sorted by event time and id.

    Rows that belong to no partition yet (an event time that cannot be read, or lies after `now`) come along, for the audit
    to quarantine: dropped here, they would be lost in silence.

    Raises:
        SourceError: the source is not there, is empty, or cannot be read.
    """
    now = now or datetime.now(UTC)
    source = classifier.source
    frames: tuple[pd.DataFrame, ...]
    match source:
        case Simulator():
            frames = (source.stream.rows(partition.start, partition.end),)
        case Query():
            frames = (_query(source, partition),)
        case CSV() | Parquet():
            files = _files(source.path)
            frames = _frames(source, files, tuple(_state(file) for file in files))
            frames = tuple(_wanted(classifier, partition, frame, now) for frame in frames)
    frames = tuple(frame for frame in frames if len(frame)) or frames[:1]
    for frame in frames:
        if not set(classifier.source_columns) <= set(frame.columns):
            return frame.reset_index(drop=True)  # the audit refuses it, and says what is missing and what is there
    rows = pd.concat([frame[classifier.source_columns] for frame in frames], ignore_index=True)
    times = read_times(rows[classifier.event_time], source.timezone)
    keys = pd.DataFrame({"time": times, "id": rows[classifier.event_id].astype("str")})
    order = keys.sort_values(["time", "id"], kind="stable").index
    return rows.reindex(order).reset_index(drop=True)


def _wanted(classifier: Classifier, partition: Partition, rows: pd.DataFrame, now: datetime) -> pd.DataFrame:
    if classifier.event_time not in rows.columns:
        return rows
    times = read_times(rows[classifier.event_time], classifier.source.timezone)
    return rows[times.isna() | (times > now) | ((times >= partition.start) & (times < partition.end))]


def _files(pattern: str) -> tuple[str, ...]:
    root = settings().project.absolute()
    found = sorted(file for file in glob.glob(str(root / pattern), recursive=True) if Path(file).is_file())
    if not found:
        raise SourceError(
            f"reading {pattern}",
            rule="at least one file must match",
            found=f"none in {root}",
            way_out="correct `path` in the definition, or deliver the file",
        )
    return tuple(found)


def _state(file: str) -> tuple[int, int]:
    stat = Path(file).stat()
    return stat.st_mtime_ns, stat.st_size


@lru_cache(maxsize=1)  # a backfill reads the same files for every partition
def _frames(
    source: CSV | Parquet, files: tuple[str, ...], _states: tuple[tuple[int, int], ...]
) -> tuple[pd.DataFrame, ...]:
    # One frame per file: put together, a column that one file lacks would be empty for its rows, in silence.
    read: Callable[[str], pd.DataFrame] = pd.read_parquet if isinstance(source, Parquet) else _csv_reader(source)
    return tuple(_prepared(source, _read_file(read, file), file) for file in files)


def _csv_reader(source: CSV) -> Callable[[str], pd.DataFrame]:
    return lambda file: pd.read_csv(file, sep=source.delimiter, encoding=source.encoding, dtype=str)


def _read_file(read: Callable[[str], pd.DataFrame], file: str) -> pd.DataFrame:
    if Path(file).stat().st_size == 0:
        raise SourceError(
            f"reading {file}", rule="a file must not be empty", found="0 bytes", way_out="deliver it again"
        )
    try:
        return read(file)
    except Exception as error:  # whatever pandas, pyarrow, a codec or a decompressor raises
        raise SourceError(
            f"reading {file}",
            rule="it must be readable in the declared format",
            found=_first_line(error),
            way_out="check delimiter and encoding in the definition, or deliver the file again",
        ) from error


def _query(source: Query, partition: Partition) -> pd.DataFrame:
    import sqlalchemy as sa

    try:
        url = re.sub(r"\$\{(\w+)\}", lambda variable: os.environ[variable[1]], source.url)
    except KeyError as error:
        raise SourceError(
            "reading the source's url", rule="its variables must be set", found=f"no {error}", way_out="set it"
        ) from None
    try:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
    except (sa.exc.ArgumentError, ImportError, ValueError) as error:  # ValueError: a port that is no number
        raise SourceError(
            "reading the source's url",
            rule="it must be a SQLAlchemy URL whose driver is installed",
            found=_first_line(error),
            way_out="write it as dialect+driver://user:password@host:port/database, special characters percent-encoded",
        ) from error
    try:
        with engine.connect() as connection:
            bounds = {"start": partition.start, "end": partition.end}
            rows = pd.read_sql(sa.text(source.sql), connection, params=bounds)
    except (sa.exc.SQLAlchemyError, pd.errors.DatabaseError, ValueError) as error:  # ValueError: a date beyond Python's
        cause = error.__cause__ if isinstance(error, pd.errors.DatabaseError) and error.__cause__ else error
        raise SourceError(
            f"querying {engine.url.render_as_string(hide_password=True)}",
            rule="the database must answer the query",
            found=_first_line(getattr(cause, "orig", None) or cause),
            way_out="check url and sql in the definition, and that the database is up",
        ) from error
    return _prepared(source, rows, "the query's rows")


def _prepared(source: CSV | Parquet | Query, rows: pd.DataFrame, origin: str) -> pd.DataFrame:
    try:
        rows = rows if source.prepare is None else source.prepare(rows)
    except LeewayError:
        raise
    except Exception as error:  # whatever a person's function raises
        raise SourceError(
            f"preparing {origin}",
            rule="the definition's prepare must accept them",
            found=f"{type(error).__name__}: {error}",
            way_out="has a column been renamed at the source? Correct it there, or in prepare",
        ) from error
    if not isinstance(rows, pd.DataFrame):
        raise SourceError(
            f"preparing {origin}",
            rule="the definition's prepare must return a DataFrame",
            found=type(rows).__name__,
            way_out="end it with `return rows`",
        )
    if not rows.columns.is_unique:
        raise SourceError(
            f"reading {origin}",
            rule="no two columns may share a name",
            found=", ".join(sorted({str(name) for name in rows.columns[rows.columns.duplicated()]})),
            way_out="rename one of them in the query, or in prepare",
        )
    return rows


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
