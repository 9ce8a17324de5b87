from datetime import UTC, datetime

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from leeway.ingest.content_id import content_hashes, numbered

CELL = st.none() | st.text(max_size=3)


def frame(rows):
    return pd.DataFrame(rows, columns=["a", "b"], dtype="str").where(lambda cells: cells.notna())


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=12))
def test_two_rows_share_a_hash_if_and_only_if_they_are_equal(rows):
    hashes = content_hashes(frame(rows)).tolist()
    assert len(set(hashes)) == len(set(rows))


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
