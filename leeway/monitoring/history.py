"""What the last weeks' nights found, for the report."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from leeway.monitoring.monitor import Finding
from leeway.partitions import Partition
from leeway.store.database import database
from leeway.store.tables import column_drift, monitoring

NIGHTS = 56


@dataclass(frozen=True)
class Past:
    """A night that was monitored.

    Attributes:
        score_mean: None where there were no events.
        mature: the partition whose labels became mature with it, with their share of the class, and that by the scores.
    """

    partition: str
    verdict: str
    score_mean: float | None
    mature: str | None = None
    rate: float | None = None
    expected: float | None = None


@dataclass(frozen=True)
class History:
    """The last nights, the oldest first, this one included; and the impacts of every column on them."""

    nights: list[Past]
    impacts: dict[str, list[float]] = field(default_factory=dict)


def until(name: str, partition: Partition, finding: Finding) -> History:
    """The nights up to one that has just been judged."""
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
    return History([*nights, _past(partition.key, finding.verdict, finding.rows, finding.evidence())], dict(impacts))


def _past(partition: str, verdict: str, rows: int, evidence: dict[str, Any]) -> Past:
    harm = evidence.get("harm") or {}
    score_mean = evidence["score_mean"] if rows else None
    return Past(partition, verdict, score_mean, harm.get("partition"), harm.get("rate"), harm.get("expected"))
