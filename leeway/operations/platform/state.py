"""Whether a platform runs on this data folder, and where its services are.

A lock on a file says whether: the system drops it with the process, so a crash or a power cut leaves nothing behind that looks
alive. A state file beside it says where.
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
    """What is known of one service.

    Attributes:
        state: waiting, starting, up, restarting, gave up or stopped.
        url: where a person finds it, for those that have pages.
        said: the last thing worth telling, such as why it was restarted.
        up_since: since when it is up, as an ISO time.
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
    """A platform that runs.

    Attributes:
        ready: every service has been started, or given up.
    """

    pid: int
    home: str
    project: str
    started_at: datetime
    ready: bool = False
    units: dict[str, Unit] = field(default_factory=dict)

    def url(self, name: str) -> str | None:
        """Where a service is, if it is up."""
        unit = self.units.get(name)
        return unit.url if unit and unit.state == "up" else None

    @property
    def prefect_api(self) -> str | None:
        """The address of the Prefect server's API, if it is up and answers."""
        url = self.url(PREFECT)
        return f"{url}/api" if url and answers(f"{url}/api/health") else None


def folder() -> Path:
    """Where the platform keeps its state and its logs."""
    return settings().folder("platform")


@contextmanager
def holding() -> Iterator[None]:
    """Be the one platform on this data folder.

    Raises:
        AlreadyRunning: another one is.
    """
    with (folder() / "lock").open("a") as file:
        for attempt in range(10):  # who only looks holds it for a moment
            if _try(file, fcntl.LOCK_EX):
                break
            time.sleep(0.1 if attempt < 9 else 0)
        else:
            raise AlreadyRunning(
                "starting the platform",
                problem="one platform per data folder",
                found=f"one runs in {settings().home.absolute()}",
                hint="use it, stop it with `leeway down`, or name another folder in LEEWAY_HOME",
            )
        _path().unlink(missing_ok=True)  # of a platform that did not come to its own end
        try:
            yield
        finally:
            _path().unlink(missing_ok=True)


def is_held() -> bool:
    """Whether a platform runs on this data folder, be it on its way up or down."""
    path = settings().home.absolute() / "platform" / "lock"
    if not path.exists():
        return False
    with path.open("r") as file:
        return not _try(file, fcntl.LOCK_SH)


def write(state: State) -> None:
    """Tell other processes."""
    with replacing(_path(), "writing the platform's state") as beside:
        beside.write_text(json.dumps(asdict(state), default=datetime.isoformat))


def current() -> State | None:
    """The platform that runs on this data folder, if one does and has said where."""
    if not is_held():
        return None
    try:
        found: dict[str, Any] = json.loads(_path().read_text())
    except (OSError, ValueError) as error:
        log.debug("no state of the platform in %s: %s", _path(), error)
        return None
    units = {name: Unit(**unit) for name, unit in found.pop("units").items()}
    return State(**{**found, "started_at": datetime.fromisoformat(found["started_at"]), "units": units})


def report_link(name: str, partition: str) -> str | None:
    """Where a browser finds the report of a partition: at the address that the settings name, or on the platform that runs."""
    state = current()
    url = settings().reports_url.rstrip("/") or (state.url(REPORTS) if state else None)
    return f"{url}/reports/{name}/{partition}" if url else None


def card_link(name: str, version: int) -> str | None:
    """Where a browser finds the model card of a version; as `report_link`."""
    state = current()
    url = settings().reports_url.rstrip("/") or (state.url(REPORTS) if state else None)
    return f"{url}/cards/{name}/{version}" if url else None


def _path() -> Path:
    return settings().home.absolute() / "platform" / "state.json"


def _try(file: IO[str], kind: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(file, kind | fcntl.LOCK_NB)
        return True
    return False
