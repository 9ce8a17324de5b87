"""Recover lost requests and runs, and send alerts."""

from datetime import UTC, datetime, timedelta

from flows.declared_flow import own_flow
from leeway.lifecycle import retraining
from tasks.ask_for_retrain import ask_for_retrain
from tasks.care import mark_dead, start_crashed_again
from tasks.send_alerts import tell_people

LOST_AFTER = timedelta(minutes=2)  # a request is normally started within a moment
TAKEN_UP = ("nightly", "ingest", "score", "monitor", "backfill", "train")


@own_flow("sweep", "sweep")
def sweep(request: str | None = None) -> dict[str, str]:
    """Recover lost requests and runs, and send alerts.

    Retrain requests that were never started are started. Runs whose process died start again.

    Args:
        request: start only this request, at once.

    Returns:
        What was done, by the name of the run or the key of the request.
    """
    if request is not None:
        found = retraining.get(request)
        open_ = found.state in retraining.STARTABLE
        return {request: ask_for_retrain(found.classifier, request) if open_ else found.state}
    dead = mark_dead()
    again = start_crashed_again(TAKEN_UP)
    asked = {
        request.key: ask_for_retrain(request.classifier, request.key)
        for request in retraining.waiting(datetime.now(UTC) - LOST_AFTER)
    }
    tell_people(return_state=True)  # a failed alert is sent by the next sweep
    return dead | again | asked
