"""Extract a partition from the source into a delivery."""

from datetime import timedelta

from prefect import task

from leeway import catalog, sources
from leeway.partitions import Partition
from tasks.policy import policy


@task(task_run_name="extract {partition}", **policy(limit=timedelta(hours=1)))
def extract(classifier: str, partition: Partition, take: bool = True) -> str:
    """Keep the source's rows for the partition; returns the delivery's hash.

    Args:
        take: look first for what has newly arrived.
    """
    return sources.deliver(catalog.load(classifier), partition, take=take)
