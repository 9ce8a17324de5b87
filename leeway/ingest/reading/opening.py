"""Files as bytes, whatever compresses them."""

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from leeway.core.errors import SourceError

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
        names = [name for name in archive.namelist() if not name.endswith("/")]
        if len(names) != 1:
            raise SourceError(
                f"reading {file}",
                problem="the archive does not hold exactly one file",
                found=len(names),
                hint="deliver the files one by one",
            )
        with archive.open(names[0]) as member:
            yield member
