"""Score a partition."""

from datetime import timedelta

from prefect import task

from leeway.definition import catalog
from leeway.definition.partitions import Partition
from leeway.scoring import batch_scoring
from leeway.scoring.batch_scoring import ScoredPartition
from tasks.retries import policy


@task(task_run_name="score {partition}", **policy(limit=timedelta(hours=2)))
def score(classifier: str, partition: Partition) -> ScoredPartition:
    """Predict the partition's events with the champion."""
    return batch_scoring.score(catalog.load(classifier), partition)
