"""Choose among challengers."""

from collections.abc import Sequence
from datetime import timedelta

from prefect import task

from leeway import catalog, challengers
from leeway.challengers import Choice
from tasks.policy import policy


@task(task_run_name="choose among {bundles}", **policy(limit=timedelta(hours=1)))
def choose(classifier: str, bundles: Sequence[str]) -> Choice:
    """Hold each challenger against the champion; the better one goes on."""
    return challengers.choose(catalog.load(classifier), bundles)
