"""Choose among challengers."""

from collections.abc import Sequence
from datetime import timedelta

from prefect import task

from leeway.definition import catalog
from leeway.evaluation import selection
from leeway.evaluation.selection import Choice
from tasks.retries import policy


@task(task_run_name="choose among {bundles}", **policy(limit=timedelta(hours=1)))
def choose(classifier: str, bundles: Sequence[str]) -> Choice:
    """Compare each challenger with the champion; choose the better."""
    return selection.choose(catalog.load(classifier), bundles)
