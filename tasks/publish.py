"""Publish audited deliveries."""

from collections.abc import Sequence
from datetime import timedelta

from prefect import task

from leeway import catalog, publishing
from leeway.partitions import Partition
from leeway.publishing import Published
from tasks.policy import policy


@task(task_run_name="publish {partition}", **policy(limit=timedelta(hours=1)))
def publish(classifier: str, partition: Partition, delivery: str, suite: str) -> Published:
    """Make the good rows events and labels."""
    return publishing.publish(catalog.load(classifier), partition, delivery, suite)


@task(task_run_name="publish from {partitions[0]} on", **policy(limit=timedelta(hours=1)))
def publish_all(classifier: str, partitions: Sequence[Partition], deliveries: Sequence[str], suite: str) -> None:
    """Make the good rows of several partitions events and labels, each after the other; what was done is not done again."""
    definition = catalog.load(classifier)
    for partition, delivery in zip(partitions, deliveries, strict=True):
        if publishing.published(definition, partition, delivery, suite) is None:
            publishing.publish(definition, partition, delivery, suite)
