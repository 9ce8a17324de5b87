"""A folder that files appear in."""

import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from leeway.core.errors import SourceError
from leeway.core.settings import settings
from leeway.definition import Folder
from leeway.ingest.reading import delimited, parquet
from leeway.ingest.sources import files
from leeway.ingest.sources.files import FileState
from leeway.ingest.sources.kinds.file_kind import FileKind
from leeway.ingest.sources.kinds.kind import GrowingKind
from leeway.ingest.sources.source_changes import KnownBatch, Taken


class FolderOfFiles(GrowingKind[Folder], FileKind[Folder]):
    """Each file is taken once, by its content alone, when nobody writes it any more."""

    declaration = Folder

    def matching(self, source: Folder) -> list[Path]:
        """The finished files; there may be none, but the folder is not there.

        Raises:
            SourceError: it is not.
        """
        root = settings().project.absolute()
        folder = root / source.path
        if not folder.is_dir():
            raise SourceError(
                f"reading {source.path}",
                problem="the folder is not there",
                found=f"none in {root}",
                hint="make it, or correct `path` in the definition",
            )
        return sorted(
            file
            for file in folder.glob(source.pattern)
            if file.is_file() and files.is_finished(file) and not files.is_passed_over(file, folder)
        )

    def raw(self, source: Folder, file: Path) -> Iterator[pd.DataFrame]:
        """Its rows, as the declared format has them."""
        return parquet.read(file) if source.format == "parquet" else delimited.read(source, file)

    def settled(self, source: Folder) -> dict[Path, FileState]:
        """The files that nobody writes."""
        states = super().settled(source)
        if not states:
            return states
        youngest = max(written for written, *_ in states.values()) / 1e9
        if (rest := source.settle.total_seconds() - (time.time() - youngest)) > 0:
            time.sleep(min(rest, source.settle.total_seconds()))
        return {file: state for file, state in states.items() if file.exists() and files.state(file) == state}

    def known(self, taken: Taken, origin: str, content: str) -> KnownBatch | None:
        """What was taken in with the same content: another one under the same name is another file."""
        return taken.last(hash=content)
