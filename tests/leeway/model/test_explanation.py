import json

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from leeway.cli.app import app
from leeway.core.errors import NotFound
from leeway.core.metrics import logit
from leeway.lifecycle import registry
from leeway.model import explanation, shapley
from leeway.scoring import batch_scoring
from leeway.store.database import database
from leeway.store.tables import tables_of
from leeway.views import event_detail


def test_contributions_add_up_and_are_exact_for_a_sum():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"a": rng.normal(size=5), "b": rng.choice(["x", "y"], 5), "c": rng.normal(size=5)})
    background = pd.DataFrame({"a": rng.normal(size=9), "b": rng.choice(["x", "y"], 9), "c": rng.normal(size=9)})

    def terms(lines):
        return np.column_stack([2 * lines["a"], 3.0 * (lines["b"] == "x"), lines["c"] ** 2])

    found, base = shapley.values(lambda lines: terms(lines).sum(axis=1), rows, background)
    assert found == pytest.approx(terms(rows) - terms(background).mean(axis=0))
    assert base + found.sum(axis=1) == pytest.approx(terms(rows).sum(axis=1))


def test_what_two_columns_do_together_is_shared_and_a_column_that_does_nothing_gets_nothing():
    rows = pd.DataFrame({"a": [2.0], "b": [3.0], "idle": [9.0]})
    background = pd.DataFrame({"a": [0.0], "b": [0.0], "idle": [0.0]})
    found, base = shapley.values(lambda lines: (lines["a"] * lines["b"]).to_numpy(), rows, background)
    assert (found.tolist(), base) == ([[3.0, 3.0, 0.0]], 0.0)


def test_no_row_has_no_contribution():
    none = pd.DataFrame({"a": np.zeros(0)})
    assert shapley.values(lambda lines: lines["a"].to_numpy(), none, pd.DataFrame({"a": [1.0]}))[0].shape == (0, 1)


@pytest.fixture
def explained(world):
    """A night scored by a logistic regression that also sees a sensitive column; reasons are stored."""
    world.one_trial().redeclare(
        'email": categorical(sensitive=True', 'email": categorical(sensitive=True, feature=True'
    )
    world.redeclare("candidates=", "explain=True, candidates=").fill(count=21).crown(20)
    batch_scoring.score(world.classifier, world.day(20))
    return world


def test_an_event_is_told_with_all_reasons_and_stored_with_its_strongest(explained):
    champion = registry.champion(explained.name)
    made = registry.load(explained.name, champion)
    rows = batch_scoring.read(explained.name, explained.day(20), champion.version)
    event_id = rows["event_id"].iloc[0]
    told = event_detail.explain(explained.classifier, event_id)
    (why,) = told.why
    assert (told.partition, told.version) == (explained.day(20).key, champion.version)
    assert why.score == pytest.approx(rows["score"].iloc[0])
    assert why.base + sum(reason.effect for reason in why.reasons) == pytest.approx(float(logit(np.array(why.score))))
    assert {reason.column for reason in why.reasons} == set(made.card.features)
    shown = {reason.column: reason for reason in why.reasons}
    assert shown["email"].value == shown["email"].usual == explanation.HIDDEN
    assert shown["kind"].value == rows["kind"].iloc[0]
    assert event_detail.explain(explained.classifier, event_id) == told

    prediction = tables_of(explained.classifier).prediction
    with database().transaction() as connection:
        stored = connection.execute(sa.select(prediction.c.decision, prediction.c.reasons)).all()
    assert {row.decision for row in stored} == {True, False}
    assert all((row.reasons is not None) == row.decision for row in stored)
    assert all(len(row.reasons) <= explanation.STORED for row in stored if row.decision)
    assert "@example.org" not in str(stored)

    answer = CliRunner().invoke(app, ["explain", explained.name, event_id, "--json"])
    assert json.loads(answer.stdout)["why"][0]["score"] == pytest.approx(why.score)
    table = CliRunner().invoke(app, ["explain", explained.name, event_id]).stdout
    assert "@example.org" not in table
    assert "log odds" in table


def test_what_is_usual_of_yes_and_no_is_written_as_the_value_is(quick):
    columns = pd.Series([True, True, False, None], dtype="boolean"), pd.Series([1.0, 2.0, 4.0])
    usual = [explanation._usual(column, kind) for column, kind in zip(columns, ("boolean", "numeric"), strict=True)]
    assert [explanation.in_words(quick.classifier, "amount", value) for value in usual] == ["True", "2"]
    assert explanation.in_words(quick.classifier, "amount", columns[0].iloc[2]) == "False"


def test_an_event_that_nobody_has_scored_is_a_clear_error(quick):
    with pytest.raises(NotFound, match=r"event nobody of toy"):
        event_detail.explain(quick.classifier, "nobody")


def test_a_table_from_before_there_were_reasons_gains_their_column(quick):
    with database().transaction() as connection:
        connection.execute(sa.text("ALTER TABLE toy.prediction DROP COLUMN reasons"))
    quick.fill(first=20, count=1)
    assert batch_scoring.score(quick.classifier, quick.day(20)).rows == 40
