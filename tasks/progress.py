"""The progress of long work in Prefect's pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, create_table_artifact, update_progress_artifact
from prefect.exceptions import PrefectHTTPStatusError

from leeway.core.logs import logger

log = logger(__name__)

SHOWN = 500


def show_plan(classifier: str, span: str, steps: list[dict[str, str]], seconds: float | None) -> None:
    """Show the due steps and their estimated duration."""
    cost = "" if seconds is None else f", about {seconds / 60:.1f} minutes"
    with _may_fail():
        create_table_artifact(
            key=f"{_key(classifier)}-due", table=steps[:SHOWN], description=f"{span}: {len(steps)} steps are due{cost}"
        )


def begin_progress(classifier: str, span: str, work: str = "backfill") -> UUID | None:
    """Create a progress bar.

    None where the server does not take it: the work goes on without.
    """
    made = None
    with _may_fail():
        made = create_progress_artifact(progress=0.0, key=f"{_key(classifier)}-{work}", description=span)
    return made if isinstance(made, UUID) else None


def update_progress(artifact: UUID | None, done: int, total: int) -> None:
    """Update the progress bar in whole percents.

    A long backfill would otherwise write a line for every step.
    """
    if artifact is None or total == 0 or done * 100 // total == (done - 1) * 100 // total:
        return
    with _may_fail():
        update_progress_artifact(artifact_id=artifact, progress=float(done * 100 // total))


@contextmanager
def _may_fail() -> Iterator[None]:
    """Go on without the server's page: the work matters more."""
    try:
        yield
    except (httpx.TransportError, PrefectHTTPStatusError) as error:
        log.debug("Prefect's page does not show the progress: %s", error)


def _key(classifier: str) -> str:
    return classifier.replace("_", "-")  # artifacts know no underscore
