"""A value has one spelling, from whatever source and in whatever type it comes."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.core.value_text import as_text, value_text


@pytest.mark.parametrize(
    "three", [3, 3.0, " 3 ", "3.0", "3.00", Decimal("3"), Decimal("3.000"), np.int64(3), np.float32(3)]
)
def test_three_is_three(three):
    assert value_text(three) == "3"
    assert as_text(pd.Series([three])).tolist() == ["3"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("003", "003"),
        ("basic     ", "basic"),
        ("cafe\u0301", "caf\u00e9"),
        ("1.10", "1.10"),
        (2.5, "2.5"),
        (True, "True"),
    ],
)
def test_what_is_another_value_stays_another(value, text):
    assert value_text(value) == text
    assert as_text(pd.Series([value])).tolist() == [text]


def test_large_integers_keep_their_digits_beside_gaps():
    large = 7_000_000_000_000_000_001
    assert as_text(pd.Series([large, None], dtype="Int64")).tolist()[0] == str(large)


@given(st.lists(st.one_of(st.none(), st.integers(-(2**60), 2**60), st.text(max_size=6)), max_size=8))
def test_a_column_is_spelled_as_its_values_are(values):
    found = as_text(pd.Series(values, dtype="object"))
    expected = [None if value is None or "\0" in str(value) else value_text(value) for value in values]
    assert [None if pd.isna(value) else value for value in found] == expected


def test_a_column_that_was_read_in_pieces_has_its_accents():
    pieces = pd.concat([pd.Series(["cafe\u0301"], dtype="str"), pd.Series(["b"], dtype="str")], ignore_index=True)
    assert as_text(pieces).tolist() == ["caf\u00e9", "b"]
