"""What the platform does on events, as automations that a person sees in Prefect's pages and can pause there."""

from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from tasks.announce import BREACH

NAME = "leeway: a breach starts its retrain"
DESCRIPTION = (  # with the event, which Prefect's page calls "a custom trigger"
    f"On the event {BREACH}: has the retrain that the breach asks for carried out, should the night that told of it not have "
    "come to that."
)


def apply(client: SyncPrefectClient, deployments: dict[str, UUID]) -> None:
    """Make the automation where it is not there; one that a person has paused stays paused.

    It is a second way to the same run: what it starts asks with the request's key, as the night that files the request does.
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
