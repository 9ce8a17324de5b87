"""Extract a partition from the source into a delivery."""

from datetime import UTC, datetime, timedelta

from prefect import task

from leeway.definition import catalog
from leeway.definition.partitions import Partition
from leeway.ingest import sources
from leeway.ingest.sources import arrivals
from tasks.retries import policy


@task(task_run_name="extract {partition}", **policy(limit=timedelta(hours=1)))
def extract(classifier: str, partition: Partition, take: bool = True) -> str:
    """Store the partition's rows; return the delivery's hash.

    Args:
        take: first take in newly arrived rows.
    """
    return sources.deliver(catalog.load(classifier), partition, take=take)


@task(task_run_name="take in what has arrived", **policy(limit=timedelta(hours=3)))
def take(classifier: str) -> int:
    """Take in newly arrived batches; return their number."""
    return arrivals.take(catalog.load(classifier), datetime.now(UTC))
