"""Atomic writes: files that are whole or not there.

They are written beside their place, then moved into it in one step.
"""

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from leeway.core.errors import StoreError
from leeway.core.logs import logger

log = logger(__name__)


@contextmanager
def replacing(path: Path, action: str, *, keep_first: bool = False) -> Iterator[Path]:
    """Yield a temporary path that replaces `path` at the end.

    The block writes a file or a folder there. If the block fails, what it wrote is removed.

    Args:
        keep_first: if another process has made the folder by then, that one stays, and what was written is removed.

    Raises:
        StoreError: the disk is full or not writable; nothing is left behind.
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
    """Yield a path whose content is removed at the end.

    Its parent folder is made. The block writes a file or a folder there.

    Raises:
        StoreError: the disk is full or not writable.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield path
    except OSError as error:
        raise _refused(path.parent, action, error) from error
    finally:
        _remove(path)


def discard(path: Path) -> None:
    """Remove a file or a folder, if there, in one step.

    So nobody can take the rest of a folder for the whole.
    """
    gone = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    with suppress(FileNotFoundError):
        path.rename(gone)
    _remove(gone)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            log.debug("cannot remove %s: %s", path, error)


@contextmanager
def workspace(path: Path, action: str) -> Iterator[Path]:
    """Yield a temporary folder beside `path`, for its parts.

    It is removed when the block ends.

    Raises:
        StoreError: the disk is full or not writable.
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
        problem="cannot write to disk",
        found=error.strerror or error,
        hint=f"make room or set the permissions in {folder}, then run this again; nothing was changed",
    )


def sha256(path: Path) -> str:
    """Return the hash of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hashes(folder: Path) -> dict[str, str]:
    """The hash of each file in a folder, by its name."""
    return {path.name: sha256(path) for path in sorted(folder.iterdir())}
