"""The platform's process: start, supervise and stop services."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType

from leeway.core.errors import NotFound, StoreError
from leeway.core.settings import settings
from leeway.operations.platform import state
from leeway.operations.platform.services import choose_ports, services
from leeway.operations.platform.state import State
from leeway.operations.platform.supervisor import Supervisor

TICK_SECONDS = 0.2
FREE_MIB = 200
STOP_SECONDS = 90.0
Show = Callable[[State], None]


def run(tell: Callable[[str], None], show: Show) -> None:
    """Run the platform until a signal ends it.

    Args:
        tell: gets one line for each event.
        show: gets the state about once a second, and whenever a service changes its state.

    Raises:
        AlreadyRunning: another platform runs on this data folder.
        StoreError: the disk or the database refuses.
    """
    from leeway.store.database import database, mlflow_url

    _enough_room()
    with state.holding(), _signalled() as stop:
        now = State(os.getpid(), str(settings().home.absolute()), _project(), datetime.now(UTC))
        state.write(now)
        database()
        mlflow_url()
        ports = choose_ports()
        for port in ports.values():
            if port.said:
                tell(port.said)
        supervisor = Supervisor(services(ports), state.folder(), tell)
        try:
            shown = 0.0
            while not stop.is_set():
                changed = supervisor.tick()
                if changed:
                    ready = now.ready or supervisor.settled
                    now = State(now.pid, now.home, now.project, now.started_at, ready, supervisor.units)
                    state.write(now)
                if changed or time.monotonic() > shown + 1:
                    show(now)
                    shown = time.monotonic()
                stop.wait(TICK_SECONDS)
            tell("stopping")
        finally:
            supervisor.stop()
            for port in ports.values():
                port.leave()


def stop() -> bool:
    """Stop the platform of this data folder.

    Waits until it has ended.

    Returns:
        Whether one ran.

    Raises:
        StoreError: it does not end.
    """
    found = _current()
    if found is None:
        return False
    os.kill(found.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while state.is_held():
        if time.monotonic() > deadline:
            raise StoreError(
                "stopping the platform",
                problem=f"it has not ended within {STOP_SECONDS:.0f} s",
                found=f"process {found.pid} still runs",
                hint=f"read the logs in {state.folder()}, or end that process",
            )
        time.sleep(0.1)
    return True


def running(wait_seconds: float = 120.0) -> State | None:
    """Return the running platform, once it is ready.

    Raises:
        NotFound: it serves another project.
    """
    found = _current()
    if found is None:
        return None
    if found.project != _project():
        raise NotFound(
            "starting the platform",
            problem="the platform on this data folder serves another project",
            found=f"a platform for {found.project} runs in {found.home}",
            hint="stop it with `leeway down`, or name another folder in LEEWAY_HOME",
        )
    deadline = time.monotonic() + wait_seconds
    while found is not None and not found.ready and time.monotonic() < deadline:
        time.sleep(0.3)
        found = _current()
    return found


def _current() -> State | None:
    """Return the state of the platform with the lock.

    Waits a moment where it has not written its state yet.
    """
    for _ in range(20):
        found = state.current()
        if found is not None or not state.is_held():
            return found
        time.sleep(0.1)
    return None


def _project() -> str:
    return str(settings().project.absolute())


def _enough_room() -> None:
    folder = state.folder()
    free = shutil.disk_usage(folder).free / 2**20
    if free < FREE_MIB:
        raise StoreError(
            "starting the platform",
            problem=f"the data folder has less than {FREE_MIB} MiB of free space",
            found=f"{free:.0f} MiB in {folder}",
            hint="free disk space, or name another folder in LEEWAY_HOME",
        )


@contextmanager
def _signalled() -> Iterator[threading.Event]:
    """Yield an event that a signal to stop sets.

    The signals are SIGINT, SIGTERM and the end of the terminal.
    """
    asked = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        asked.set()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
