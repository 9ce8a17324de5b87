"""Ingest a partition: extract, audit, publish."""

from prefect import flow

from flows.policy import alone, parse_partition
from leeway import catalog, publishing
from leeway.partitions import Partition
from leeway.publishing import Published
from tasks.audit import audit
from tasks.extract import extract
from tasks.publish import publish


@flow(name="ingest", flow_run_name="{classifier} {partition} ingest")
def ingest(classifier: str, partition: str) -> Published:
    """Bring one partition from the source to the events.

    Args:
        classifier: its name: the stem of its file in models/.
        partition: a date such as 2026-03-01, or an hour such as 2026-03-01T13.
    """
    period = parse_partition(classifier, partition)
    with alone(classifier, period):
        return ingest_steps(classifier, period)


def ingest_steps(classifier: str, partition: Partition) -> Published:
    """The steps of `ingest`, for the flows that do more."""
    suite = catalog.audit_fingerprint(classifier)
    delivery = extract(classifier, partition)
    if (done := publishing.published(catalog.load(classifier), partition, delivery, suite)) is not None:
        return done
    audit(classifier, partition, delivery, suite)
    return publish(classifier, partition, delivery, suite)
