"""What we use of Prefect's inside, all of it here: its names may change with any release.

`changed` says which of them are not as they were; a test asks it, and so does the runner before it forks. The setting
`LEEWAY_WARM_RUNS=false` does without all of this.
"""

import inspect
import os
import runpy
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import anyio
import httpx
import prefect
from prefect.client.schemas.objects import FlowRun
from prefect.runner import Runner

#: Of the functions that we call or replace, the parameters that we count on.
SIGNATURES = {
    "prefect.runner._scheduled_run_poller:ScheduledRunPoller._submit_run": ("flow_run", "task_group", "slot_token"),
    "prefect.runner._scheduled_run_poller:ScheduledRunPoller._get_and_submit_flow_runs": ("task_group",),
    "prefect.runner._control_channel:ControlChannel.register": ("flow_run_id",),
    "prefect.runner._control_channel:ControlChannel.unregister": ("flow_run_id",),
    "prefect.runner._flow_run_executor:ProcessStarter.start": ("flow_run", "task_status"),
    # `leeway/cli/temporary_server.py` takes its place, and `flows/server.py` builds on the other.
    "prefect.server.api.server:SubprocessASGIServer.start": ("timeout",),
    "prefect.server.api.server:create_app": ("settings", "ephemeral", "webserver_only", "final", "ignore_cache"),
}
#: Of the modules that a run goes through, the words that we count on: variables of the environment have no signature.
WORDS = {
    "prefect.engine": ('__name__ == "__main__"', "sys.argv[1]", "configure_from_env()", "load_flow(flow_run)"),
    "prefect.flow_engine": ("PREFECT__FLOW_ENTRYPOINT", "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS"),
    "prefect.server.api.server": ("self.running", "self.server_process", "self.port"),
    "prefect._internal.control_listener": ("PREFECT__CONTROL_PORT", "PREFECT__CONTROL_TOKEN"),
}


class Starter(Protocol):
    """How one run is started; Prefect's `ProcessStarter`.

    It calls `task_status.started` with the handle of a process, and returns when that has ended.
    """

    async def start(self, flow_run: FlowRun, task_status: Any = anyio.TASK_STATUS_IGNORED) -> None:
        """Start it."""


def replace_starter(runner: Runner, wrap: Callable[[Starter], Starter]) -> None:
    """Have a runner start its runs in another way, which is given Prefect's own; the runner must have been entered.

    Uses `Runner._scheduled_run_poller`, and its `_resolve_starter`, which names the starter of each run.
    """
    poller: Any = runner._scheduled_run_poller
    resolve = poller._resolve_starter
    poller._resolve_starter = lambda flow_run: wrap(resolve(flow_run))


def look_after_each_run(runner: Runner) -> None:
    """Have a runner look for the next run as soon as one has ended.

    Uses `ScheduledRunPoller._submit_run`, which returns at a run's end, and `_get_and_submit_flow_runs`, which looks.
    """
    poller: Any = runner._scheduled_run_poller
    submit: Callable[..., Awaitable[None]] = poller._submit_run

    async def submit_and_look(*arguments: Any) -> None:
        await submit(*arguments)
        with suppress(httpx.HTTPError):  # the next look is soon
            await poller._get_and_submit_flow_runs()

    poller._submit_run = submit_and_look


def at_work(runner: Runner) -> set[UUID]:
    """The runs that a runner carries out.

    Uses `ScheduledRunPoller._submitting_flow_run_ids`, which holds a run until its process has ended.
    """
    poller: Any = getattr(runner, "_scheduled_run_poller", None)  # none, where the runner could not even start
    return set(poller._submitting_flow_run_ids) if poller else set()


def environment_of(runner: Runner, run: UUID, entrypoint: str) -> dict[str, str]:
    """The variables by which `prefect.engine` knows what to do.

    Uses `Runner._control_channel`, by which the run is told that it is cancelled before it is ended; and
    `PREFECT__FLOW_ENTRYPOINT`, with which the engine asks the server for no code.
    """
    variables = {
        "PREFECT__FLOW_RUN_ID": str(run),
        "PREFECT__FLOW_ENTRYPOINT": entrypoint,
        "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS": "false",  # the runner sees to them
    }
    with suppress(RuntimeError):  # a channel that could not be opened: the run is ended without a word
        port, token = runner._control_channel.register(run)
        variables |= {"PREFECT__CONTROL_PORT": str(port), "PREFECT__CONTROL_TOKEN": token}
    return variables


def forget(runner: Runner, run: UUID) -> None:
    """Undo what `environment_of` did for a run that has no process."""
    runner._control_channel.unregister(run)


def handle(process: Any) -> Any:
    """What Prefect knows a process by: `ProcessHandle`, which asks for `pid` and `exitcode`."""
    from prefect.runner._process_manager import ProcessHandle

    return ProcessHandle(process)


def be_engine(run: str, variables: dict[str, str]) -> None:
    """Be the process of a run, as `python -m prefect.engine` is."""
    os.environ.update(variables)
    sys.argv = ["prefect.engine", run]
    sys.modules.pop("prefect.engine", None)  # it is to be the main module, once
    runpy.run_module("prefect.engine", run_name="__main__", alter_sys=True)


def changed() -> list[str]:
    """Say what of all this is not as it was, each in a line that names what to look at."""
    checks = [
        *(lambda where=where, names=names: _signature(where, names) for where, names in SIGNATURES.items()),
        *(lambda module=module, words=words: _words(module, words) for module, words in WORDS.items()),
        _runner,
        _poller,
        _handle,
    ]
    found = []
    for check in checks:
        try:
            why = check()
        except Exception as error:  # a module or a name that is gone
            why = f"{type(error).__name__}: {error}"
        if why:
            found.append(f"Prefect {prefect.__version__}: {why}; see flows/prefect_internals.py")
    return found


def _signature(where: str, names: tuple[str, ...]) -> str:
    module, _, path = where.partition(":")
    found: Any = import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    parameters = tuple(name for name in inspect.signature(found).parameters if name != "self")
    return "" if parameters == names else f"{where} takes {parameters}, not {names}"


def _words(module: str, words: tuple[str, ...]) -> str:
    spec = find_spec(module)
    text = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
    gone = [word for word in words if word not in text]
    return f"{module} has no {gone}" if gone else ""


def _runner() -> str:
    channel = getattr(Runner(name="looked-at"), "_control_channel", None)
    if not (hasattr(channel, "register") and hasattr(channel, "unregister")):
        return "Runner has no _control_channel that registers runs"
    if "_scheduled_run_poller" not in Runner.__aenter__.__code__.co_names:
        return "Runner.__aenter__ makes no _scheduled_run_poller"
    return ""


def _poller() -> str:
    from prefect.runner._scheduled_run_poller import ScheduledRunPoller

    given: dict[str, Any] = dict.fromkeys(inspect.signature(ScheduledRunPoller).parameters)
    poller = ScheduledRunPoller(**given)
    gone = [name for name in ("_resolve_starter", "_submitting_flow_run_ids") if not hasattr(poller, name)]
    if gone:
        return f"ScheduledRunPoller has no {gone}"
    uses = ScheduledRunPoller._submit_run.__code__.co_names
    return "" if "_resolve_starter" in uses else "ScheduledRunPoller._submit_run does not ask _resolve_starter"


def _handle() -> str:
    class EndedProcess:
        pid, exitcode = 1, 3

    found = handle(EndedProcess())
    return "" if (found.pid, found.returncode) == (1, 3) else "ProcessHandle takes no pid and exitcode of a process"
