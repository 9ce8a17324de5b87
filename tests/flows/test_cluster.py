"""A night and a backfill by two worker processes of which one is killed in the middle: the same rows as without."""

import os
import signal
import threading
import time
from datetime import timedelta

import pandas as pd
import pytest

from flows.backfill import backfill
from flows.nightly import nightly
from leeway.core.settings import settings
from leeway.scoring import batch_scoring
from tests.cluster import Cluster
from tests.flows.conftest import HISTORY_DAYS, START, rows
from tests.flows.test_killed import _forget_nights, _rows, _staged

PARTS = 40
pytestmark = pytest.mark.timeout(400)  # beside other tests


@pytest.fixture
def cluster(toy, tmp_path, monkeypatch):
    """Two workers of the toy's project, which everything is spread over from now on."""
    (tmp_path / "cluster").mkdir()
    started = Cluster(tmp_path / "cluster", workers=2)
    monkeypatch.setenv("LEEWAY_DASK_ADDRESS", started.address)
    monkeypatch.setenv("LEEWAY_SPREAD_ROWS", "1")
    settings.cache_clear()
    yield started
    started.close()


@pytest.fixture
def alone(monkeypatch):
    """Back to one process."""

    def without() -> None:
        monkeypatch.delenv("LEEWAY_DASK_ADDRESS")
        monkeypatch.setenv("LEEWAY_WORKERS", "1")
        settings.cache_clear()

    return without


class Killing(threading.Thread):
    """Kill one of the workers as soon as some files are there, and note how many there were."""

    def __init__(self, cluster, found, at_least):
        super().__init__(daemon=True)
        self.pids, self.found, self.at_least, self.seen = cluster.pids(), found, at_least, 0

    def run(self):
        deadline = time.monotonic() + 120
        while self.seen < self.at_least and time.monotonic() < deadline:
            time.sleep(0.005)
            self.seen = len(list(self.found()))
        os.kill(self.pids[0], signal.SIGKILL)


def _widen(project, night):
    """A night with thousands of rows."""
    day = START + timedelta(days=HISTORY_DAYS)
    many = rows(day, 4_000)
    many["at"] = [(day + timedelta(seconds=20 * number)).isoformat() for number in range(len(many))]
    many["amount"] = many["amount"].abs()
    path = project.root / "data" / "toy.csv"
    before = pd.read_csv(path)
    pd.concat([before[~before["at"].str.startswith(night)], many]).to_csv(path, index=False)


def _in_small_chunks(classifier, partition, whole=batch_scoring._chunks):
    for chunk in whole(classifier, partition):
        size = -(-chunk.num_rows // PARTS)
        yield from (chunk.slice(first, size) for first in range(0, chunk.num_rows, size))


def test_a_night_with_a_worker_killed_in_the_middle_has_the_same_rows(
    toy, prefect, night, project, cluster, alone, monkeypatch
):
    _widen(project, night(0))
    monkeypatch.setattr(batch_scoring, "PART_CHUNKS", 1)
    monkeypatch.setattr(batch_scoring, "_chunks", _in_small_chunks)
    folder, parts = settings().folder("scored", toy, night(0)), settings().folder("parts", toy)
    killing = Killing(cluster, lambda: parts.glob(f".{night(0)}-v1.*/*[0-9].parquet"), at_least=3)
    killing.start()
    done = nightly(toy, night(0))
    killing.join()
    assert 3 <= killing.seen < PARTS, "not in the middle"
    assert done.scored.rows == 4_000
    assert set(cluster.pids()) != set(killing.pids), "the worker was not killed"
    found, kept = _rows(toy, night(0)), (folder / "v1.parquet").read_bytes()
    assert [item.name for item in folder.iterdir()] == ["v1.parquet"]
    assert not _staged()

    _forget_nights(toy, night(0))
    alone()
    assert nightly(toy, night(0)).scored.rows == 4_000
    _assert_same(found, _rows(toy, night(0)))
    assert (folder / "v1.parquet").read_bytes() == kept


def test_a_backfill_by_a_cluster_of_which_a_worker_is_killed_or_by_processes_has_the_same_rows(
    toy, prefect, night, cluster, alone
):
    partitions = [night(number) for number in range(3)]
    deliveries = settings().folder("deliveries", toy)
    killing = Killing(cluster, lambda: (deliveries / partitions[1]).glob("*.parquet"), at_least=1)
    killing.start()
    done = backfill(toy, partitions[0], partitions[-1], dry_run=False)
    killing.join()
    assert (done.done, done.failed) == (9, {})
    assert set(cluster.pids()) != set(killing.pids), "the worker was not killed"
    by_cluster = {partition: _rows(toy, partition) for partition in partitions}

    _forget_nights(toy, night(0))
    alone()
    assert backfill(toy, partitions[0], partitions[-1], dry_run=False).done == 9
    for partition, found in by_cluster.items():
        _assert_same(found, _rows(toy, partition))

    _forget_nights(toy, night(0))
    assert backfill(toy, *partitions[:2], dry_run=False, concurrency=2).done == 6
    for partition in partitions[:2]:
        _assert_same(by_cluster[partition], _rows(toy, partition))


def _assert_same(found, expected):
    assert all(len(wanted) for table, wanted in expected.items() if table != "quarantine")
    for table, wanted in expected.items():
        pd.testing.assert_frame_equal(found[table], wanted, check_exact=True, obj=table)
