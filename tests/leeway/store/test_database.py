import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from leeway.core.errors import AlreadyRunning, StoreError
from leeway.core.settings import settings
from leeway.store import database as store
from leeway.store.database import Database, database, drop_staged, tell_planner

ROOT = Path(__file__).parents[3]
ROWS = pa.table(
    {
        "id": pa.array(["a", "b", 'c%:"'], pa.string()),
        "n": pa.array([1.5, None, float("1e300")], pa.float64()),
        "t": pa.array([datetime(2026, 3, 1, 0, 0, 0, 1, tzinfo=UTC), None, None], pa.timestamp("us", tz="UTC")),
        "b": pa.array([True, None, False], pa.bool_()),
    }
)


def hold(name):
    """A process that holds a lock until it is killed."""
    code = f"""
        import time
        from leeway.store.database import database
        with database().lock({name!r}, "holding"):
            print("held", flush=True)
            time.sleep(100)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", dedent(code)], cwd=ROOT, env=os.environ.copy(), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_a_lock_has_one_holder_and_is_free_when_that_is_killed(project):
    process = hold("night toy")
    try:
        with (
            pytest.raises(AlreadyRunning, match=r"doing a night: one at a time .*another process"),
            database().lock("night toy", "doing a night"),
        ):
            pass
        with database().lock("night other", "doing another"):
            pass
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    deadline = time.monotonic() + 10
    while True:
        try:
            with database().lock("night toy", "doing a night"):
                break
        except AlreadyRunning:
            assert time.monotonic() < deadline, "the lock outlived its holder"
            time.sleep(0.05)


def test_a_lock_is_free_after_its_block_however_that_ended(project):
    def fail():
        with database().lock("x", "doing x"):
            raise RuntimeError

    for _ in range(2):
        with pytest.raises(RuntimeError):
            fail()


def test_a_lock_can_be_taken_again_at_once(project):
    for _ in range(100):
        with database().lock("x", "doing x"):
            pass


def test_a_connection_that_the_server_ends_within_a_lock_does_not_hide_what_the_block_did(project):
    end_others = sa.text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with database().lock("x", "doing x"), database().transaction() as connection:
        connection.execute(end_others)
    with database().lock("x", "doing x"):
        pass


@pytest.mark.parametrize("host", ["127.0.0.1:1", "no-such-host.invalid"])
def test_a_database_that_is_down_is_one_line_without_the_password(host):
    down = Database(make_url(f"postgresql://someone:secret@{host}/leeway"))

    def talk():
        with down.transaction():
            pass

    def lock():
        with down.lock("x", "doing x"):
            pass

    for use in (
        talk,
        lock,
        lambda: down.read(sa.select(sa.literal(1))),
        lambda: list(down.read_batches(sa.select(sa.literal(1)))),
        lambda: down.stage("x", ROWS),
    ):
        with pytest.raises(StoreError, match="PostgreSQL is not reachable") as caught:
            use()
        line = str(caught.value)
        assert "\n" not in line
        assert "secret" not in line
        assert "someone:***@" in line


@pytest.mark.parametrize(
    "url", ["nonsense", "postgresql://u:secret@h:port/d", "postgresql//u:secret@h/d", "mysql://u:secret@h/d"]
)
def test_an_address_that_is_none_is_one_line_without_the_password(monkeypatch, url):
    monkeypatch.setenv("LEEWAY_DATABASE_URL", url)
    settings.cache_clear()
    store.database.cache_clear()
    with pytest.raises(StoreError, match="LEEWAY_DATABASE_URL: it does not read postgresql://") as caught:
        database()
    assert "secret" not in str(caught.value)
    settings.cache_clear()


@pytest.mark.parametrize("form", ["table", "reader", "no rows"])
def test_staged_rows_are_those_that_are_read_back(project, form):
    rows = ROWS.slice(0, 0) if form == "no rows" else ROWS
    staged = database().stage("toy_2026", rows.to_reader() if form == "reader" else rows)
    query = sa.select(*staged.c).order_by(staged.c.id)
    assert database().read(query).to_pylist() == rows.to_pylist()
    batches = [row for batch in database().read_batches(query) for row in batch.to_pylist()]
    assert batches == rows.to_pylist()


def test_staging_again_replaces_and_dropping_leaves_nothing(project):
    database().stage("toy", ROWS)
    staged = database().stage("toy", ROWS.select(["id"]).slice(0, 1))
    with database().transaction() as connection:
        assert connection.execute(sa.select(sa.text("*")).select_from(staged)).all() == [("a",)]
        drop_staged(connection, staged)
        assert sa.inspect(connection).get_table_names("staging") == []


def test_a_staged_table_is_found_by_its_mark(project):
    staged = database().stage("toy", ROWS, mark="2026-03-02T00:00:00+00:00")
    assert database().staged("toy", "2026-03-02T00:00:00+00:00").c.keys() == staged.c.keys()
    assert database().staged("toy", "another") is None
    assert database().staged("nothing", "2026-03-02T00:00:00+00:00") is None


def test_bulk_rows_are_read_again_after_the_server_has_closed_its_sessions(project):
    staged = database().stage("toy", ROWS)
    closing = sa.text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
    )
    with database().transaction() as connection:
        connection.execute(closing)
    assert database().read(sa.select(staged.c.id)).num_rows == ROWS.num_rows


def test_parameters_of_a_read_arrive_as_they_are(project):
    staged = database().stage("toy", ROWS)
    for value in ("a", 'c%:"'):
        assert database().read(sa.select(staged.c.id).where(staged.c.id == value)).to_pylist() == [{"id": value}]
    moment = sa.column("t", sa.DateTime(timezone=True)) == datetime(2026, 3, 1, 0, 0, 0, 1, tzinfo=UTC)
    assert database().read(sa.select(staged.c.id).where(moment)).num_rows == 1


def test_a_transaction_that_fails_leaves_nothing(project):
    def fail():
        with database().transaction() as connection:
            connection.execute(sa.text("CREATE TABLE half (x int)"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database().transaction() as connection:
        assert sa.inspect(connection).get_table_names() == []


def test_a_statement_that_the_database_refuses_is_one_line(project):
    def ask():
        with database().transaction() as connection:
            connection.execute(sa.text("SELECT * FROM nowhere"))

    with pytest.raises(StoreError, match='relation "nowhere" does not exist') as caught:
        ask()
    assert "\n" not in str(caught.value)


def test_who_waits_for_a_lock_gets_it_when_it_is_free(project):
    process = hold("night toy")
    try:
        assert database().is_locked("night toy")
        assert not database().is_locked("night other")
        threading.Timer(1.0, process.kill).start()
        with database().lock("night toy", "doing a night", wait=timedelta(seconds=30)):
            assert database().is_locked("night toy")
        assert not database().is_locked("night toy")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize(("rows", "known"), [(2_000, True), (20, False)])
def test_the_planner_hears_of_many_rows_in_the_transaction_that_writes_them(project, rows, known):
    """It joined 45,000 predictions with as many labels one by one, because it took both tables for empty."""
    table = sa.Table("event", sa.MetaData(schema="toy"), sa.Column("id", sa.Integer))
    with database().transaction() as connection:
        connection.execute(sa.schema.CreateSchema("toy", if_not_exists=True))
        table.drop(connection, checkfirst=True)
        table.create(connection)
        fresh = sa.select(sa.func.generate_series(1, rows))
        written = connection.execute(sa.insert(table).from_select(["id"], fresh)).rowcount
        tell_planner(connection, table, written)
        size = sa.text("SELECT reltuples FROM pg_class WHERE oid = 'toy.event'::regclass")
        assert (connection.scalar(size) == rows) == known


def test_a_column_that_is_not_there_yet_is_named_and_not_the_connection(project):
    query = sa.select(sa.column("not_yet")).select_from(sa.text("leeway.batch"))
    with pytest.raises(StoreError, match=r"not what the definition declares .*not_yet.*ingest a partition"):
        database().read(query)
