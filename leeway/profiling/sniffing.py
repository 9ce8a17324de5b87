"""Encoding, delimiter and header, from a text's beginning."""

import codecs
import csv
import re
from collections.abc import Sequence
from contextlib import suppress

from leeway.core.errors import SourceError

DELIMITERS = (",", ";", "\t", "|", "^", "~", "\x01")
WITHIN_VALUES = (":", " ")  # delimiters, too, but only where there is no other
#: The encodings tried where a text is not UTF-8: rarer ones resemble these and would be found instead.
ENCODINGS: tuple[str, ...] = ("cp1252", "cp1250", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256")
ENCODINGS += ("cp932", "euc_jp", "gb18030", "big5", "cp949", "utf_16_le", "utf_16_be")


def encoding_of(head: bytes) -> str:
    """Guess the encoding of a text from its beginning.

    It is that of its byte order mark, UTF-8 where this fits, else the likeliest.
    """
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if head.startswith(mark):
            return name
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


def delimiter_of(lines: Sequence[str], named: Sequence[str]) -> str:
    """Guess the delimiter of a text.

    It splits the first line and nearly all others into the same number of fields, the more the better. A delimiter that makes
    the first line a header with the named columns comes before any other.
    """
    for marks in (DELIMITERS, WITHIN_VALUES):
        found = {mark: fit for mark in marks if (fit := _fit(lines, mark, named)) is not None}
        if found:
            return max(found, key=lambda mark: found[mark])
    return ","


def _fit(lines: Sequence[str], delimiter: str, named: Sequence[str]) -> tuple[bool, float, int] | None:
    """Rate a delimiter.

    Returns:
        Whether the first row has the named columns, the share of rows as wide as it, and its width; None if it does not fit.
    """
    try:
        rows = [row for row in csv.reader(lines[:200], delimiter=delimiter) if row]
    except csv.Error:
        return None
    if not rows or (width := len(rows[0])) < 2:
        return None
    agreeing = sum(len(row) == width for row in rows) / len(rows)
    return (_names(rows[0], named), agreeing, width) if agreeing > 0.8 else None


def _names(row: Sequence[str], named: Sequence[str]) -> bool:
    return bool(named) and set(named) <= set(row)


def has_header(lines: Sequence[str], delimiter: str, named: Sequence[str]) -> bool:
    """Say whether the first line has names.

    It has the columns that a person named, or at least no number and no value twice.
    """
    rows = [row for row in csv.reader(lines[:50], delimiter=delimiter) if row]
    if len(rows) < 2 or _names(rows[0], named):
        return True
    first = [cell.strip() for cell in rows[0]]
    looks_like_data = any(_is_number(cell) for cell in first) or len(set(filter(None, first))) < len(
        list(filter(None, first))
    )
    return not looks_like_data


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", cell) is not None
