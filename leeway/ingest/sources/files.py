"""Files: which there are, their states, and their rows, prepared."""

import glob
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from leeway.core.errors import SourceError
from leeway.core.settings import settings
from leeway.definition import Rows
from leeway.ingest.sources.prepared import first_line, prepared

FileState = tuple[int, int, int]

UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".filepart", ".swp", "~")


def matching(path: str, *, within: str = "") -> list[Path]:
    """The files of a path or glob pattern, in the order of their names; a file's own name is no pattern.

    Args:
        path: as the definition has it, relative to the project.
        within: a pattern of the files, where the path is a folder.

    Raises:
        SourceError: there is none.
    """
    root = settings().project.absolute()
    given = root / path
    if given.is_file():
        return [given]
    is_folder = within and given.is_dir()
    pattern = Path(glob.escape(str(given)), within) if is_folder else Path(glob.escape(str(root)), path)
    found = sorted(Path(file) for file in glob.glob(str(pattern), recursive=True) if os.path.isfile(file))  # noqa: PTH113
    if not found:
        raise SourceError(
            f"reading {path}",
            problem="no file matches",
            found=f"none in {root}",
            hint="correct `path` in the definition, or deliver the file",
        )
    return found


def state(file: Path) -> FileState:
    """What changes when a file is written: its time of writing in nanoseconds, its size in bytes, its time of change.

    The last one, for a copy that keeps the time of writing.
    """
    stat = file.stat()
    return stat.st_mtime_ns, stat.st_size, stat.st_ctime_ns


def changed_at(state: FileState, now: datetime) -> datetime:
    """When a file was written; not later than now, whatever another machine's clock said."""
    return min(datetime.fromtimestamp(state[0] / 1e9, UTC), now)


def whole(source: Rows, file: Path, raw: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """A file's rows, prepared, some at a time; at least one frame, if only to show the columns.

    Args:
        raw: the same, as the file has them.

    Raises:
        SourceError: it is empty, broken, or not in the declared format.
    """
    before = state(file)
    if before[1] == 0:
        raise SourceError(f"reading {file}", problem="the file is empty", found="0 bytes", hint="deliver it again")
    for rows in _told(raw, file):
        yield prepared(source, rows, str(file))
    if state(file) != before:
        raise SourceError(
            f"reading {file}",
            problem="the file changed while it was read",
            found="it has",
            hint="run this again when it is complete; write elsewhere and move it here to be safe",
        )


def is_passed_over(file: Path, folder: Path) -> bool:
    """Whether a file is none of a folder's data: it, or a folder in between, is hidden, as a data folder or a checkpoint is."""
    within = file.relative_to(folder)
    return within.name.startswith("_") or any(part.startswith(".") and part != ".." for part in within.parts)


def is_finished(file: Path) -> bool:
    """Whether a file's name is not that of one which is being written."""
    return not file.name.startswith((".", "_")) and not file.name.lower().endswith(UNFINISHED)


def _told(raw: Iterator[pd.DataFrame], file: Path) -> Iterator[pd.DataFrame]:
    with closing(raw):  # type: ignore[type-var]  # a reader is a generator
        while True:
            try:
                rows = next(raw)
            except StopIteration:
                return
            except SourceError:
                raise
            except Exception as error:  # whatever csv, pyarrow, a codec or a decompressor raises
                raise SourceError(
                    f"reading {file}",
                    problem="it is not readable in the declared format",
                    found=first_line(error),
                    hint="check delimiter, quote and encoding in the definition, or deliver the file again",
                ) from error
            yield rows
