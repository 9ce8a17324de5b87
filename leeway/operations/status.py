"""The status of a classifier."""

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from leeway.core.errors import LeewayError, NotFound
from leeway.core.outputs import describe
from leeway.definition import Classifier
from leeway.definition.partitions import Partition
from leeway.ingest import meaning, sources
from leeway.ingest.meaning import Change
from leeway.lifecycle import hold_log, registry, retraining
from leeway.lifecycle.hold_log import Hold
from leeway.lifecycle.registry import Promotion
from leeway.lifecycle.retraining import Request
from leeway.store import ledger
from leeway.store.database import database
from leeway.store.ledger import STAGES, LedgerEntry
from leeway.store.schemas import ensure_tables
from leeway.store.tables import monitoring

LAST = 14


@dataclass(frozen=True)
class Status:
    """The status of a classifier.

    Attributes:
        changes: what the definition says otherwise than when the stored rows were read.
        hold: a person's hold on its retraining, if there is one.
        ledger: the last partitions, newest first, each with the result of its stages.
        changed: the partitions that the next night takes in again: rows of them have arrived, or have changed, since.
        unknown: why the source cannot say that.
    """

    champion: Promotion | None
    hold: Hold | None
    changes: list[Change]
    events: int
    quarantined: int
    ledger: list[dict[str, str]]
    requests: list[Request]
    changed: list[str] = field(default_factory=list)
    unknown: str | None = None


def status(classifier: Classifier) -> Status:
    """Return a classifier's status from the stored data."""
    with database().transaction() as connection:
        tables = ensure_tables(connection, classifier)
        current = tables.event.c.superseded_at.is_(None)
        events = connection.scalar(sa.select(sa.func.count()).select_from(tables.event).where(current)) or 0
        quarantined = (
            connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(tables.quarantine.c.occurrences), 0))) or 0
        )
        entries = ledger.entries(connection, classifier.name)
        hold = hold_log.current(connection, classifier.name)
        changes = meaning.changes(connection, classifier)
    by_partition: dict[str, dict[str, str]] = {}
    for entry in entries:
        row = by_partition.setdefault(entry.partition, {"partition": entry.partition, **dict.fromkeys(STAGES, "")})
        row[entry.stage] = _shown(entry)
    last = sorted(by_partition.values(), key=lambda row: row["partition"], reverse=True)[:LAST]
    requests = retraining.all_of(classifier.name)
    changed, unknown = _changed(classifier, entries)
    return Status(
        registry.champion(classifier.name),
        hold,
        changes,
        events,
        int(quarantined),
        last,
        requests,
        changed,
        unknown,
    )


def _changed(classifier: Classifier, entries: list[LedgerEntry]) -> tuple[list[str], str | None]:
    ingested = {entry.partition for entry in entries if entry.stage == "ingest"}
    if not ingested:
        return [], None
    try:
        last = Partition.parse(max(ingested), classifier.partition)
        return sorted(ingested & sources.undelivered(classifier, last)), None
    except LeewayError as error:  # what is stored can be shown all the same
        return [], str(error)


def verdict(classifier: Classifier, partition: str | None) -> dict[str, Any]:
    """Return a partition's verdict, by default the last.

    Raises:
        NotFound: the partition was not monitored.
    """
    columns = (monitoring.c.partition, monitoring.c.verdict, monitoring.c.why, monitoring.c.report)
    query = (
        sa.select(*columns).where(monitoring.c.classifier == classifier.name).order_by(monitoring.c.partition.desc())
    )
    if partition is not None:
        query = query.where(monitoring.c.partition == Partition.parse(partition, classifier.partition).key)
    with database().transaction() as connection:
        row = connection.execute(query.limit(1)).one_or_none()
    if row is None:
        raise NotFound(
            f"finding a report of {classifier.name}",
            problem="no partition was monitored yet" if partition is None else "the partition was not monitored",
            found=partition,
            hint=f"run `leeway backfill {classifier.name}`, which monitors what there is"
            if partition is None
            else f"run `leeway nightly {classifier.name} --partition {partition}`",
        )
    return dict(row._mapping)


def _shown(entry: LedgerEntry) -> str:
    output = entry.output
    if entry.status != "done":
        return f"{entry.status}: {str(output.get('reason', ''))[:80]}"
    match entry.stage:
        case "ingest":
            return f"{output['rows']} events, {output['quarantined']} quarantined"
        case "score":
            flagged = output["positives"]
            shown = f"{flagged} of {output['rows']} flagged" if isinstance(flagged, int) else describe(flagged)
            return f"{shown} by v{entry.input['version']}"
        case _:
            return str(output["verdict"])
