"""Remote file systems by fsspec, such as S3."""

import posixpath
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from leeway.core.errors import LeewayError, StoreError
from leeway.core.logs import logger

log = logger(__name__)

#: Protocols with an atomic put; elsewhere a file is put beside its place, then moved.
PUT_IS_ATOMIC = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss", "memory"})
EXTRAS = {"s3": "leeway[s3]", "s3a": "leeway[s3]"}
MODIFIED = ("LastModified", "last_modified", "mtime", "updated", "created")  # as the file systems call it


@dataclass(frozen=True)
class Found:
    """One object.

    Attributes:
        key: its name below the URL, with slashes.
        modified: when it was written, in seconds since 1970.
    """

    key: str
    bytes: int
    modified: float


class Objects:
    """Objects below a URL, each whole or not there.

    Options and credentials come from the places where the file system's own library looks for them, such as
    `AWS_ACCESS_KEY_ID` and `AWS_ENDPOINT_URL`, or from `FSSPEC_<PROTOCOL>_<OPTION>`.

    Raises:
        StoreError: from every method: the URL is wrong, a package is missing, or the file system refuses or does not answer.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._protocol = url.partition("://")[0]
        self._fs, self._root = _opened(url)

    def exists(self, key: str) -> bool:
        """Say whether there is an object of this name."""
        with self._told("looking for", key):
            self._fs.invalidate_cache()
            try:  # not `exists` of fsspec: that takes every error for an absence
                return bool(self._fs.info(self._path(key))["type"] == "file")
            except FileNotFoundError:
                return False

    def read(self, key: str, *, at_most: int | None = None) -> bytes:
        """Return the content of an object.

        Args:
            at_most: how many bytes it may have; more is refused, and not read.
        """
        with self._told("reading", key):
            if at_most is not None:
                self._fs.invalidate_cache()
                size = int(self._fs.info(self._path(key))["size"] or 0)
                if size > at_most:
                    raise StoreError(
                        f"reading {self.url}/{key}",
                        problem=f"it is larger than {at_most} bytes",
                        found=f"{size} bytes",
                        hint="it was altered: restore it from a copy of the storage, and see who can write there",
                    )
            return bytes(self._fs.cat_file(self._path(key)))

    def get(self, key: str, file: Path) -> None:
        """Write the content of an object to a file."""
        with self._told("fetching", key):
            self._fs.get_file(self._path(key), str(file))

    def put(self, file: Path, key: str) -> None:
        """Store a file as an object, in place of an earlier one."""
        path = self._path(key)
        with self._told("writing", key):
            if self._protocol in PUT_IS_ATOMIC:
                self._fs.put_file(str(file), path)
                return
            folder, name = posixpath.split(path)
            beside = f"{folder}/.{name}.{uuid.uuid4().hex[:8]}"
            self._fs.makedirs(folder, exist_ok=True)
            try:
                self._fs.put_file(str(file), beside)
                self._fs.mv(beside, path)
            except BaseException:
                try:
                    self._fs.rm_file(beside)
                except Exception as error:
                    log.debug("cannot remove %s: %s", beside, error)
                raise

    def remove(self, key: str) -> None:
        """Remove an object, if it is there."""
        with self._told("removing", key), suppress(FileNotFoundError):
            self._fs.rm_file(self._path(key))

    def find(self, prefix: str) -> list[Found]:
        """Return all objects in a folder and below, by name."""
        with self._told("listing", prefix):
            self._fs.invalidate_cache()
            try:
                found = self._fs.find(self._path(prefix), detail=True)
            except FileNotFoundError:
                return []
            root = len(self._root) + 1
            return [
                Found(path[root:], int(info["size"] or 0), self._modified(path, info)) for path, info in found.items()
            ]

    def probe(self) -> None:
        """Check that objects can be written, read and removed."""
        key = f".leeway-{uuid.uuid4().hex}"
        with self._told("writing", key):
            self._fs.pipe_file(self._path(key), b"leeway")
        if self.read(key) != b"leeway" or not self.exists(key):
            raise StoreError(
                f"trying {self.url}",
                problem="an object that was just written is not there",
                hint="use a file system with strong consistency",
            )
        self.find("reports")
        self.remove(key)

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"

    def _modified(self, path: str, info: dict[str, Any]) -> float:
        value = next((info[name] for name in MODIFIED if info.get(name) is not None), None)
        if not isinstance(value, datetime | int | float):
            value = self._fs.modified(path)
        return value.timestamp() if isinstance(value, datetime) else float(value)

    @contextmanager
    def _told(self, verb: str, key: str) -> Iterator[None]:
        """Turn any failure into one clear error.

        Every file system has exceptions of its own, and some have no common base.
        """
        try:
            yield
        except LeewayError:
            raise
        except Exception as error:
            problem, hint = self._what_to_do(error)
            raise StoreError(
                f"{verb} {self.url}/{key}",
                problem=problem,
                found=" ".join(str(error).split()) or type(error).__name__,
                hint=f"{hint}, then run this again; what is done is kept",
            ) from error

    def _what_to_do(self, error: Exception) -> tuple[str, str]:
        kind = type(error).__name__
        if isinstance(error, FileNotFoundError):
            return "the bucket or folder does not exist", f"make it, or correct {self.url} in LEEWAY_STORAGE_URL"
        if isinstance(error, PermissionError):
            return (
                "the credentials are wrong, or do not allow it",
                f"allow reading, writing, listing and removing below {self.url}",
            )
        if "Credential" in kind or "Token" in kind:
            return (
                "there are no credentials",
                "set them in the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            )
        return "the storage does not answer", "check that it is up and its address is right"


def _opened(url: str) -> tuple[Any, str]:
    import fsspec

    protocol = url.partition("://")[0]
    if urlsplit(url).password is not None:
        raise StoreError(
            "opening the storage",
            problem="LEEWAY_STORAGE_URL has a password in it, and the URL is logged and shown",
            hint=f"set it as FSSPEC_{protocol.upper()}_PASSWORD",
        )
    action = f"opening the storage {url}"
    try:
        fs, root = fsspec.core.url_to_fs(url, skip_instance_cache=True)
    except ImportError as error:
        raise StoreError(
            action,
            problem="the package for it is not installed",
            found=str(error),
            hint=f"pip install '{EXTRAS[protocol]}'" if protocol in EXTRAS else "install what it names",
        ) from error
    except Exception as error:  # of the URL, and of every file system's own kind
        raise StoreError(
            action,
            problem="LEEWAY_STORAGE_URL is no URL that fsspec knows",
            found=str(error) or type(error).__name__,
            hint="name one such as s3://bucket/prefix or file:///srv/leeway",
        ) from error
    root = str(root).rstrip("/")
    if not root and protocol != "memory":
        raise StoreError(
            action,
            problem="LEEWAY_STORAGE_URL names no bucket or folder",
            found=url,
            hint="name one such as s3://bucket/prefix or file:///srv/leeway",
        )
    return fs, root
