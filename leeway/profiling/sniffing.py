"""The form of a delimited text, from its beginning: encoding, delimiter, quote, header, and what is no row."""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from leeway.core.errors import SourceError
from leeway.ingest.reading.delimited import SEPARATOR

DELIMITERS = (",", ";", "\t", "|", "^", "~", "\x01")
NUMERIC = re.compile(r"[$€£]?[-+(]?[$€£]?\d[\d., ]*\)?([eE][-+]?\d+)?%?|[-+]?\.\d+")
DATED = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}:\d{2}")
TOTAL = re.compile(
    r"(grand |sub|sub-)?(total|totals|sum|summe|gesamt|gesamtsumme|somme|suma|totale)( .{0,20})?:?", re.IGNORECASE
)
QUOTES = ('"', "'")
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before that of UTF-16, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SNIFFED_LINES, SNIFFED = 100, 30_000  # lines and characters that a dialect is found from
MOST_LINES = 1_000
LONGEST_VALUE = 20  # lines of one record
WITHIN_VALUES = (":", " ")  # delimiters, too, but only where there is no other
#: The encodings tried where a text is not UTF-8: rarer ones resemble these and would be found instead.
ENCODINGS: tuple[str, ...] = ("cp1252", "cp1250", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256")
ENCODINGS += ("cp932", "euc_jp", "gb18030", "big5", "cp949", "utf_16_le", "utf_16_be")


def encoding_of(head: bytes) -> str:
    """Guess the encoding of a text from its beginning.

    It is that of its byte order mark, UTF-8 where this fits, else the likeliest.
    """
    for mark, name in MARKS:
        if head.startswith(mark):
            return name
    if len(head) > 1 and not (any(head[:SNIFFED:2]) and any(head[1:SNIFFED:2])):  # Latin letters in two bytes each
        return "utf_16_be" if head[1:2] != b"\0" else "utf_16_le"
    for cut in range(4):  # the head may end within a character
        with suppress(UnicodeDecodeError):
            head[: len(head) - cut].decode("utf-8")
            return "utf-8"
    from charset_normalizer import from_bytes

    matches = from_bytes(head, cp_isolation=list(ENCODINGS))
    best = matches.best()
    if best is None:
        return "cp1252"
    with suppress(UnicodeDecodeError):  # of several that give the same text, the most frequent one
        if head.decode("cp1252") == head.decode(best.encoding):
            return "cp1252"
    as_likely = [match.encoding for match in matches if match.chaos <= best.chaos]
    return "cp1252" if "cp1252" in as_likely else best.encoding


def known(encoding: str) -> str:
    """Return an encoding's own name.

    Raises:
        SourceError: there is no such encoding.
    """
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise SourceError(
            "reading --encoding",
            problem="the encoding is unknown",
            found=encoding,
            hint="name one that Python knows, such as utf-8, cp1252, shift_jis or utf-16",
        ) from None


@dataclass(frozen=True)
class Form:
    """The form of a delimited text.

    Attributes:
        skip: lines before the header.
        header_lines: 0 where the first line is a row.
        leave_out: first values of lines at the end that are no rows, such as totals.
        told: what was found that a person should know, in words.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None
    skip: int = 0
    header_lines: int = 1
    width: int = 1
    leave_out: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


def form_of(
    text: str, named: Sequence[str] = (), *, delimiter: str | None = None, header: bool | None = None, end: str = ""
) -> Form:
    """Find the form of a text from its beginning.

    Args:
        named: columns that a person named: a line that has them is the header.
        delimiter, header: as a person gave them.
        end: the last lines of the text, where it is longer.
    """
    lines = text.splitlines()
    separator = re.fullmatch(r"[\"']?sep=(.)[\"']?", lines[0].strip(), re.IGNORECASE) if lines else None
    skip = 0
    if separator is not None:
        delimiter, skip, lines = delimiter or separator[1], 1, lines[1:]
    delimiter, quote, escape = _dialect(lines, named, delimiter)
    rows = _rows(lines[:MOST_LINES], delimiter, quote, escape)
    if not rows:
        return Form(delimiter, quote, escape, skip)
    width = _width(rows)
    first = _first_of_table(rows, width, named)
    lines_before = rows[first].line if first < len(rows) else 0
    table = [row.cells for row in rows[first:]]
    header_lines = _header_lines(table, named) if header is None else int(header)
    told = []
    if separator is not None:
        told.append(f"the first line says {separator[0]!r}")
    if lines_before:
        told.append(f"{lines_before} lines stand before the header")
    if header_lines > 1:
        told.append(f"the header has {header_lines} lines")
    names = table[0] if table and header_lines else []
    leave_out = _footers(_rows(end.splitlines(), delimiter, quote, escape) or rows, table[header_lines:], names)
    if leave_out:
        told.append(f"lines that begin with {', '.join(map(repr, leave_out))} are no rows")
    return Form(delimiter, quote, escape, skip + lines_before, header_lines, width, tuple(leave_out), tuple(told))


@dataclass(frozen=True)
class _Row:
    """A record of a text, with the number of lines before it."""

    cells: list[str]
    line: int


def _rows(lines: Sequence[str], delimiter: str, quote: str, escape: str | None) -> list[_Row]:
    """Split lines into records; a record whose quotes are wrong is cut at the end of its line."""
    rows: list[_Row] = []
    number = 0
    while number < len(lines):
        for count in range(1, LONGEST_VALUE + 1):
            record = lines[number : number + count]
            cells = _cells("\n".join(record), delimiter, quote, escape)
            if cells is not None or number + count >= len(lines):
                break
        else:
            cells = None
        if cells is None:
            record, cells = lines[number : number + 1], lines[number].split(delimiter)
        if any(line.strip() for line in record):
            rows.append(_Row(cells, number))
        number += len(record)
    return rows


def _cells(record: str, delimiter: str, quote: str, escape: str | None) -> list[str] | None:
    """Split one record; None where a quote is not closed or ends within a value."""
    if len(delimiter) > 1:
        record, delimiter = record.replace(delimiter, SEPARATOR), SEPARATOR
    if quote not in record:
        return record.split(delimiter) if "\n" not in record else None
    try:
        found = list(csv.reader([record], delimiter=delimiter, quotechar=quote, escapechar=escape, strict=True))
    except csv.Error:
        return None
    return found[0] if len(found) == 1 else None


def _dialect(lines: Sequence[str], named: Sequence[str], delimiter: str | None) -> tuple[str, str, str | None]:
    """Find delimiter, quote and escape.

    CleverCSV rates every dialect by how regular and how typed the table is that it gives (van den Burg, Nazabal and Sutton
    2019, Wrangling messy CSV files by detecting row and type patterns).
    """
    from clevercsv.detect import Detector

    sample = "\n".join(lines[:SNIFFED_LINES])[:SNIFFED]
    if delimiter is None and named:
        fits = [
            mark
            for mark in (*DELIMITERS, *WITHIN_VALUES)
            if any(_names(_plain(line, mark), named) for line in lines[:50])
        ]
        delimiter = fits[0] if fits else None
    delimiter = delimiter or (_between_quotes(lines[0]) if lines else None)
    found = None
    with suppress(Exception):  # a text that it cannot rate has no form that could be found
        found = Detector().detect(sample + "\n", delimiters=None if delimiter is None else [delimiter[:1]])
    rated = found.delimiter if found is not None and found.delimiter else None
    regular = {mark: fit for mark in DELIMITERS if (fit := _fit(lines, mark)) is not None and fit[0] == 1}
    if regular and rated not in regular:  # what fits every line comes before what does not, or is a sign of values, too
        rated = max(regular, key=lambda mark: regular[mark])
    chosen = delimiter or rated or _most_regular(lines)
    quote = _quote(sample, chosen)
    escape = "\\" if f"\\{quote}" in sample and _is_escape(sample, quote) else None
    spaced = f"{chosen} "
    if chosen in (",", ";", "|") and len(lines) > 1 and _always_spaced(lines[:SNIFFED_LINES], chosen, quote):
        chosen = spaced
    return chosen, quote, escape


def _between_quotes(header: str) -> str | None:
    """The sign that stands between the names of a header, where all are in quotes."""
    name = r'"(?:[^"]|"")+"'
    quoted = re.fullmatch(rf"{name}(.){name}(?:\1{name})*", header.strip())
    return quoted[1] if quoted and quoted[1] in DELIMITERS else None


def _quote(text: str, delimiter: str) -> str:
    """The sign that values most often begin and end with."""
    mark, end = re.escape(delimiter), r"(?=[\r\n]|$)"
    used = {
        quote: min(
            len(re.findall(rf"(?:^|{mark} ?){quote}", text, re.MULTILINE)),
            len(re.findall(rf"{quote}(?:{mark}|{end})", text, re.MULTILINE)),
        )
        for quote in QUOTES
    }
    return max(QUOTES, key=lambda quote: used[quote])


def _always_spaced(lines: Sequence[str], delimiter: str, quote: str) -> bool:
    """Say whether a quote never follows a delimiter, but always a delimiter with a space."""
    text = "\n".join(lines)
    mark = re.escape(delimiter)
    spaced = re.search(rf"{mark} {quote}(?!{mark}|$)[^{quote}\n]*{quote}({mark}|$)", text, re.MULTILINE)
    return spaced is not None and f"{delimiter}{quote}" not in text


def _is_escape(text: str, quote: str) -> bool:
    """Say whether a backslash before a quote keeps it from closing."""
    within = re.findall(rf"[^\\]\\{quote}(?=[^,;|\t\n])", text)
    return bool(within) and text.count(quote * 2) <= len(within)


def _plain(line: str, mark: str) -> list[str]:
    return [cell.strip().strip("\"'") for cell in line.split(mark)]


def _most_regular(lines: Sequence[str]) -> str:
    for marks in (DELIMITERS, WITHIN_VALUES):
        found = {mark: fit for mark in marks if (fit := _fit(lines, mark)) is not None}
        if found:
            return max(found, key=lambda mark: found[mark])
    return ","


def _fit(lines: Sequence[str], delimiter: str) -> tuple[float, int] | None:
    rows = _rows(lines[:SNIFFED_LINES], delimiter, '"', None)
    if not rows or (width := len(rows[0].cells)) < 2:
        return None
    agreeing = sum(len(row.cells) == width for row in rows) / len(rows)
    return (agreeing, width) if agreeing > 0.8 else None


def _width(rows: Sequence[_Row]) -> int:
    """The width that most records have; of two, the greater."""
    counted = Counter(len(row.cells) for row in rows)
    return max(counted, key=lambda width: (counted[width], width))


def _first_of_table(rows: Sequence[_Row], width: int, named: Sequence[str]) -> int:
    """The number of the record that the table begins with: its header, or its first row."""
    for number, row in enumerate(rows[:50]):
        if _names(row.cells, named):
            return number
    full = [number for number, row in enumerate(rows) if len(row.cells) == width]
    first = full[0] if full else 0
    # A first line that is nearly as wide as the others is a header with a fault, and not a preamble.
    if first == 1 and len(rows[0].cells) > 1 and abs(len(rows[0].cells) - width) == 1:
        return 0
    if width == 1:
        return first
    filled = [sum(bool(cell.strip()) for cell in row.cells) for row in rows]
    usual = sorted(filled[first:])[len(filled[first:]) // 2]
    # A line of the table's width with a value or none is padded by who wrote the file.
    while first < len(rows) - 1 and usual > 2 and filled[first] <= 1:
        first += 1
    return first


def _names(row: Sequence[str], named: Sequence[str]) -> bool:
    return bool(named) and set(named) <= {cell.strip() for cell in row}


def _header_lines(table: Sequence[Sequence[str]], named: Sequence[str]) -> int:
    """How many lines have the names: those above the first row that is written as most rows are."""
    if len(table) < 2 or _names(table[0], named):
        return 1
    body = table[1:200]
    typed = [
        place
        for place in range(len(table[-1]))
        if sum(_is_typed(row, place) for row in body) > 0.6 * sum(bool(_at(row, place)) for row in body) > 0
    ]
    first = [cell.strip() for cell in table[0]]
    if any(_is_number(cell) for cell in first):
        return 0
    if typed:
        if any(_is_typed(table[0], place) for place in typed):
            return 0
        count = 1
        while count < min(5, len(table) - 2) and _goes_on(table[count], table[count + 1 :], typed):
            count += 1
        return count
    given = [cell for cell in first if cell]
    return int(len(set(given)) == len(given))


def _goes_on(row: Sequence[str], body: Sequence[Sequence[str]], typed: Sequence[int]) -> bool:
    """Say whether a line belongs to the header: it has a word wherever all rows below have a number or a date."""
    words = [place for place in typed if _at(row, place)]
    if len(typed) < 2 or len(words) < 0.5 * len(typed) or any(_is_typed(row, place) for place in typed):
        return False
    return all(_is_typed(below, place) or not _at(below, place) for below in body[:50] for place in words)


def _at(row: Sequence[str], place: int) -> str:
    return row[place].strip() if place < len(row) else ""


def _is_typed(row: Sequence[str], place: int) -> bool:
    cell = _at(row, place)
    return bool(cell) and (_is_number(cell) or DATED.match(cell) is not None)


def _footers(end: Sequence[_Row], body: Sequence[Sequence[str]], names: Sequence[str]) -> list[str]:
    """First values of the last lines that sum up the others."""
    found = []
    known = Counter(_at(row, 0) for row in body)
    for row in end[-3:]:
        first = _at(row.cells, 0)
        if TOTAL.fullmatch(first) and known[first] <= 1 and row.cells != list(names):
            found.append(first)
    return list(dict.fromkeys(found))


def _is_number(cell: str) -> bool:
    return NUMERIC.fullmatch(cell.strip()) is not None
