"""The supervisor that keeps services running.

It starts services in the order of their needs, restarts those that die, and stops each after those that need it.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from leeway.core.errors import StoreError
from leeway.operations.platform.die_with_parent import GRACE_SECONDS
from leeway.operations.platform.services import Service
from leeway.operations.platform.state import Unit

MAX_DEATHS = 5
WITHIN_SECONDS = 600.0
BACK_OFF = (1.0, 2.0, 4.0, 8.0, 16.0)
ASK_SECONDS = 15.0  # between two checks that a service still answers
SILENT_SECONDS = 180.0  # without an answer count as a hang; an overloaded machine may take long to answer
KEPT_LOG_BYTES = 10_000_000


@dataclass
class Kept:
    """One supervised service.

    Attributes:
        state: waiting, starting, up, restarting, gave up or stopped.
        since: when it entered this state, on the monotonic clock.
        deaths: the times of its recent deaths.
        asked: when it was last checked.
        heard: when it last answered, or when a service that it needs did not run.
    """

    service: Service
    log: Path
    state: str = "waiting"
    since: float = 0.0
    asked: float = 0.0
    heard: float = 0.0
    process: "subprocess.Popen[bytes] | None" = None
    deaths: list[float] = field(default_factory=list)
    restarts: int = 0
    said: str = ""
    up_since: str | None = None

    @property
    def unit(self) -> Unit:
        """The service's public state."""
        pid = self.process.pid if self.process and self.process.poll() is None else None
        service = self.service
        return Unit(service.name, service.title, self.state, service.url, pid, self.restarts, self.said, self.up_since)


class Supervisor:
    """Keeps services running.

    Call `tick` a few times a second.

    Args:
        services: each after the services that it needs.
        logs: the folder for one log file per service.
        tell: gets one line whenever a service changes its state.
    """

    def __init__(self, services: Iterable[Service], logs: Path, tell: Callable[[str], None]) -> None:
        self.kept = {service.name: Kept(service, logs / f"{service.name}.log") for service in services}
        self._tell = tell

    @property
    def units(self) -> dict[str, Unit]:
        """The public state of all services."""
        return {name: kept.unit for name, kept in self.kept.items()}

    @property
    def settled(self) -> bool:
        """Whether every service is up or given up."""
        return all(kept.state in ("up", "gave up") for kept in self.kept.values())

    def tick(self) -> bool:
        """Check every service once.

        Returns whether any service changed its state.
        """
        before = [kept.state for kept in self.kept.values()]
        now = time.monotonic()
        for kept in self.kept.values():
            self._look_after(kept, now)
        return before != [kept.state for kept in self.kept.values()]

    def stop(self) -> None:
        """Stop every service after those that need it; those that need nothing of each other at the same time."""
        left = list(reversed(self.kept.values()))
        while left:
            needed = {name for kept in left for name in kept.service.needs}
            free = [kept for kept in left if kept.service.name not in needed]
            with ThreadPoolExecutor(len(free)) as pool:
                list(pool.map(_end, free))
            for kept in free:
                self._set(kept, "stopped", "stopped")
            left = [kept for kept in left if kept.service.name in needed]

    def _look_after(self, kept: Kept, now: float) -> None:
        match kept.state:
            case "waiting" if any(self.kept[name].state == "gave up" for name in kept.service.needs):
                self._set(kept, "gave up", "given up: a service that it needs does not run")
            case "waiting" if all(self._is_there(name, kept.service) for name in kept.service.needs):
                self._start(kept)
            case "starting" if not _runs(kept):
                self._died(kept, now)
            case "starting" if kept.service.ready():
                self._set(kept, "up", f"up after {now - kept.since:.1f} s")
            case "starting" if now > kept.since + kept.service.seconds:
                self._died(kept, now, f"not ready after {kept.service.seconds:.0f} s")
            case "up" if not _runs(kept):
                self._died(kept, now)
            case "up" if now > kept.asked + ASK_SECONDS:
                self._ask(kept, now)
            case "restarting" if now > kept.since + BACK_OFF[min(len(kept.deaths), len(BACK_OFF)) - 1]:
                kept.restarts += 1
                self._set(kept, "waiting", "")

    def _is_there(self, name: str, service: Service) -> bool:
        return name in service.awaits or self.kept[name].state == "up"

    def _start(self, kept: Kept) -> None:
        try:
            kept.process = _spawn(kept.service, kept.log)
        except OSError as error:
            raise StoreError(
                f"starting {kept.service.name}",
                problem="its program is missing, or its log cannot be written",
                found=error.strerror or error,
                hint=f"free disk space, or correct the permissions of {kept.log.parent}",
            ) from error
        self._set(kept, "starting", "")

    def _ask(self, kept: Kept, now: float) -> None:
        """Restart a service that hangs.

        A service whose needs are not met cannot answer, and is not restarted.
        """
        kept.asked = now
        needs = [self.kept[name] for name in kept.service.needs]
        met = all(need.state == "up" and need.heard >= need.asked for need in needs)
        if kept.service.ready() or not met:
            kept.heard = now
        elif now > kept.heard + SILENT_SECONDS:
            self._died(kept, now, f"no answer for {now - kept.heard:.0f} s, though it runs")

    def _died(self, kept: Kept, now: float, why: str = "") -> None:
        code = kept.process.returncode if kept.process else None
        _end(kept)  # and its child processes
        kept.deaths = [*(death for death in kept.deaths if death > now - WITHIN_SECONDS), now]
        why = why or f"ended with {code}: {last_line(kept.log)}"
        if len(kept.deaths) >= MAX_DEATHS:
            text = f"given up after {MAX_DEATHS} ends within {WITHIN_SECONDS / 60:.0f} minutes: {why}; see {kept.log}"
            self._set(kept, "gave up", text)
        else:
            self._set(kept, "restarting", why)

    def _set(self, kept: Kept, state: str, said: str) -> None:
        kept.state = state
        kept.since = kept.asked = kept.heard = time.monotonic()
        kept.said = "" if state == "up" else said or kept.said
        kept.up_since = datetime.now(UTC).isoformat() if state == "up" else None
        if said:
            self._tell(f"{kept.service.name}: {state if state == 'restarting' else ''} {said}".replace(":  ", ": "))


def last_line(log: Path) -> str:
    """Return the last line of a log with text."""
    with suppress(OSError):
        lines = log.read_bytes()[-4000:].decode(errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")[:300]
    return ""


def _spawn(service: Service, log: Path) -> "subprocess.Popen[bytes]":
    if log.exists() and log.stat().st_size > KEPT_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as output:
        output.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(service.command)}\n".encode())
        output.flush()
        return subprocess.Popen(
            service.argv,
            stdin=subprocess.PIPE,  # when it ends, the service ends
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **service.environment},
            start_new_session=True,  # Ctrl-C goes to the supervisor only, which stops services in order
        )


def _runs(kept: Kept) -> bool:
    return kept.process is not None and kept.process.poll() is None


def _end(kept: Kept) -> None:
    """End a service's process group.

    SIGTERM first, then SIGKILL.
    """
    process = kept.process
    if process is None:
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
