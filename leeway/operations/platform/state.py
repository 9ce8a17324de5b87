"""The state of the platform on this data folder.

A lock on a file says whether a platform runs. The system drops the lock with the process, so a crash or a power cut leaves no
lock behind. A state file beside it says where the services are, and which lock it goes with: a state file that was copied with
its data folder tells of the original's platform, and is not believed.
"""

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from leeway.core.errors import AlreadyRunning
from leeway.core.files import replacing
from leeway.core.logs import logger
from leeway.core.settings import settings
from leeway.operations.platform.local import answers

log = logger(__name__)

PREFECT, MLFLOW, REPORTS, RUNNER, DATABASE = "prefect", "mlflow", "reports", "runner", "database"
DASHBOARDS = "dashboards"


@dataclass(frozen=True)
class Unit:
    """The public state of one service.

    Attributes:
        state: waiting, starting, up, restarting, gave up or stopped.
        url: the address of its pages, if it has any.
        said: its last message, such as why it was restarted.
        up_since: when it came up, as an ISO time.
    """

    name: str
    title: str
    state: str
    url: str | None = None
    pid: int | None = None
    restarts: int = 0
    said: str = ""
    up_since: str | None = None


@dataclass(frozen=True)
class State:
    """A running platform.

    Attributes:
        ready: whether every service is up or given up.
    """

    pid: int
    home: str
    project: str
    started_at: datetime
    ready: bool = False
    units: dict[str, Unit] = field(default_factory=dict)

    def url(self, name: str) -> str | None:
        """Return a service's address, if it is up."""
        unit = self.units.get(name)
        return unit.url if unit and unit.state == "up" else None

    @property
    def prefect_api(self) -> str | None:
        """The Prefect API's address, if it answers."""
        url = self.url(PREFECT)
        return f"{url}/api" if url and answers(f"{url}/api/health") else None


def folder() -> Path:
    """Return the folder of state and logs."""
    return settings().folder("platform")


@contextmanager
def holding() -> Iterator[None]:
    """Hold the lock of the one platform here.

    Raises:
        AlreadyRunning: another platform runs on this data folder.
        StoreError: the data folder cannot be written.
    """
    with (settings().writable_folder("platform") / "lock").open("a") as file:
        for attempt in range(10):  # a process that only checks holds the lock for a moment
            if _try(file, fcntl.LOCK_EX):
                break
            time.sleep(0.1 if attempt < 9 else 0)
        else:
            raise AlreadyRunning(
                "starting the platform",
                problem="a platform runs on this data folder already",
                found=settings().home.absolute(),
                hint="use that one, stop it with `leeway down`, or name another folder in LEEWAY_HOME",
            )
        _path().unlink(missing_ok=True)  # left by a platform that was killed
        try:
            yield
        finally:
            _path().unlink(missing_ok=True)


def is_held() -> bool:
    """Return whether a platform runs on this data folder.

    One that starts or stops counts too.
    """
    path = settings().home.absolute() / "platform" / "lock"
    if not path.exists():
        return False
    with path.open("r") as file:
        return not _try(file, fcntl.LOCK_SH)


def write(state: State) -> None:
    """Write the state for other processes."""
    with replacing(_path(), "writing the platform's state") as beside:
        beside.write_text(json.dumps(asdict(state) | {"lock": _lock()}, default=datetime.isoformat))


def current() -> State | None:
    """Return the running platform's state.

    None where no platform runs, or where it has not written its state yet.
    """
    if not is_held():
        return None
    try:
        found: dict[str, Any] = json.loads(_path().read_text())
    except (OSError, ValueError) as error:
        log.debug("no state of the platform in %s: %s", _path(), error)
        return None
    if found.pop("lock", _lock()) != _lock() or _is_elsewhere(found["home"]):  # an older Leeway did not tell its lock
        return None
    units = {name: Unit(**unit) for name, unit in found.pop("units").items()}
    return State(**{**found, "started_at": datetime.fromisoformat(found["started_at"]), "units": units})


def report_link(name: str, partition: str) -> str | None:
    """Return a report's address for a browser.

    It is on the server that the settings name, else on the running platform.
    """
    state = current()
    url = settings().reports_url.rstrip("/") or (state.url(REPORTS) if state else None)
    return f"{url}/reports/{name}/{partition}" if url else None


def card_link(name: str, version: int) -> str | None:
    """Return a model card's address, like `report_link`."""
    state = current()
    url = settings().reports_url.rstrip("/") or (state.url(REPORTS) if state else None)
    return f"{url}/cards/{name}/{version}" if url else None


def _path() -> Path:
    return settings().home.absolute() / "platform" / "state.json"


def _lock() -> list[int]:
    """Tell which file holds the lock, by device and number."""
    found = _path().with_name("lock").stat()
    return [found.st_dev, found.st_ino]


def _is_elsewhere(home: str) -> bool:
    """Tell whether a data folder is there, and another than ours; one that is gone may be ours, moved."""
    with suppress(OSError):
        return not settings().home.samefile(home)
    return False


def _try(file: IO[str], kind: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(file, kind | fcntl.LOCK_NB)
        return True
    return False
