"""Start a retrain on the platform."""

from datetime import timedelta

from prefect import task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.states import Scheduled

from tasks.retries import policy

DEPLOYMENT = "retrain/retrain"
MAX_STARTS = 3  # of one run, each but the first after its process died


def is_offered() -> bool:
    """Return whether this run's server carries out retrains.

    It does where it is no private server and has the deployment.
    """
    if not PREFECT_API_URL.value():
        return False
    with get_client(sync_client=True) as client:
        try:
            client.read_deployment_by_name(DEPLOYMENT)
        except ObjectNotFound:
            return False
    return True


@task(task_run_name="ask for retrain {request}", **policy(limit=timedelta(minutes=2)))
def ask_for_retrain(classifier: str, request: str) -> str:
    """Start the one run of a retrain request.

    However often it is called, there is only one run.

    Returns:
        "started again", or the name of the run's state.
    """
    run = run_deployment(
        DEPLOYMENT,
        parameters={"classifier": classifier, "request": request},
        flow_run_name=f"{classifier} retrain {request}",
        idempotency_key=request,
        timeout=0,
        as_subflow=False,
    )
    assert isinstance(run, FlowRun)
    with get_client(sync_client=True) as client:
        # Where the run's process died, the key leads to that run, which must start again.
        again = start_again(client, run, "the request is still open")
    return "started again" if again else str(run.state_name)


def start_again(client: SyncPrefectClient, run: FlowRun, why: str) -> bool:
    """Start a failed run again, up to a limit.

    Its present state decides. Returns whether it was started.
    """
    now = client.read_flow_run(run.id)
    if now.state is None or not (now.state.is_crashed() or now.state.is_failed()) or now.run_count >= MAX_STARTS:
        return False
    client.set_flow_run_state(now.id, Scheduled(name="AwaitingRetry", message=why))
    return True
