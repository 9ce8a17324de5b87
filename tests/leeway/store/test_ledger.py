import pytest

from leeway.core.errors import StoreError
from leeway.definition import grains
from leeway.definition.partitions import Partition
from leeway.store import ledger
from leeway.store.database import database

DAY = Partition.parse("2026-03-01", grains.DAY)


def record(partition=DAY, stage="ingest", name="toy", **changes):
    given = {"status": "done", "input": {"delivery": "d"}, "output": {"rows": 1}}
    with database().transaction() as connection:
        ledger.record(connection, name, partition, stage, **{**given, **changes})


def entries(**bounds):
    with database().transaction() as connection:
        return [(entry.partition, entry.stage) for entry in ledger.entries(connection, "toy", **bounds)]


def test_what_a_stage_did_last_is_what_the_ledger_says(project):
    with database().transaction() as connection:
        assert ledger.entry(connection, "toy", DAY, "ingest") is None
    record()
    with database().transaction() as connection:
        first = ledger.entry(connection, "toy", DAY, "ingest")
    record(status="rejected", input={"delivery": "e"}, output={"reason": "a fault"})
    with database().transaction() as connection:
        last = ledger.entry(connection, "toy", DAY, "ingest")
    assert (first.status, first.input, first.output) == ("done", {"delivery": "d"}, {"rows": 1})
    assert (last.status, last.input, last.output) == ("rejected", {"delivery": "e"}, {"reason": "a fault"})
    assert first.finished_at < last.finished_at
    assert entries() == [(DAY.key, "ingest")]


def test_entries_are_of_one_classifier_within_a_range_oldest_first(project):
    for shift in (2, 0, 1):
        record(DAY.shift(shift))
    record(DAY, "score")
    record(DAY, name="other")
    assert entries() == [
        ("2026-03-01", "ingest"),
        ("2026-03-01", "score"),
        ("2026-03-02", "ingest"),
        ("2026-03-03", "ingest"),
    ]
    assert entries(first="2026-03-02", last="2026-03-02") == [("2026-03-02", "ingest")]


def test_hours_are_within_the_range_of_their_days(project):
    for hour in (0, 23):
        record(Partition.parse(f"2026-03-01T{hour:02}", grains.HOUR))
    assert len(entries(first="2026-03-01T00", last="2026-03-01T23")) == 2


def test_a_line_is_written_with_its_work_or_not_at_all(project):
    def fail():
        with database().transaction() as connection:
            ledger.record(connection, "toy", DAY, "ingest", input={}, output={})
            connection.exec_driver_sql("SELECT 1 / 0")

    with pytest.raises(StoreError, match="division by zero"):
        fail()
    assert entries() == []


def test_how_long_a_stage_took_is_kept_until_it_is_done_anew(project):
    def seconds():
        with database().transaction() as connection:
            return ledger.entry(connection, "toy", DAY, "ingest").seconds

    def took(value):
        with database().transaction() as connection:
            ledger.took(connection, "toy", DAY, "ingest", value)

    record()
    assert seconds() is None
    took(12.5)
    took(0.1)  # found it done
    assert seconds() == 12.5
    record(input={"delivery": "e"})
    assert seconds() is None
