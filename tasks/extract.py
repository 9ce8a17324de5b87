"""Extract a partition from the source into a delivery."""

from datetime import timedelta

from prefect import task

from leeway import catalog, deliveries, sources
from leeway.partitions import Partition
from tasks.policy import policy


@task(task_run_name="extract {partition}", **policy(limit=timedelta(hours=1)))
def extract(classifier: str, partition: Partition) -> str:
    """Keep the source's rows for the partition; returns the delivery's hash."""
    return deliveries.write(classifier, partition, sources.extract(catalog.load(classifier), partition))
