"""What the platform does on events, as automations that a person sees in Prefect's pages and can pause there."""

from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from tasks.announce import BREACH

NAME = "leeway: a breach starts its retrain"


def apply(client: SyncPrefectClient, deployments: dict[str, UUID]) -> None:
    """Make the automation where it is not there yet; one that a person has paused stays paused.

    It is a second way to the same run: what starts it has the request's key, as the night that files the request has.
    """
    if client.read_automations_by_name(NAME):
        return
    client.create_automation(
        AutomationCore(
            name=NAME,
            description="Has the request of a breach carried out, should the night that filed it not have come to it.",
            trigger=EventTrigger(
                expect={BREACH},
                match={"prefect.resource.id": "leeway.classifier.*"},
                for_each={"prefect.resource.id"},
                posture=Posture.Reactive,
                threshold=1,
            ),
            actions=[
                RunDeployment(
                    source="selected",
                    deployment_id=deployments["sweep/sweep"],
                    parameters={"request": "{{ event.payload.request }}"},
                )
            ],
        )
    )
