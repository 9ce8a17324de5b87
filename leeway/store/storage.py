"""What machines share: deliveries, snapshots, bundles, scored rows, reports, batches that arrived; all below one URL.

By default that is the data folder. `LEEWAY_STORAGE_URL` names another place: a folder (`file:///srv/leeway`), or an object
store (`s3://bucket/prefix`). Everything has a path on this machine: in a folder it is the thing itself, of an object
store it is a copy, fetched when it is first read.

What never changes, a file or a folder, is written by `keeping` and read by `fetched`. What is written anew is
written by `replacing` and read by `read`. Both are whole or not there: a folder of several objects has a manifest,
which is written last and read first. A storage can be copied elsewhere by any tool.

Others may write to an object store too: no name that it holds leads out of the folder for its copies.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from leeway.core import files
from leeway.core.errors import StoreError
from leeway.core.files import sha256
from leeway.core.settings import settings
from leeway.store.objects import Objects

MANIFEST = "manifest.json"  # of a folder: the hash of each file in it
COPIES = "copies"
MANIFEST_BYTES = 1_000_000
HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class StoredFile:
    """One file that is stored.

    Attributes:
        modified: when it was written, in seconds since 1970.
    """

    path: Path
    bytes: int
    modified: float


def place(*parts: str) -> Path:
    """The path on this machine of what is stored under this name: with a suffix that of a file, without one of a folder.

    Raises:
        StoreError: a part of the name is no plain name, and could lead elsewhere.
    """
    for part in parts:
        if not is_plain(part):
            raise StoreError(
                f"looking for {'/'.join(parts)!r} in the storage",
                problem="a part of the name leads elsewhere",
                found=repr(part),
                hint="name it without slashes, and not `..`",
            )
    return _root().joinpath(*parts)


def is_plain(name: str) -> bool:
    """Tell whether a name stays in the folder that it is joined to."""
    return name not in ("", ".", "..") and not any(sign in name for sign in "/\\\0")


def address(path: Path) -> str:
    """Where a path's content is stored, as people say it: a path, or a URL."""
    objects = _objects()
    return str(path) if objects is None else f"{objects.url}/{_key(path)}"


def url(*parts: str) -> str:
    """The URL of what is stored under this name."""
    path, objects = place(*parts), _objects()
    return path.as_uri() if objects is None else f"{objects.url}/{_key(path)}"


def exists(path: Path) -> bool:
    """Whether a file, or a whole folder, is stored."""
    objects = _objects()
    if objects is None:
        return path.exists()
    key = _key(path)
    return objects.exists(key if path.suffix else f"{key}/{MANIFEST}")


@contextmanager
def keeping(path: Path, action: str) -> Iterator[Path]:
    """Yield a path to write a file or a folder at that is never to change; stored when the block ends well.

    Raises:
        StoreError: the disk or the storage refuses; nothing is left that could be taken for whole.
    """
    objects = _objects()
    with files.replacing(path, action, keep_first=objects is None) as beside:
        yield beside
        if beside.is_dir():
            (beside / MANIFEST).write_text(json.dumps(files.hashes(beside), indent=1))
        if objects is not None:
            _put(objects, beside, _key(path))


@contextmanager
def replacing(path: Path, action: str) -> Iterator[Path]:
    """Yield a path to write a file at that takes the place of what is stored, when the block ends well.

    Raises:
        StoreError: the disk or the storage refuses; what was there remains.
    """
    objects = _objects()
    if objects is None:
        with files.replacing(path, action) as beside:
            yield beside
        return
    with files.passing(path.with_name(f".{path.name}.{os.urandom(4).hex()}"), action) as beside:
        yield beside
        objects.put(beside, _key(path))


def fetched(
    path: Path, content: str | None = None, admit: Callable[[Mapping[str, str]], None] = lambda hashes: None
) -> Path:
    """Fetch what was kept at a path to this machine; returns the path.

    Args:
        content: the hash of a file's content, where it is known.
        admit: asked before a folder is fetched, with the hash of each file by its name; it raises what speaks against it.

    Raises:
        StoreError: it is not there, is damaged, or the storage does not answer.
    """
    objects = _objects()
    if objects is None:
        return path
    if path.exists():
        os.utime(path)  # used: housekeeping leaves it
        return path
    action = f"fetching {address(path)}"
    if path.suffix:
        with files.replacing(path, action, keep_first=True) as beside:
            objects.get(_key(path), beside)
            _must_be(beside, content, action)
        return path
    manifest = objects.read(f"{_key(path)}/{MANIFEST}", at_most=MANIFEST_BYTES)
    hashes = _manifest(manifest, action)
    admit(hashes)
    with files.replacing(path, action, keep_first=True) as beside:
        beside.mkdir()
        (beside / MANIFEST).write_bytes(manifest)
        for name, hashed in hashes.items():
            objects.get(f"{_key(path)}/{name}", beside / name)
            _must_be(beside / name, hashed, action)
    return path


