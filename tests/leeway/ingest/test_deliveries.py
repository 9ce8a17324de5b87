from datetime import UTC, date, datetime
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trial
from hypothesis import strategies as st

from leeway.core.errors import NotFound, StoreError
from leeway.core.settings import settings
from leeway.definition import grains
from leeway.definition.partitions import Partition
from leeway.ingest import deliveries

DAY = Partition(datetime(2026, 3, 1, tzinfo=UTC), grains.DAY)
CELLS = st.none() | st.text(max_size=5) | st.integers(-(2**40), 2**40) | st.booleans() | st.dates()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


@given(st.lists(CELLS, min_size=1, max_size=6))
@trial(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_same_rows_have_the_same_hash_and_another_row_another(cells):
    rows = pd.DataFrame({"a": pd.Series(cells, dtype=object), "b": range(len(cells))})
    first = deliveries.write("toy", DAY, rows)
    assert deliveries.write("toy", DAY, rows.copy()) == first
    assert deliveries.write("toy", DAY, rows.assign(b=rows["b"] + 1)) != first
    assert deliveries.write("toy", DAY, pd.concat([rows, rows.head(1)], ignore_index=True)) != first
    kept = deliveries.read("toy", DAY, first)
    assert kept["b"].tolist() == rows["b"].tolist()
    assert kept["a"].isna().tolist() == rows["a"].isna().tolist()


def test_values_of_mixed_types_survive_as_their_text():
    mixed = [1, "1", 2.5, True, None, date(2026, 3, 1), Decimal("1.10")]
    rows = pd.DataFrame({"a": pd.Series(mixed, dtype=object)})
    kept = deliveries.read("toy", DAY, deliveries.write("toy", DAY, rows))["a"]
    assert [None if pd.isna(value) else value for value in kept] == [
        "1",
        "1",
        "2.5",
        "True",
        None,
        "2026-03-01",
        "1.10",
    ]


def test_values_of_one_type_keep_it():
    rows = pd.DataFrame(
        {
            "number": [1.5, None],
            "whole": [1, 2],
            "truth": [True, False],
            "time": pd.to_datetime(["2026-03-01T00:00Z", None]),
            "decimal": [Decimal("1.10"), Decimal("2.25")],
        }
    )
    pd.testing.assert_frame_equal(
        deliveries.read("toy", DAY, deliveries.write("toy", DAY, rows)), rows, check_dtype=False
    )


def test_no_row_is_a_delivery_too():
    rows = pd.DataFrame({"a": pd.Series([], dtype="str")})
    assert deliveries.read("toy", DAY, deliveries.write("toy", DAY, rows)).columns.tolist() == ["a"]


def test_a_delivery_is_kept_once_and_not_written_again():
    rows = pd.DataFrame({"a": ["x"]})
    path = deliveries.path_of("toy", DAY, deliveries.write("toy", DAY, rows))
    before = path.stat().st_mtime_ns, path.stat().st_ino
    deliveries.write("toy", DAY, rows)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_delivery_that_is_not_there_is_said_with_the_way_out():
    with pytest.raises(NotFound, match="ingest the partition again"):
        deliveries.read("toy", DAY, "0" * 64)


def test_an_altered_delivery_is_refused():
    delivery = deliveries.write("toy", DAY, pd.DataFrame({"a": ["x"]}))
    path = deliveries.path_of("toy", DAY, delivery)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(StoreError, match=r"altered or damaged"):
        deliveries.read("toy", DAY, delivery)
