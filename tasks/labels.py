"""Read the labels that come from a source of their own."""

from datetime import timedelta

from prefect import task

from leeway import catalog, labelling
from leeway.labelling import Labelled
from tasks.policy import policy


@task(task_run_name="labels", **policy(limit=timedelta(hours=1)))
def labels(classifier: str) -> Labelled:
    """Take in the labels that became known since the last time."""
    return labelling.take(catalog.load(classifier))
