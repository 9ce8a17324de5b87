"""What every kind of alert must do; a new one is tested here as soon as it is in the list."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from leeway.alerts import finding, notify_once
from leeway.alerts.kinds import KINDS, Happening, LastDays
from leeway.core.errors import DeliveryRejected
from leeway.ingest import publication
from leeway.lifecycle import retraining
from leeway.store.database import database
from leeway.store.tables import monitoring
from leeway.views import on_call, runbooks
from leeway.views.runs import Run

NOW = datetime.now(UTC)
KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def said(world, verdict, **evidence):
    """A verdict of last night."""
    key = f"{NOW - timedelta(days=1):%Y-%m-%d}"
    values = {"version": 1, "verdict": verdict, "why": "amount moved", "rows": 500, "evidence": evidence}
    with database().transaction() as connection:
        connection.execute(sa.insert(monitoring).values(classifier=world.name, partition=key, **values))


def rejected(world, monkeypatch):
    # The calendar begins with a partition that the ledger has, and ends with the one that is due.
    error = DeliveryRejected("auditing", problem="a rule", found="something", hint="mend it")
    today = world.day((NOW - world.day(0).start).days - 1)
    publication.reject(world.classifier, today, "0" * 64, "suite", error)


def missing(world, monkeypatch):
    monkeypatch.setattr(on_call, "late", lambda classifier, days: ["2026-03-20"])


def requested(world, monkeypatch, *states):
    held = world.redeclare("min_reference=8", 'min_reference=8, retrain="hold"').classifier
    with database().transaction() as connection:
        retraining.file(connection, held, "toy:a", NOW, "a breach")
    for state in states:
        retraining.move("toy:a", state, "out of memory")


def decided(world, monkeypatch, outcome):
    evidence = [{"gate": "floors", "outcome": "fail", "why": "roc_auc .5 is below .6"}]
    values = {"version": 3, "outcome": outcome, "created_at": NOW, "as_of": NOW, "evidence": evidence, "reason": "it"}
    made = type("Promotion", (), values)()
    monkeypatch.setattr("leeway.lifecycle.registry.history", lambda name: [made])


def many(world, monkeypatch):
    other = world.project.declare("other")
    for name in (world.name, other):
        said(type("Other", (), {"name": name}), "data fault")


def failed(world, monkeypatch):
    run = Run("id", "nightly toy", "Failed", NOW, "an error", "unexpected-error", None)
    monkeypatch.setattr("leeway.views.runs.failed", lambda now: [run])


HAPPEN = {
    "breach": lambda world, patch: said(world, "breach"),
    "alert": lambda world, patch: said(world, "alert"),
    "data fault": lambda world, patch: said(world, "data fault"),
    "watching": lambda world, patch: said(world, "watching"),
    "rejected delivery": rejected,
    "missing night": missing,
    "held request": lambda world, patch: requested(world, patch),
    "failed retrain": lambda world, patch: requested(world, patch, "running", "failed"),
    "promotion": lambda world, patch: decided(world, patch, "promoted"),
    "refusal": lambda world, patch: decided(world, patch, "refused"),
    "incident": many,
    "failed run": failed,
}


def test_each_has_a_name_of_its_own_and_can_be_made_to_happen():
    assert Counter(kind.name for kind in KINDS) == Counter(list(HAPPEN))


@KIND
def test_its_severity_runbook_and_what_to_do_are_said(kind):
    assert kind.severity in ("page", "ticket")
    assert kind.to_do[0].isupper()
    assert kind.to_do[-1] in ".?"
    item = Happening("key", kind, "toy", "what", NOW, "bad")
    assert runbooks.text(item.page).startswith("# ")
    told = notify_once._told(item)
    assert told["runbook"].endswith((f"{item.page}.md", f"subject={item.page}"))
    assert (told["kind"], told["to_do"]) == (kind.name, kind.to_do)
    json.dumps(told)


@KIND
def test_it_is_found_once_the_same_each_time_and_not_where_nothing_happened(world, monkeypatch, kind):
    assert finding.find(NOW) == []
    HAPPEN[kind.name](world, monkeypatch)
    first, again = ([item for item in finding.find(datetime.now(UTC)) if item.kind == kind] for _ in range(2))
    assert first == again
    (item,) = first
    assert item.key.startswith(f"{kind.name}:")
    assert item.what
    assert item.how_bad
    assert item.since.tzinfo is not None


@KIND
def test_nothing_is_found_of_a_classifier_that_has_no_past_and_no_definition(project, kind):
    assert list(kind.found(LastDays("gone", NOW, timedelta(days=7)))) == []
