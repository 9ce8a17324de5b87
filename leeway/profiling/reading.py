"""A bounded sample of an undescribed table.

It is a CSV of any delimiter and encoding, Parquet, or a query.
"""

import glob
import lzma
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from leeway.core.errors import SourceError
from leeway.core.outputs import class_text
from leeway.definition import CSV
from leeway.ingest.reading import delimited, parquet
from leeway.ingest.reading.frames import joined
from leeway.ingest.reading.opening import must_be_text, opened
from leeway.ingest.reading.unread import UNREAD
from leeway.ingest.sources.files import is_passed_over
from leeway.ingest.sources.prepared import must_be_distinct
from leeway.profiling import querying, sniffing
from leeway.profiling.querying import unreadable, without_password

MAX_ROWS = 200_000
MAX_CELLS = 8_000_000
CHUNK = 50_000
HEAD = 1 << 18  # bytes that encoding, delimiter and header are guessed from
MAX_COUNTED = 100_000  # different values of a label: with more, it has no classes
END = 1 << 14  # bytes at the end, where totals and footnotes stand
PARQUET = (".parquet", ".pq", ".parq")
SHOWN_UNREAD = 5
FILES_TRIED = 50
TOO_MANY_UNREAD = 0.5  # of the lines: then it is the form that is wrong


@dataclass(frozen=True)
class TableSample:
    """The place of a table's rows, and how to read them.

    Attributes:
        kind: `csv`, `parquet` or `query`.
        where: a path or glob, or a SQLAlchemy URL.
        sql: the query.
        folder: the folder that was named, with the pattern of its files; None where files were named.
        form: of a text, as the definition will declare it.
        told: what was found of the form that a person should know, in words.
    """

    kind: str
    where: str
    files: tuple[Path, ...] = ()
    sql: str = ""
    folder: tuple[str, str] | None = None
    form: CSV | None = None
    told: tuple[str, ...] = ()

    def chunks(self) -> Iterator[pd.DataFrame]:
        """Yield the raw rows in the source's order, as the nights read them; a text's as text.

        Lines that cannot be read come along, as the nights know them.
        """
        if self.kind == "query":
            yield from querying.chunks(self.where, self.sql, CHUNK)
            return
        first: list[str] = []
        for file in self.files:
            for chunk in self._rows_of(file):
                names = [str(name) for name in chunk.columns if name != UNREAD]
                first = first or names
                if set(names) != set(first):
                    raise SourceError(
                        f"reading {file}",
                        problem=f"its columns differ from those of {self.files[0].name}",
                        found=", ".join(sorted(set(names) ^ set(first))[:5]) + " in one of them only",
                        hint="name the files of one kind by a pattern",
                    )
                yield chunk

    def _rows_of(self, file: Path) -> Iterator[pd.DataFrame]:
        reader = parquet.read(file) if self.form is None else delimited.read(self.form, file)
        try:
            yield from reader
        except Exception as error:  # whatever Arrow or a decompressor raises
            hint = "check the file" if self.form is None else "check it, or name --delimiter and --encoding"
            raise unreadable(str(file), error, hint) from error


@dataclass(frozen=True)
class Sample:
    """A sample of a table's rows, drawn evenly.

    Attributes:
        rows: in the source's order.
        total: the number of rows of the source.
        counts: how often each value occurs in all rows, by column, for the requested columns.
        unread: how many lines could not be read, and some of them.
    """

    table: TableSample
    rows: pd.DataFrame
    total: int
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    unread: tuple[int, tuple[str, ...]] = (0, ())

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
    if sql:
        raise SourceError(
            f"reading {data}",
            problem="a query is of a database, and this is no URL of one",
            found=f"--query {sql}",
            hint="leave --query out, or name the database, such as postgresql://host/name",
        )
    if not data.strip():
        raise SourceError(
            "reading the table",
            problem="its path is empty",
            hint="name a file, a folder, a pattern in quotes, or the URL of a database",
        )
    files = _files(data)
    suffixes = {"parquet" if file.suffix.lower() in PARQUET else "csv" for file in files}
    if len(suffixes) > 1:
        raise SourceError(
            f"reading {data}",
            problem="the files have several formats",
            found=", ".join(sorted({file.suffix for file in files})),
            hint="name one format by a pattern, such as 'folder/*.csv'",
        )
    where, folder = data, None
    if Path(data).is_dir():
        ending = Counter("".join(file.suffixes[-2:]) for file in files).most_common(1)[0][0]
        nested = "**/" if any(file.parent != Path(data) for file in files) else ""
        folder = data.rstrip("/") or "/", f"{nested}*{ending}"
        where = str(Path(*folder))
    if suffixes == {"parquet"}:
        return TableSample("parquet", where, files, folder=folder)
    with _readable(files[0]):
        head, end = _ends(files[0])
    must_be_text(files[0], head)
    used = sniffing.known(encoding) if encoding else _fitting(sniffing.encoding_of(head), files)
    text = head.decode(used, errors="replace").removeprefix("\ufeff")
    whole = text if len(head) < HEAD else text[: text.rfind("\n") + 1]
    form = sniffing.form_of(
        whole, named, delimiter=delimiter, header=header, end=end.decode(used, errors="replace").partition("\n")[2]
    )
    names = None if form.header_lines else tuple(f"column_{position + 1}" for position in range(form.width))
    declared = CSV(
        path=where,
        delimiter=form.delimiter,
        encoding=used,
        quote=form.quote,
        escape=form.escape,
        header=names,
        header_lines=max(1, form.header_lines),
        skip=form.skip,
        leave_out=form.leave_out,
    )
    return TableSample("csv", where, files, folder=folder, form=declared, told=form.told)


