"""The last nights' findings, for the report."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from leeway.definition.partitions import Partition
from leeway.detection.maturity import Arrived
from leeway.detection.monitor import Finding
from leeway.monitoring.realised import RealisedPartition
from leeway.store.database import database
from leeway.store.tables import column_drift, monitoring

NIGHTS = 56


@dataclass(frozen=True)
class Past:
    """A monitored night.

    Attributes:
        score_mean: None where there were no events.
        mature: the partition whose labels became mature with it.
        rate, expected: the share of the class in that partition, by labels and by scores.
        estimated: its estimated performance, from `leeway.monitoring.outlook`.
    """

    partition: str
    verdict: str
    score_mean: float | None
    mature: str | None = None
    rate: float | None = None
    expected: float | None = None
    estimated: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RecentNights:
    """The last nights, oldest first, with this one.

    Attributes:
        impacts: the impacts of every column on these nights.
        realised: the realised performance of the last partitions, by their keys, as known after this night.
        arrived: how many labels of the last partitions are known after this night.
    """

    nights: list[Past]
    impacts: dict[str, list[float]] = field(default_factory=dict)
    realised: dict[str, RealisedPartition] = field(default_factory=dict)
    arrived: list[Arrived] = field(default_factory=list)


def until(
    name: str, partition: Partition, finding: Finding, evidence: dict[str, Any], realised: dict[str, RealisedPartition]
) -> RecentNights:
    """Return the nights up to the present one."""
    first = partition.shift(1 - NIGHTS).key
    with database().transaction() as connection:
        query = sa.select(*(monitoring.c[name] for name in ("partition", "verdict", "rows", "evidence"))).where(
            monitoring.c.classifier == name, monitoring.c.partition.between(first, partition.shift(-1).key)
        )
        nights = [
            _past(row.partition, row.verdict, row.rows, row.evidence)
            for row in connection.execute(query.order_by(monitoring.c.partition))
        ]
        drifts = sa.select(column_drift.c["column"], column_drift.c["impact"]).where(
            column_drift.c.classifier == name, column_drift.c.partition.between(first, partition.shift(-1).key)
        )
        impacts: dict[str, list[float]] = defaultdict(list)
        for column, impact in connection.execute(drifts.order_by(column_drift.c.partition)):
            impacts[column].append(impact)
    for drift in finding.columns:
        impacts[drift.column].append(drift.impact)
    night = _past(partition.key, finding.verdict, finding.rows, evidence)
    return RecentNights([*nights, night], dict(impacts), realised, [Arrived(**item) for item in evidence["labels"]])


def _past(partition: str, verdict: str, rows: int, evidence: dict[str, Any]) -> Past:
    harm = evidence.get("harm") or {}
    score_mean = evidence["score_mean"] if rows else None
    known = (harm.get("partition"), harm.get("rate"), harm.get("expected"))
    return Past(partition, verdict, score_mean, *known, evidence.get("estimated") or {})
