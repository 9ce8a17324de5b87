"""Runs by processes that have imported everything already: each is forked from one that has, and does nothing else.

An interpreter that begins from nothing spends ten seconds of a processor on imports in every night.
"""

import atexit
import gc
import sys
import threading
from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerProcess
from typing import Any
from uuid import UUID

import anyio
from prefect.client.schemas.objects import FlowRun
from prefect.logging import get_logger

from flows import prefect_internals
from flows.cold_runner import OwnRunner
from flows.declared_flow import entrypoint
from leeway.operations.platform.processes import name_myself

#: What runs import sooner or later. None of it starts a thread of Python's, opens a connection or reads a definition.
PRELOADED = (
    "flows.deployments",
    "flows.automations",
    "flows.warm_runner",
    "alembic.command",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.model_registry.sqlalchemy_store",
    "adbc_driver_postgresql.dbapi",
    "great_expectations.expectations",
    "evidently.metrics",
    "skops.io",
)
GRACE_SECONDS = 5.0

_one = anyio.CapacityLimiter(1)  # a start looks at all processes that are there, and two must not read one's end
log = get_logger("runner")


class WarmRunner(OwnRunner):
    """A runner whose runs are forked, where the system forks well; else each begins as an interpreter of its own."""

    warm = False

    async def __aenter__(self) -> "WarmRunner":
        """Put our way of starting a run before Prefect's."""
        await super().__aenter__()
        changed = prefect_internals.changed()
        for line in changed:
            log.warning("runs begin as interpreters of their own: %s", line)
        if changed or not sys.platform.startswith("linux"):  # forks of macOS's own libraries may crash
            return self
        self.warm = True
        prefect_internals.replace_starter(self, lambda cold: _Warm(self, cold))
        prefect_internals.look_after_each_run(self)
        get_context("forkserver").set_forkserver_preload(list(PRELOADED))
        await anyio.to_thread.run_sync(forkserver.ensure_running)  # it imports while the first run is waited for
        return self

    def carries_out(self, run: UUID) -> bool:
        """Whether a run is at work here."""
        return run in prefect_internals.at_work(self) if self.warm else super().carries_out(run)

    def end_runs(self) -> None:
        """End the processes of its runs; those that were forked end with the task that waits for them."""
        if not self.warm:
            super().end_runs()


class _Warm:
    """How one run is started: by a fork."""

    def __init__(self, runner: WarmRunner, cold: prefect_internals.Starter) -> None:
        self._runner, self._cold = runner, cold

    async def start(self, flow_run: FlowRun, task_status: Any = anyio.TASK_STATUS_IGNORED) -> None:
        """Fork a process for a run, and wait for its end."""
        assert flow_run.deployment_id is not None, "it was found by its deployment"
        flow = self._runner.own[flow_run.deployment_id]
        variables = prefect_internals.environment_of(self._runner, flow_run.id, entrypoint(flow))
        process = get_context("forkserver").Process(target=carry_out, args=(str(flow_run.id), variables))
        try:
            await anyio.to_thread.run_sync(process.start, limiter=_one)  # at first, that waits for the imports
        except (OSError, EOFError) as error:
            log.warning("no process could be forked for %s (%s); it begins as one of its own", flow_run.name, error)
            prefect_internals.forget(self._runner, flow_run.id)
            await self._cold.start(flow_run, task_status)
            return
        task_status.started(prefect_internals.handle(process))
        try:
            await anyio.wait_readable(process.sentinel)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(_end, process, limiter=_one)


def _end(process: ForkServerProcess) -> None:
    """Take leave of a process, which may have to be ended first."""
    if process.is_alive():
        process.terminate()
        process.join(GRACE_SECONDS)
    if process.is_alive():
        process.kill()
    process.join()


def carry_out(run: str, variables: dict[str, str]) -> None:
    """Be the process of a run."""
    gc.freeze()  # what was imported is here to stay: no collection need look at it, which would copy it too
    name_myself(run)
    try:
        prefect_internals.be_engine(run, variables)
    finally:  # as an interpreter ends, which a forked process does without: first what threads have yet to send
        threading._shutdown()  # type: ignore[attr-defined]  # Python's own
        atexit._run_exitfuncs()