def draw(table: TableSample, *, count: Iterable[str] = (), seed: int = 0) -> Sample:
    """Draw a sample in one pass, with bounded memory.

    Args:
        count: columns whose values are counted over all rows: a rare class must not be missed.

    Raises:
        SourceError: the source cannot be read, or has no row.
    """
    return _draw(table, tuple(count), seed)


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
    unread: list[str] = []
    lines = 0
    for chunk in table.chunks():
        if UNREAD in chunk.columns:
            faulty = chunk[UNREAD].notna()
            unread += chunk.loc[faulty, UNREAD].head(SHOWN_UNREAD - len(unread)).tolist()
            lines += int(faulty.sum())
            chunk = chunk[~faulty].drop(columns=UNREAD)
        limit = max(1_000, min(MAX_ROWS, MAX_CELLS // max(1, len(chunk.columns))))
        must_be_distinct(chunk.columns, without_password(table.where), hint="rename one of them at the source")
        for name in set(count) & set(chunk.columns):
            _count(counts[name], name, chunk[name])
        total += len(chunk)
        fresh = random.random(len(chunk))
        kept = joined([kept, chunk]) if len(kept) else chunk.reset_index(drop=True)
        keys = np.concatenate([keys, fresh])
        if len(kept) > limit:
            chosen = np.sort(np.argpartition(keys, limit)[:limit])
            kept, keys = kept.iloc[chosen].reset_index(drop=True), keys[chosen]
    if lines > TOO_MANY_UNREAD * (total + lines):
        raise SourceError(
            f"reading {table.where}",
            problem="most lines cannot be read as rows",
            found=f"{lines:,} of {total + lines:,}, such as {unread[0]}",
            hint="name --delimiter, --encoding or --no-header, or correct the file's header",
        )
    if total == 0:
        raise SourceError(
            f"reading {without_password(table.where)}",
            problem="there are no rows",
            found="a header and nothing else" if len(kept.columns) else "nothing",
            hint="name a file or a query that has rows",
        )
    return Sample(table, kept, total, counts, (lines, tuple(unread)))


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


def _files(data: str) -> tuple[Path, ...]:
    path = Path(data)
    if path.is_file():
        found = [path]
    elif path.is_dir():
        found = [file for file in sorted(path.rglob("*")) if file.is_file() and not is_passed_over(file, path)]
    else:
        found = [Path(file) for file in sorted(glob.glob(data, recursive=True)) if Path(file).is_file()]
    found = [file for file in found if file.stat().st_size > 0]
    if not found:
        raise SourceError(
            f"reading {data}",
            problem="there is no file to read" if not path.is_file() else "the file is empty",
            found="0 bytes" if path.is_file() else None,
            hint="export it again" if path.is_file() else "correct the path; put a pattern in quotes",
        )
    return tuple(found)


def _ends(file: Path) -> tuple[bytes, bytes]:
    """Read the beginning of a file, and its end; of a compressed one, the beginning alone."""
    with opened(file) as stream:
        head = stream.read(HEAD)
        if len(head) < HEAD:
            return head, head
        if stream.seekable() and type(stream).__module__ in ("io", "_io"):
            stream.seek(-END, 2)
            return head, stream.read(END)
        return head, b""


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Say what is wrong with a file's bytes."""
    try:
        yield
    except (OSError, EOFError, zipfile.BadZipFile, lzma.LZMAError, IndexError) as error:
        raise SourceError(
            f"reading {file}",
            problem="it cannot be read, or its compression does not match its name",
            found=str(error) or type(error).__name__,
            hint="check the file",
        ) from error


def _fitting(encoding: str, files: Sequence[Path]) -> str:
    """Return the encoding, or where most bytes beyond ASCII in the files do not fit it, the likeliest of Windows."""
    if encoding not in ("utf-8", "utf-8-sig"):
        return encoding
    good = bad = 0
    for file in files[:FILES_TRIED]:
        with _readable(file), opened(file) as stream:
            while data := stream.read(1 << 22):
                if data.isascii():
                    continue
                text = data.decode("utf-8", errors="replace")
                bad += text.count("\ufffd")
                good += sum(not sign.isascii() for sign in text[: 1 << 16]) - text[: 1 << 16].count("\ufffd")
    return "cp1252" if bad > good else encoding
