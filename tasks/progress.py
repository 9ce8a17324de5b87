"""The progress of long work in Prefect's pages."""

from contextlib import suppress
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, create_table_artifact, update_progress_artifact
from prefect.exceptions import PrefectHTTPStatusError

SHOWN = 500


def show_plan(classifier: str, span: str, steps: list[dict[str, str]], seconds: float | None) -> None:
    """Show the due steps and their estimated duration."""
    cost = "" if seconds is None else f", about {seconds / 60:.1f} minutes"
    with suppress(httpx.TransportError, PrefectHTTPStatusError):
        create_table_artifact(
            key=f"{_key(classifier)}-due", table=steps[:SHOWN], description=f"{span}: {len(steps)} steps are due{cost}"
        )


def begin_progress(classifier: str, span: str, work: str = "backfill") -> UUID | None:
    """Create a progress bar.

    None where the server does not take it: the work goes on without.
    """
    with suppress(httpx.TransportError, PrefectHTTPStatusError):
        made = create_progress_artifact(progress=0.0, key=f"{_key(classifier)}-{work}", description=span)
        return made if isinstance(made, UUID) else None
    return None


def update_progress(artifact: UUID | None, done: int, total: int) -> None:
    """Update the progress bar in whole percents.

    A long backfill would otherwise write a line for every step.
    """
    if artifact is None or total == 0 or done * 100 // total == (done - 1) * 100 // total:
        return
    with suppress(httpx.TransportError, PrefectHTTPStatusError):
        update_progress_artifact(artifact_id=artifact, progress=float(done * 100 // total))


def _key(classifier: str) -> str:
    return classifier.replace("_", "-")  # artifacts know no underscore
