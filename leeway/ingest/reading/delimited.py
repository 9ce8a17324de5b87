"""Delimited text, read in blocks by Arrow; a line that is no row costs nothing but itself.

Arrow's parser is fast and trusts its input. So the quotes of a block are checked first, all at once. In well-formed text they
open and close in turn: an opening one stands at a value's beginning, a closing one at its end. Where that fails, the line is
read for itself: repaired where there is one way to give it the right number of values, or kept as unread.
"""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from leeway.core.errors import SourceError
from leeway.definition import Text
from leeway.ingest.reading.opening import must_be_text, opened
from leeway.ingest.reading.unread import UnreadLine, with_unread

BLOCK = 8 << 20  # bytes that are parsed at once
LONGEST_RECORD = 1 << 24  # bytes; a quote that was opened and not closed within them is a fault
THREADS = 2
HEAD = 1 << 16
MOST_LINES_OF_HEADER = 50  # that its values may take, and blank lines among them
SEPARATOR = "\x1f"  # takes the place of a delimiter of several characters
UNREADABLE = b"\x00leeway\x00"  # begins the line that takes the place of an unread one
NEWLINE, RETURN = 10, 13
MOST_QUOTES = 400  # in a line that is to be repaired

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.intp]


@dataclass(frozen=True)
class _Form:
    """A text's form, in UTF-8 bytes."""

    delimiter: bytes
    quote: bytes
    escape: bytes | None
    width: int
    several: str | None = None  # the delimiter, where it has several characters

    @property
    def parsing(self) -> dict[str, object]:
        return {
            "delimiter": self.delimiter.decode(),
            "quote_char": self.quote.decode(),
            "double_quote": True,
            "escape_char": self.escape.decode() if self.escape else False,
            "newlines_in_values": True,
        }


@dataclass
class _Block:
    """Whole records of a file, without their faulty lines.

    Attributes:
        line: the number of its first line.
        faults: of the lines that were taken out, in their order.
    """

    data: bytes
    line: int
    faults: list[tuple[int, str, bytes]] = field(default_factory=list)


def read(source: Text, file: Path) -> Iterator[pd.DataFrame]:
    """Yield a file's rows, every value as text; at least one frame, if only to show the columns.

    Rows are indexed by their position in the file. An unread line has a position, too, and stands in the column `UNREAD`.

    Raises:
        SourceError: the file has no header.
    """
    with opened(file) as stream:
        text = _Utf8(stream, file, source.encoding, source.delimiter if len(source.delimiter) > 1 else None)
        names, line = _names(source, text, file)
        escape = source.escape.encode() if source.escape else None
        several = source.delimiter if len(source.delimiter) > 1 else None
        form = _Form(_delimiter(source).encode(), source.quote.encode(), escape, len(names), several)
        position = 0
        for table, unread in _parsed(_blocks(text, form, line), form, names):
            count = table.num_rows + len(unread)
            kept = np.ones(count, dtype=bool)
            kept[[item.position for item in unread]] = False
            rows = _frame(table, names)
            rows.index = pd.Index(position + np.flatnonzero(kept))
            moved = [UnreadLine(position + item.position, item.number, item.fault, item.text) for item in unread]
            rows = with_unread(rows, moved)
            if len(rows) or position == 0:
                yield _without_repeated_headers(rows, names, source)
            position += count


def _frame(table: pa.Table, names: Sequence[str]) -> pd.DataFrame:
    frame: pd.DataFrame = pd.concat([column.to_pandas() for column in table.columns], axis=1)
    frame.columns = pd.Index(names)
    if names[-1] == "" and len(names) > 1 and not frame.iloc[:, -1].str.strip().ne("").any():
        frame = frame.iloc[:, :-1]
    return frame


