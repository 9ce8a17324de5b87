"""Announce a breach as a Prefect event."""

import uuid
from datetime import timedelta

from prefect import task
from prefect.events import emit_event

from tasks.retries import policy

BREACH = "leeway.breach"
NAMESPACE = uuid.UUID("6c1ad8a5-7f0e-5d0c-9a55-0d3a4b1c9e77")


@task(task_run_name="announce {request}", **policy(limit=timedelta(minutes=1)))
def announce(classifier: str, partition: str, request: str, state: str, why: str) -> None:
    """Emit the event of a breach.

    Its id follows from the request, so emitting it twice has no effect. An event may be lost; the request is stored in the
    database.
    """
    emit_event(
        BREACH,
        resource={"prefect.resource.id": f"leeway.classifier.{classifier}", "prefect.resource.name": classifier},
        payload={"classifier": classifier, "partition": partition, "request": request, "state": state, "why": why},
        id=uuid.uuid5(NAMESPACE, request),
    )
