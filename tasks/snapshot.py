"""Take a training snapshot."""

from datetime import datetime, timedelta

from prefect import task

from leeway.dataset import snapshots
from leeway.definition import catalog
from tasks.retries import policy


@task(task_run_name="snapshot", **policy(limit=timedelta(hours=1)))
def snapshot(classifier: str, as_of: datetime) -> str:
    """Take a training snapshot; return its hash.

    It holds what was known as of a time.
    """
    return snapshots.take(catalog.load(classifier), as_of).hash
