from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeway.core.errors import TrainingError
from leeway.definition import CSV, Classifier, Label, Training, days, hours, identifier, numeric
from leeway.training.folds import blocks, folds, split

BINARY = st.lists(st.booleans(), min_size=1, max_size=120).map(np.array)
SEVERAL = st.lists(st.integers(0, 6), min_size=1, max_size=120).map(np.array)
INDICATOR = st.lists(st.tuples(*[st.booleans()] * 3), min_size=1, max_size=120).map(np.array)


def classifier(*, timed=True, **training):
    made = Classifier(
        source=CSV(path="x"),
        event_id="id",
        event_time="at",
        label=Label(column="bad", delay=days(1)),
        columns={"amount": numeric(), "card": identifier()},
        training=Training(**training),
    )
    return made if timed else made.model_copy(update={"event_time": None})


def rows_of(count, groups=None, step=timedelta(hours=1)):
    times = pd.Timestamp("2026-01-01", tz="UTC") + step * np.arange(count)
    rows = pd.DataFrame({"event_time": times, "event_id": [f"e{number}" for number in range(count)]})
    return rows if groups is None else rows.assign(fold_group=pd.Series(groups, dtype="object"))


def differ(y):
    return len(np.unique(y, axis=0)) > 1


@settings(deadline=None)
@given(y=BINARY | SEVERAL | INDICATOR, count=st.integers(2, 8))
def test_with_time_no_fold_learns_from_what_lies_after_and_both_sides_differ(y, count):
    try:
        found = folds(classifier(folds=count), rows_of(len(y)), y)
    except TrainingError:
        return
    last = -1
    for train, validate in found:
        assert (train == np.arange(len(train))).all()
        assert validate.min() > max(last, train.max())  # none is validated on twice
        last = validate.max()
        assert all(differ(y[side]) for side in (train, validate))


@settings(deadline=None)
@given(y=BINARY | SEVERAL | INDICATOR, count=st.integers(2, 8))
def test_without_time_every_class_is_dealt_out_evenly_and_every_row_is_validated_on_at_most_once(y, count):
    declared = classifier(timed=False, folds=count)
    try:
        found = folds(declared, rows_of(len(y)), y)
    except TrainingError:
        return
    validated = np.concatenate([validate for _, validate in found])
    assert len(validated) == len(np.unique(validated))
    for train, validate in found:
        assert not set(train) & set(validate)
        for outcome in np.unique(y, axis=0):
            there = int((y[validate] == outcome).reshape(len(validate), -1).all(axis=1).sum())
            everywhere = int((y == outcome).reshape(len(y), -1).all(axis=1).sum())
            assert everywhere // count <= there <= -(-everywhere // count)


@pytest.mark.parametrize("timed", [True, False])
def test_no_entity_is_on_both_sides_and_rows_of_nobody_are_not_one_entity(timed):
    rng = np.random.default_rng(0)
    groups = [f"c{card}" if card < 60 else None for card in np.sort(rng.integers(0, 80, 600))]
    y, rows = rng.random(600) < 0.3, rows_of(600, groups)
    declared = classifier(timed=timed, group="card", holdout=0.25)
    named = pd.Series(groups, dtype="object")
    sides = [*folds(declared, rows, y), split(declared, rows, y)]
    for train, validate in sides:
        assert len(validate)
        assert not set(named[train].dropna()) & set(named[validate].dropna())
    if timed:
        assert len(sides[-1][1]) == 150 - (named[450:] == named[449]).sum()
    else:
        assert any(named[train].isna().any() and named[validate].isna().any() for train, validate in sides)
        assert 100 <= len(sides[-1][1]) <= 200


def test_a_duration_is_measured_back_from_the_newest_event_not_from_now():
    development, holdout = split(classifier(holdout=hours(5)), rows_of(100), np.arange(100) % 2 == 0)
    assert holdout.tolist() == [95, 96, 97, 98, 99]
    assert development.tolist() == list(range(95))


def test_a_share_is_the_most_recent_rows_and_rows_of_one_instant_stay_together():
    rows = rows_of(100)
    rows.loc[70:85, "event_time"] = rows.loc[70, "event_time"]
    development, holdout = split(classifier(holdout=0.2), rows, np.arange(100) % 2 == 0)
    assert (development[-1], holdout[0]) == (69, 70)


