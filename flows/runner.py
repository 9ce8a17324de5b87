"""The process that carries out what is due: `python -m flows.runner`. It needs a Prefect server in `PREFECT_API_URL`."""

import asyncio
import signal
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.logging import get_logger

from flows import deployments
from flows.automations import apply as apply_automations
from flows.cold_runner import OwnRunner
from flows.sweep import TAKEN_UP
from flows.warm_runner import WarmRunner
from leeway.core.settings import settings
from leeway.definition import catalog
from leeway.operations.platform import state
from tasks.care import mark_crashed, running, skip_late, start_crashed_again

POLL_SECONDS = 1.0
LOOK_SECONDS = 5.0
SERVER_SECONDS, AGAIN_SECONDS = 120.0, 0.3
QUICK_RUNS = 2

log = get_logger("runner")


def main() -> None:
    """Apply the deployments, and run what is due until a signal ends it."""
    _await_server()
    asyncio.run(_serve())


def _await_server() -> None:
    """Wait for Prefect's server, which begins at the same time; who waited in vain is told so by what comes next."""
    deadline = time.monotonic() + SERVER_SECONDS
    with get_client(sync_client=True) as client:
        while client.api_healthcheck() is not None and time.monotonic() < deadline:
            time.sleep(AGAIN_SECONDS)


async def _serve() -> None:
    stop = asyncio.Event()
    ids = await asyncio.to_thread(_apply)
    await asyncio.to_thread(_go_on, list(ids.values()))
    offers = deployments.offers()
    # Two, so that a sweep never waits behind the long runs that it looks after.
    runners = [
        await _runner("leeway", settings().max_runs, [offer for offer in offers if not offer.quick], ids),
        await _runner("leeway-care", QUICK_RUNS, [offer for offer in offers if offer.quick], ids),
    ]
    work: list[asyncio.Task[Any]] = [
        asyncio.create_task(runner.start(webserver=runner is runners[0])) for runner in runners
    ]
    work.append(asyncio.create_task(_reapply()))
    await asyncio.sleep(0)  # a runner puts its own handlers in place as it starts
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    asked = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([asked, *work], return_when=asyncio.FIRST_COMPLETED)
    at_work = await asyncio.to_thread(_at_work, list(ids.values()), runners)
    for task in work:  # not `Runner.stop`, which would cancel the runs: nobody would take them up again
        task.cancel()
    for runner in runners:
        runner.end_runs()
    await asyncio.gather(*work, return_exceptions=True)
    await asyncio.to_thread(_let_go, at_work)
    for task in done.difference([asked]):
        task.result()  # what ended it


async def _runner(name: str, limit: int, offers: list[deployments.Offer], ids: dict[str, UUID]) -> OwnRunner:
    kind = WarmRunner if settings().warm_runs else OwnRunner
    runner = kind(name=name, limit=limit, query_seconds=POLL_SECONDS, pause_on_shutdown=False)
    runner.last_polled = datetime.now(UTC)  # its health is asked for before it has first polled
    for offer in offers:
        await runner.take(offer.flow, ids[offer.name])
    return runner


async def _reapply() -> None:
    """Apply the deployments again whenever a definition is new, gone or other than before."""
    before = deployments.fingerprint()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        now = deployments.fingerprint()
        if now != before:
            try:
                await asyncio.to_thread(_apply)
                before = now
            except Exception as error:  # the server may be away for a moment: the next look tries again
                log.warning("the deployments could not be applied: %s", error)


def _apply() -> dict[str, UUID]:
    catalog.load.cache_clear()
    with get_client(sync_client=True) as client:
        ids = deployments.apply(client)
        apply_automations(client, ids)
    log.info("%d deployments for %d classifiers", len(ids), len(catalog.names()))
    return ids


def _go_on(ids: list[UUID]) -> None:
    """Take up what the platform left when it ended, and leave to the newest late run what the others were to do."""
    with get_client(sync_client=True) as client:
        if state.current() is not None:  # all runs are this machine's, and their runner has just begun
            for run in running(client, ids):
                mark_crashed(client, run.id, "its runner died")
        if skipped := skip_late(client, ids, datetime.now(UTC)):
            log.info("%d late runs are left to later ones", skipped)
    start_crashed_again.fn(TAKEN_UP)


def _at_work(ids: list[UUID], runners: list[OwnRunner]) -> list[FlowRun]:
    """The runs that this process carries out: those of another runner on the same server go on."""
    with get_client(sync_client=True) as client:
        return [run for run in running(client, ids) if any(runner.carries_out(run.id) for runner in runners)]


def _let_go(runs: list[FlowRun]) -> None:
    """Say of the runs that were ended that they were: the next platform takes them up again."""
    with get_client(sync_client=True) as client:
        for run in runs:
            mark_crashed(client, run.id, "the platform was stopped")


if __name__ == "__main__":
    main()
