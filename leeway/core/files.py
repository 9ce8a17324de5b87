"""Files that are whole or not there: written beside their place, then moved into it in one step."""

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from leeway.core.errors import StoreError


@contextmanager
def replacing(path: Path, action: str, *, keep_first: bool = False) -> Iterator[Path]:
    """Yield a path to write a file or a folder at; moved to `path` when the block ends well, removed when it does not.

    Args:
        keep_first: a folder that is there by then, made by another process, stays, and what was written goes.

    Raises:
        StoreError: the disk is full, or refuses for another reason; nothing is left behind.
    """
    with passing(path.parent / f".{path.name}.{uuid.uuid4().hex[:8]}", action) as beside:
        yield beside
        if keep_first and path.is_dir():
            return
        if beside.is_dir() and path.is_dir():
            shutil.rmtree(path)  # made by an earlier run of the same step, of which nothing has come
        os.replace(beside, path)


@contextmanager
def passing(path: Path, action: str) -> Iterator[Path]:
    """Yield a path, in a folder that is there, to write a file or a folder at; removed when the block ends.

    Raises:
        StoreError: the disk is full, or refuses for another reason.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield path
    except OSError as error:
        raise _refused(path.parent, action, error) from error
    finally:
        _remove(path)


def discard(path: Path) -> None:
    """Remove a file or a folder, if it is there, in one step: nobody takes the rest of a folder for the whole."""
    gone = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    with suppress(FileNotFoundError):
        path.rename(gone)
    _remove(gone)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


@contextmanager
def workspace(path: Path, action: str) -> Iterator[Path]:
    """Make a folder beside `path` for the parts of it, which goes when the block ends.

    Raises:
        StoreError: the disk is full, or refuses for another reason.
    """
    folder = path.parent / f".{path.name}.{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir(parents=True)
        yield folder
    except OSError as error:
        raise _refused(path.parent, action, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _refused(folder: Path, action: str, error: OSError) -> StoreError:
    return StoreError(
        action,
        problem="the disk must take it",
        found=error.strerror or error,
        hint=f"make room or set the permissions in {folder}, then run this again; nothing was changed",
    )


def sha256(path: Path) -> str:
    """The hash of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hashes(folder: Path) -> dict[str, str]:
    """The hash of each file in a folder, by its name."""
    return {path.name: sha256(path) for path in sorted(folder.iterdir())}
