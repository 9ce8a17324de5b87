"""The monitor's verdicts and the alarm budget they used."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from leeway.definition import DriftPolicy, Grain
from leeway.definition.partitions import Partition
from leeway.store.database import database
from leeway.store.tables import monitoring

ALARMS = ("alert", "breach")
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class NightVerdict:
    """The monitor's verdict on a partition.

    Attributes:
        evidence: as `leeway.detection.monitor.Finding` keeps it.
    """

    classifier: str
    partition: str
    version: int
    verdict: str
    why: str
    rows: int
    at: datetime
    evidence: dict[str, Any]


def last_of_each() -> dict[str, NightVerdict]:
    """Return the newest verdict on every classifier."""
    newest = (
        sa.select(monitoring.c.classifier, sa.func.max(monitoring.c.partition).label("partition"))
        .group_by(monitoring.c.classifier)
        .subquery()
    )
    same = (newest.c.classifier == monitoring.c.classifier) & (newest.c.partition == monitoring.c.partition)
    with database().transaction() as connection:
        rows = connection.execute(_select().join(newest, same))
        return {row.classifier: _night(row) for row in rows}


def of(
    name: str, *, first: str = "", last: str = "~", only: Collection[str] | None = None, most: int = 1000
) -> list[NightVerdict]:
    """Return a classifier's verdicts, newest first.

    `first` and `last` bound the partitions, and `only` names the verdicts that are wanted.
    """
    mine = (monitoring.c.classifier == name) & monitoring.c.partition.between(first, last)
    if only is not None:
        mine &= monitoring.c.verdict.in_(only)
    query = _select().where(mine).order_by(monitoring.c.partition.desc()).limit(most)
    with database().transaction() as connection:
        return [_night(row) for row in connection.execute(query)]


def alarms_since(first: datetime) -> dict[str, list[str]]:
    """Return each classifier's alarming partitions since a day.

    The oldest partition comes first.
    """
    loud = monitoring.c.verdict.in_(ALARMS) & (monitoring.c.partition >= f"{first:%Y-%m-%d}")
    query = sa.select(monitoring.c.classifier, monitoring.c.partition).where(loud).order_by(monitoring.c.partition)
    found: dict[str, list[str]] = defaultdict(list)
    with database().transaction() as connection:
        for classifier, partition in connection.execute(query):
            found[classifier].append(partition)
    return dict(found)


def alarms_used(partitions: Iterable[str], policy: DriftPolicy, grain: Grain) -> int:
    """Count alarms as the alarm budget does.

    Alarms within the cooldown of an earlier one count as one with it.
    """
    count, until = 0, None
    for key in sorted(partitions):
        at = Partition.parse(key, grain).start
        if until is None or at >= until:
            count, until = count + 1, at + policy.cooldown
    return count


def _select() -> sa.Select[Any]:
    names = ("classifier", "partition", "version", "verdict", "why", "rows", "created_at", "evidence")
    return sa.select(*(monitoring.c[name] for name in names))


def _night(row: Any) -> NightVerdict:
    return NightVerdict(
        row.classifier, row.partition, row.version, row.verdict, row.why, row.rows, row.created_at, row.evidence
    )
