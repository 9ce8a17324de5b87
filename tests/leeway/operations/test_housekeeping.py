import os
import time

import pyarrow as pa
import pytest
import sqlalchemy as sa

from leeway.operations import housekeeping
from leeway.operations.housekeeping import housekeep
from leeway.store.database import database

DAY = 86_400


@pytest.fixture
def kept(project):
    """Write a file of a certain age; returns its path."""

    def write(path: str, days: float, size: int = 10):
        file = project.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * size)
        os.utime(file, (time.time() - days * DAY,) * 2)
        return file

    return write


def test_a_folder_of_parts_that_a_killed_process_left_behind_goes_whole(kept):
    part = kept("scored/toy/2026-01-01/.v1.parquet.0123abcd/0.parquet", 2, size=30)
    folder = part.parent
    os.utime(folder, (time.time() - 2 * DAY,) * 2)
    assert [(item.kind, item.bytes) for item in housekeep(dry_run=True)] == [("leftover", 30)]
    assert part.exists()
    housekeep(dry_run=False)
    assert not folder.exists()


def test_only_old_reports_and_what_a_killed_process_left_behind_go(kept):
    old = kept("reports/toy/2026-01-01.html", 91)
    left = kept("deliveries/toy/2026-01-01/.abc.parquet.0123abcd", 2)
    stay = [
        kept("reports/toy/2026-03-01.html", 89),
        kept("deliveries/toy/2026-01-01/abc.parquet", 400),
        kept("deliveries/toy/2026-01-01/.new.parquet.0123abcd", 0.1),  # being written now
        kept("snapshots/toy/abc.parquet", 400),
        kept("bundles/toy/abc/model.skops", 400),
    ]
    looked = housekeep(dry_run=True)
    assert [item.what for item in looked] == [str(old), str(left)]
    assert old.exists()
    assert left.exists()
    assert housekeep(dry_run=False) == looked
    assert not old.exists()
    assert not left.exists()
    assert all(path.exists() for path in stay)
    assert housekeep(dry_run=False) == []


def test_a_staging_table_goes_a_day_after_its_process_died(project):
    database().stage("toy_left", pa.table({"a": [1]}))
    assert housekeep(dry_run=False) == []
    later = time.time() + 2 * DAY
    assert [(item.kind, item.what) for item in housekeep(dry_run=True, now=later)] == [("staging table", "toy_left")]
    assert len(housekeep(dry_run=False, now=later)) == 1
    with database().transaction() as connection:
        assert sa.inspect(connection).get_table_names("staging") == []


def test_a_large_log_keeps_its_end_and_is_written_on(kept, monkeypatch):
    monkeypatch.setattr(housekeeping, "MAX_LOG_BYTES", 1000)
    monkeypatch.setattr(housekeeping, "KEPT_LOG_BYTES", 100)
    log, small = kept("platform/runner.log", 0, 2000), kept("platform/prefect.log", 0, 1000)
    with log.open("ab") as service:
        service.write(b"the last line\n")
        service.flush()
        assert [item.bytes for item in housekeep(dry_run=False)] == [2014 - 100]
        service.write(b"a new line\n")
    assert log.read_bytes().endswith(b"xthe last line\na new line\n")
    assert log.stat().st_size == 111
    assert small.stat().st_size == 1000
