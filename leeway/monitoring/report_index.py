"""The nights' HTML reports: which there are, and where each lies."""

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from leeway.core.errors import NotFound
from leeway.definition import Classifier
from leeway.store import storage
from leeway.store.database import database
from leeway.store.tables import column_drift, monitoring

LAST = 60


@dataclass(frozen=True)
class NightReport:
    """What the monitor said about a partition."""

    classifier: str
    partition: str
    verdict: str
    why: str
    rows: int
    version: int


def classifiers() -> list[str]:
    """The classifiers that have been monitored, declared or not."""
    query = sa.select(monitoring.c.classifier).distinct().order_by(monitoring.c.classifier)
    with database().transaction() as connection:
        return list(connection.scalars(query))


def last(classifier: str, count: int = LAST) -> list[NightReport]:
    """The last verdicts on a classifier's partitions, newest first."""
    columns = [monitoring.c[name] for name in ("classifier", "partition", "verdict", "why", "rows", "version")]
    query = sa.select(*columns).where(monitoring.c.classifier == classifier)
    with database().transaction() as connection:
        rows = connection.execute(query.order_by(monitoring.c.partition.desc()).limit(count))
        return [NightReport(**row._mapping) for row in rows]


def told(classifier: str, partition: str) -> NightReport:
    """The verdict on one partition.

    Raises:
        NotFound: it has not been monitored.
    """
    columns = [monitoring.c[name] for name in ("classifier", "partition", "verdict", "why", "rows", "version")]
    mine = (monitoring.c.classifier == classifier) & (monitoring.c.partition == partition)
    with database().transaction() as connection:
        row = connection.execute(sa.select(*columns).where(mine)).one_or_none()
    if row is None:
        raise _missing(classifier, partition, "no verdict")
    return NightReport(**row._mapping)


def by_impact(classifier: Classifier, partition: str, count: int = 20) -> list[dict[str, object]]:
    """The columns of a monitored partition that move the scores most, without sensitive ones."""
    drift, told = column_drift.c, monitoring.c
    limit = (
        told.evidence["limits"]["distance"].as_float().label("limit")
    )  # none, where the reference is too short for one
    query = (
        sa.select(drift.column, drift.impact, drift.distance, drift.standardised, drift.null_share, limit)
        .join(monitoring, sa.and_(told.classifier == drift.classifier, told.partition == drift.partition))
        .where(drift.classifier == classifier.name, drift.partition == partition)
    )
    with database().transaction() as connection:
        rows = connection.execute(query.order_by(sa.func.abs(drift.impact).desc(), drift.column)).all()
    return [
        {
            "column": row.column,
            "impact on the mean score": f"{row.impact:+.2%}",
            "distance": f"{row.distance:.3f}",
            "in spreads": "–" if row.limit is None else f"{row.standardised:+.1f}",
            "missing": f"{row.null_share:.1%}",
        }
        for row in rows
        if not classifier.is_sensitive(row.column)
    ][:count]


def page(classifier: str, partition: str) -> bytes:
    """The HTML page of a partition's report.

    Raises:
        NotFound: it has not been monitored, or its report is no longer kept.
    """
    query = sa.select(monitoring.c.report).where(
        monitoring.c.classifier == classifier, monitoring.c.partition == partition
    )
    with database().transaction() as connection:
        found = connection.scalar(query)
    path = _kept(classifier, partition)
    if found is None or path is None:
        raise _missing(classifier, partition, "no verdict" if found is None else f"no {partition}.html")
    return storage.read(path)


def is_kept(classifier: str, partition: str) -> bool:
    """Whether a partition's report is still there."""
    return _kept(classifier, partition) is not None


def _kept(classifier: str, partition: str) -> Path | None:
    """Where a partition's report lies.

    Raises:
        NotFound: its name leads out of the reports.
    """
    if not storage.is_plain(classifier) or not storage.is_plain(partition):  # whatever is stored as a name
        raise _missing(classifier, partition, "a path outside the reports")
    path = storage.place("reports", classifier, f"{partition}.html")
    return path if storage.exists(path) else None


def _missing(classifier: str, partition: str, found: str) -> NotFound:
    return NotFound(
        f"finding the report of {classifier} {partition}",
        problem="the partition must have been monitored, and its report still be kept",
        found=found,
        hint=f"run `leeway nightly {classifier} --partition {partition}`",
    )
