import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from leeway.cli.app import app
from leeway.core.errors import NotFound, RequestRefused
from leeway.model import bundle
from leeway.scoring.batch_scoring import score
from leeway.scoring.online.answering import answer
from leeway.store.database import database
from leeway.store.tables import tables_of


def nightly(world, day):
    score(world.classifier, day)
    tables = tables_of(world.classifier)
    query = sa.select(tables.event, tables.prediction.c.score, tables.prediction.c.decision).join(
        tables.prediction, tables.prediction.c.event_id == tables.event.c.event_id
    )
    with database().transaction() as connection:
        return connection.execute(query.where(tables.event.c.partition == day.key)).mappings().all()


def values_of(world, row):
    return {name: row[name] for name in world.classifier.columns} | {world.classifier.event_time: row["event_time"]}


@pytest.mark.parametrize("has_functions", [True, False])
def test_an_event_is_answered_as_the_night_scored_it(quick, monkeypatch, has_functions):
    if not has_functions:
        monkeypatch.setattr(bundle.Bundle, "compiled", None)
    for row in nightly(quick, quick.day(10))[:12]:
        found = answer(quick.classifier, values_of(quick, row), event_id=row["event_id"])
        (p,) = found.probabilities.values()
        assert p == pytest.approx(row["score"], abs=1e-12)
        assert (found.decision, found.version, found.missing) == (row["decision"], 1, [])


def test_an_event_without_a_time_happens_now_and_what_it_lacks_is_named(quick):
    found = answer(quick.classifier, {"kind": " a "}, explain=2)
    assert datetime.now(UTC) - found.event_time < timedelta(minutes=1)
    assert {"amount", "card"} <= set(found.missing)
    assert len(found.reasons) == 2
    assert answer(quick.classifier, {"kind": "a"}).probabilities == found.probabilities


def test_every_value_that_cannot_be_read_is_told_at_once_and_a_sensitive_one_not_shown(quick):
    ahead = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    with pytest.raises(RequestRefused) as refused:
        answer(quick.classifier, {"amount": "much", "kint": "a", "at": ahead, "email": "a\0b", "kind": ["a"]})
    text = str(refused.value)
    for said in (
        "amount: must be a finite number",
        "did you mean 'kind'?",
        "at: must not lie in the future",
        "email: ",
        "single value",
    ):
        assert said in text
    assert "a\\x00b" not in text


def test_nobody_answers_without_a_champion(world):
    with pytest.raises(NotFound, match="no champion"):
        answer(world.classifier, {})


def test_the_command_prints_the_decision_its_probability_and_why(quick):
    run = CliRunner().invoke(app, ["ask", quick.name, "--values", '{"amount": 5000, "kind": "b"}', "--json"])
    found = json.loads(run.stdout)
    assert found["decision"] in (True, False)
    assert len(found["reasons"]) == 3
    assert CliRunner().invoke(app, ["ask", quick.name, "--values", "-"], input='{"kind": "b"}').exit_code == 0
    assert CliRunner().invoke(app, ["ask", quick.name, "--values", "{"]).exit_code == 2
