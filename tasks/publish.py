"""Publish audited deliveries."""

from collections.abc import Sequence
from datetime import timedelta

from prefect import task

from leeway.definition import catalog
from leeway.definition.partitions import Partition
from leeway.ingest import publication
from leeway.ingest.publication import Published
from tasks.retries import policy


@task(task_run_name="publish {partition}", **policy(limit=timedelta(hours=1)))
def publish(classifier: str, partition: Partition, delivery: str, suite: str) -> Published:
    """Publish good rows as events and labels."""
    return publication.publish(catalog.load(classifier), partition, delivery, suite)


@task(task_run_name="publish from {partitions[0]} on", **policy(limit=timedelta(hours=1)))
def publish_all(classifier: str, partitions: Sequence[Partition], deliveries: Sequence[str], suite: str) -> None:
    """Publish several partitions, one after the other.

    Partitions that are published already are skipped.
    """
    definition = catalog.load(classifier)
    for partition, delivery in zip(partitions, deliveries, strict=True):
        if publication.published(definition, partition, delivery, suite) is None:
            publication.publish(definition, partition, delivery, suite)
