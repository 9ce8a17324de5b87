"""Send alerts to people."""

from datetime import UTC, datetime, timedelta

from prefect import task

from leeway import alerts
from tasks.retries import policy


@task(task_run_name="tell people", **policy(limit=timedelta(minutes=5)))
def tell_people() -> list[str]:
    """Send each due alert once; return the titles."""
    return alerts.look(datetime.now(UTC))
