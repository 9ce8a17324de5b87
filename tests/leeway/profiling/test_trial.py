from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from leeway.profiling import reading, trial, writing
from leeway.profiling.creation import draft
from leeway.profiling.expect import Expectation
from leeway.profiling.guesses import guesses
from leeway.profiling.options import Options
from leeway.profiling.profile import profile

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ROWS = 4_000


@pytest.fixture
def options(project):
    random = np.random.default_rng(0)
    amount = random.random(ROWS).round(4).astype("str")
    amount[-3:] = ["1e999", "12 apples", "many"]
    frame = pd.DataFrame(
        {
            "id": [f"A{number:05d}" for number in range(ROWS)],
            "at": pd.date_range("2026-03-01", periods=ROWS, freq="5min").astype("str"),
            "amount": amount,
            "bad": (random.random(ROWS) < 0.2).astype(int),
        }
    )
    frame.to_csv(project / "data.csv", index=False)
    return Options(name="mine", data=str(project / "data.csv"), label=("bad",))


def test_every_row_of_the_table_is_read_as_a_night_would_where_the_profile_is_of_a_sample(options, monkeypatch):
    monkeypatch.setattr(reading, "MAX_ROWS", 400)
    found = draft(options).profile
    assert (found.tried, found.sample.whole, found.left_out) == (ROWS, False, ())
    (told,) = found.unreadable
    assert told.startswith("amount: ")
    assert told.endswith("(3 rows)")


def test_what_is_left_for_want_of_time_is_told(options, monkeypatch):
    monkeypatch.setattr(reading, "MAX_ROWS", 400)
    monkeypatch.setattr(reading, "CHUNK", 500)
    found = profile(options)
    monkeypatch.setattr(type(found.sample.table), "chunks", lambda _: iter([found.sample.rows] * 3))
    tried = trial.read(found, NOW, seconds=0)
    assert (tried.rows, tried.whole, tried.deliveries) == (len(found.sample.rows), False, {})
    answers = [answer for question, answer, _ in guesses(replace(found, tried=tried.rows)) if question == "tried"]
    assert answers == [f"{tried.rows:,} of 4,000 rows"]


def test_an_expectation_that_would_reject_the_table_itself_is_left_out_and_told(options):
    found = profile(options)
    wrong = Expectation("ExpectTableRowCountToBeBetween", {"min_value": 54_321})
    found = replace(found, expectations=[*found.expectations, wrong])
    tried = trial.read(found, NOW)
    ((refused, partition),) = trial.rejecting(found, tried, NOW)
    assert (refused, partition) == (wrong, next(iter(tried.deliveries)))
    written = replace(found, left_out=((refused, partition),))
    assert "54321" in writing.suite(found)
    assert "54321" not in writing.suite(written)
    assert any(question == "left out" and str(partition) in why for question, _, why in guesses(written))
