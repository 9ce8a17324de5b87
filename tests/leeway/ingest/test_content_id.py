from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.ingest.content_id import PIECE, content_hashes, numbered, short_hashes

CELL = st.none() | st.text(max_size=3)


def frame(rows):
    return pd.DataFrame(rows, columns=["a", "b"], dtype="str").where(lambda cells: cells.notna())


@pytest.mark.parametrize("hashes_of", [content_hashes, short_hashes])
@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=12))
def test_two_rows_share_a_hash_if_and_only_if_they_are_equal(hashes_of, rows):
    hashes = list(hashes_of(frame(rows)))
    assert [hashes.index(own) for own in hashes] == [rows.index(row) for row in rows]
    assert list(hashes_of(frame(rows).iloc[1:])) == hashes[1:]


def test_a_short_hash_sees_one_byte_of_a_long_value_and_values_that_change_places():
    long = "x" * (PIECE + 5)
    rows = frame([(long, "b"), (long + "x", "b"), ("é" * PIECE, "b"), ("b", "a"), ("a", "b"), (None, "b"), ("", "b")])
    hashes = short_hashes(rows)
    assert len(set(hashes)) == len(rows)
    assert list(short_hashes(rows[["b", "a"]].iloc[::-1])) == list(hashes[::-1])
    assert list(short_hashes(pd.concat([rows] * 3))) == list(hashes) * 3
    numbers = pd.DataFrame({"amount": [0.0, -0.0, 1.5, None], "at": pd.to_datetime(["2026-03-01T12:00Z"] * 4)})
    assert len(set(short_hashes(numbers))) == 3


def test_the_hash_is_the_same_in_every_release():
    rows = pd.DataFrame(
        {
            "amount": [1.5, -0.0],
            "at": pd.to_datetime(["2026-03-01T12:00Z"] * 2),
            "kind": pd.Series(["ü", None], dtype="str"),
            "new": pd.array([True, None], dtype="boolean"),
        }
    )
    assert content_hashes(rows).tolist() == ["1998d2fa99db2f8cd54e5576814990ea", "26b39c8d5f8ac480ed4571c71d56fb35"]


def test_neither_the_order_of_columns_nor_a_column_without_a_value_counts():
    rows = frame([("x", "y"), ("x", None)])
    assert content_hashes(rows).equals(content_hashes(rows[["b", "a"]]))
    assert content_hashes(rows.assign(c=None)).equals(content_hashes(rows))
    assert content_hashes(rows)[1] == content_hashes(rows[["a"]])[1]


def test_equal_rows_are_numbered_in_the_order_given_with_the_missing_last():
    hashes = pd.Series(["h", "g", "h", "h"], index=[5, 6, 7, 8])
    known = pd.Series([None, None, datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)])
    order = pd.DataFrame({"known_at": pd.to_datetime(known)}).set_axis(hashes.index)
    assert numbered(hashes, order).to_dict() == {5: "h-2", 6: "g-0", 7: "h-1", 8: "h-0"}
