"""The platform's Prefect automations.

A person sees them in Prefect's pages and can pause them there.
"""

from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from tasks.emit_breach_event import BREACH

NAME = "leeway: a breach starts its retrain"
DESCRIPTION = (  # with the event, which Prefect's page calls "a custom trigger"
    f"On the event {BREACH}: starts the retrain that the breach requests, in case the night that found the breach did not "
    "start it."
)


def apply(client: SyncPrefectClient, deployments: dict[str, UUID]) -> None:
    """Create or update the automation.

    A paused automation stays paused. It is a second way to the same run: like the night that files the request, it uses the
    request's key.
    """
    sweep = deployments["sweep/sweep"]
    found = next(iter(client.read_automations_by_name(NAME)), None)
    if found is None:
        client.create_automation(_automation(sweep, enabled=True))
    elif found.description != DESCRIPTION or [getattr(action, "deployment_id", None) for action in found.actions] != [
        sweep
    ]:
        client.update_automation(found.id, _automation(sweep, enabled=found.enabled))


def _automation(sweep: UUID, *, enabled: bool) -> AutomationCore:
    return AutomationCore(
        name=NAME,
        description=DESCRIPTION,
        enabled=enabled,
        trigger=EventTrigger(
            expect={BREACH},
            match={"prefect.resource.id": "leeway.classifier.*"},
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[
            RunDeployment(source="selected", deployment_id=sweep, parameters={"request": "{{ event.payload.request }}"})
        ],
    )
