"""Parquet files."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from leeway.core.settings import settings
from leeway.definition import Parquet
from leeway.ingest.reading import parquet
from leeway.ingest.sources import files
from leeway.ingest.sources.kinds.file_kind import FileKind


class ParquetFiles(FileKind[Parquet]):
    """Parquet files by glob, or a partitioned data set in a folder."""

    declaration = Parquet

    def matching(self, source: Parquet) -> list[Path]:
        """The files of the pattern, or all in the folder."""
        return files.matching(source.path, within="**/*.parquet")

    def raw(self, source: Parquet, file: Path) -> Iterator[pd.DataFrame]:
        """Its rows, with the columns that folders name."""
        return parquet.read(file, _named_folders(source, file))


def _named_folders(source: Parquet, file: Path) -> dict[str, str]:
    """The columns that the folders of a partitioned data set name."""
    root = settings().project.absolute() / source.path
    if not root.is_dir():
        return {}
    parts = [part.partition("=") for part in file.parent.relative_to(root).parts]
    return {name: value for name, sign, value in parts if sign}
