"""Text files by glob."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from leeway.definition import CSV
from leeway.ingest.reading import delimited
from leeway.ingest.sources import files
from leeway.ingest.sources.kinds.file_kind import FileKind


class CSVFiles(FileKind[CSV]):
    """Text files that stay where they are."""

    declaration = CSV

    def matching(self, source: CSV) -> list[Path]:
        """The files of the pattern."""
        return files.matching(source.path)

    def raw(self, source: CSV, file: Path) -> Iterator[pd.DataFrame]:
        """Its lines."""
        return delimited.read(source, file)
