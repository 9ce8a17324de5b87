"""Values of typed sources are what they were: no integer, decimal or identifier passes through a float."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from leeway.core.value_text import as_text
from leeway.ingest.reading.frames import from_arrow, from_rows, joined

LARGE = 7_000_000_000_000_000_001


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([LARGE, None]), [str(LARGE), None]),
        (pa.array([2**64 - 1, None], pa.uint64()), [str(2**64 - 1), None]),
        (pa.array([Decimal("9007199254740993"), None]), ["9007199254740993", None]),
        (pa.array([Decimal("12.50"), None]), ["12.50", None]),
        (pa.array(["", "NA", None]).dictionary_encode(), [None, "NA", None]),
        (pa.array([date(2026, 3, 1), None]), ["2026-03-01", None]),
        (pa.array([timedelta(hours=1), None]), ["3600", None]),
        (pa.array([True, None]), ["True", None]),
    ],
)
def test_arrow_values_are_exact(array, expected):
    found = as_text(from_arrow(pa.table({"x": array}))["x"])
    assert [None if pd.isna(value) or value == "" else value for value in found] == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([LARGE, None], [str(LARGE), None]),
        ([Decimal("900719925474099301"), None], ["900719925474099301", None]),
        ([Decimal("0.10"), None], ["0.10", None]),
        ([3, 3.0, "3 ", None], ["3", "3", "3", None]),  # as SQLite holds them, side by side
        ([LARGE, "x"], [str(LARGE), "x"]),
        ([date(2026, 3, 1), None], ["2026-03-01", None]),
        (
            [datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1)],
            ["2026-03-01T00:00:00+00:00", "2026-03-01T00:00:00"],
        ),
        ([timedelta(minutes=1), None], ["60", None]),
        ([None, None], [None, None]),
    ],
)
def test_a_database_s_values_are_exact(values, expected):
    found = as_text(from_rows(["x"], [(value,) for value in values])["x"])
    assert [None if pd.isna(value) else value for value in found] == expected


def test_bytes_and_nested_values_stay_what_they_are():
    found = from_rows(["b", "l", "d"], [(memoryview(b"\0\xff"), ["x"], {"a": 1})])
    assert found.iloc[0].tolist() == [b"\0\xff", ["x"], {"a": 1}]


def test_parts_of_several_types_are_one_column_and_lose_nothing():
    parts = [
        pd.DataFrame({"x": pd.array([LARGE, None], "Int64")}),
        pd.DataFrame({"x": ["a"]}),
        pd.DataFrame({"x": [None]}),
        pd.DataFrame({"x": [1.0]}),
    ]
    assert joined(parts)["x"].dropna().tolist() == [str(LARGE), "a", "1"]
    assert joined(parts[::2])["x"].dtype == "Int64"
