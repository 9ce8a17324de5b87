from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.core.errors import NotFound
from leeway.definition.partitions import Partition, between, keys_of

GRAINS = st.sampled_from(["hour", "day", "week", "month"])
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.timezones())


@given(moment=MOMENTS, grain=GRAINS)
def test_a_moment_lies_in_its_partition_and_in_no_other(moment, grain):
    partition = Partition.containing(moment, grain)
    assert partition.start <= moment < partition.end
    assert partition.shift(3).shift(-3) == partition
    assert keys_of(pd.Series([moment]), grain).tolist() == [partition.key]
    assert Partition.containing(partition.start, grain) == partition
    assert Partition.containing(partition.end, grain) == partition.shift(1)


@given(moment=MOMENTS, grain=GRAINS, steps=st.integers(0, 30))
def test_keys_name_partitions_and_sort_as_they_do(moment, grain, steps):
    partition = Partition.containing(moment, grain)
    later = partition.shift(steps)
    assert Partition.parse(partition.key, grain) == partition
    assert (partition.key < later.key) == (steps > 0)
    assert len(list(between(partition, later))) == steps + 1


def test_a_week_starts_on_monday():
    assert Partition.parse("2026-03-01", "week").key == "2026-02-23"


def test_months_have_their_own_lengths_and_short_keys():
    january = Partition.parse("2026-01-31", "month")
    assert (january.key, january.shift(1).key, january.shift(-1).key) == ("2026-01", "2026-02", "2025-12")
    assert Partition.parse("2028-02", "month").end == datetime(2028, 3, 1, tzinfo=UTC)
    assert Partition.parse("2026-02", "day").key == "2026-02-01"


def test_the_keys_of_missing_times_are_missing():
    times = pd.to_datetime(pd.Series(["2026-03-01T12:00Z", None]))
    assert keys_of(times, "day").isna().tolist() == [False, True]


def test_the_last_complete_partition_is_over():
    now = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
    assert Partition.last_complete(now, "day").key == "2026-03-01"
    assert Partition.last_complete(now - timedelta(seconds=1), "day").key == "2026-02-28"


def test_no_date_is_a_clear_error():
    with pytest.raises(NotFound, match=r"must be a date such as 2026-03-01.*found: yesterday"):
        Partition.parse("yesterday", "day")
