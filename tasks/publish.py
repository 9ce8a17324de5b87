"""Publish an audited delivery."""

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
