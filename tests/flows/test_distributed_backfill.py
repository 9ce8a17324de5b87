"""The processes that a backfill's work is spread over."""

from contextlib import contextmanager

import pytest

from flows import distributed_backfill
from flows.distributed_backfill import Pool


@pytest.fixture
def told(monkeypatch):
    """What was started and ended, each by its number of processes."""
    told = []

    @contextmanager
    def runner(processes):
        told.append(f"start {processes}")
        yield object()
        told.append(f"end {processes}")

    monkeypatch.setattr(distributed_backfill, "_runner", runner)
    return told


def test_processes_are_started_once_for_all_stages_that_want_as_many(told):
    with Pool() as pool:
        assert pool.of(2) is pool.of(2)
        assert told == ["start 2"]
        pool.of(4)
        assert told == ["start 2", "end 2", "start 4"]
        pool.end()
        assert told[3:] == ["end 4"]
    assert told[4:] == []


def test_after_one_died_the_others_end_their_stage_and_the_next_has_new_ones(told):
    with Pool() as pool:
        before = pool.of(2)
        pool.spoil()
        assert told == ["start 2"]
        assert pool.of(2) is not before
        assert told == ["start 2", "end 2", "start 2"]
    assert told[3:] == ["end 2"]
