"""Tell people what happened."""

from datetime import UTC, datetime, timedelta

from prefect import task

from leeway import alerts
from tasks.policy import policy


@task(task_run_name="tell people", **policy(limit=timedelta(minutes=5)))
def tell_people() -> list[str]:
    """Find what people are to be told of, and tell it once; returns the titles of the messages."""
    return alerts.look(datetime.now(UTC))