def test_without_time_a_fifth_of_every_class_is_held_out_but_never_all_of_one():
    y = np.repeat([0, 1, 2, 3], [100, 20, 2, 1])
    development, holdout = split(classifier(timed=False), rows_of(len(y)), y)
    assert np.bincount(y[holdout], minlength=4).tolist() == [20, 4, 0, 0]
    assert sorted([*development, *holdout]) == list(range(len(y)))
    again = split(classifier(timed=False), rows_of(len(y)), y)
    assert (again[1] == holdout).all()
    assert (split(classifier(timed=False, seed=1), rows_of(len(y)), y)[1] != holdout).any()


def test_without_time_what_was_held_out_is_held_out_again_though_rows_came_and_their_order_changed():
    y, rows = np.random.default_rng(0).random(4_000) < 0.3, rows_of(4_000)
    before = set(rows["event_id"].iloc[split(classifier(timed=False), rows[:3_000], y[:3_000])[1]])
    order = np.random.default_rng(1).permutation(len(y))
    after = set(rows["event_id"].iloc[order].iloc[split(classifier(timed=False), rows.iloc[order], y[order])[1]])
    assert len(before & after) > 0.95 * len(before)
    assert len(after - before) > 180  # a fifth of the new ones, too


def test_blocks_are_of_the_events_not_of_their_order_and_entities_stay_together():
    rows = rows_of(2_100)
    found = blocks(rows, 0)
    assert (blocks(rows[::-1], 0) == found[::-1]).all()
    assert np.unique(found, return_counts=True)[1].tolist() == pytest.approx([100] * 21, abs=40)
    grouped = rows_of(2_100, [f"c{number // 3}" for number in range(2_100)])
    assert pd.Series(blocks(grouped, 0)).groupby(grouped["fold_group"]).nunique().eq(1).all()


def test_a_class_with_one_row_stops_no_fold():
    y = np.random.default_rng(0).permutation([0] * 50 + [1] * 49 + [2])
    for timed in (True, False):
        assert len(folds(classifier(timed=timed, folds=3), rows_of(100, step=timedelta(hours=4)), y)) == 3


def test_what_is_learnt_from_was_mature_when_the_validation_began_whenever_its_own_label_became_known():
    y, rows = np.arange(400) % 2 == 0, rows_of(400)
    declared = classifier(folds=3)  # labels are known a day later
    for train, validate in folds(declared, rows, y):
        assert train.max() == validate.min() - 25
    late = rows.assign(known_at=rows["event_time"] + timedelta(days=1))
    late.loc[150, "known_at"] += timedelta(days=30)
    assert any(150 in train for train, _ in folds(declared, late, y))  # else rows would be chosen by their labels
    assert len(folds(declared, rows_of(400, step=timedelta(minutes=1)), y)) == 3  # shorter than the gap: without it


def test_the_search_looks_at_the_most_recent_rows_or_at_a_stratified_sample():
    y = np.arange(1000) % 10 == 0
    recent = folds(classifier(search_rows=200), rows_of(1000), y)
    assert min(train.min() for train, _ in recent) == 800
    sampled = folds(classifier(timed=False, search_rows=200), rows_of(1000), y)
    seen = np.unique(np.concatenate([np.concatenate(fold) for fold in sampled]))
    assert (len(seen), y[seen].sum()) == (200, 20)
    assert seen.min() < 50
    assert seen.max() > 950
    groups = [f"c{row // 50}" for row in range(1000)]
    grouped = folds(classifier(timed=False, search_rows=200, group="card"), rows_of(1000, groups), y)
    whole = pd.Series(np.unique(np.concatenate([np.concatenate(fold) for fold in grouped])) // 50).value_counts()
    assert whole.tolist() == [50] * 4


def test_what_cannot_be_validated_is_a_clear_error():
    late = np.arange(500) >= 499
    with pytest.raises(TrainingError, match=r"no time-ordered fold.*500 rows.*the rarest in 1\b"):
        folds(classifier(), rows_of(500), late)
    with pytest.raises(TrainingError, match=r"no fold.*1 different outcomes"):
        folds(classifier(timed=False), rows_of(500), late & False)
    one = rows_of(500, ["c"] * 500)
    with pytest.raises(TrainingError, match=r"folds by card .*1 entities"):
        folds(classifier(timed=False, group="card"), one, late)
    with pytest.raises(TrainingError, match=r"1 entities.*training.group"):
        folds(classifier(group="card"), one, np.arange(500) % 2 == 0)