def _without_repeated_headers(rows: pd.DataFrame, names: Sequence[str], source: Text) -> pd.DataFrame:
    """Leave out lines that repeat the header, and those that the definition names."""
    first = rows.iloc[:, 0].str.strip()
    left_out = first.isin(source.leave_out) if source.leave_out else pd.Series(False, index=rows.index)
    if source.header is None and (likely := first.eq(names[0].strip()).fillna(False)).any():
        same = (
            rows.loc[likely, list(names)].apply(lambda column: column.str.strip()) if rows.columns.is_unique else None
        )
        if same is not None:
            repeated = same.eq([name.strip() for name in names]).all(axis=1)
            left_out = left_out | repeated.reindex(rows.index, fill_value=False)
    return rows[~left_out.fillna(False)] if left_out.any() else rows


class _Utf8:
    """A text's bytes in UTF-8 with a newline at the end of each line, by whole reads."""

    def __init__(self, stream: IO[bytes], file: Path, encoding: str, several: str | None) -> None:
        self._stream = stream
        self._file = file
        name = codecs.lookup(encoding).name
        self._plain = name in ("utf-8", "utf-8-sig", "ascii")
        self._decoder = None if self._plain else codecs.getincrementaldecoder(name)(errors="backslashreplace")
        # A mark in the middle is that of a file which was put behind another.
        self._instead = [(b"\n" + codecs.BOM_UTF8, b"\n")]
        self._instead += [] if several is None else [(several.encode(), SEPARATOR.encode())]
        self._part = b""
        self._ahead = b""
        self._first = True
        self._only_returns: bool | None = None

    def push(self, data: bytes) -> None:
        """Give bytes back, for the next read."""
        self._ahead = data + self._ahead

    def read(self, size: int) -> bytes:
        """Read about so many bytes; fewer than one at the end only."""
        if self._ahead:
            ahead, self._ahead = self._ahead[:size], self._ahead[size:]
            return ahead if len(ahead) == size else ahead + self.read(size - len(ahead))
        raw = self._stream.read(size)
        if self._first:
            must_be_text(self._file, raw)
        data = raw if self._decoder is None else self._decoder.decode(raw, final=not raw).encode()
        data, self._part = self._part + data, b""
        for found, instead in self._instead:
            data = data.replace(found, instead)
        if raw:  # one of them may go on in what is read next
            kept = max(_begun(data, found) for found, _ in self._instead)
            data, self._part = data[: len(data) - kept], data[len(data) - kept :]
        if not data and raw:
            return self.read(size)
        if self._first:
            data, self._first = data.removeprefix(codecs.BOM_UTF8), False
            self._only_returns = b"\r" in data and b"\n" not in data
        if self._only_returns:
            data = data.replace(b"\r", b"\n")
        return data


def _begun(data: bytes, delimiter: bytes) -> int:
    """Return how many bytes of a delimiter some data ends with, if not with all of it."""
    return next((size for size in range(len(delimiter) - 1, 0, -1) if data.endswith(delimiter[:size])), 0)


def _names(source: Text, text: _Utf8, file: Path) -> tuple[list[str], int]:
    """Read the columns' names, and the number of the first line after them.

    Raises:
        SourceError: there is no header, or it is not text in the declared encoding.
    """
    data = b""
    wanted = source.skip + (source.header_lines if source.header is None else 0)
    while (more := text.read(HEAD)) and len(data) < LONGEST_RECORD:
        data += more
        if data.count(b"\n") > wanted + MOST_LINES_OF_HEADER:
            break
    start = _offset(data, source.skip)
    if source.header is not None:
        text.push(data[start:])
        return list(source.header), source.skip + 1
    found, used = _header(data[start:], source)
    if not found:
        raise SourceError(f"reading {file}", problem="the file has no header", found="no line", hint="deliver it again")
    if any("\0" in name or "\ufffd" in name for row in found for name in row):
        raise SourceError(
            f"reading {file}",
            problem="its header is no text in the declared encoding",
            found=f"{source.encoding}, and {','.join(found[0])[:80]!r}",
            hint="correct `encoding` in the definition, or deliver the file again",
        )
    rest = data[start + _offset(data[start:], used) :]
    text.push(rest)
    names = [
        " ".join(dict.fromkeys(name for row in found if (name := row[place].strip() if place < len(row) else "")))
        for place in range(max(len(row) for row in found))
    ]
    names = names if source.header_lines > 1 else found[0]
    return [*names, *_unnamed(rest, source, len(names))], source.skip + used + 1


