"""Read files a part at a time: text as text, Parquet with its types."""

import bz2
import csv
import glob
import gzip
import io
import itertools
import lzma
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from leeway.core.errors import SourceError
from leeway.core.settings import settings
from leeway.definition import Rows, Text
from leeway.ingest.sources.prepared import first_line, prepared

FileState = tuple[int, int, int]

CELLS = 2_000_000  # of one part: some 200 MB while it is cast
LONGEST_FIELD = 2**24
UNIT_SEPARATOR = "\x1f"
OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".filepart", ".swp", "~")


def matching(path: str, pattern: Path) -> list[Path]:
    """The files of a glob pattern, in the order of their names.

    Args:
        path: as the definition has it, for messages.

    Raises:
        SourceError: there is none.
    """
    found = sorted(Path(file) for file in glob.glob(str(pattern), recursive=True) if Path(file).is_file())
    if not found:
        raise SourceError(
            f"reading {path}",
            problem="no file matches",
            found=f"none in {settings().project.absolute()}",
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


def whole(source: Rows, file: Path, raw: Generator[pd.DataFrame, None, None]) -> Iterator[pd.DataFrame]:
    """A file's rows, prepared, some at a time; at least one frame, if only to show the columns.

    Args:
        raw: the same, as the file has them.

    Raises:
        SourceError: it is empty, broken, not in the declared format, or a line has too many or too few fields.
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


def is_finished(file: Path) -> bool:
    """Whether a file's name is not that of one which is being written."""
    return not file.name.startswith((".", "_")) and not file.name.lower().endswith(UNFINISHED)


def _told(raw: Generator[pd.DataFrame, None, None], file: Path) -> Iterator[pd.DataFrame]:
    with closing(raw):
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


def text(source: Text, file: Path) -> Generator[pd.DataFrame, None, None]:
    """The rows of a text file, every value as text."""
    csv.field_size_limit(LONGEST_FIELD)
    with _opened(source, file) as lines:
        split, delimiter = _single_character(lines, source.delimiter)
        reader = csv.reader(split, delimiter=delimiter, quotechar=source.quote, strict=True)
        try:
            names = next((row for row in reader if row), None) if source.header is None else source.header
            if names is None:
                raise SourceError(
                    f"reading {file}", problem="the file has no header", found="no line", hint="deliver it again"
                )
            position = 0
            rows = _rows(reader, len(names), file)
            while (part := list(itertools.islice(rows, max(1, CELLS // len(names))))) or position == 0:
                yield _frame(names, part, position)
                position += len(part) or 1
        except csv.Error as error:
            raise SourceError(
                f"reading {file}",
                problem="it is not readable in the declared format",
                found=f"line {reader.line_num}: {error}",
                hint="check delimiter and quote in the definition, or deliver the file again",
            ) from error


def _rows(reader: Any, width: int, file: Path) -> Iterator[list[str]]:
    for row in reader:
        if len(row) == width:
            yield row
        elif row:  # not a blank line
            raise SourceError(
                f"reading {file}",
                problem="a line has another number of fields than the header",
                found=f"{len(row)} instead of {width} in line {reader.line_num}",
                hint="quote fields that hold the delimiter, check it in the definition, or deliver the file again",
            )


def _frame(names: Sequence[str], rows: list[list[str]], position: int) -> pd.DataFrame:
    columns: Iterable[Sequence[str]] = zip(*rows, strict=True) if rows else [()] * len(names)
    frame: pd.DataFrame = pd.concat([pa.array(column, pa.string()).to_pandas() for column in columns], axis=1)
    frame.columns = pd.Index(names)
    frame.index = pd.RangeIndex(position, position + len(rows))
    return frame


@contextmanager
def _opened(source: Text, file: Path) -> Iterator[IO[str]]:
    encoding = "utf-8-sig" if source.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else source.encoding
    if file.suffix.lower() == ".zip":
        with zipfile.ZipFile(file) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) != 1:
                raise SourceError(
                    f"reading {file}",
                    problem="the archive does not hold exactly one file",
                    found=len(names),
                    hint="deliver the files one by one",
                )
            with archive.open(names[0]) as member, io.TextIOWrapper(member, encoding, newline="") as lines:
                yield lines
        return
    opener: Callable[..., Any] = OPENERS.get(file.suffix.lower(), open)
    with opener(file, "rt", encoding=encoding, newline="") as lines:
        yield lines


def _single_character(lines: IO[str], delimiter: str) -> tuple[Iterator[str], str]:
    """The parser knows delimiters of one character only."""
    if len(delimiter) == 1:
        return iter(lines), delimiter
    return (line.replace(delimiter, UNIT_SEPARATOR) for line in lines), UNIT_SEPARATOR


def parquet(file: Path, also: Mapping[str, str] | None = None) -> Generator[pd.DataFrame, None, None]:
    """The rows of a Parquet file.

    Args:
        also: further columns, each of one value.
    """
    with pq.ParquetFile(file) as opened:
        size = max(1, CELLS // max(1, len(opened.schema_arrow)))
        position = 0
        for batch in itertools.chain([None], opened.iter_batches(batch_size=size)):
            table = opened.schema_arrow.empty_table() if batch is None else pa.Table.from_batches([batch])
            if batch is None and opened.metadata.num_rows:
                continue
            rows = table.to_pandas(ignore_metadata=True)
            rows.index = pd.RangeIndex(position, position + len(rows))
            position += len(rows)
            yield rows.assign(**{name: value for name, value in (also or {}).items() if name not in rows})
