from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.ingest.times import are_days, occur_twice, read_times, unlikely_unit

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
    # In UTC: Python holds no time of an hour that comes twice for equal to one of another zone.
    expected = [moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for moment in moments]
    assert read([moment.isoformat(" ") for moment in moments], zone) == expected
    assert read(moments, zone) == expected


def test_a_time_that_occurs_twice_is_the_earlier_and_one_that_never_does_is_none():
    assert read(["2026-03-29 02:30", "2026-10-25 02:30"], "Europe/Berlin") == [
        pd.NaT,
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize(("form", "number"), [("epoch ms", 1_772_325_000), ("epoch s", 1_772_325_000_000)])
def test_a_number_of_another_unit_is_no_time(form, number):
    raw = pd.Series([number])
    assert read_times(raw, "UTC", (form,)).isna().all()
    assert unlikely_unit(raw, form) == {"epoch ms": "epoch s", "epoch s": "epoch ms"}[form]


def test_years_of_two_digits_lie_in_the_declared_century():
    raw = pd.Series(["29/05/48", "21/12/93", "05/01/26"])
    assert read_times(raw, "UTC", ("%d/%m/%y until 2026",)).dt.year.tolist() == [1948, 1993, 2026]
    assert read_times(raw, "UTC", ("%d/%m/%y",)).dt.year.tolist() == [2048, 1993, 2026]


def test_seven_digits_of_a_second_change_no_other_row():
    found = read(["2026-03-01T01:30:00.1234567Z", "9999-12-31 23:59"], "UTC")
    assert found[0] == pd.Timestamp("2026-03-01T01:30:00.123456Z")
    assert found[1].year == 9999


def test_days_are_told_from_instants():
    raw = pd.Series(["2026-03-01", "2026-03-01 00:00", None])
    assert are_days(raw).tolist() == [True, False, False]
    assert are_days(pd.Series([date(2026, 3, 1), None], dtype="object")).tolist() == [True, False]
    assert are_days(pd.Series(["01.03.2026", "01.03.2026 10:00"]), ("%d.%m.%Y", "%d.%m.%Y %H:%M")).tolist() == [
        True,
        False,
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


def test_times_of_which_only_some_carry_an_offset_are_each_read_as_written():
    assert read(["2026-03-01T00:00Z", "2026-03-02", "soon"], "Europe/Berlin") == [
        datetime(2026, 3, 1, tzinfo=UTC),
        datetime(2026, 3, 1, 23, tzinfo=UTC),
        pd.NaT,
    ]


@pytest.mark.parametrize(
    ("values", "formats", "expected"),
    [
        (["01.03.2026 01:30", "2026/03/01"], ("%d.%m.%Y %H:%M", "%Y/%m/%d"), ["2026-03-01 00:30", "2026-02-28 23:00"]),
        (["2026-03-01T01:30"], ("%d.%m.%Y",), [None]),  # only what is declared is read
        (["01/03/2026 01:30 +0200"], ("%d/%m/%Y %H:%M %z",), ["2026-02-28 23:30"]),
        ([1_772_325_000, None], ("epoch s",), ["2026-03-01 00:30", None]),
        (["1772325000.5", "soon"], ("epoch s",), ["2026-03-01 00:30:00.5", None]),
        ([1_772_325_000_250], ("epoch ms",), ["2026-03-01 00:30:00.25"]),
        ([20260301.0, None], ("%Y%m%d",), ["2026-02-28 23:00", None]),
        ([2 * 10**17], ("epoch s",), ["9999-12-30"]),
        ([None, None], ("epoch s", "%Y"), [None, None]),
        ([datetime(2026, 3, 1, 1)], ("%d.%m.%Y",), ["2026-03-01 00:00"]),  # what is a time already stays one
    ],
)
def test_declared_formats_are_tried_in_order(values, formats, expected):
    found = read_times(pd.Series(values, name="at"), "Europe/Berlin", formats).tolist()
    assert found == [pd.NaT if text is None else pd.Timestamp(text, tz="UTC") for text in expected]


@pytest.mark.parametrize("text", ["9999-12-31 23:59", "9999-12-31T23:59:59-05:00", "0001-01-01"])
def test_a_source_s_never_is_an_instant_far_away(text):
    assert all(read([text], zone)[0] is not pd.NaT for zone in ("UTC", "America/New_York", "Asia/Kolkata"))


def test_stored_instants_keep_their_index_and_get_microseconds():
    series = pd.Series(pd.to_datetime(["2026-03-01T00:00+01:00"]), index=[7])
    found = read_times(series, "UTC")
    assert found.dtype == "datetime64[us, UTC]"
    assert found.loc[7] == datetime(2026, 2, 28, 23, tzinfo=UTC)


def test_iso_8601_is_one_of_several_formats():
    raw = pd.Series(["31.12.2025", "2025-12-30T12:00:00+02:00", "soon"])
    found = read_times(raw, "UTC", ("%d.%m.%Y", "ISO 8601"))
    assert found.tolist() == [pd.Timestamp("2025-12-31", tz="UTC"), pd.Timestamp("2025-12-30T10:00", tz="UTC"), pd.NaT]


def test_the_hour_that_a_clock_showed_twice_is_told():
    raw = pd.Series(["2026-10-25 02:30", "2026-10-25 02:30+01:00", "2026-10-25 03:30", "2026-03-29 02:30", None])
    assert occur_twice(raw, "Europe/Berlin").tolist() == [True, False, False, False, False]
    assert not occur_twice(raw, "UTC").any()


def test_days_since_1960_are_days_whatever_type_they_come_in():
    for raw in (pd.Series([20574, None]), pd.Series(["20574", None], dtype="str"), pd.Series([20574.0, 0.5])):
        read = read_times(raw, "Europe/Berlin", ("days since 1960",))
        assert read[0] == pd.Timestamp("2016-04-29 22:00", tz="UTC")
        assert pd.isna(read[1])
    assert are_days(pd.Series(["20574"]), ("days since 1960",)).all()
