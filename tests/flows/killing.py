"""Run a flow in a process of its own that is killed at its n-th step. Imported by a fork server, so that a process is cheap.

A step ends before every commit of something written, before every file that is put in its place, and after every task.
"""

import gc
import json
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import prefect
import pytest
import sqlalchemy as sa
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_LOGGING_LEVEL,
    temporary_settings,
)

import flows.nightly
import flows.retrain
from flows.warm_runner import PRELOADED
from leeway.core import files
from leeway.core.errors import LeewayError
from leeway.definition import catalog
from leeway.evaluation import probes

FLOWS: dict[str, Callable[..., Any]] = {"nightly": flows.nightly.nightly, "retrain": flows.retrain.retrain}
ENVIRONMENT = ("LEEWAY_HOME", "LEEWAY_PROJECT", "LEEWAY_DATABASE_URL", "LEEWAY_MLFLOW_DATABASE_URL")


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        steps: how many there were, where it came to its end.
        error: the error that it ended with.
    """

    killed: bool = False
    steps: int = 0
    error: str = ""


def run(flow: str, *arguments: str, kill_at: int | None = None) -> Ended:
    """Run a flow in another process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.flows.killing", *PRELOADED])
    environment = {name: os.environ[name] for name in ENVIRONMENT}
    with tempfile.TemporaryDirectory() as folder:
        count = Path(folder) / "steps"
        target = (flow, arguments, kill_at, environment, PREFECT_API_URL.value(), count)
        process = context.Process(target=_child, args=target)
        process.start()
        process.join(120)
        if process.exitcode == -signal.SIGKILL:
            return Ended(killed=True)
        return Ended(**json.loads(count.read_text()))


def _child(
    flow: str, arguments: tuple[str, ...], kill_at: int | None, environment: dict[str, str], api: str, count: Path
) -> None:
    gc.freeze()  # no collection looks at what was imported, which would copy it
    os.environ.update(environment)
    catalog.load.cache_clear()
    score_here(pytest.MonkeyPatch())
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    _step(prefect.Task, "__call__", after=step)
    _step(files.os, "replace", before=step)
    written: set[int] = set()

    def write(connection: sa.Connection, cursor: Any, statement: str, *rest: Any) -> None:
        if not statement.lstrip().upper().startswith("SELECT"):
            written.add(id(connection))

    def commit(connection: sa.Connection) -> None:
        if id(connection) in written:
            written.discard(id(connection))
            step()

    sa.event.listen(sa.Engine, "before_cursor_execute", write)
    sa.event.listen(sa.Engine, "commit", commit)
    settings = {PREFECT_API_URL: api, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None, PREFECT_LOGGING_LEVEL: "CRITICAL"}
    with temporary_settings(settings):
        try:
            FLOWS[flow](*arguments)
            ended = Ended(steps=steps)
        except LeewayError as error:
            ended = Ended(error=f"{type(error).__name__}: {error}")
    count.write_text(json.dumps(asdict(ended)))


def score_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no gate begin another process, which takes seconds: whether that scores alike is asked elsewhere."""
    monkeypatch.setattr(probes, "score_afresh", lambda bundle, rows: bundle.score(rows))


def _step(owner: Any, name: str, *, before: Callable[[], None] = int, after: Callable[[], None] = int) -> None:
    original = getattr(owner, name)

    def stepped(*args: Any, **kwargs: Any) -> Any:
        before()
        result = original(*args, **kwargs)
        after()
        return result

    setattr(owner, name, stepped)
