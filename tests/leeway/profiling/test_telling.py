import numpy as np
import pandas as pd
import pytest

from leeway.profiling import telling
from tests.leeway.profiling import leaky


def halved(frame):
    y = frame["bad"].to_numpy().reshape(-1, 1).astype(bool)
    return frame.drop(columns="bad"), y, np.random.default_rng(0).random(len(frame)) < 0.5


def test_a_rule_on_two_columns_is_found_though_neither_tells_it():
    x, y, fold = halved(leaky.taxi())
    alone = [telling.single(x[name], y, fold, exclusive=False) for name in x]
    best = telling.together(x, y, fold, alone, exclusive=False)[0]
    assert set(best.columns) == {"tips", "fare"}
    assert best.explained > 0.95
    assert max(item.explained for item in alone) < 0.8


def test_an_exclusive_or_names_both_of_its_columns():
    random = np.random.default_rng(3)
    a, b = random.integers(0, 2, (2, leaky.ROWS))
    frame = pd.DataFrame({"a": a, "b": b, "c": random.normal(size=leaky.ROWS), "bad": a ^ b})
    found = telling.suspicions(*halved(frame), exclusive=False)
    assert [(set(item.columns), item.beyond) for item in found] == [({"a", "b"}, True)]


def test_columns_that_tell_one_another_are_a_group():
    x, y, fold = halved(leaky.copies())
    alone = [telling.single(x[name], y, fold, exclusive=False) for name in x]
    groups = [item for item in telling.together(x, y, fold, alone, exclusive=False) if len(item.columns) > 2]
    assert [set(item.columns) for item in groups] == [{"part_0", "part_1", "part_2"}]
    assert groups[0].explained > max(item.explained for item in alone) + 0.05


@pytest.mark.parametrize("exclusive", [True, False])
def test_labels_of_several_outputs_have_pairs_too(exclusive):
    frame = leaky.football(results=("lost", "drawn", "won"))
    y = pd.get_dummies(frame.pop("bad")).to_numpy(dtype=bool)
    fold = np.random.default_rng(0).random(len(frame)) < 0.5
    found = telling.suspicions(frame, y, fold, exclusive=exclusive)
    assert {"home_score", "away_score"} in [set(item.columns) for item in found if item.beyond]


@pytest.mark.parametrize(
    "values",
    [
        [np.nan] * 100,
        [np.inf, -np.inf, 1.0, np.nan] * 25,
        [None, "a"] * 50,
        [True, False] * 50,
        pd.array([1, None] * 50, dtype="Int64"),
    ],
)
def test_any_values_can_be_compared(values):
    y = np.random.default_rng(1).random((100, 1)) < 0.5
    frame = pd.DataFrame({"x": values, "z": np.arange(100.0)})
    assert not telling.suspicions(frame, y, np.arange(100) % 2 == 0, exclusive=False)
