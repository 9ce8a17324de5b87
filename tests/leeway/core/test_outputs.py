import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.core.outputs import Outputs, class_text, describe

NAMES = ("a", "b", "c")
BINARY = Outputs("binary", ("yes",))
EXCLUSIVE, ANY = Outputs("multiclass", NAMES), Outputs("multilabel", NAMES)
ROWS = st.lists(st.tuples(*[st.booleans()] * 3), max_size=20).map(
    lambda rows: np.array(rows, dtype=bool).reshape(-1, 3)
)


@given(ROWS)
def test_what_is_stored_of_labels_leads_back_to_them(rows):
    one = np.eye(3, dtype=bool)[rows.sum(axis=1) % 3]
    for outputs, holds in ((ANY, rows), (EXCLUSIVE, one), (BINARY, rows[:, :1])):
        stored = outputs.stored(holds)
        assert stored.type == outputs.arrow_type
        assert (outputs.matrix(stored.to_pandas()) == holds).all()
        assert (outputs.matrix(pd.Series(stored.to_pylist(), dtype="object")) == holds).all()


def test_an_unknown_class_and_a_missing_label_hold_nowhere():
    assert EXCLUSIVE.matrix(pd.Series(["b", "z", None])).tolist() == [[False, True, False], [False] * 3, [False] * 3]
    lists = pd.Series([["c", "z"], None, []])
    assert ANY.matrix(lists).tolist() == [[False, False, True], [False] * 3, [False] * 3]


def test_counts_are_of_the_positive_class_or_by_class():
    holds = np.array([[True, False, True], [True, False, False]])
    assert ANY.count(holds) == {"a": 2, "b": 0, "c": 1}
    assert BINARY.count(holds[:, :1]) == 2
    assert describe(2) == "2 positive"
    assert describe({"a": 2, "b": 0, "c": 5}) == "5 c, 2 a"
    assert describe({str(number): number for number in range(1, 9)}).endswith("4 4 and 3 more")
    assert describe({"a": 0}) == "none of any class"


def test_probabilities_of_other_classes_are_put_in_order_and_unknown_ones_are_zero():
    p = np.array([[0.2, 0.8]])
    assert Outputs("multiclass", ("c", "a")).align(p, EXCLUSIVE).tolist() == [[0.8, 0.0, 0.2]]
    assert Outputs("multiclass", ("c", "z")).align(p, EXCLUSIVE).tolist() == [[0.0, 0.0, 0.2]]
    assert EXCLUSIVE.align(p, EXCLUSIVE) is p


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1"),
        ("1.0", "1"),
        (" a ", "a"),
        (True, "true"),
        ("TRUE", "true"),
        (np.bool_(False), "false"),
        (1.5, "1.5"),
    ],
)
def test_a_class_has_one_spelling(value, text):
    assert class_text(value) == text
