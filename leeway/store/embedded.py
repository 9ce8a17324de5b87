"""The embedded PostgreSQL: one server for each data folder, for as long as any process uses it.

A server is known by the folder that its process works in, as the system tells it. What `postmaster.pid` says is not enough: in
a copy of a data folder it names the server of the original.

Whoever uses a server holds a shared lock on a file in its folder, which the system drops however the process ends; who
gets the lock for itself at its end was the last, and stops the server. Only the folder's owner and root may connect: the
socket lies in a folder that nobody else may enter, and PostgreSQL asks the system who it is that connects.
"""

import atexit
import fcntl
import os
import re
import shlex
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg2
from sqlalchemy.engine import URL

from leeway.core.errors import StoreError
from leeway.store.embedded_files import (
    ALONE,
    DOING,
    ELSE,
    ROLE,
    USERS,
    Account,
    account_for,
    call,
    failed,
    guard,
    last_words,
    let_through,
    opened,
    prepare,
    said,
    told,
)

PORT = "5432"
PID, SOCKET = "postmaster.pid", f".s.PGSQL.{PORT}"
SOCKET_FOLDER = "leeway-pg-"
SOCKET_BYTES = 100  # of its path; the system takes 107, or 103
SAFE = re.compile(r"/[A-Za-z0-9_./-]*")  # a path that needs no quotes in an address or an option
START_SECONDS, STOP_SECONDS, LEFT_SECONDS = 300, 60, 10.0

_used: dict[tuple[int, int, int], int] = {}  # by process and folder, the open file that holds the shared lock


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    pid: int
    port: str
    sockets: Path

    @property
    def url(self) -> URL:
        """Its address."""
        query = {"host": str(self.sockets), "port": self.port}
        return URL.create("postgresql", username=ROLE, database="postgres", query=query)


def start(folder: Path) -> URL:
    """Use the server of a data folder, which is started where it does not run; until this process ends.

    Raises:
        StoreError: it does not start, or is not safe to use.
    """
    folder = folder.resolve()
    with told(folder), _alone(folder, account := account_for(folder)):
        prepare(folder, account)
        running = _running(folder)
        is_changed = guard(folder, account)
        if running is None:
            running = _launch(folder, account)
        elif is_changed:
            os.kill(running.pid, signal.SIGHUP)  # it was started by an older Leeway, which let everyone in
        _must_serve(running, folder, account)
        _use(folder, account)
    return running.url


def _use(folder: Path, account: Account) -> None:
    key = (os.getpid(), *_identity(folder))
    if key in _used:
        return
    _used[key] = opened(folder / USERS, account)
    fcntl.flock(_used[key], fcntl.LOCK_SH)
    atexit.register(_leave, folder, key, account)


def _leave(folder: Path, key: tuple[int, int, int], account: Account) -> None:
    """Stop the server at the end of the last process that uses it."""
    if os.getpid() != key[0]:
        return  # forked from it
    with suppress(OSError, StoreError), _alone(folder, account):
        os.close(_used.pop(key))
        if _identity(folder) != key[1:] or _is_used(folder, account):
            return
        running = _running(folder)
        if running is not None and _is_ours(folder):
            _stop(folder, account)
            _remove_sockets(running.sockets, account)


def _is_used(folder: Path, account: Account) -> bool:
    file = opened(folder / USERS, account)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def _is_ours(folder: Path) -> bool:
    """Tell whether the server was started by this module; an older Leeway counts its users in another way."""
    return "unix_socket_permissions=0700" in (folder / "postmaster.opts").read_text()


def _stop(folder: Path, account: Account) -> None:
    for mode in ("fast", "immediate"):
        command = ["pg_ctl", "stop", "-w", "-s", "-t", str(STOP_SECONDS), "-m", mode, "-D", str(folder)]
        if not call(folder, account, *command).returncode:
            return


def _running(folder: Path) -> Server | None:
    """Find the server of this folder, once it is ready."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        lines = _pid_lines(folder)
        if not lines or not _works_in(int(lines[0]), folder):
            return None
        if len(lines) >= 8 and lines[7] == "ready":
            return Server(int(lines[0]), lines[3], Path(lines[4]))
        if time.monotonic() > deadline:
            raise StoreError(
                DOING,
                problem=f"it is not ready after {START_SECONDS} s",
                found=said(folder) or "it may still recover from a crash",
                hint=f"read {folder / 'log'}, wait for it, then run this again",
            )
        time.sleep(0.05)


def _pid_lines(folder: Path) -> list[str]:
    """Read postmaster.pid: process, folder, start, port, sockets' folder, host, memory, state."""
    try:
        lines = [line.strip() for line in (folder / PID).read_text().splitlines()]
    except FileNotFoundError:
        return []
    return lines if lines and re.fullmatch(r"[1-9]\d*", lines[0]) else []


