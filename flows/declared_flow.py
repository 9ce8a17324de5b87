"""How a flow of ours is declared, and how its run begins.

Its code is ours, whatever the server says: the runner hands each run its flow. A deployment that says otherwise was written by
somebody else, and its runs are refused.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from prefect import Flow, flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.context import FlowRunContext

from leeway.core.errors import Foreign
from leeway.operations.platform.processes import name_myself

P = ParamSpec("P")
R = TypeVar("R")

#: What a deployment may say of code, and none of ours does.
NOTHING_TO_SAY = (
    "pull_steps",
    "path",
    "storage_document_id",
    "infrastructure_document_id",
    "job_variables",
    "work_pool_name",
)


def own_flow(name: str, run_name: str | Callable[[], str]) -> Callable[[Callable[P, R]], Flow[P, R]]:
    """Declare a flow; a run of it that the platform started begins by `_begin`."""

    def declare(work: Callable[P, R]) -> Flow[P, R]:
        @wraps(work)
        def carry_out(*args: P.args, **kwargs: P.kwargs) -> R:
            _begin()
            return work(*args, **kwargs)

        return flow(name=name, flow_run_name=run_name)(carry_out)

    return declare


def entrypoint(flow: Flow[..., Any]) -> str:
    """Where a flow is: by its module, so that it is the same flow for whoever imports it."""
    return f"{flow.fn.__module__}.{flow.fn.__name__}"


def foreign(flow: Flow[..., Any], deployment: DeploymentResponse, run: FlowRun) -> dict[str, Any]:
    """Say what of a deployment and its run is not as we offer this flow, by its name there."""
    wanted = {"name": flow.name, "entrypoint": entrypoint(flow)}
    found = {name: getattr(deployment, name) for name, ours in wanted.items() if getattr(deployment, name) != ours}
    found |= {name: said for name in NOTHING_TO_SAY if (said := getattr(deployment, name, None))}
    return found | ({"job_variables of the run": run.job_variables} if run.job_variables else {})


def _begin() -> None:
    """Give the process its run's name, by which others find it, and hold the deployment against what we offer.

    Raises:
        Foreign: it is not ours.
    """
    context = FlowRunContext.get()
    if context is None or context.flow is None or context.flow_run is None:
        return
    flow, run = context.flow, context.flow_run
    if run.deployment_id is None:  # of a command, or within another run
        return
    with suppress(OSError):  # where there is no /proc
        name_myself(str(run.id))
    with get_client(sync_client=True) as client:
        found = foreign(flow, client.read_deployment(run.deployment_id), run)
    if found:
        raise Foreign(
            f"beginning a run of {flow.name}",
            problem="its deployment is not the one that Leeway offers: somebody has changed it",
            found=", ".join(f"{name} {said!r}" for name, said in found.items())[:300],
            hint="nothing of that was carried out; find out who did it, then start the runner again, which undoes it",
        )
