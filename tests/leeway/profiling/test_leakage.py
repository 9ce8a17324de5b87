"""What `leeway new` sets aside, and what it asks, from tables with leaks as real ones have them."""

import numpy as np
import pandas as pd
import pytest

from leeway.profiling.columns import inspect_all
from leeway.profiling.leakage import questions
from leeway.profiling.roles import outcome
from tests.leeway.profiling import leaky


def asked(frame, time=None):
    """What is set aside and what is asked of a table, each as a set of columns."""
    text = frame.astype("str").mask(frame.isna())
    columns = inspect_all(text)
    label = outcome(("bad",), text, {"bad": text["bad"].value_counts().to_dict()}, len(frame), None)
    found = questions({name: column for name, column in columns.items() if name != "bad"}, label, time)
    return tuple({name for item in found if item.aside == aside for name in item.columns} for aside in (True, False))


@pytest.mark.parametrize(
    ("table", "aside", "open_"),
    [
        (leaky.taxi, {"tips"}, {"payment"}),
        (lambda: leaky.taxi().drop(columns="tips"), set(), {"payment"}),
        (leaky.loans, set(), {"Term"}),
        (leaky.trial, {"is_recid"}, set()),
        (leaky.football, {"home_score", "away_score"}, set()),
        (lambda: leaky.football(results=("lost", "drawn", "won")), {"home_score", "away_score"}, set()),
        (leaky.copies, set(), {"part_0", "part_1", "part_2"}),
        (leaky.honest, set(), {"score"}),
        (leaky.ordinary, set(), set()),
    ],
    ids=["taxi", "taxi without its leak", "loans", "trial", "football", "results", "copies", "honest", "ordinary"],
)
def test_what_is_beyond_belief_is_set_aside_and_what_is_suspicious_is_asked(table, aside, open_):
    assert asked(table()) == (aside, open_)


def with_column(**more):
    frame = leaky.ordinary()
    return frame.assign(**{name: make(frame, np.random.default_rng(9)) for name, make in more.items()})


@pytest.mark.parametrize(
    "make",
    [
        lambda frame, random: np.where((frame["bad"] == 1) & (random.random(len(frame)) < 0.2), "told us", None),
        lambda frame, random: np.where((frame["bad"] == 0) & (random.random(len(frame)) < 0.3), 7.0, np.nan),
        lambda frame, random: np.where(random.random(len(frame)) < 0.2 + 0.5 * frame["bad"], 7.0, np.nan),
        lambda frame, random: np.where(
            (frame["bad"] == 1) & (random.random(len(frame)) < 0.2),
            [f"the customer said that it was number {number}" for number in range(len(frame))],
            None,
        ),
    ],
    ids=["only of the bad", "only of the good", "more often of the bad", "a note"],
)
def test_a_column_that_tells_by_being_filled_in_is_asked_about(make):
    aside, open_ = asked(with_column(reason=make))
    assert "reason" in aside | open_


def test_gaps_that_tell_little_are_not_asked_about():
    gaps = with_column(
        sensor=lambda frame, random: np.where(random.random(len(frame)) < 0.3 + 0.05 * frame["bad"], np.nan, 1.5),
        rare=lambda frame, random: np.where(np.arange(len(frame)) < 10, 1.5, np.nan),
    )
    assert asked(gaps) == (set(), set())


def test_a_column_that_the_newest_rows_lack_is_asked_about():
    frame = leaky.ordinary().assign(
        outcome_note=lambda rows: np.where(np.arange(len(rows)) < 3_850, np.arange(len(rows)) % 5, np.nan),
        never=lambda rows: np.where(np.arange(len(rows)) % 3 == 0, 1.0, np.nan),
    )
    time = pd.Series(pd.date_range("2026-01-01", periods=len(frame), freq="h", tz="UTC"))
    assert asked(frame, time) == (set(), {"outcome_note"})
    assert asked(frame) == (set(), set())


def test_dates_after_the_event_are_asked_about_where_they_tell_something():
    frame = leaky.ordinary()
    time = pd.Series(pd.date_range("2026-01-01", periods=len(frame), freq="h", tz="UTC"))
    random = np.random.default_rng(2)
    days = {
        "closed": np.where(frame["bad"] == 1, 30, 3),
        "perhaps": np.where(random.random(len(frame)) < 0.3 + 0.35 * frame["bad"], 30, 3),
        "planned": random.integers(1, 30, len(frame)),
    }
    frame = frame.assign(**{name: (time + pd.to_timedelta(of, unit="D")).dt.date for name, of in days.items()})
    assert asked(frame, time) == ({"closed"}, {"perhaps"})


def test_a_table_of_few_rows_asks_nothing_by_chance():
    random = np.random.default_rng(5)
    noise = {f"n{number}": random.integers(0, 400, 60).astype(float) for number in range(80)}
    assert asked(pd.DataFrame(noise | {"bad": random.choice([0, 1], 60)})) == (set(), set())


def test_a_date_that_tells_the_label_with_another_column_is_asked_about_once():
    frame = leaky.ordinary()
    time = pd.Series(pd.date_range("2026-01-01", periods=len(frame), freq="h", tz="UTC"))
    random = np.random.default_rng(4)
    perhaps = random.random(len(frame)) < 0.3 + 0.35 * frame["bad"]
    frame["closed"] = (time + pd.to_timedelta(np.where(perhaps, 30, 3), unit="D")).dt.date
    frame["turned"] = perhaps.astype(int) ^ frame["bad"]
    aside, open_ = asked(frame, time)
    assert "closed" in aside
    assert not aside & open_


@pytest.mark.parametrize(("said", "is_asked"), [(1.0, True), (0.4, False)])
def test_a_text_in_which_one_word_tells_the_label_is_asked_about(said, is_asked):
    def note(frame, random):
        spoken = random.random(len(frame)) < said
        words = np.where(spoken, np.where(frame["bad"] == 1, "goodbye", "hello"), "later")
        return [f"customer {number} on the phone said {word} to us" for number, word in enumerate(words)]

    assert asked(with_column(note=note)) == (set(), {"note"} if is_asked else set())
