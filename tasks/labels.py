"""Take in labels from a separate source."""

from datetime import timedelta

from prefect import task

from leeway.definition import catalog
from leeway.ingest import label_source
from leeway.ingest.label_source import Labelled
from tasks.retries import policy


@task(task_run_name="labels", **policy(limit=timedelta(hours=1)))
def labels(classifier: str) -> Labelled:
    """Take in the labels that are newly known."""
    return label_source.take(catalog.load(classifier))
