"""The index of the nights' HTML reports."""

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
    """The monitor's verdict on a partition."""

    classifier: str
    partition: str
    verdict: str
    why: str
    rows: int
    version: int


def classifiers() -> list[str]:
    """Return the monitored classifiers, declared or not."""
    query = sa.select(monitoring.c.classifier).distinct().order_by(monitoring.c.classifier)
    with database().transaction() as connection:
        return list(connection.scalars(query))


def last(classifier: str, count: int = LAST) -> list[NightReport]:
    """Return a classifier's last verdicts, newest first."""
    columns = [monitoring.c[name] for name in ("classifier", "partition", "verdict", "why", "rows", "version")]
    query = sa.select(*columns).where(monitoring.c.classifier == classifier)
    with database().transaction() as connection:
        rows = connection.execute(query.order_by(monitoring.c.partition.desc()).limit(count))
        return [NightReport(**row._mapping) for row in rows]


def told(classifier: str, partition: str) -> NightReport:
    """Return the verdict on one partition.

    Raises:
        NotFound: the partition was not monitored.
    """
    columns = [monitoring.c[name] for name in ("classifier", "partition", "verdict", "why", "rows", "version")]
    mine = (monitoring.c.classifier == classifier) & (monitoring.c.partition == partition)
    with database().transaction() as connection:
        row = connection.execute(sa.select(*columns).where(mine)).one_or_none()
    if row is None:
        raise _missing(classifier, partition, "no verdict")
    return NightReport(**row._mapping)


def by_impact(classifier: Classifier, partition: str, count: int = 20) -> list[dict[str, object]]:
    """Return the columns that move the scores most.

    Sensitive columns are left out.
    """
    drift, night = column_drift.c, monitoring.c
    # None where the reference is too short for a limit.
    limit = night.evidence["limits"]["distance"].as_float().label("limit")
    query = (
        sa.select(drift.column, drift.impact, drift.distance, drift.standardised, drift.null_share, limit)
        .join(monitoring, sa.and_(night.classifier == drift.classifier, night.partition == drift.partition))
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
    """Return the HTML page of a partition's report.

    Raises:
        NotFound: the partition was not monitored, or its report is no longer kept.
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
    """Return whether a partition's report is kept."""
    return _kept(classifier, partition) is not None


def _kept(classifier: str, partition: str) -> Path | None:
    """Return the path of a partition's report, if kept.

    Raises:
        NotFound: the name leads out of the folder of reports.
    """
    if not storage.is_plain(classifier) or not storage.is_plain(partition):  # a stored name may hold anything
        raise _missing(classifier, partition, "a path outside the reports")
    path = storage.place("reports", classifier, f"{partition}.html")
    return path if storage.exists(path) else None


def _missing(classifier: str, partition: str, found: str) -> NotFound:
    return NotFound(
        f"finding the report of {classifier} {partition}",
        problem="the partition was not monitored, or its report is no longer kept",
        found=found,
        hint=f"run `leeway nightly {classifier} --partition {partition}` to write it",
    )
