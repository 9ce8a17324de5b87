"""Remove what only tells of the past, and what a killed process left behind.

Events, labels, deliveries, snapshots, bundles and the history of decisions are never removed: they are what everything can be
made from again.
"""

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from leeway.errors import StoreError
from leeway.settings import settings
from leeway.store.database import database, drop_staged

LEFT_BEHIND = re.compile(r"\..+\.[0-9a-f]{8}")  # what `leeway.files` writes beside a file
LEFT_AFTER_SECONDS = 86_400.0
MAX_LOG_BYTES = 20_000_000
KEPT_LOG_BYTES = 2_000_000


@dataclass(frozen=True)
class Removal:
    """One thing to remove, or removed.

    Attributes:
        kind: report, leftover, staging table or log.
        bytes: the room that it takes; nothing is known of a table's.
    """

    kind: str
    what: str
    bytes: int


def housekeep(*, dry_run: bool, now: float | None = None) -> list[Removal]:
    """Remove reports older than `LEEWAY_KEEP_DAYS`, leftovers and staging tables older than a day, and the older part of logs.

    Args:
        dry_run: only look.
        now: seconds since 1970; the present by default.

    Returns:
        What was, or would be, removed.
    """
    moment = time.time() if now is None else now
    return [*_reports(moment, dry_run), *_leftovers(moment, dry_run), *_staged(moment, dry_run), *_logs(dry_run)]


def _reports(now: float, dry_run: bool) -> Iterator[Removal]:
    oldest = now - settings().keep_days * 86_400
    for path in sorted(settings().folder("reports").glob("*/*.html")):
        if path.stat().st_mtime < oldest:
            yield _removed("report", path, dry_run)


def _leftovers(now: float, dry_run: bool) -> Iterator[Removal]:
    for kind in ("deliveries", "snapshots", "bundles", "scored", "searches", "reports"):
        for path in sorted((settings().home.absolute() / kind).rglob(".*")):
            if LEFT_BEHIND.fullmatch(path.name) and path.stat().st_mtime < now - LEFT_AFTER_SECONDS:
                yield _removed("leftover", path, dry_run)


def _staged(now: float, dry_run: bool) -> Iterator[Removal]:
    """Staging tables of processes that died before a transaction took their rows."""
    query = sa.text(
        "SELECT relname, extract(epoch FROM (pg_stat_file(pg_relation_filepath(oid))).modification) AS written"
        " FROM pg_class WHERE relnamespace = to_regnamespace('staging') AND relkind = 'r' ORDER BY relname"
    )
    found: list[tuple[str, float]] = []
    with suppress(StoreError), database().transaction() as connection:  # a server that does not let us see its files
        found = [(row.relname, float(row.written)) for row in connection.execute(query)]
    for name, written in found:
        if written < now - LEFT_AFTER_SECONDS:
            if not dry_run:
                with database().transaction() as connection:
                    drop_staged(connection, sa.table(name, schema="staging"))
            yield Removal("staging table", name, 0)


def _logs(dry_run: bool) -> Iterator[Removal]:
    """The older part of large logs; services append, so they go on in the shortened file."""
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


def _removed(kind: str, path: Path, dry_run: bool) -> Removal:
    files = [item for item in path.rglob("*") if item.is_file()] if path.is_dir() else [path]
    size = sum(item.stat().st_size for item in files)
    if not dry_run and path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    elif not dry_run:
        path.unlink(missing_ok=True)
    return Removal(kind, str(path), size)
