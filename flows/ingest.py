"""Ingest a partition: extract, audit, publish."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta

from flows.declared_flow import own_flow
from flows.locks import partition_lock
from flows.run_context import parse_partition, tag
from leeway.core.errors import LeewayError
from leeway.core.logs import logger
from leeway.definition import catalog
from leeway.definition.partitions import Partition
from leeway.ingest import publication
from leeway.ingest.publication import Published
from leeway.ingest.sources import arrivals
from leeway.operations import backfill_plan
from tasks.audit import audit
from tasks.extract import extract, take
from tasks.labels import labels
from tasks.publish import publish
from tasks.score import score

log = logger(__name__)


LATE_FOR = timedelta(minutes=10)  # of a night, for earlier partitions
FAILED_IN_A_ROW = 3


@dataclass(frozen=True)
class Ingested(Published):
    """The counts of a partition's publication.

    Attributes:
        late: earlier partitions with rows that arrived or changed since, each with its result.
    """

    late: Mapping[str, str] = field(default_factory=dict)


@own_flow("ingest", "{classifier} {partition} ingest")
def ingest(classifier: str, partition: str) -> Ingested:
    """Ingest one partition: extract, audit and publish its rows.

    Earlier partitions whose rows arrived or changed since are ingested again.

    Args:
        classifier: its name: the stem of its file in models/.
        partition: a date such as 2026-03-01, or an hour such as 2026-03-01T13.
    """
    tag(classifier, "ingest")
    period = parse_partition(classifier, partition)
    late = late_steps(classifier, period)  # first: they are no worse where this partition has no rows, or is refused
    with partition_lock(classifier, period):
        done = ingest_steps(classifier, period)
    return Ingested(**asdict(done), late=late)


def ingest_steps(classifier: str, partition: Partition, *, take: bool = True, prepared: str | None = None) -> Published:
    """Run the steps of `ingest` within another flow.

    Args:
        take: first take in newly arrived rows, and labels from a source of their own; a flow that ingests many partitions does
            so once.
        prepared: the delivery, where it was extracted and audited before.
    """
    definition, suite = catalog.load(classifier), catalog.audit_fingerprint(classifier)
    known = labels(classifier).labels if take and definition.label.source is not None else 0
    delivery = prepared or extract(classifier, partition, take)
    done = publication.published(definition, partition, delivery, suite)
    if done is None:
        if prepared is None:
            audit(classifier, partition, delivery, suite)
        done = publish(classifier, partition, delivery, suite)
    return replace(done, changed=done.changed or known > 0, labels=done.labels + known) if known else done


def late_steps(classifier: str, night: Partition) -> dict[str, str]:
    """Ingest earlier partitions whose rows arrived or changed since.

    Partitions that were scored are scored again. The newest come first, within `LATE_FOR`; the rest stays due.

    Returns:
        The result of each, by key, and what is left or not known.
    """
    definition = catalog.load(classifier)
    outcome: dict[str, str] = {}
    try:
        if arrivals.are_taken_in(definition):
            take(classifier)
    except LeewayError as error:  # the night's own partition tells people; what was taken in before is due all the same
        log.warning("not all rows of %s are taken in: %s", classifier, error)
    try:
        due = backfill_plan.late(definition, night)
    except LeewayError as error:
        log.warning("which partitions of %s have changed is not known: %s", classifier, error)
        return {"earlier partitions": f"not known whether they have changed: {error}"}
    if not definition.by_arrival:
        due.reverse()  # where there is not time for all, what nights look at comes first
    until, failed = time.monotonic() + LATE_FOR.total_seconds(), 0
    for place, late in enumerate(due):
        # A fault that the whole source has must not be written into partition after partition.
        if time.monotonic() > until or failed == FAILED_IN_A_ROW:
            why = f"after {failed} that failed" if failed == FAILED_IN_A_ROW else f"after {LATE_FOR}"
            outcome["earlier partitions"] = f"{len(due) - place} more are due, left for the next night {why}"
            break
        try:
            with partition_lock(classifier, late.partition):
                done = ingest_steps(classifier, late.partition, take=False)
                if late.scored:
                    score(classifier, late.partition)
            outcome[late.partition.key] = f"{done.new} new events, {done.revised} revised, {done.labels} labels"
            failed = 0
        except LeewayError as error:
            log.warning("late rows of %s %s are not ingested: %s", classifier, late.partition, error)
            outcome[late.partition.key] = str(error)
            failed += 1
    return outcome
