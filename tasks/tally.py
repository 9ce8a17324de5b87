"""Count the outcomes of decisions."""

from datetime import timedelta

from prefect import task

from leeway.definition import catalog
from leeway.definition.partitions import Partition
from leeway.monitoring import record_outcomes
from tasks.retries import policy


@task(task_run_name="tally with {partition}", **policy(limit=timedelta(hours=1)))
def tally(classifier: str, partition: Partition) -> list[str]:
    """Count outcomes of partitions whose labels are mature.

    Returns the partitions.
    """
    return record_outcomes.record_outcomes(catalog.load(classifier), partition)