def _unnamed(rest: bytes, source: Text, width: int) -> list[str]:
    """Return the name of a last column without one: lines that end with a delimiter, below a header that does not."""
    first = [line.rstrip(b"\r") for line in rest.split(b"\n", 5)[:4] if line.strip()]
    split = [_cells(line.decode(errors="replace"), source) for line in first[:3]]
    return [""] if split and all(len(row) == width + 1 and not row[-1].strip() for row in split) else []


def _header(data: bytes, source: Text) -> tuple[list[list[str]], int]:
    """Split the lines that have the names; returns how many lines they take, blank ones too."""
    text = data.decode(errors="replace")
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=_delimiter(source),
        quotechar=source.quote,
        escapechar=source.escape,
        strict=True,
    )
    found: list[list[str]] = []
    try:
        while len(found) < source.header_lines and (row := next(reader, None)) is not None:
            found += [row] if any(cell.strip() for cell in row) else []
            if reader.line_num > source.header_lines + MOST_LINES_OF_HEADER:
                raise csv.Error
        return found, reader.line_num
    except csv.Error:  # a quote of it is not closed
        found = []
        for used, line in enumerate(text.split("\n"), start=1):  # noqa: B007 -- it is returned
            found += [_cells(line.rstrip("\r"), source)] if line.strip() else []
            if len(found) == source.header_lines:
                break
        return found, used


def _cells(line: str, source: Text) -> list[str]:
    try:
        return next(
            csv.reader(
                [line], delimiter=_delimiter(source), quotechar=source.quote, escapechar=source.escape, strict=True
            )
        )
    except (csv.Error, StopIteration):
        return [cell.removeprefix(source.quote).removesuffix(source.quote) for cell in line.split(_delimiter(source))]


def _delimiter(source: Text) -> str:
    return SEPARATOR if len(source.delimiter) > 1 else source.delimiter


def _offset(data: bytes, lines: int) -> int:
    place = 0
    for _ in range(lines):
        place = data.find(b"\n", place) + 1
        if place == 0:
            return len(data)
    return place


def _blocks(text: _Utf8, form: _Form, line: int) -> Iterator[_Block]:
    """Cut a text into blocks of whole records."""
    rest = b""
    while True:
        more = text.read(BLOCK)
        data = rest + more
        if not data:
            return
        block, used = _block(data, form, line, last=not more)
        yield block
        line += data.count(b"\n", 0, used)
        rest = data[used:]
        if not more and not rest:
            return


def _block(data: bytes, form: _Form, line: int, *, last: bool) -> tuple[_Block, int]:
    """Take the whole records from the beginning of some text.

    Returns:
        Them, and how many bytes were used.
    """
    buffer = np.frombuffer(data, dtype=np.uint8)
    quotes = _quotes(buffer, form)
    if not len(quotes):
        used = len(data) if last else data.rfind(b"\n") + 1
        return _checked(_Block(data[:used], line), form), used
    newlines = np.flatnonzero(buffer == NEWLINE)
    before = np.searchsorted(quotes, newlines)  # the number of quotes before each
    even, odd = newlines[before % 2 == 0], newlines[before % 2 == 1]
    faults = _faults(buffer, quotes, form)
    good: list[bytes] = []
    out: list[tuple[int, str, bytes]] = []
    start = 0
    while True:
        parity = int(np.searchsorted(quotes, start)) % 2
        ends = (even, odd)[parity]  # the newlines that are outside of quotes, by the quotes from `start` on
        wrong = faults[parity]
        place = int(np.searchsorted(wrong, start))
        fault = int(wrong[place]) if place < len(wrong) else None
        if fault is None:
            end = int(ends[-1]) + 1 if len(ends) and ends[-1] >= start else start
            is_open = (len(quotes) - int(np.searchsorted(quotes, start))) % 2 == 1
            if last and not is_open:
                end = len(data)
            if (last or len(data) - end > LONGEST_RECORD) and is_open and end < len(data):
                fault = int(quotes[-1])  # opened, and never closed
            else:
                good.append(data[start:end])
                start = end
                break
        place = int(np.searchsorted(ends, fault))
        begin = int(ends[place - 1]) + 1 if place and ends[place - 1] >= start else start
        stop = (
            int(newlines[after]) + 1 if (after := int(np.searchsorted(newlines, begin))) < len(newlines) else len(data)
        )
        if stop == len(data) and not data.endswith(b"\n") and not last:
            good.append(data[start:begin])  # the faulty line is not whole yet
            start = begin
            break
        good.append(data[start:begin])
        faulty = data[begin:stop]
        fields = repaired(faulty.decode(errors="backslashreplace").rstrip("\r\n"), form)
        if fields is not None:
            good.append(_written(fields, form))
        else:
            number = line + data.count(b"\n", 0, begin)
            good.append(UNREADABLE + b"%d" % len(out) + form.delimiter * (form.width == 1) + b"\n")
            out.append((number, "has a quote that does not end, or ends within a value", faulty))
        start = stop
        if start >= len(data):
            break
    return _checked(_Block(b"".join(good), line, out), form), start


