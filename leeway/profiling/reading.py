"""A bounded sample of an undescribed table.

It is a CSV of any delimiter and encoding, Parquet, or a query.
"""

import bz2
import csv
import glob
import gzip
import io
import lzma
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import pandas as pd

from leeway.core.errors import SourceError
from leeway.core.outputs import class_text
from leeway.ingest.sources.files import LONGEST_FIELD
from leeway.ingest.sources.prepared import must_be_distinct
from leeway.profiling import querying, sniffing
from leeway.profiling.querying import unreadable, without_password

MAX_ROWS = 200_000
MAX_CELLS = 8_000_000
CHUNK = 50_000
HEAD = 1 << 18  # bytes that encoding, delimiter and header are guessed from
MAX_COUNTED = 100_000  # different values of a label: with more, it has no classes
PARQUET = (".parquet", ".pq", ".parq")
_OPEN: dict[str, Callable[[Path, Literal["rb"]], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


@dataclass(frozen=True)
class TableSample:
    """The place of a table's rows, and how to read them.

    Attributes:
        kind: `csv`, `parquet` or `query`.
        where: a path or glob, or a SQLAlchemy URL.
        sql: the query.
        header: the names of a file without a header.
    """

    kind: str
    where: str
    files: tuple[Path, ...] = ()
    sql: str = ""
    delimiter: str = ","
    encoding: str = "utf-8"
    encoding_given: bool = False
    header: tuple[str, ...] | None = None

    def chunks(self) -> Iterator[pd.DataFrame]:
        """Yield the raw rows in the source's order; a CSV's as text."""
        if self.kind == "query":
            yield from querying.chunks(self.where, self.sql, CHUNK)
            return
        first: list[str] = []
        for file in self.files:
            for chunk in _parquet_chunks(file) if self.kind == "parquet" else _csv_chunks(self, file):
                first = first or list(chunk.columns)
                if set(chunk.columns) != set(first):
                    raise SourceError(
                        f"reading {file}",
                        problem=f"its columns differ from those of {self.files[0].name}",
                        found=", ".join(sorted(map(str, set(chunk.columns) ^ set(first)))[:5]) + " in one of them only",
                        hint="name the files of one kind by a pattern",
                    )
                yield chunk


@dataclass(frozen=True)
class Sample:
    """A sample of a table's rows, drawn evenly.

    Attributes:
        rows: in the source's order.
        total: the number of rows of the source.
        counts: how often each value occurs in all rows, by column, for the requested columns.
    """

    table: TableSample
    rows: pd.DataFrame
    total: int
    counts: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether it has every row."""
        return len(self.rows) == self.total


def describe(
    data: str,
    *,
    sql: str = "",
    delimiter: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    named: Sequence[str] = (),
) -> TableSample:
    """Find out how to read some data.

    Args:
        data: a file, a glob, a folder, or a SQLAlchemy URL.
        sql: the query, where `data` is a URL.
        delimiter, encoding, header: as the person gave them; guessed otherwise.
        named: columns that the person named: a first line that has them is a header.

    Raises:
        SourceError: there is nothing to read, or its form is unknown.
    """
    if "://" in data:
        if not sql:
            raise SourceError(
                f"reading {without_password(data)}",
                problem="there is no query for the database",
                hint="add --query 'SELECT …'",
            )
        return TableSample("query", data, sql=sql.strip().rstrip(";"))
    files = _files(data)
    suffixes = {"parquet" if file.suffix.lower() in PARQUET else "csv" for file in files}
    if len(suffixes) > 1:
        raise SourceError(
            f"reading {data}",
            problem="the files have several formats",
            found=", ".join(sorted({file.suffix for file in files})),
            hint="name one format by a pattern, such as 'folder/*.csv'",
        )
    where = data
    if Path(data).is_dir():
        ending = Counter("".join(file.suffixes[-2:]) for file in files).most_common(1)[0][0]
        where = f"{data.rstrip('/')}/*{ending}"
    if suffixes == {"parquet"}:
        return TableSample("parquet", where, files)
    head = _head(files[0])
    used = sniffing.known(encoding) if encoding else sniffing.encoding_of(head)
    text = head.decode(used, errors="replace").removeprefix("\ufeff")
    lines = text.splitlines()[: -1 if len(head) == HEAD else None]
    delimiter = delimiter or sniffing.delimiter_of(lines, named)
    has_header = header if header is not None else sniffing.has_header(lines, delimiter, named)
    names = None
    if not has_header:
        width = max((len(row) for row in csv.reader(lines[:200], delimiter=delimiter)), default=0)
        names = tuple(f"column_{position + 1}" for position in range(width))
    return TableSample(
        "csv", where, files, delimiter=delimiter, encoding=used, encoding_given=encoding is not None, header=names
    )


def draw(table: TableSample, *, count: Iterable[str] = (), seed: int = 0) -> Sample:
    """Draw a sample in one pass, with bounded memory.

    Args:
        count: columns whose values are counted over all rows: a rare class must not be missed.

    Raises:
        SourceError: the source cannot be read, or has no row.
    """
    for attempt in (table, *_other_encodings(table)):
        with suppress(UnicodeDecodeError):
            return _draw(attempt, tuple(count), seed)
    raise SourceError(
        f"reading {table.where}",
        problem="its text does not fit the encoding",
        found=f"bytes that are not {table.encoding}",
        hint="leave out --encoding to have it guessed" if table.encoding_given else "name it by --encoding",
    )


def repetitions(table: TableSample, column: str) -> tuple[int, int]:
    """Count the missing and the repeated values of a column.

    All rows of the source count. The numbers are exact but for collisions of hashes, of which it keeps eight bytes a row.
    """
    return repetitions_in(chunk[column] for chunk in table.chunks())


def repetitions_in(pieces: Iterable[pd.Series]) -> tuple[int, int]:
    """Count the missing and the repeated values of a column's pieces."""
    seen: list[np.ndarray] = []
    missing = 0
    for piece in pieces:
        text = piece.astype("str").str.strip().mask(piece.isna())
        given = text[text.notna() & text.ne("")]
        missing += len(text) - len(given)
        seen.append(pd.util.hash_array(given.to_numpy(dtype=object)))
    hashes = np.concatenate(seen)
    hashes.sort()
    return missing, int((hashes[1:] == hashes[:-1]).sum())


def _draw(table: TableSample, count: tuple[str, ...], seed: int) -> Sample:
    random = np.random.default_rng([seed, *b"leeway"])  # the stream of no simulation that the data may come from
    kept, keys, total, limit = pd.DataFrame(), np.empty(0), 0, MAX_ROWS
    counts: dict[str, Counter[str]] = {name: Counter() for name in count}
    for chunk in table.chunks():
        limit = max(1_000, min(MAX_ROWS, MAX_CELLS // max(1, len(chunk.columns))))
        must_be_distinct(chunk.columns, without_password(table.where), hint="rename one of them in the query")
        for name in set(count) & set(chunk.columns):
            _count(counts[name], name, chunk[name])
        total += len(chunk)
        fresh = random.random(len(chunk))
        kept = pd.concat([kept, chunk], ignore_index=True) if len(kept) else chunk.reset_index(drop=True)
        keys = np.concatenate([keys, fresh])
        if len(kept) > limit:
            chosen = np.sort(np.argpartition(keys, limit)[:limit])
            kept, keys = kept.iloc[chosen].reset_index(drop=True), keys[chosen]
    if total == 0:
        raise SourceError(
            f"reading {without_password(table.where)}",
            problem="there are no rows",
            found="a header and nothing else" if len(kept.columns) else "nothing",
            hint="name a file or a query that has rows",
        )
    return Sample(table, kept, total, counts)


def _count(counted: Counter[str], name: str, values: pd.Series) -> None:
    try:
        for value, number in values.dropna().value_counts().items():
            counted[class_text(value)] += int(number)
    except TypeError:
        raise SourceError(
            f"reading the label {name!r}",
            problem="the column does not hold single values",
            found=values.dropna().iloc[0],
            hint="name another column by --label",
        ) from None
    if len(counted) > MAX_COUNTED:
        raise SourceError(
            f"reading the label {name!r}",
            problem="the column has too many values for a label",
            found=f"more than {MAX_COUNTED:,} different values",
            hint="name the column with the outcome by --label; bin a number into classes first",
        )


def _other_encodings(table: TableSample) -> Iterator[TableSample]:
    if table.kind == "csv" and not table.encoding_given:
        yield from (replace(table, encoding=name) for name in ("cp1252", "latin-1") if name != table.encoding)


def _files(data: str) -> tuple[Path, ...]:
    path = Path(data)
    if path.is_dir():
        found = [file for file in sorted(path.rglob("*")) if file.is_file() and not file.name.startswith((".", "_"))]
    else:
        found = [Path(file) for file in sorted(glob.glob(data, recursive=True)) if Path(file).is_file()]
        found = found or ([path] if path.is_file() else [])
    found = [file for file in found if file.stat().st_size > 0]
    if not found:
        raise SourceError(
            f"reading {data}",
            problem="there is no file to read" if not path.is_file() else "the file is empty",
            found="0 bytes" if path.is_file() else None,
            hint="correct the path; put a pattern in quotes",
        )
    return tuple(found)


def _open(file: Path) -> IO[bytes]:
    if file.suffix.lower() == ".zip":
        archive = zipfile.ZipFile(file)
        return archive.open(archive.namelist()[0])
    opened: IO[bytes] = _OPEN.get(file.suffix.lower(), open)(file, "rb")
    return opened


def _head(file: Path) -> bytes:
    try:
        with _open(file) as stream:
            return stream.read(HEAD)
    except (OSError, EOFError, zipfile.BadZipFile, lzma.LZMAError, IndexError) as error:
        raise SourceError(
            f"reading {file}",
            problem="it cannot be read, or its compression does not match its name",
            found=str(error) or type(error).__name__,
            hint="check the file",
        ) from error


def _csv_chunks(table: TableSample, file: Path) -> Iterator[pd.DataFrame]:
    try:
        names = _names(table, file)
        yield from pd.read_csv(
            file,
            sep=table.delimiter,
            encoding=table.encoding,
            dtype="str",
            keep_default_na=False,
            na_values=[""],
            names=names,
            header=None if table.header is not None else 0,
            index_col=False,
            chunksize=CHUNK,
        )
    except UnicodeDecodeError:
        raise
    except Exception as error:  # whatever pandas or a decompressor raises
        raise unreadable(str(file), error, "check it, or name --delimiter and --encoding") from error


def _names(table: TableSample, file: Path) -> list[str]:
    """Return the columns' names, with the checks of a night.

    A name that occurs twice is refused, and so is a first line longer than the header.
    """
    csv.field_size_limit(LONGEST_FIELD)
    with _open(file) as stream, io.TextIOWrapper(stream, table.encoding, newline="") as lines:
        rows = (row for row in csv.reader(lines, delimiter=table.delimiter) if row)
        names = list(table.header) if table.header is not None else next(rows, [])
        first = next(rows, names)
    if len(first) > len(names):
        raise SourceError(
            f"reading {file}",
            problem=f"a line has more fields than the header, which has {len(names)}",
            found=f"{len(first)} in the first line of values",
            hint="quote fields that hold the delimiter, name it by --delimiter, or correct the lines",
        )
    must_be_distinct(pd.Index(names), str(file), hint="rename one of them in the file, or add --no-header")
    return names


def _parquet_chunks(file: Path) -> Iterator[pd.DataFrame]:
    import pyarrow.parquet as pq

    try:
        opened = pq.ParquetFile(file)
        if opened.metadata.num_rows == 0:
            yield opened.read().to_pandas()
        for batch in opened.iter_batches(CHUNK):
            yield batch.to_pandas()
    except Exception as error:  # whatever pyarrow raises
        raise unreadable(str(file), error, "check the file") from error
