"""The platform while things are killed under it; `benchmarks/chaos.py` does this at length. In the order of `test_up.py`."""

import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from leeway.lifecycle import registry
from leeway.operations.platform.processes import process_of
from leeway.store.database import database

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("platform")]
NIGHT = (datetime.now(UTC) - timedelta(days=1)).date()
ENDED = ("Completed", "Failed", "Crashed", "Cancelled")


@pytest.fixture
def champion(platform) -> int:
    """The version that scores; of the first night, where there was none yet."""
    if registry.champion("toy") is None:
        assert (
            platform.wait(platform.run("nightly", classifier="toy"), *ENDED, seconds=200)["state_name"] == "Completed"
        )
    return registry.champion("toy").version


def _contents() -> list[tuple[object, ...]]:
    """What the database has of the toy, but for when and how it got there."""
    asked = (
        "SELECT event_id, partition, amount, kind, superseded_at IS NULL FROM toy.event ORDER BY 1, 5",
        "SELECT event_id, version, partition, score, decision FROM toy.prediction ORDER BY 1, 2",
        "SELECT partition, version, verdict, rows FROM leeway.monitoring WHERE classifier = 'toy' ORDER BY 1",
        "SELECT partition, stage, status FROM leeway.partition WHERE classifier = 'toy' ORDER BY 1, 2",
    )
    with database().transaction() as connection:
        return [tuple(row) for query in asked for row in connection.execute(sa.text(query))]


def test_a_backfill_that_is_killed_is_taken_up_and_leaves_the_same_rows_and_no_process(platform, champion, hold):
    asked = {"classifier": "toy", "first": f"{NIGHT - timedelta(days=3)}", "last": f"{NIGHT}", "which": "all"}
    hold.unlink()
    platform.wait(platform.run("backfill", **asked, dry_run=False), "Completed")
    before = _contents()
    hold.touch()
    run = platform.run("backfill", **asked, dry_run=False, concurrency=2)
    platform.wait(run, "Running")
    platform.until(lambda: len(_workers(platform)) == 2)
    workers = _workers(platform)
    os.kill(process_of(run), signal.SIGKILL)
    platform.wait(run, "Crashed")
    platform.until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), 20)
    hold.unlink()
    platform.wait(platform.run("sweep"), "Completed")
    platform.wait(run, "Completed")
    assert _contents() == before


def test_a_night_whose_database_dies_waits_or_says_so_in_a_line_and_the_next_completes_it(platform, champion, hold):
    before = _contents()
    run = platform.run("nightly", classifier="toy", partition=f"{NIGHT}")
    platform.wait(run, "Running")
    platform.until(lambda: process_of(run))
    time.sleep(2)  # it is in the middle of its first step
    restarts = platform.units["database"]["restarts"]
    os.kill(int((platform.home / "postgres" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    hold.unlink()
    done = platform.wait(run, *ENDED)
    if done["state_name"] != "Completed":
        assert "PostgreSQL is not reachable" in done["state"]["message"]
        assert len(done["state"]["message"].strip().splitlines()) == 1
    platform.until(lambda: platform.units["database"]["restarts"] > restarts, 60)
    platform.until(lambda: platform.units["database"]["state"] == "up", 60)
    platform.wait(platform.run("nightly", classifier="toy", partition=f"{NIGHT}"), "Completed")
    assert _contents() == before


def test_a_night_goes_on_while_prefects_server_is_started_again(platform, champion, hold):
    run = platform.run("nightly", classifier="toy", partition=f"{NIGHT}")
    platform.wait(run, "Running")
    restarts = platform.units["prefect"]["restarts"]
    os.kill(platform.units["prefect"]["pid"], signal.SIGKILL)
    hold.unlink()
    platform.until(lambda: platform.units["prefect"]["restarts"] > restarts, 60)
    platform.until(lambda: platform.units["prefect"]["state"] == "up", 60)
    assert platform.wait(run, *ENDED)["state_name"] == "Completed"
    assert all(unit["state"] == "up" for unit in platform.units.values())


def test_a_run_whose_runner_died_is_taken_up_by_the_next_one_at_once(platform, champion, hold):
    run = platform.run("ingest", classifier="toy", partition=f"{NIGHT}")
    platform.wait(run, "Running")
    platform.until(lambda: process_of(run))
    process = process_of(run)
    os.kill(platform.units["runner"]["pid"], signal.SIGKILL)
    platform.until(lambda: not Path(f"/proc/{process}").exists(), 20)
    hold.unlink()
    platform.wait(run, "Completed", seconds=60)


def _workers(platform) -> list[int]:
    """The processes that partitions of a backfill are spread over."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command, variables = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
        except OSError:
            continue
        if b"spawn_main" in command and f"LEEWAY_HOME={platform.home}".encode() in variables:
            found.append(int(entry.name))
    return found
