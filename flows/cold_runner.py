"""A runner of our own flows, by what Prefect's `Runner` has in public."""

import multiprocessing
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.deployments.runner import RunnerDeployment
from prefect.runner import Runner
from prefect.types.entrypoint import EntrypointType

from leeway.operations.platform.processes import process_of


class Applied(RunnerDeployment):
    """A deployment that is on the server already: nothing is written to it.

    Attributes:
        id: its id there.
    """

    id: UUID

    async def aapply(self, *_: Any, **__: Any) -> UUID:
        """Say which one it is."""
        return self.id


class OwnRunner(Runner):
    """A runner that holds its flows: whatever the server says of their code is never asked for.

    Each run begins as an interpreter of its own that is handed the flow. Prefect's hooks take the flow from here too.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.own: dict[UUID, Flow[..., Any]] = {}

    async def take(self, flow: Flow[..., Any], deployment: UUID) -> None:
        """Carry out the runs of a deployment, with this flow."""
        self.own[deployment] = flow
        await self.aadd_flow(flow, name=flow.name, entrypoint_type=EntrypointType.MODULE_PATH)

    async def aadd_deployment(self, deployment: RunnerDeployment) -> UUID:
        """Register a deployment as it is on the server; Prefect would apply its own idea of it."""
        id = next(id for id, flow in self.own.items() if flow.name == deployment.flow_name)
        return await super().aadd_deployment(Applied(name=deployment.name, flow_name=deployment.flow_name, id=id))

    def carries_out(self, run: UUID) -> bool:
        """Whether a run is at work here."""
        return process_of(str(run)) is not None

    def end_runs(self) -> None:
        """End the processes of its runs, which it would wait for."""
        for process in multiprocessing.active_children():
            process.terminate()
