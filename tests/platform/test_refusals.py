"""`leeway up` where it cannot be: one clear line, and nothing left running."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

import leeway
from leeway.store.database import Database
from leeway.store.migrate import migrate
from tests.conftest import TOY_MODEL, TOY_SUITE, forget

pytestmark = pytest.mark.timeout(300)
ROOT = Path(leeway.__file__).parents[1]


@pytest.fixture
def root() -> Iterator[Path]:
    """A project with a classifier; in a folder that the server of a superuser, which runs as another user, can get to."""
    folder = Path(tempfile.mkdtemp(prefix="leeway-refused-"))
    folder.chmod(0o755)
    for kind, text in (("models", TOY_MODEL), ("expectations", TOY_SUITE)):
        (folder / kind).mkdir()
        (folder / kind / "toy.py").write_text(text)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def leeway_in(root: Path, *arguments: str, before: tuple[str, ...] = (), **settings: str):
    """A command in a project of its own."""
    command = [*before, sys.executable, "-m", "leeway", *arguments]
    environment = environment_of(root, **settings)
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


def environment_of(root: Path, **settings: str) -> dict[str, str]:
    """For a command in a project of its own, whatever this process has."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("LEEWAY_", "PREFECT_"))}
    return (
        ours | {"LEEWAY_HOME": str(root / ".leeway"), "LEEWAY_PROJECT": str(root), "PYTHONPATH": str(ROOT)} | settings
    )


def refused(done: "subprocess.CompletedProcess[str]", *words: str) -> None:
    """It ended with 1 and one line that says all of this."""
    assert done.returncode == 1, done.stdout + done.stderr
    said = (done.stdout + done.stderr).strip()
    assert all(word in said for word in words), said
    assert len(said.splitlines()) == 1, said


def test_a_database_that_is_not_there(root):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen
        url = f"postgresql://me:secret-word@127.0.0.1:{closed.getsockname()[1]}/leeway"
        done = leeway_in(root, "up", LEEWAY_DATABASE_URL=url)
    refused(done, "PostgreSQL is not reachable", "LEEWAY_DATABASE_URL")
    assert "secret-word" not in done.stdout + done.stderr


def test_an_address_that_is_none(root):
    refused(leeway_in(root, "up", LEEWAY_DATABASE_URL="leeway.example"), "reading LEEWAY_DATABASE_URL", "does not read")


def test_a_database_of_a_newer_schema(root, server):
    url = server.set(database="newer")
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.execute(sa.text("CREATE DATABASE newer"))
    try:
        opened = Database(url)
        migrate(opened)
        with opened.transaction() as connection:
            connection.execute(sa.text("UPDATE leeway.alembic_version SET version_num = 'of next year'"))
        opened.engine.dispose()
        done = leeway_in(root, "up", LEEWAY_DATABASE_URL=url.render_as_string(hide_password=False))
        refused(done, "schema is newer than this version", "schema of next year", "upgrade Leeway")
    finally:
        forget()
        with admin.connect() as connection:
            connection.execute(sa.text("DROP DATABASE newer WITH (FORCE)"))


def test_a_disk_without_room(root):
    (root / ".leeway").mkdir()
    mount = f"mount -t tmpfs -o size=50m tmpfs {root / '.leeway'}"
    alone = ["unshare", "-rm", "sh", "-c"]
    if subprocess.run([*alone, mount], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let a test mount a small disk of its own")
    done = leeway_in(root, "up", before=(*alone, f'{mount} && exec "$@"', "sh"))
    refused(done, "less than 200 MiB of free space", "name another folder in LEEWAY_HOME")


def test_a_data_folder_that_is_a_file(root):
    (root / ".leeway").write_text("")
    refused(leeway_in(root, "up"), "cannot write to the data folder", "LEEWAY_HOME")


def test_a_schedule_that_is_none(root):
    model = TOY_MODEL.replace("    drift=", '    schedule=Schedule(cron="at night"),\n    drift=')
    (root / "models" / "toy.py").write_text(model)
    refused(leeway_in(root, "check", "toy"), "cron 'at night' is not a cron line", "for example '0 2 * * *'")


def test_two_at_the_same_moment_are_one(root):
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "leeway", "up"], env=environment_of(root), stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    try:
        deadline = time.monotonic() + 100
        while all(process.poll() is None for process in both) and time.monotonic() < deadline:
            time.sleep(0.1)
        other, platform = sorted(both, key=lambda process: process.poll() is None)
        assert other.returncode == 0
        assert other.stdout.read().startswith("the platform is up already")
        assert platform.poll() is None
    finally:
        leeway_in(root, "down")
        assert platform.wait(60) == 0