def read(path: Path) -> bytes:
    """The content of a file as it is stored now."""
    objects = _objects()
    return path.read_bytes() if objects is None else objects.read(_key(path))


def entries(*parts: str) -> list[StoredFile]:
    """All files stored below a name, in order; what a killed process left behind too."""
    objects, top = _objects(), place(*parts)
    if objects is not None:
        found = [
            StoredFile(_root() / item.key, item.bytes, item.modified)
            for item in objects.find(_key(top))
            if all(is_plain(part) for part in item.key.split("/"))  # else it is none of ours, and leads elsewhere
        ]
    else:
        found = [
            StoredFile(path, path.stat().st_size, path.stat().st_mtime) for path in top.rglob("*") if path.is_file()
        ]
    return sorted(found, key=lambda entry: entry.path)


def remove(path: Path) -> None:
    """Remove a file or a folder, and its copy on this machine."""
    objects = _objects()
    if objects is not None and path.suffix:
        objects.remove(_key(path))
    elif objects is not None:
        objects.remove(f"{_key(path)}/{MANIFEST}")  # first: what remains of it is not whole
        for item in objects.find(_key(path)):
            objects.remove(item.key)
    files.discard(path)


def copies() -> Path | None:
    """The folder with this machine's copies; None where the storage is a folder itself."""
    return None if _objects() is None else _root()


def probe() -> str:
    """Where the storage is, once it has been seen to take, give and remove.

    Raises:
        StoreError: it does not.
    """
    objects = _objects()
    if objects is None:
        with files.passing(place(f".leeway.{os.urandom(4).hex()}"), f"trying {_root()}") as path:
            path.write_bytes(b"leeway")
        return str(_root())
    objects.probe()
    return objects.url


def _root() -> Path:
    given, home = settings().storage_url, settings().home.absolute()
    if not given:
        return home
    if given.startswith("file:"):
        return _local(given)
    return home / COPIES / hashlib.sha256(given.encode()).hexdigest()[:12]


def _objects() -> Objects | None:
    given = settings().storage_url
    return None if not given or given.startswith("file:") else _opened(given)


@cache
def _opened(given: str) -> Objects:
    if "://" not in given:
        raise _wrong(given)
    return Objects(given)


def _local(given: str) -> Path:
    parts = urlsplit(given)
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise _wrong(given)
    return Path(unquote(parts.path))


def _wrong(given: str) -> StoreError:
    return StoreError(
        "opening the storage",
        problem="LEEWAY_STORAGE_URL is not a URL",
        found=given,
        hint="name one such as s3://bucket/prefix or file:///srv/leeway, or leave it empty for the data folder",
    )


def _key(path: Path) -> str:
    return path.relative_to(_root()).as_posix()


def _put(objects: Objects, beside: Path, key: str) -> None:
    if not beside.is_dir():
        objects.put(beside, key)
        return
    for name in [*(path.name for path in sorted(beside.iterdir()) if path.name != MANIFEST), MANIFEST]:
        objects.put(beside / name, f"{key}/{name}")


def _manifest(content: bytes, action: str) -> dict[str, str]:
    """Read a manifest: the hash of each file, by plain names."""
    try:
        hashes = json.loads(content)
    except (ValueError, RecursionError):
        hashes = None
    if not isinstance(hashes, dict):
        raise _odd(action, "something else")
    for name, hashed in hashes.items():
        if not is_plain(name) or name == MANIFEST:
            raise _odd(action, repr(name[:80]))
        if not isinstance(hashed, str) or not HASH.fullmatch(hashed):
            raise _odd(action, f"{name[:80]!r} without a hash")
    return hashes


def _odd(action: str, found: str) -> StoreError:
    return StoreError(
        action,
        problem=f"its {MANIFEST} is no JSON object of plain file names and SHA-256 hashes",
        found=found,
        hint="it was altered or damaged: restore it from a copy of the storage, and see who can write there",
    )


def _must_be(path: Path, content: str | None, action: str) -> None:
    if content is not None and (found := sha256(path)) != content:
        raise StoreError(
            action,
            problem="its content does not have the hash that it was stored under",
            found=f"{found[:12]} instead of {content[:12]}",
            hint="it was altered or damaged: restore it from a copy of the storage",
        )