def _quotes(buffer: Bytes, form: _Form) -> Positions:
    quotes = np.flatnonzero(buffer == form.quote[0])
    if form.escape is None or not len(quotes):
        return quotes
    escaped = np.zeros(len(quotes), dtype=bool)
    for place in np.flatnonzero((quotes > 0) & (buffer[quotes - 1] == form.escape[0])):
        run, at = 0, int(quotes[place]) - 1
        while at >= 0 and buffer[at] == form.escape[0]:
            run, at = run + 1, at - 1
        escaped[place] = run % 2 == 1
    return quotes[~escaped]


def _faults(buffer: Bytes, quotes: Positions, form: _Form) -> tuple[Positions, Positions]:
    """Find the quotes that stand wrong: where the first one opens, and where the first one closes."""
    edges = np.zeros(256, dtype=bool)
    edges[[form.delimiter[0], NEWLINE, RETURN]] = True
    previous = np.where(quotes > 0, buffer[np.maximum(quotes - 1, 0)], NEWLINE)
    following = np.where(quotes + 1 < len(buffer), buffer[np.minimum(quotes + 1, len(buffer) - 1)], NEWLINE)
    gap = np.diff(quotes) == 1
    opens = edges[previous] | np.concatenate([[False], gap])
    closes = edges[following] | np.concatenate([gap, [False]])
    is_even = np.arange(len(quotes)) % 2 == 0
    return quotes[~np.where(is_even, opens, closes)], quotes[~np.where(is_even, closes, opens)]


def _checked(block: _Block, form: _Form) -> _Block:
    """Take out lines that are not UTF-8."""
    try:
        block.data.decode()
    except UnicodeDecodeError:
        pass
    else:
        return block
    kept = []
    for number, line in enumerate(block.data.split(b"\n"), start=block.line):
        try:
            line.decode()
        except UnicodeDecodeError:
            kept.append(UNREADABLE + b"%d" % len(block.faults) + form.delimiter * (form.width == 1))
            block.faults.append((number, "has bytes that are not of the declared encoding", line))
        else:
            kept.append(line)
    return _Block(b"\n".join(kept), block.line, block.faults)


def _parsed(blocks: Iterator[_Block], form: _Form, names: Sequence[str]) -> Iterator[tuple[pa.Table, list[UnreadLine]]]:
    """Parse blocks side by side, in their order."""
    waiting: list[Future[tuple[pa.Table, list[UnreadLine]]]] = []
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for block in blocks:
                waiting.append(pool.submit(_parse, block, form))
                if len(waiting) > THREADS:
                    yield waiting.pop(0).result()
            if not waiting:
                yield _parse(_Block(b"", 1), form)
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for left in waiting:
                left.cancel()


