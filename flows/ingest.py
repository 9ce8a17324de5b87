"""Ingest a partition: extract, audit, publish."""

from dataclasses import replace

from flows.declared_flow import own_flow
from flows.locks import partition_lock
from flows.run_context import parse_partition, tag
from leeway.core.errors import LeewayError
from leeway.core.logs import logger
from leeway.definition import catalog
from leeway.definition.partitions import Partition
from leeway.ingest import publication
from leeway.ingest.publication import Published
from leeway.operations import backfill_plan
from tasks.audit import audit
from tasks.extract import extract
from tasks.labels import labels
from tasks.publish import publish
from tasks.score import score

log = logger(__name__)


@own_flow("ingest", "{classifier} {partition} ingest")
def ingest(classifier: str, partition: str) -> Published:
    """Ingest one partition: extract, audit and publish its rows.

    Args:
        classifier: its name: the stem of its file in models/.
        partition: a date such as 2026-03-01, or an hour such as 2026-03-01T13.
    """
    tag(classifier, "ingest")
    period = parse_partition(classifier, partition)
    with partition_lock(classifier, period):
        return ingest_steps(classifier, period)


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
    """Ingest earlier partitions that have late rows.

    Partitions that were scored are scored again.

    Returns:
        The result of each, by key.
    """
    outcome = {}
    for late in backfill_plan.late(catalog.load(classifier), night):
        try:
            with partition_lock(classifier, late.partition):
                done = ingest_steps(classifier, late.partition, take=False)
                if late.scored:
                    score(classifier, late.partition)
            outcome[late.partition.key] = f"{done.new} new events, {done.revised} revised"
        except LeewayError as error:
            log.warning("late rows of %s %s are not ingested: %s", classifier, late.partition, error)
            outcome[late.partition.key] = str(error)
    return outcome
