"""Register a challenger."""

from datetime import timedelta

from prefect import task

from leeway.lifecycle import registry
from tasks.retries import policy


@task(task_run_name="register", **policy(limit=timedelta(minutes=30)))
def register(classifier: str, bundle: str) -> int:
    """Give a bundle its version in the registry."""
    return registry.register(classifier, bundle)
