"""A platform for the benchmarks: `leeway up` in a folder of its own, driven as its commands and its pages do."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psutil

from leeway.operations.platform.processes import process_of

ROOT = Path(__file__).parents[1]
NAMED = ("LEEWAY_DATABASE_URL", "LEEWAY_MLFLOW_DATABASE_URL", "LEEWAY_STORAGE_URL", "PREFECT_API_URL", "PREFECT_HOME")
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
PATIENCE_SECONDS = 600.0


class Platform:
    """What runs in a project's folder; it need not be up.

    Args:
        root: the folder, with `models/` and `expectations/`.
        settings: further variables of its processes.
    """

    def __init__(self, root: Path, **settings: str) -> None:
        self.root, self.home = root, root / ".leeway"
        kept = {name: value for name, value in os.environ.items() if name not in NAMED}
        here = {"LEEWAY_HOME": str(self.home), "LEEWAY_PROJECT": str(root), "PYTHONPATH": str(ROOT)}
        self.environment = kept | here | settings
        self.process: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(timeout=30, trust_env=False)

    def up(self) -> None:
        """`leeway up`, until every service is."""
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "leeway", "up"]
            self.process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env=self.environment, start_new_session=True
            )
        until(lambda: self.said("is up after") or not self.runs, "the platform to be up")
        if not self.runs:
            raise AssertionError(self.log.read_text())

    def down(self) -> None:
        """`leeway down`; whatever it leaves is killed."""
        self.command("down")
        if self.process is not None and self.runs:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    @property
    def log(self) -> Path:
        """What `leeway up` printed."""
        return self.root / "up.log"

    def said(self, text: str) -> bool:
        """Whether `leeway up` has printed this."""
        return text in self.log.read_text()

    @property
    def runs(self) -> bool:
        """Whether `leeway up` is still there."""
        return self.process is not None and self.process.poll() is None

    def command(self, *arguments: str, check: bool = False, **change: str) -> "subprocess.CompletedProcess[str]":
        """A command beside the platform.

        Args:
            check: that it ends with 0.
            change: other variables.
        """
        done = subprocess.run(
            [sys.executable, "-m", "leeway", *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
            env=self.environment | change,
        )
        if check and done.returncode:
            raise AssertionError(done.stderr)
        return done

    def unit(self, name: str) -> dict[str, Any]:
        """What the platform tells of a service."""
        found: dict[str, Any] = json.loads((self.home / "platform" / "state.json").read_text())["units"][name]
        return found

    def is_up(self, name: str) -> bool:
        """Whether a service is up."""
        with suppress(OSError, ValueError):
            return bool(self.unit(name)["state"] == "up")
        return False

    def orphans(self) -> list[int]:
        """Processes of Python's that were left behind here by whoever had started them."""
        return [
            process.pid
            for process in psutil.process_iter(["name", "ppid", "environ"])
            if process.info["ppid"] == 1
            and process.info["name"].startswith(("python", "run "))
            and (process.info["environ"] or {}).get("LEEWAY_HOME") == str(self.home)
        ]

    def ask(self, path: str, body: Any = None, *, post: bool = True) -> Any:
        """Ask the Prefect server, again while it is away or busy."""
        for _ in range(240):
            try:
                url = f"{self.unit('prefect')['url']}/api"
                name, _, password = (self.home / "platform" / "prefect-secret").read_text().partition(":")
                self._client.auth = (name, password)
                if post:
                    token = self._client.get(f"{url}/csrf-token?client=benchmark").raise_for_status().json()["token"]
                    known = {"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": "benchmark"}
                    answer = self._client.post(f"{url}{path}", json=body, headers=known)
                else:
                    answer = self._client.get(f"{url}{path}")
            except (httpx.HTTPError, OSError, ValueError):
                time.sleep(0.5)
                continue
            if answer.status_code != 503:
                answer.raise_for_status()
                return answer.json() if answer.content else None
            time.sleep(0.5)
        raise AssertionError(f"the Prefect server does not answer {path}")

    def start(self, flow: str, **parameters: Any) -> str:
        """Start a deployment, as its form does; the run's id."""
        deployment = next(item for item in self.ask("/deployments/filter", {}) if item["name"] == flow)
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return str(self.ask(f"/deployments/{deployment['id']}/create_flow_run", body)["id"])

    def run(self, run: str) -> dict[str, Any]:
        """What the server knows of a run."""
        found: dict[str, Any] = self.ask(f"/flow_runs/{run}", post=False)
        return found

    def cancel(self, run: str) -> None:
        """Cancel a run, as the button does."""
        self.ask(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})

    def wait(self, run: str, *states: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Wait until a run is in a state of one of these types; in a final one, where none are named."""
        wanted = states or ENDED
        until(lambda: self.run(run)["state_type"] in wanted, f"run {run} to be {' or '.join(wanted)}", seconds)
        return self.run(run)

    def tasks(self, run: str) -> list[dict[str, Any]]:
        """The task runs of a run, in their order: told by the server a moment late."""
        wanted = {"flow_runs": {"id": {"any_": [run]}}, "sort": "EXPECTED_START_TIME_ASC"}
        found: list[dict[str, Any]] = self.ask("/task_runs/filter", wanted)
        return found


@contextmanager
def platform(**settings: str) -> Iterator[Platform]:
    """A platform in a folder that is removed in the end, with all that was started in it."""
    # Not in a folder of this user alone: the server of a superuser runs as another user, who must get there.
    with tempfile.TemporaryDirectory(prefix="leeway-bench-") as folder:
        Path(folder).chmod(0o755)
        made = Platform(Path(folder), **settings)
        try:
            yield made
        finally:
            made.down()


def until(true: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS, pause: float = 0.1) -> None:
    """Wait for something."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s for {what}")
        time.sleep(pause)


def kill(run: str) -> bool:
    """Kill the process of a run at once, if there is one."""
    process = process_of(run)
    if process is not None:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
            return True
    return False


def moment(text: str) -> float:
    """Seconds since 1970 of a time as the server writes it."""
    return datetime.fromisoformat(text).timestamp()
