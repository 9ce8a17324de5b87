from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeway.detection import sketch
from leeway.detection.sketch import Binning, Sketch, hellinger, shares

NUMBERS = st.lists(st.none() | st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0]), max_size=60).map(
    lambda values: pd.Series(values, dtype="float64")
)
WORDS = st.lists(st.none() | st.sampled_from([f"w{n}" for n in range(50)]), max_size=80).map(
    lambda values: pd.Series(values, dtype="object")
)
COUNTS = st.lists(st.integers(0, 1000), min_size=5, max_size=5).map(np.array)


@given(learnt=NUMBERS, tonight=NUMBERS)
def test_every_number_is_counted_once_and_nulls_in_the_last_bin(learnt, tonight):
    binning = Binning.learn(learnt, "numeric")
    counts = binning.count(tonight)
    assert len(counts) == binning.size
    assert counts.sum() == len(tonight)
    assert counts[-1] == tonight.isna().sum()
    assert binning.unseen(tonight) == 0
    assert Binning.model_validate_json(binning.model_dump_json()) == binning


TEXTS = st.lists(st.text(max_size=12) | st.sampled_from(["free prize", "see you later"]), max_size=60).map(
    lambda values: pd.Series(values, dtype="object")
)


@settings(deadline=None)
@given(learnt=TEXTS, tonight=TEXTS)
def test_every_text_is_counted_once_and_empty_ones_in_the_last_bin(learnt, tonight):
    binning = Binning.learn(learnt, "text")
    counts = binning.count(tonight)
    assert len(counts) == binning.size
    assert counts.sum() == len(tonight)
    assert counts[-1] == (tonight == "").sum()
    assert binning.unseen(tonight) == 0
    assert Binning.model_validate_json(binning.model_dump_json()) == binning


def test_texts_that_become_longer_or_speak_of_other_things_are_far_and_no_word_is_kept_in_clear():
    rng = np.random.default_rng(0)
    known = [f"word{n}" for n in range(60)]

    def texts(words, count, length):
        return pd.Series([" ".join(rng.choice(words, rng.integers(length // 2, length))) for _ in range(count)])

    reference = texts(known, 2000, 20)
    binning = Binning.learn(reference, "text")
    usual = shares(binning.count(reference))

    def far(column):
        return float(hellinger(shares(binning.count(column)), usual))

    assert far(texts(known, 1000, 20)) < 0.05
    assert far(texts(known, 1000, 40)) > 0.3
    assert far(texts([*known[:30], *(f"neu{n}" for n in range(30))], 1000, 20)) > 0.3
    assert "word" not in binning.model_dump_json().replace('"words"', "")


@given(learnt=WORDS, tonight=WORDS)
def test_every_category_is_counted_once_nulls_in_the_last_bin_and_strangers_before_it(learnt, tonight):
    binning = Binning.learn(learnt, "categorical")
    counts = binning.count(tonight)
    assert counts.sum() == len(tonight)
    assert counts[-1] == tonight.isna().sum()
    strangers = [word for word in tonight.dropna() if word not in set(learnt.dropna())]
    assert binning.unseen(tonight) == len(strangers)
    assert counts[-2] >= len(strangers)
    own = binning.count(learnt)
    assert own[: len(binning.values)].sum() + own[-2] == learnt.notna().sum()
    assert Binning.model_validate_json(binning.model_dump_json()) == binning


def test_numbers_fill_the_bins_evenly_and_what_lies_beyond_falls_into_the_outer_ones():
    column = pd.Series(np.random.default_rng(0).normal(size=16_000))
    binning = Binning.learn(column, "numeric")
    counts = binning.count(column)
    assert counts[:32] == pytest.approx(np.full(32, 500), abs=2)
    extremes = binning.count(pd.Series([-1e9, 1e9]))
    assert extremes[0] == extremes[31] == 1


def test_a_number_that_never_varied_has_no_range_to_lie_beyond():
    changed = pd.Series([3.0, 4.0, 5.0])
    assert Binning.learn(pd.Series([4.0] * 50), "numeric").outside(changed * 1000) == 0
    assert Binning.learn(pd.Series([4.0, 5.0] * 50), "numeric").outside(changed * 1000) == 3


def test_the_rare_are_not_the_unseen():
    common = [f"c{n}" for n in range(sketch.COMMONEST)] * 3
    binning = Binning.learn(pd.Series([*common, "rare"]), "categorical")
    assert binning.count(pd.Series(["rare", "unseen"]))[-2] == 2
    assert binning.unseen(pd.Series(["rare", "unseen"])) == 1


def test_the_same_values_make_the_same_bins_in_any_process():
    column = pd.Series([f"w{n}" for n in range(40)])
    assert list(Binning.learn(column, "categorical").seen) == sorted(column)


def test_a_sketch_does_not_depend_on_how_many_rows_are_counted_at_once_nor_on_their_order(monkeypatch):
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=500).round(1)
    frame = pd.DataFrame(
        {"a": numbers, "b": np.where(numbers > 0, 7.0, np.nan), "c": rng.choice(["x", "y", None], 500)}
    )
    kinds = {"a": "numeric", "b": "numeric", "c": "categorical"}
    learnt = {name: Binning.learn(frame[name][:300], kind) for name, kind in kinds.items()}
    binnings = {name: item.model_copy(update={"given": True}) for name, item in learnt.items()}
    whole = Sketch.of(binnings, frame)
    monkeypatch.setattr(sketch, "BLOCK", 64)
    parts = Sketch.of(binnings, frame.iloc[rng.permutation(500)])
    assert parts.products == pytest.approx(whole.products)
    assert replace(parts, products=[]) == replace(whole, products=[])
    assert whole.rows == sum(whole.counts["a"]) == 500


@settings(deadline=None)
@given(NUMBERS)
def test_the_commonest_values_of_a_number_are_told_with_their_rows(column):
    binning = Binning.learn(column, "numeric")
    found = Sketch.of({"a": binning}, pd.DataFrame({"a": column})).common["a"]
    expected = column.value_counts()
    assert [count for _, count in found] == expected.head(sketch.KEPT_VALUES).tolist()
    assert all(expected[value] == count for value, count in found)


@given(COUNTS, COUNTS)
def test_the_distance_is_symmetric_and_lies_between_zero_and_one(p, q):
    distance = float(hellinger(shares(p), shares(q)))
    assert 0 <= distance <= 1
    assert distance == pytest.approx(float(hellinger(shares(q), shares(p))))
    if p.any():
        assert float(hellinger(shares(p), shares(3 * p))) == pytest.approx(0, abs=1e-7)


def test_disjoint_distributions_are_as_far_apart_as_can_be_and_the_distance_is_that_of_the_formula():
    assert hellinger(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1
    by_hand = np.sqrt(((np.sqrt([0.2, 0.8]) - np.sqrt([0.5, 0.5])) ** 2).sum() / 2)
    assert hellinger(np.array([0.2, 0.8]), np.array([0.5, 0.5])) == pytest.approx(by_hand)
