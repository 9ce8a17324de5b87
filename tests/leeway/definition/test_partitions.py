from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from leeway.core.errors import NotFound
from leeway.definition.grains import DAY, MONTH, WEEK
from leeway.definition.partitions import Partition, keys_of


def test_a_week_starts_on_monday():
    assert Partition.parse("2026-03-01", WEEK).key == "2026-02-23"


def test_months_have_their_own_lengths_and_short_keys():
    january = Partition.parse("2026-01-31", MONTH)
    assert (january.key, january.shift(1).key, january.shift(-1).key) == ("2026-01", "2026-02", "2025-12")
    assert Partition.parse("2028-02", MONTH).end == datetime(2028, 3, 1, tzinfo=UTC)
    assert Partition.parse("2026-02", DAY).key == "2026-02-01"


def test_the_keys_of_missing_times_are_missing():
    times = pd.to_datetime(pd.Series(["2026-03-01T12:00Z", None]))
    assert keys_of(times, DAY).isna().tolist() == [False, True]


def test_the_last_complete_partition_is_over():
    now = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
    assert Partition.last_complete(now, DAY).key == "2026-03-01"
    assert Partition.last_complete(now - timedelta(seconds=1), DAY).key == "2026-02-28"


def test_no_date_is_a_clear_error():
    with pytest.raises(NotFound, match=r"is not a date such as 2026-03-01.*found: yesterday"):
        Partition.parse("yesterday", DAY)
