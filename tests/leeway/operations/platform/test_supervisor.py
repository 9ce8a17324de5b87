"""Services that start, die, hang on and end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import leeway
from leeway.operations.platform import supervisor
from leeway.operations.platform.services import Service
from leeway.operations.platform.supervisor import MAX_DEATHS, Supervisor

ROOT = Path(leeway.__file__).parents[1]
LIVES = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(sys.argv[1], "w").write(f"{os.getpid()} {child.pid}")
time.sleep(600)
"""
DIES = "raise SystemExit('the disk is full')"


@pytest.fixture
def service(tmp_path, monkeypatch):
    """A service of a few lines; ready once it has written its ids."""
    monkeypatch.setattr(supervisor, "BACK_OFF", (0.01,))

    def make(name: str, text: str = LIVES, needs: tuple[str, ...] = (), awaits: tuple[str, ...] = ()) -> Service:
        (tmp_path / f"{name}_module.py").write_text(text)
        ids = tmp_path / f"{name}.ids"
        environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
        command = (f"{name}_module", str(ids))
        return Service(name, name, command, lambda: ids.exists(), needs=needs, awaits=awaits, environment=environment)

    return make


def _tick(kept: Supervisor, until) -> None:
    deadline = time.monotonic() + 60
    while not until():
        assert time.monotonic() < deadline, kept.units
        kept.tick()
        time.sleep(0.02)


def _ids(tmp_path: Path, name: str) -> list[int]:
    return [int(pid) for pid in (tmp_path / f"{name}.ids").read_text().split()]


def _gone(pids: list[int]) -> bool:
    """Whether they end: a signal takes a moment."""
    deadline = time.monotonic() + 5
    while any(_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(_alive(pid) for pid in pids)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_services_start_after_what_they_need_and_stop_before_it(service, tmp_path):
    told: list[str] = []
    kept = Supervisor([service("base"), service("over", needs=("base",))], tmp_path, told.append)
    kept.tick()
    assert [unit.state for unit in kept.units.values()] == ["starting", "waiting"]
    _tick(kept, lambda: kept.settled)
    processes = [*_ids(tmp_path, "base"), *_ids(tmp_path, "over")]
    assert all(_alive(pid) for pid in processes)
    kept.stop()
    assert told[-2:] == ["over: stopped", "base: stopped"]
    assert _gone(processes), "what a service had started must end with it"


def test_a_service_that_dies_is_started_again(service, tmp_path):
    kept = Supervisor([service("base")], tmp_path, lambda text: None)
    _tick(kept, lambda: kept.settled)
    first, child = _ids(tmp_path, "base")
    (tmp_path / "base.ids").unlink()
    os.kill(first, signal.SIGKILL)
    _tick(kept, lambda: (tmp_path / "base.ids").exists() and kept.units["base"].state == "up")
    assert kept.units["base"].restarts == 1
    assert _ids(tmp_path, "base")[0] != first
    assert _gone([child]), "what the dead one had started must not stay"
    kept.stop()


def test_a_service_that_awaits_what_it_needs_by_itself_starts_beside_it(service, tmp_path):
    services = [service("base"), service("over", needs=("base",), awaits=("base",))]
    kept = Supervisor(services, tmp_path, lambda text: None)
    kept.tick()
    assert [unit.state for unit in kept.units.values()] == ["starting", "starting"]
    _tick(kept, lambda: kept.settled)
    kept.stop()


def test_a_service_that_hangs_is_started_again_and_who_needs_it_is_left_alone(service, tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "ASK_SECONDS", 0.05)
    monkeypatch.setattr(supervisor, "SILENT_SECONDS", 0.5)
    told: list[str] = []
    kept = Supervisor([service("base"), service("over", needs=("base",))], tmp_path, told.append)
    _tick(kept, lambda: kept.settled)
    first, over = _ids(tmp_path, "base")[0], _ids(tmp_path, "over")[0]
    ids = [tmp_path / "base.ids", tmp_path / "over.ids"]
    for path in ids:
        path.rename(path.with_suffix(".away"))  # neither says that it is well
    _tick(kept, lambda: kept.units["base"].restarts == 1 and kept.units["base"].state == "up")
    ids[1].with_suffix(".away").rename(ids[1])
    assert any("base: restarting no answer for" in line for line in told)
    assert _gone([first])
    assert (_ids(tmp_path, "over")[0], kept.units["over"].restarts) == (over, 0)
    kept.stop()


def test_one_that_dies_again_and_again_is_given_up_with_its_last_words_and_the_rest_stays(service, tmp_path):
    told: list[str] = []
    services = [service("well"), service("ill", DIES), service("over", needs=("ill",))]
    kept = Supervisor(services, tmp_path, told.append)
    _tick(kept, lambda: kept.settled)
    states = {name: unit.state for name, unit in kept.units.items()}
    assert states == {"well": "up", "ill": "gave up", "over": "gave up"}
    assert kept.units["ill"].restarts == MAX_DEATHS - 1
    assert "the disk is full" in kept.units["ill"].said
    assert _alive(_ids(tmp_path, "well")[0])
    kept.stop()


def test_a_service_never_outlives_a_supervisor_that_is_killed(service, tmp_path):
    made = service("base")
    holder = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE); time.sleep(600)"
    started = subprocess.Popen(
        [sys.executable, "-c", f"import os; os.setsid(); {holder}", *made.argv],
        env={**os.environ, **made.environment},
        start_new_session=False,
    )
    deadline = time.monotonic() + 30
    while not made.ready() and time.monotonic() < deadline:
        time.sleep(0.05)
    processes = _ids(tmp_path, "base")
    started.kill()
    started.wait()
    while any(_alive(pid) for pid in processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _gone(processes)
