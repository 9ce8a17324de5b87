"""Read one partition from a source, as raw rows: the source's own columns and values, nothing cast yet."""

import glob
import os
import string
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
    match source:
        case Simulator():
            rows = source.stream.rows(partition.start, partition.end)
        case Query():
            rows = _query(source, partition)
        case CSV() | Parquet():
            files = _files(source.path)
            rows = _all_rows(source, files, tuple(_state(file) for file in files))
    rows = rows.loc[:, [name for name in classifier.source_columns if name in rows.columns]]
    if classifier.event_time not in rows.columns:
        return rows.reset_index(drop=True)  # the audit says so
    times = read_times(rows[classifier.event_time], source.timezone)
    if isinstance(source, CSV | Parquet):
        wanted = times.isna() | (times > now) | ((times >= partition.start) & (times < partition.end))
        rows, times = rows[wanted], times[wanted]
    keys = pd.DataFrame(
        {"time": times, "id": rows[classifier.event_id].astype("str") if classifier.event_id in rows else ""}
    )
    order = keys.sort_values(["time", "id"], kind="stable").index
    return rows.reindex(order).reset_index(drop=True)


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
def _all_rows(source: CSV | Parquet, files: tuple[str, ...], _states: tuple[tuple[int, int], ...]) -> pd.DataFrame:
    read: Callable[[str], pd.DataFrame] = pd.read_parquet if isinstance(source, Parquet) else _csv_reader(source)
    return _prepared(source, pd.concat([_read_file(read, file) for file in files], ignore_index=True))


def _csv_reader(source: CSV) -> Callable[[str], pd.DataFrame]:
    return lambda file: pd.read_csv(file, sep=source.delimiter, encoding=source.encoding, dtype=str)


def _read_file(read: Callable[[str], pd.DataFrame], file: str) -> pd.DataFrame:
    if Path(file).stat().st_size == 0:
        raise SourceError(
            f"reading {file}", rule="a file must not be empty", found="0 bytes", way_out="deliver it again"
        )
    try:
        return read(file)
    except (ValueError, OSError) as error:  # pandas' and pyarrow's own derive from ValueError
        raise SourceError(
            f"reading {file}",
            rule="it must be readable in the declared format",
            found=str(error).splitlines()[0],
            way_out="check delimiter and encoding in the definition, or deliver the file again",
        ) from error


def _query(source: Query, partition: Partition) -> pd.DataFrame:
    import sqlalchemy as sa

    try:
        url = string.Template(source.url).substitute(os.environ)
    except KeyError as error:
        raise SourceError(
            "reading the source's url", rule="its variables must be set", found=f"no {error}", way_out="set it"
        ) from None
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            bounds = {"start": partition.start, "end": partition.end}
            rows = pd.read_sql(sa.text(source.sql), connection, params=bounds)
    except sa.exc.SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise SourceError(
            f"querying {engine.url.render_as_string(hide_password=True)}",
            rule="the database must answer the query",
            found=cause,
            way_out="check url and sql in the definition, and that the database is up",
        ) from error
    return _prepared(source, rows)


def _prepared(source: CSV | Parquet | Query, rows: pd.DataFrame) -> pd.DataFrame:
    if source.prepare is None:
        return rows
    try:
        return source.prepare(rows)
    except LeewayError:
        raise
    except Exception as error:  # whatever a person's function raises
        raise SourceError(
            "preparing the source's rows",
            rule="the definition's prepare must accept them",
            found=f"{type(error).__name__}: {error}",
            way_out="has a column been renamed at the source? Correct it there, or in prepare",
        ) from error
