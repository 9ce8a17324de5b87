"""Monitor a partition."""

from datetime import timedelta

from prefect import task

from leeway.definition import catalog
from leeway.definition.partitions import Partition
from leeway.monitoring import night
from leeway.monitoring.night import Monitored
from tasks.retries import policy


@task(task_run_name="monitor {partition}", **policy(limit=timedelta(hours=1)))
def monitor(classifier: str, partition: Partition) -> Monitored:
    """Compare the partition with the reference.

    Writes the report. A breach files a retrain request.
    """
    return night.run(catalog.load(classifier), partition)
