"""Housekeeping: the removal of old reports, logs and leftovers.

Events, labels, deliveries, snapshots, bundles and the history of decisions are never removed: everything else can be made from
them again.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from leeway.core import files
from leeway.core.errors import StoreError
from leeway.core.logs import logger
from leeway.core.settings import settings
from leeway.store import storage
from leeway.store.database import database, drop_staged

log = logger(__name__)

LEFT_BEHIND = re.compile(r"\..+\.[0-9a-f]{8}")  # what `leeway.core.files` writes beside a file
LEFT_AFTER_SECONDS = 86_400.0
UNUSED_SECONDS = 7 * 86_400.0  # after which a local copy of a stored file goes; it can be fetched again
KINDS = ("arrived", "bundles", "cards", "deliveries", "labels", "reports", "scored", "snapshots")
FOLDERS = ("arrived", "bundles", "labels")  # kinds that are stored as folders
MAX_LOG_BYTES = 20_000_000
KEPT_LOG_BYTES = 2_000_000


@dataclass(frozen=True)
class Removal:
    """One removed file, folder or table.

    Attributes:
        kind: report, leftover, copy, staging table or log.
        bytes: its size; 0 for a table.
    """

    kind: str
    what: str
    bytes: int


def housekeep(*, dry_run: bool, now: float | None = None) -> list[Removal]:
    """Remove old reports, leftovers, staging tables and logs.

    Reports go after `LEEWAY_KEEP_DAYS`, leftovers and staging tables after a day, and large logs lose their older part. Local
    copies of files that are stored elsewhere go after a week without use.

    Args:
        dry_run: remove nothing.
        now: seconds since 1970; now by default.

    Returns:
        The things that were removed, or would be.
    """
    moment = time.time() if now is None else now
    return [
        *_reports(moment, dry_run),
        *_leftovers(moment, dry_run),
        *_copies(moment, dry_run),
        *_staged(moment, dry_run),
        *_logs(dry_run),
    ]


def _reports(now: float, dry_run: bool) -> Iterator[Removal]:
    oldest = now - settings().keep_days * 86_400
    for entry in storage.entries("reports"):
        if entry.path.suffix == ".html" and entry.modified < oldest:
            yield _removed("report", entry.path, entry.bytes, dry_run)


def _leftovers(now: float, dry_run: bool) -> Iterator[Removal]:
    """Remove files that a killed process left unfinished.

    They lie beside their place, or are folders without a manifest.
    """
    for kind in KINDS:
        entries = storage.entries(kind)
        whole = {entry.path.parent for entry in entries if entry.path.name == storage.MANIFEST}
        parts_of: dict[Path, list[storage.StoredFile]] = {}
        for entry in entries:
            beside = [path for path in (entry.path, entry.path.parent) if LEFT_BEHIND.fullmatch(path.name)]
            # On a disk a folder of files is either complete or absent.
            broken = storage.copies() is not None and kind in FOLDERS and entry.path.parent not in whole
            for path in [*beside, *([entry.path.parent] if broken else [])][:1]:
                parts_of.setdefault(path, []).append(entry)
        for path, parts in parts_of.items():
            if max(entry.modified for entry in parts) < now - LEFT_AFTER_SECONDS:
                yield _removed("leftover", path, sum(entry.bytes for entry in parts), dry_run)

    # Parts of distributed work stay on this machine's disk, in folders of their own.
    for kind in ("searches", "parts"):
        for path in sorted((settings().home.absolute() / kind).glob("**/.*")):
            if LEFT_BEHIND.fullmatch(path.name) and path.stat().st_mtime < now - LEFT_AFTER_SECONDS:
                yield _leftover_folder(path, dry_run)


def _leftover_folder(path: Path, dry_run: bool) -> Removal:
    found = [file for file in [path, *path.rglob("*")] if file.is_file()]
    size = sum(file.stat().st_size for file in found)
    if not dry_run:
        files.discard(path)
    return Removal("leftover", str(path), size)


def _copies(now: float, dry_run: bool) -> Iterator[Removal]:
    """Remove unused local copies of stored files."""
    if (root := storage.copies()) is None:
        return
    for kind in KINDS:
        for path in sorted((root / kind).glob("*/*" if kind in FOLDERS else "*/**/*")):
            if path.is_dir() is (kind in FOLDERS) and path.stat().st_mtime < now - UNUSED_SECONDS:
                size = sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())
                if not dry_run:
                    files.discard(path)
                yield Removal("copy", str(path), size)


def _staged(now: float, dry_run: bool) -> Iterator[Removal]:
    """Remove staging tables that dead processes left behind."""
    query = sa.text(
        "SELECT relname, extract(epoch FROM (pg_stat_file(pg_relation_filepath(oid))).modification) AS written"
        " FROM pg_class WHERE relnamespace = to_regnamespace('staging') AND relkind = 'r' ORDER BY relname"
    )
    found: list[tuple[str, float]] = []
    try:
        with database().transaction() as connection:
            found = [(row.relname, float(row.written)) for row in connection.execute(query)]
    except StoreError as error:  # a server that does not let us see its files
        log.debug("staging tables are not looked at: %s", error)
    for name, written in found:
        if written < now - LEFT_AFTER_SECONDS:
            if not dry_run:
                with database().transaction() as connection:
                    drop_staged(connection, sa.table(name, schema="staging"))
            yield Removal("staging table", name, 0)


def _logs(dry_run: bool) -> Iterator[Removal]:
    """Shorten large logs.

    Services append, so they go on in the shortened file.
    """
    for path in sorted((settings().home.absolute() / "platform").glob("*.log")):
        size = path.stat().st_size
        if size > MAX_LOG_BYTES:
            if not dry_run:
                with path.open("r+b") as file:
                    file.seek(size - KEPT_LOG_BYTES)
                    kept = file.read()
                    file.seek(0)
                    file.write(kept)
                    file.truncate()
            yield Removal("log", str(path), size - KEPT_LOG_BYTES)


def _removed(kind: str, path: Path, size: int, dry_run: bool) -> Removal:
    if not dry_run:
        storage.remove(path)
    return Removal(kind, storage.address(path), size)
