"""How other processes find a platform, and are not misled."""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from leeway.core.errors import AlreadyRunning, NotFound, StoreError
from leeway.core.settings import settings
from leeway.operations.platform import run, state
from leeway.operations.platform.due import next_night
from leeway.operations.platform.local import HOST, free_port, reserve_port
from leeway.operations.platform.services import choose_ports
from leeway.operations.platform.state import REPORTS, State, Unit


def _state(project) -> State:
    unit = Unit(REPORTS, "reports", "up", "http://127.0.0.1:1234")
    return State(os.getpid(), str(project.home), str(project.root), datetime.now(UTC), True, {REPORTS: unit})


def test_a_folder_that_cannot_be_written_is_told(project):
    project.home.mkdir(exist_ok=True)
    (project.home / "platform").symlink_to("/proc/self")  # where nobody can write, root included
    with (
        pytest.raises(StoreError, match=r"writing to the folder .*/platform: cannot write to the data folder"),
        state.holding(),
    ):
        pass


def test_a_platform_is_found_while_it_runs_and_not_after(project):
    assert state.current() is None
    with state.holding():
        assert state.is_held()
        assert state.current() is None  # it has not said anything yet
        written = _state(project)
        state.write(written)
        assert state.current() == written
        assert state.report_link("toy", "2026-03-01") == "http://127.0.0.1:1234/reports/toy/2026-03-01"
    assert state.current() is None
    assert state.report_link("toy", "2026-03-01") is None


def test_a_report_is_where_the_settings_say_whatever_runs_here(project, monkeypatch):
    monkeypatch.setenv("LEEWAY_REPORTS_URL", "https://reports.example.com/")
    settings.cache_clear()
    assert state.report_link("toy", "2026-03-01") == "https://reports.example.com/reports/toy/2026-03-01"
    with state.holding():
        state.write(_state(project))
        assert state.report_link("toy", "2026-03-01") == "https://reports.example.com/reports/toy/2026-03-01"


def test_only_one_platform_has_a_data_folder(project):
    with state.holding(), pytest.raises(AlreadyRunning, match="leeway down"), state.holding():
        pass
    with state.holding():
        pass


def test_what_a_power_cut_left_behind_does_not_look_alive(project):
    """The state file of a process that was killed says that it runs; its lock went with it."""
    script = (
        "import os, signal; from leeway.operations.platform import state\n"
        "from tests.leeway.operations.platform.test_state import _state\n"
        "from types import SimpleNamespace; from leeway.core.settings import settings\n"
        "held = state.holding(); held.__enter__()\n"
        "state.write(_state(SimpleNamespace(home=settings().home, root=settings().project)))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script], check=False)
    left = json.loads((project.home / "platform" / "state.json").read_text())
    assert left["ready"] is True
    assert state.current() is None
    assert run.running() is None
    assert run.stop() is False
    with state.holding():
        assert state.current() is None, "the next platform must not be taken for the one that was killed"


def test_a_copy_of_a_data_folder_does_not_take_the_originals_platform_for_its_own(project, monkeypatch):
    """`leeway down` in the copy would have ended it."""
    with state.holding():
        written = _state(project)
        state.write(written)
        for copy_function in (shutil.copy2, os.link):
            copy = project.root / f"copy by {copy_function.__name__}"
            shutil.copytree(project.home, copy, copy_function=copy_function)
            monkeypatch.setenv("LEEWAY_HOME", str(copy))
            settings.cache_clear()
            assert state.current() is None
            with (copy / "platform" / "lock").open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB) if copy_function is shutil.copy2 else None
                assert state.is_held()  # one of the copy's begins, and has not said anything yet
                assert state.current() is None
                assert run.stop() is False
        link = project.root / "link"
        link.symlink_to(project.home)
        monkeypatch.setenv("LEEWAY_HOME", str(link))
        settings.cache_clear()
        assert state.current() == written


def test_a_data_folder_that_was_moved_keeps_its_platform(project, monkeypatch):
    with state.holding():
        written = _state(project)
        state.write(written)
        moved = project.home.rename(project.root / "moved")
        monkeypatch.setenv("LEEWAY_HOME", str(moved))
        settings.cache_clear()
        assert state.current() == written
        moved.rename(project.home)


def test_a_platform_of_another_project_is_refused(project):
    with state.holding():
        found = _state(project)
        state.write(State(**{**vars(found), "project": "/elsewhere"}))
        with pytest.raises(NotFound, match=r"serves another project.*elsewhere"):
            run.running()


def test_a_port_that_is_taken_is_replaced_by_a_free_one():
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        number = taken.getsockname()[1]
        other = free_port(number)
        assert other != number
        with socket.socket() as free:
            free.bind((HOST, other))


def test_two_platforms_that_begin_at_the_same_moment_choose_different_ports():
    """Before either's services listen: each would ask the other's whether its own are well, and believe it."""
    one, other = choose_ports(), choose_ports()
    assert not {port.number for port in one.values()} & {port.number for port in other.values()}
    for port in (*one.values(), *other.values()):
        port.leave()
        number, mark = reserve_port(port.number)
        mark.close()
        assert number == port.number, "it is free again once the platform is gone"


def test_the_next_night_is_in_the_schedules_own_zone(project):
    from leeway.definition import Schedule

    berlin = Schedule(cron="15 3 * * *", timezone="Europe/Berlin")
    assert next_night(berlin, datetime(2026, 3, 28, 12, tzinfo=UTC)) == datetime(2026, 3, 29, 1, 15, tzinfo=UTC)
    assert next_night(berlin, datetime(2026, 1, 1, 12, tzinfo=UTC)) == datetime(2026, 1, 2, 2, 15, tzinfo=UTC)