def _works_in(pid: int, folder: Path) -> bool:
    """Tell whether a process is a server's, and works in this folder, by whatever path."""
    try:
        process = psutil.Process(pid)
        place = Path(f"/proc/{pid}/cwd" if Path("/proc/self/cwd").exists() else process.cwd())
        return process.name().startswith("postgres") and place.samefile(folder)
    except (OSError, psutil.Error):
        return False


def _at_work(folder: Path) -> list[int]:
    return [pid for pid in psutil.pids() if _works_in(pid, folder)]


def _must_serve(running: Server, folder: Path, account: Account) -> None:
    """Make sure that who answers is the server of this folder."""
    if _is_ours(folder) and os.path.lexists(running.sockets):
        _must_be_private(running.sockets, account)
    try:
        with (
            closing(
                psycopg2.connect(
                    host=str(running.sockets), port=running.port, user=ROLE, dbname="postgres", connect_timeout=10
                )
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SHOW data_directory")
            served = str((cursor.fetchone() or ("",))[0])
    except psycopg2.Error as error:
        raise StoreError(
            DOING,
            problem=f"process {running.pid} serves {folder}, but does not answer",
            found=" ".join(str(error).split()),
            hint=f"end what uses it, and that process, then run this again; {ELSE}",
        ) from error
    with suppress(FileNotFoundError):
        if Path(served).samefile(folder):
            return
    raise StoreError(
        DOING,
        problem="the server that answers is not this folder's",
        found=f"it serves {served}, not {folder}",
        hint="end what uses the other folder, if this one was moved from there, then run this again",
    )


def _must_be_private(sockets: Path, account: Account) -> None:
    found = sockets.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == account.uid and not found.st_mode & 0o077:
        return
    raise StoreError(
        DOING,
        problem="others may enter the folder of its socket",
        found=f"{sockets}, {stat.filemode(found.st_mode)} of user {found.st_uid}",
        hint="end what uses this data folder, remove that folder, then run this again",
    )


def _launch(folder: Path, account: Account) -> Server:
    _make_way(folder, account)
    sockets = _sockets(folder, account)
    options = {
        "listen_addresses": "",
        "port": PORT,
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
    }
    text = shlex.join(part for name, value in options.items() for part in ("-c", f"{name}={value}"))
    log = folder / "log"
    before = log.stat().st_size if log.exists() else 0
    command = ["pg_ctl", "start", "-w", "-s", "-t", str(START_SECONDS), "-D", str(folder), "-l", str(log), "-o", text]
    done = call(folder, account, *command)
    running = _running(folder)  # also where another process, of an older Leeway, was faster
    if running is None:
        _remove_sockets(sockets, account)
        raise failed(folder, account, said(folder, before) or last_words(done.stdout))
    return running


def _make_way(folder: Path, account: Account) -> None:
    """Remove what a former server has left, once it is sure that none works here.

    What was copied with its folder names the original's server, and PostgreSQL would not start beside that.
    """
    deadline = time.monotonic() + LEFT_SECONDS
    while left := _at_work(folder):  # of a server that was killed; they end by themselves
        if time.monotonic() > deadline:
            raise StoreError(
                DOING,
                problem=f"another server works in {folder}, though its {PID} does not say so",
                found=f"processes {', '.join(map(str, left))}",
                hint="end them, then run this again",
            )
        time.sleep(0.1)
    if (folder / "global" / "pg_control").stat().st_nlink > 1:
        raise StoreError(
            DOING,
            problem="its files are hard links, which another folder shares",
            found=str(folder),
            hint="copy the folder without hard links",
        )
    lines = _pid_lines(folder)
    if len(lines) > 4 and not _lives(int(lines[0])):
        _remove_sockets(Path(lines[4]), account)
    for name in (PID, SOCKET, f"{SOCKET}.lock"):
        (folder / name).unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _sockets(folder: Path, account: Account) -> Path:
    """Choose the folder of the socket: the data folder, or one of its own where that has too long a path."""
    if _fits(folder):
        return folder
    base = next(path for path in (Path(tempfile.gettempdir()).resolve(), Path("/tmp")) if _fits(path / f"{'x' * 20}"))  # noqa: S108
    made = Path(tempfile.mkdtemp(prefix=SOCKET_FOLDER, dir=base))  # of mode 0700, and new
    if os.geteuid() == 0:
        os.chown(made, account.uid, account.gid)
        let_through(made, account)
    return made


def _fits(folder: Path) -> bool:
    path = str(folder / SOCKET)
    return len(path) <= SOCKET_BYTES and SAFE.fullmatch(path) is not None


def _remove_sockets(sockets: Path, account: Account) -> None:
    """Remove a folder that `_sockets` made."""
    with suppress(OSError):
        found = sockets.lstat()
        if sockets.name.startswith(SOCKET_FOLDER) and stat.S_ISDIR(found.st_mode) and found.st_uid == account.uid:
            shutil.rmtree(sockets, ignore_errors=True)


@contextmanager
def _alone(folder: Path, account: Account) -> Iterator[None]:
    """Be the one process that starts or stops the server of a folder."""
    file = opened(folder / ALONE, account)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _identity(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino
