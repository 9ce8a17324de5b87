from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.errors import SourceError
from leeway.times import read_times

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
OFFSETS = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def read(values, zone="UTC", dtype=None):
    return read_times(pd.Series(values, name="at", dtype=dtype), zone).tolist()


@given(st.lists(st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=OFFSETS), min_size=1), ZONES)
def test_an_offset_is_honoured_whatever_the_source_s_zone(moments, zone):
    assert read([moment.isoformat() for moment in moments], zone) == moments


@given(st.lists(st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)), min_size=1), ZONES)
def test_a_naive_time_is_in_the_source_s_zone_as_text_or_as_an_instant(moments, zone):
    def exists(moment):
        local = moment.replace(tzinfo=ZoneInfo(zone))
        return local.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == moment

    moments = [moment for moment in moments if exists(moment)] or [datetime(2026, 3, 1)]
    expected = [moment.replace(tzinfo=ZoneInfo(zone)) for moment in moments]
    assert read([moment.isoformat(" ") for moment in moments], zone) == expected
    assert read(moments, zone) == expected


def test_a_clock_put_forward_or_back_gives_an_instant_all_the_same():
    assert read(["2026-03-29 02:30", "2026-10-25 02:30"], "Europe/Berlin") == [
        datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01 00:30:00+00",  # as PostgreSQL writes it
        "2026-03-01T00:30Z",
        "2026-03-01T02:30:00+0200",
        "2026-02-28 19:30:00.000-05:00",
    ],
)
def test_every_way_to_write_an_offset_is_read(text):
    assert read([text], "Asia/Kolkata") == [datetime(2026, 3, 1, 0, 30, tzinfo=UTC)]


def test_what_is_no_time_is_missing_and_never_the_present():
    values = ["now", "today", "soon", "", " ", "1700000000", "2026-13-01", "12:30Z", None]
    assert all(value is pd.NaT for value in read(values))
    assert read([1_700_000_000, 5]) == [pd.NaT, pd.NaT]
    assert read([True]) == [pd.NaT]


def test_an_unreadable_value_among_times_with_offsets_is_missing_and_refuses_none_of_them():
    found = read(["2026-03-01T01:00:00+01:00", "soon", None])
    assert found == [datetime(2026, 3, 1, tzinfo=UTC), pd.NaT, pd.NaT]


def test_times_of_which_only_some_carry_an_offset_are_refused_with_an_example():
    with pytest.raises(SourceError, match=r"times in at: .*1 with, 2 without, the rarer ones such as 2026-03-0"):
        read(["2026-03-01T00:00Z", "2026-03-02", "2026-03-03"])


@pytest.mark.parametrize("text", ["9999-12-31 23:59", "9999-12-31T23:59:59-05:00", "0001-01-01"])
def test_a_source_s_never_is_an_instant_far_away(text):
    assert all(read([text], zone)[0] is not pd.NaT for zone in ("UTC", "America/New_York", "Asia/Kolkata"))


def test_stored_instants_keep_their_index_and_get_microseconds():
    series = pd.Series(pd.to_datetime(["2026-03-01T00:00+01:00"]), index=[7])
    found = read_times(series, "UTC")
    assert found.dtype == "datetime64[us, UTC]"
    assert found.loc[7] == datetime(2026, 2, 28, 23, tzinfo=UTC)
