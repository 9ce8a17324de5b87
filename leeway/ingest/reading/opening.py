"""Files as bytes, whatever compresses them."""

import bz2
import codecs
import gzip
import lzma
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from leeway.core.errors import SourceError

#: What files begin with that are no delimited text, whatever their name says.
OTHER_FORMATS: tuple[tuple[bytes, str, str], ...] = (
    (rb"PK\x03\x04", "an Excel workbook or another archive", "save the sheet as CSV; name an archive of one file .zip"),
    (rb"\xd0\xcf\x11\xe0", "an Excel workbook", "save the sheet as CSV"),
    (rb"\x1f\x8b", "compressed by gzip", "name it .gz; compress it once only"),
    (rb"BZh\d1AY&SY", "compressed by bzip2", "name it .bz2; compress it once only"),
    (rb"\xfd7zXZ\x00", "compressed by xz", "name it .xz; compress it once only"),
    (rb"\x28\xb5\x2f\xfd", "compressed by zstd", "decompress it"),
    (rb"PAR1[\x00-\x1f]", "Parquet", "name it .parquet"),
    (rb"ARROW1\x00", "an Arrow file", "write it as Parquet"),
    (rb"SQLite format 3\x00", "an SQLite database", "name it as sqlite:///PATH, with --query"),
    (rb"%PDF-", "a PDF", "ask for the table itself"),
    (rb'\s*(\{\s*"|\[\s*[\[{])', "JSON", "write it as CSV or Parquet"),
    (rb"\s*<(!doctype|html|\?xml|table)\b", "HTML or XML", "write it as CSV or Parquet"),
)
OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


@contextmanager
def opened(file: Path) -> Iterator[IO[bytes]]:
    """Open a file; what compresses it follows from its name.

    Raises:
        SourceError: it is an archive of no file, or of several.
    """
    if file.suffix.lower() != ".zip":
        with OPENERS.get(file.suffix.lower(), open)(file, "rb") as stream:
            yield stream
        return
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
        if len(names) != 1:
            raise SourceError(
                f"reading {file}",
                problem="the archive does not hold exactly one file",
                found=len(names),
                hint="deliver the files one by one",
            )
        with archive.open(names[0]) as member:
            yield member


def must_be_text(file: Path, head: bytes) -> None:
    """Refuse what begins as a file of another format.

    Raises:
        SourceError: it does.
    """
    for start, found, hint in OTHER_FORMATS:
        if re.match(start, head.removeprefix(codecs.BOM_UTF8), re.IGNORECASE):
            raise SourceError(f"reading {file}", problem="it is no delimited text", found=found, hint=hint)
