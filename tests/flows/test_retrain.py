"""A retrain request carried out by the flow itself."""

import pandas as pd
import pytest

from flows.backfill import backfill
from flows.retrain import retrain
from flows.verdict import handle_verdict
from leeway.core.errors import NotFound
from leeway.definition import catalog
from leeway.definition.grains import DAY
from leeway.definition.partitions import Partition
from leeway.lifecycle import holds, registry, retraining
from leeway.store.database import database
from tasks.register import register

KEY = "toy:turned"


@pytest.fixture
def turned(toy, project, prefect, night):
    """A toy whose pattern turned round ten nights ago, with a request that answers it."""
    data = project.root / "data" / "toy.csv"
    rows = pd.read_csv(data)
    late = rows["at"] >= night(0)
    rows.loc[late, "bad"] = 1 - rows.loc[late, "bad"]
    rows.to_csv(data, index=False)
    model = project.root / "models" / "toy.py"
    project.write("models/toy.py", model.read_text().replace("holdout=days(5)", "holdout=days(4)"))
    backfill(toy, night(0), night(9), stage="ingest", which="missing", dry_run=False)
    since, as_of = (Partition.parse(night(number), DAY).start for number in (0, 9))
    with database().transaction() as connection:
        retraining.file(connection, catalog.load(toy), KEY, as_of, "harm", since=since)
    return toy


def test_the_better_of_two_challengers_is_promoted_and_the_request_tells_of_both(turned, night):
    done = retrain(turned, KEY)
    assert done.state == "promoted"
    recent, since = done.history[-1]["evidence"]["challengers"]
    assert (recent["window"], since["window"]) == ("recent", f"since {night(0)} 00:00")
    assert (recent["chosen"], since["chosen"]) == (False, True)
    assert since["gates"]["better than champion"].startswith("pass, log loss falls by ")
    champion = registry.champion(turned)
    assert (champion.version, champion.bundle) == (done.version, since["bundle"])
    assert registry.load(turned, champion).card.learnt_since[:10] == night(0)

    with pytest.raises(NotFound, match="found: promoted"):
        retrain(turned, KEY)  # the event was delivered twice
    assert handle_verdict(turned, night(9), None) == (None, None)  # and the night finds nothing left to do
    assert [step["state"] for step in retraining.get(KEY).history] == ["requested", "running", "promoted"]
    assert [item.outcome for item in registry.history(turned)] == ["promoted", "promoted"]


def test_an_event_that_never_came_is_made_up_for_by_the_next_night_which_promotes_once(turned, night):
    request, failed = handle_verdict(turned, night(9), None)
    assert (request.state, failed) == ("promoted", None)
    assert len(registry.history(turned)) == 2


def test_a_hold_that_comes_while_a_challenger_is_trained_keeps_the_champion(turned, night, monkeypatch):
    before = registry.champion(turned)

    def held_meanwhile(*arguments):
        holds.hold(turned, "not now", "ada")
        return register(*arguments)

    monkeypatch.setattr("flows.retrain.register", held_meanwhile)
    assert retrain(turned, KEY).state == "held"
    assert registry.champion(turned) == before
    monkeypatch.undo()
    (released,) = holds.release(catalog.load(turned), "now", "ada")
    assert released.state == "waiting"
    with database().transaction() as connection:  # as the next night does
        retraining.ripen(connection, turned, Partition.parse(night(9), DAY).end)
    assert handle_verdict(turned, night(9), None)[0].state == "promoted"