def _parse(block: _Block, form: _Form) -> tuple[pa.Table, list[UnreadLine]]:
    unread: list[UnreadLine] = []
    names = [str(number) for number in range(form.width)]
    empty = pa.table({name: pa.array([], pa.string()) for name in names})
    if not block.data.strip(b"\r\n"):
        return empty, unread
    searched = 0

    def is_no_row(row: arrow_csv.InvalidRow) -> str:
        nonlocal searched
        text = row.text
        taken_out = text.encode().removeprefix(UNREADABLE).rstrip(form.delimiter).decode()
        if text.encode().startswith(UNREADABLE) and taken_out.isdecimal() and int(taken_out) < len(block.faults):
            number, fault, line = block.faults[int(taken_out)]
            unread.append(UnreadLine(row.number - 1, number, fault, line.decode(errors="backslashreplace").rstrip()))
            return "skip"
        found = _line_of(block.data, text.encode(), searched)
        searched = max(searched, found)
        number = block.line + block.data.count(b"\n", 0, max(0, found))
        fault = f"has {row.actual_columns} values instead of {row.expected_columns}"
        unread.append(UnreadLine(row.number - 1, number, fault, text.replace(SEPARATOR, form.several or SEPARATOR)))
        return "skip"

    table = arrow_csv.read_csv(
        pa.py_buffer(b"\n" + block.data),  # a blank line first: else a mark of byte order would be taken off
        read_options=arrow_csv.ReadOptions(use_threads=False, column_names=names, block_size=len(block.data) + 2),
        parse_options=arrow_csv.ParseOptions(**form.parsing, invalid_row_handler=is_no_row),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, null_values=[]
        ),
    )
    if form.several is not None:
        restored = [pc.replace_substring(column, SEPARATOR, form.several) for column in table.columns]
        table = pa.table(dict(zip(names, restored, strict=True)))
    return table, unread


def _line_of(data: bytes, text: bytes, start: int) -> int:
    """Find where a line begins; -1 where it is not there."""
    while (found := data.find(text, start)) >= 0:
        if (found == 0 or data[found - 1] in b"\r\n") and data[found + len(text) : found + len(text) + 1] in b"\r\n":
            return found
        start = found + 1
    return -1


def repaired(line: str, form: _Form) -> list[str] | None:
    """Split a line whose quotes are not well formed.

    Of all ways to split it into the right number of values, it is the one in which the fewest quotes are taken literally.

    Returns:
        None where there is no such way, or more than one.
    """
    quote, delimiter = form.quote.decode(), form.delimiter.decode()
    if line.count(quote) > MOST_QUOTES:
        return None
    doubled = quote * 2

    @cache
    def best(start: int, left: int) -> tuple[int, int, tuple[str, ...]] | None:
        """The least cost of the rest, in how many ways, and its values."""
        found: list[tuple[int, int, tuple[str, ...]]] = []
        for value, stop, cost in ways(start):
            if stop == len(line):
                if left == 1:
                    found.append((cost, 1, (value,)))
            elif left > 1 and (rest := best(stop + 1, left - 1)) is not None:
                found.append((cost + rest[0], rest[1], (value, *rest[2])))
        if not found:
            return None
        least = min(cost for cost, *_ in found)
        cheapest = [item for item in found if item[0] == least]
        return least, sum(ways for _, ways, _ in cheapest), cheapest[0][2]

    def ways(start: int) -> Iterator[tuple[str, int, int]]:
        stop = line.find(delimiter, start)
        stop = len(line) if stop < 0 else stop
        if not line.startswith(quote, start):
            yield line[start:stop], stop, 0
            return
        yield line[start:stop], stop, 1 + line.count(quote, start + 1, stop)  # the quote is a sign of the value
        at = line.find(quote, start + 1)
        while at >= 0:
            if at + 1 == len(line) or line.startswith(delimiter, at + 1):
                inner = line[start + 1 : at]
                yield inner.replace(doubled, quote), at + 1, inner.replace(doubled, "").count(quote)
            at = line.find(quote, at + 1)

    try:
        found = best(0, form.width)
    except RecursionError:
        return None
    return list(found[2]) if found is not None and found[1] == 1 else None


def _written(fields: Sequence[str], form: _Form) -> bytes:
    quote = form.quote.decode()
    escaped = [field.replace(quote, quote * 2) for field in fields]
    return form.delimiter.join(f"{quote}{field}{quote}".encode() for field in escaped) + b"\n"
