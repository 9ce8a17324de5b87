"""Monitor a partition."""

from datetime import timedelta

from prefect import task

from leeway import catalog
from leeway.monitoring import night
from leeway.monitoring.night import Monitored
from leeway.partitions import Partition
from tasks.policy import policy


@task(task_run_name="monitor {partition}", **policy(limit=timedelta(hours=1)))
def monitor(classifier: str, partition: Partition) -> Monitored:
    """Hold the partition against the reference, write the report, and on a breach file a retrain request."""
    return night.run(catalog.load(classifier), partition)
