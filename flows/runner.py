"""The process that carries out what is due: `python -m flows.runner`. It needs a Prefect server in `PREFECT_API_URL`."""

import asyncio
import signal
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.logging import get_logger
from prefect.runner import Runner

from flows import deployments
from leeway import catalog
from leeway.settings import settings

POLL_SECONDS = 2.0
LOOK_SECONDS = 15.0
QUICK_RUNS = 2


def main() -> None:
    """Apply the deployments, and run what is due until a signal ends it."""
    asyncio.run(_serve())


async def _serve() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    ids = await asyncio.to_thread(_apply)
    quick = {offer.name for offer in deployments.offers() if offer.quick}
    # Two, so that a sweep never waits behind the long runs that it looks after.
    runners = [
        _runner("leeway", settings().max_runs, {name: ids[name] for name in ids if name not in quick}),
        _runner("leeway-care", QUICK_RUNS, {name: ids[name] for name in quick}),
    ]
    async with asyncio.TaskGroup() as group:
        work = [group.create_task(_start(runner, webserver=runner is runners[0])) for runner in runners]
        work.append(group.create_task(_reapply()))
        await stop.wait()
        for task in work:
            task.cancel()


async def _start(runner: Runner, *, webserver: bool) -> None:
    await runner.start(webserver=webserver)


def _runner(name: str, limit: int, ids: dict[str, UUID]) -> Runner:
    runner = Runner(name=name, limit=limit, query_seconds=POLL_SECONDS, pause_on_shutdown=False)
    runner.last_polled = datetime.now(UTC)  # its health is asked for before it has first polled
    for full_name, deployment in ids.items():
        # `add_deployment` would apply its own idea of them.
        runner._deployment_registry.register_deployment(deployment, full_name.partition("/")[2])
    return runner


async def _reapply() -> None:
    """Apply the deployments again whenever a definition is new, gone or other than before."""
    before = deployments.fingerprint()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        now = deployments.fingerprint()
        if now != before:
            with suppress(Exception):
                await asyncio.to_thread(_apply)
                before = now


def _apply() -> dict[str, UUID]:
    catalog.load.cache_clear()
    with get_client(sync_client=True) as client:
        ids = deployments.apply(client)
    get_logger("leeway").info("%d deployments for %d classifiers", len(ids), len(catalog.names()))
    return ids


if __name__ == "__main__":
    main()
