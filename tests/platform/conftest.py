"""One platform for all tests of this folder: `leeway up` itself, on the embedded database, with a toy classifier."""

import base64
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import leeway
from tests.conftest import TOY_MODEL, TOY_SUITE, forget

ROOT = Path(leeway.__file__).parents[1]
DAYS = 30
HELD = '''
import time
from pathlib import Path


def held(rows):
    """Wait while a test holds the source."""
    while (Path(__file__).parents[1] / "hold").exists():
        time.sleep(0.1)
    return rows

'''


@dataclass
class Platform:
    """A platform that runs, as a person at the keyboard and a browser see it."""

    root: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def home(self) -> Path:
        return self.root / ".leeway"

    @property
    def output(self) -> str:
        return (self.root / "up.log").read_text()

    def declare(self, name: str, **change: str) -> None:
        """Declare a classifier on the toy data."""
        model = HELD + TOY_MODEL.replace('path="data/*.csv"', 'path="data/*.csv", prepare=held')
        for old, new in change.items():
            model = model.replace(old, new)
        (self.root / "models" / f"{name}.py").write_text(model)
        (self.root / "expectations" / f"{name}.py").write_text(TOY_SUITE)

    def up(self, seconds: float = 150) -> None:
        """`leeway up`, until it says that it is."""
        with (self.root / "up.log").open("wb") as log:
            command = [sys.executable, "-m", "leeway", "up"]
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        self.until(lambda: "is up after" in self.output or self.process.poll() is not None, seconds)
        assert self.process.poll() is None, self.output

    def leeway(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """A command beside the platform."""
        command = [sys.executable, "-m", "leeway", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)

    @property
    def units(self) -> dict[str, dict[str, Any]]:
        return json.loads((self.home / "platform" / "state.json").read_text())["units"]

    def url(self, name: str) -> str:
        return self.units[name]["url"]

    @property
    def secret(self) -> str:
        """What stands in the file that `leeway up` names."""
        return (self.home / "platform" / "prefect-secret").read_text()

    def get(self, url: str) -> str:
        request = urllib.request.Request(url, headers=self.known(url))
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.read().decode()

    def known(self, url: str) -> dict[str, str]:
        """The headers by which Prefect's server, and nobody else, knows who asks."""
        if not url.startswith(f"{self.url('prefect')}/api"):
            return {}
        return {"Authorization": f"Basic {base64.b64encode(self.secret.encode()).decode()}"}

    def own(self, url: str) -> dict[str, str]:
        """The headers of who may also write."""
        token = json.loads(self.get(f"{self.url('prefect')}/api/csrf-token?client=a-test"))["token"]
        return {**self.known(url), "Prefect-Csrf-Token": token, "Prefect-Csrf-Client": "a-test"}

    def post(self, path: str, body: Any) -> Any:
        """Ask the Prefect server."""
        url = f"{self.url('prefect')}/api{path}"
        request = urllib.request.Request(
            url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json", **self.own(url)}
        )
        for _ in range(20):  # as Prefect's own client does: its SQLite may be busy
            try:
                with urllib.request.urlopen(request, timeout=20) as response:
                    return json.load(response)
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    raise
                time.sleep(0.5)
        raise TimeoutError(path)

    def deployment(self, name: str) -> dict[str, Any]:
        return next(item for item in self.post("/deployments/filter", {}) if item["name"] == name)

    def run(self, name: str, **parameters: Any) -> str:
        """Start a deployment, as its form does; the run's id."""
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return self.post(f"/deployments/{self.deployment(name)['id']}/create_flow_run", body)["id"]

    def runs(self, **wanted: Any) -> list[dict[str, Any]]:
        return self.post("/flow_runs/filter", {"flow_runs": wanted})

    def state(self, run: str) -> str:
        return json.loads(self.get(f"{self.url('prefect')}/api/flow_runs/{run}"))["state_name"]

    def wait(self, run: str, *states: str, seconds: float = 120) -> dict[str, Any]:
        """Wait until a run is in one of the states."""
        self.until(lambda: self.state(run) in states, seconds, lambda: f"{self.state(run)}, wanted {states}")
        return json.loads(self.get(f"{self.url('prefect')}/api/flow_runs/{run}"))

    def until(self, true: Any, seconds: float = 120, why: Any = lambda: "") -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, f"{why()}\n{self.output}"
            time.sleep(0.1)


def _rows(day: datetime, count: int = 60) -> pd.DataFrame:
    """One day of the toy stream: high amounts at the shop kind `b` tend to be bad."""
    rng = np.random.default_rng(int(day.timestamp()))
    amount, kind = rng.lognormal(2, 1, count).round(2), rng.choice(["a", "b", "c"], count)
    odds = -2 + 0.9 * (np.log(amount) - 2) + 1.5 * (kind == "b")
    return pd.DataFrame(
        {
            "id": [f"{day:%Y%m%d}-{number}" for number in range(count)],
            "at": [(day + timedelta(minutes=17 * number)).isoformat() for number in range(count)],
            "card": rng.choice([f"card{number}" for number in range(20)], count),
            "email": [f"someone{number}@example.com" for number in range(count)],
            "amount": amount,
            "kind": kind,
            "bad": (rng.random(count) < 1 / (1 + np.exp(-odds))).astype(int),
        }
    )


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """`leeway up`, with a toy classifier whose data end yesterday and that has no champion yet."""
    # Not in pytest's own folder: the server of a superuser runs as another user, who must get there.
    root = Path(tempfile.mkdtemp(prefix="leeway-platform-"))
    for folder in ("models", "expectations", "data"):
        (root / folder).mkdir()
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [_rows(today - timedelta(days=back)) for back in range(DAYS, 0, -1)]
    pd.concat(days).to_csv(root / "data" / "toy.csv", index=False)
    made = Platform(root)
    made.declare("toy")
    with to_be_run(made):
        made.up()
        yield made


@contextmanager
def to_be_run(made: Platform) -> Iterator[None]:
    """Commands are for this platform's folder; it is taken down and removed in the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEEWAY_HOME", str(made.home))
        patch.setenv("LEEWAY_PROJECT", str(made.root))
        for name in ("LEEWAY_DATABASE_URL", "LEEWAY_MLFLOW_DATABASE_URL", "PREFECT_API_URL", "PREFECT_HOME"):
            patch.delenv(name, raising=False)
        patch.delenv("PREFECT_API_AUTH_STRING", raising=False)
        patch.delenv("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", raising=False)
        patch.delenv("PREFECT_LOGGING_TO_API_ENABLED", raising=False)
        forget()
        try:
            yield
        finally:
            (made.root / "hold").unlink(missing_ok=True)
            made.leeway("down")
            if made.process is not None and made.process.poll() is None:
                made.process.kill()
            forget()
            shutil.rmtree(made.root, ignore_errors=True)


@pytest.fixture
def hold(platform: Platform) -> Iterator[Path]:
    """While this file is there, every run waits in the middle of reading its source."""
    path = platform.root / "hold"
    path.touch()
    yield path
    path.unlink(missing_ok=True)
