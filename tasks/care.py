"""Care for the platform's runs.

It goes by the present state of runs, never by events, which may be out of date.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect import task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.events.filters import EventFilter, EventNameFilter, EventOccurredFilter, EventResourceFilter
from prefect.states import Cancelled, Crashed

from leeway.operations.platform import state
from leeway.operations.platform.processes import process_of
from tasks.ask_for_retrain import start_again
from tasks.retries import policy

STALE = timedelta(minutes=4)  # eight heartbeats
TAKEN_UP_WITHIN = timedelta(days=3)
PAGE = 200
HEARTBEAT = "prefect.flow-run.heartbeat"


@task(task_run_name="find the dead", **policy(limit=timedelta(minutes=5)))
def mark_dead() -> dict[str, str]:
    """Mark runs whose process died as crashed.

    Returns:
        The reason, by run name.
    """
    now = datetime.now(UTC)
    if not _heard_long_enough(now):
        return {}
    with get_client(sync_client=True) as client:
        active = _runs(client, [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING])
        # A run with a process on this machine is alive, however long the server was down and heard nothing.
        dead = [run for run in active if process_of(str(run.id)) is None and _is_silent(client, run, now)]
        marked = [run for run in dead if mark_crashed(client, run.id, f"no sign of life for {STALE}")]
    return {run.name: "its process died" for run in marked}


@task(task_run_name="take up the crashed", **policy(limit=timedelta(minutes=5)))
def start_crashed_again(flows: tuple[str, ...]) -> dict[str, str]:
    """Restart recently crashed runs of these flows.

    The ledger has what they finished, which is skipped.
    """
    since = datetime.now(UTC) - TAKEN_UP_WITHIN
    with get_client(sync_client=True) as client:
        ours = [item.id for item in client.read_deployments() if item.name in flows]
        crashed = [run for run in _runs(client, [StateType.CRASHED], ours) if run.state and run.state.timestamp > since]
        again = [run for run in crashed if start_again(client, run, "taken up by sweep")]
    return {run.name: "started again" for run in again}


def mark_crashed(client: SyncPrefectClient, run: UUID, why: str) -> bool:
    """Mark an active run as crashed.

    Returns whether it was active.
    """
    now = client.read_flow_run(run).state
    if now is None or now.is_final() or now.is_scheduled():
        return False
    if now.is_cancelling():
        client.set_flow_run_state(run, Cancelled(message=why), force=True)
    else:
        client.set_flow_run_state(run, Crashed(message=why), force=True)
    return True


def skip_late(client: SyncPrefectClient, deployments: list[UUID], now: datetime) -> int:
    """Cancel late runs, except each schedule's newest.

    The newest run catches up on the others.

    Returns:
        How many were cancelled.
    """
    found = [
        run
        for run in _runs(client, [StateType.SCHEDULED], deployments)
        if run.auto_scheduled and run.expected_start_time and run.expected_start_time < now - timedelta(minutes=1)
    ]
    found.sort(key=lambda run: run.expected_start_time or now, reverse=True)
    kept: set[tuple[UUID | None, str]] = set()
    skipped = 0
    for run in found:
        schedule = (run.deployment_id, str(run.parameters))
        if schedule in kept:
            client.set_flow_run_state(run.id, Cancelled(name="Skipped", message="a later run catches up on it"))
            skipped += 1
        kept.add(schedule)
    return skipped


def running(client: SyncPrefectClient, deployments: list[UUID]) -> list[FlowRun]:
    """Return these deployments' active runs, by the server."""
    return _runs(client, [StateType.RUNNING, StateType.PENDING], deployments)


def _runs(client: SyncPrefectClient, states: list[StateType], deployments: list[UUID] | None = None) -> list[FlowRun]:
    wanted: dict[str, object] = {"state": {"type": {"any_": states}}}
    if deployments is not None:
        wanted["deployment_id"] = {"any_": deployments}
    found: list[FlowRun] = []
    while True:
        page = client.read_flow_runs(
            flow_run_filter=FlowRunFilter.model_validate(wanted),
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            limit=PAGE,
            offset=len(found),
        )
        found += page
        if len(page) < PAGE:
            return found


def _heard_long_enough(now: datetime) -> bool:
    """Return whether the server has heard all heartbeats.

    It must have been up for longer than `STALE`.
    """
    platform = state.current()
    unit = platform.units.get(state.PREFECT) if platform else None
    return unit is None or (unit.up_since is not None and now - datetime.fromisoformat(unit.up_since) > STALE)


def _is_silent(client: SyncPrefectClient, run: FlowRun, now: datetime) -> bool:
    last = run.state.timestamp if run.state else None
    if last is None or last > now - STALE:
        return False
    wanted = EventFilter(
        occurred=EventOccurredFilter(since=now - STALE),
        event=EventNameFilter(name=[HEARTBEAT]),
        resource=EventResourceFilter(id=[f"prefect.flow-run.{run.id}"]),
    )
    return not client.read_events(wanted, limit=1).events
