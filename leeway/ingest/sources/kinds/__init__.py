"""The kinds of sources. A new one is one module and one line in the list, beside its declaration."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from leeway.definition import Rows
from leeway.ingest.sources.kinds.csv_files import CSVFiles
from leeway.ingest.sources.kinds.file_kind import FileKind
from leeway.ingest.sources.kinds.folder import FolderOfFiles
from leeway.ingest.sources.kinds.kind import SourceKind
from leeway.ingest.sources.kinds.parquet_files import ParquetFiles
from leeway.ingest.sources.kinds.query import SQLQuery
from leeway.ingest.sources.kinds.simulator import SimulatedStream
from leeway.ingest.sources.kinds.table import SQLTable
from leeway.ingest.sources.source_changes import NewRows, StreamName, Taken

KINDS: tuple[SourceKind[Any], ...] = (
    CSVFiles(),
    ParquetFiles(),
    FolderOfFiles(),
    SQLQuery(),
    SQLTable(),
    SimulatedStream(),
)


def kind_of(source: Rows) -> SourceKind[Any]:
    """How a source is read."""
    return next(kind for kind in KINDS if isinstance(source, kind.declaration))


def news(connection: Connection, name: str, stream: StreamName, source: Rows, now: datetime) -> Iterator[NewRows]:
    """What a source has that was not taken in; to be taken in one after another, within the connection's transaction."""
    return kind_of(source).new(source, Taken(connection, name, stream), now)


__all__ = ["KINDS", "FileKind", "SourceKind", "kind_of", "news"]
