"""The nights of a toy classifier, by the flow itself."""

from datetime import UTC, datetime

import pandas as pd
import pytest
import sqlalchemy as sa
from prefect.exceptions import ParameterTypeError

from flows.backfill import backfill
from flows.ingest import ingest
from flows.nightly import nightly
from flows.score import score
from leeway.core.errors import DeliveryRejected
from leeway.definition import catalog
from leeway.definition.grains import DAY
from leeway.definition.partitions import Partition
from leeway.ingest.sources import origins
from leeway.lifecycle import registry, retraining
from leeway.store import ledger
from leeway.store.database import database
from leeway.store.tables import monitoring
from tests.conftest import TOY_MODEL, TOY_SUITE
from tests.flows.conftest import rows as day_rows


def test_a_second_run_of_a_night_changes_nothing_and_says_so(toy, prefect, night):
    first, second = nightly(toy, night(0)), nightly(toy, night(0))
    assert (first.ingested.changed, first.scored.changed, first.monitored.changed) == (True, True, True)
    assert (second.ingested.changed, second.scored.changed, second.monitored.changed) == (False, False, False)
    assert (second.ingested.rows, second.ingested.quarantined) == (59, 1)
    assert second.monitored.verdict == first.monitored.verdict


def test_an_open_request_that_was_lost_is_carried_out_by_the_next_night(toy, prefect, night):
    as_of = Partition.parse(night(0), DAY).start
    with database().transaction() as connection:
        retraining.file(connection, catalog.load(toy), "toy:lost", as_of.replace(hour=1), "a breach", forced=True)
    done = nightly(toy, night(0))
    assert done.retrained is not None
    assert done.retrained.state in ("promoted", "kept_champion")
    assert [step["state"] for step in done.retrained.history][:2] == ["requested", "running"]
    assert nightly(toy, night(0)).retrained is None


def test_a_retrain_that_fails_is_written_down_and_does_not_fail_the_night(toy, prefect, night):
    long_ago = Partition.parse("2020-01-01", DAY).start
    with database().transaction() as connection:
        retraining.file(connection, catalog.load(toy), "toy:hopeless", long_ago, "asked for", forced=True)
    done = nightly(toy, night(0))
    assert "mature labels of both classes" in (done.retrain_failed or "")
    assert retraining.get("toy:hopeless").state == "failed"


def test_harmful_drift_starts_a_retrain_and_a_promotion_by_itself(toy, project, prefect, night):
    """The pattern turns round on the first night: what was bad is good."""
    data = project.root / "data" / "toy.csv"
    rows = pd.read_csv(data)
    turned = rows["at"] >= night(0)
    rows.loc[turned, "bad"] = 1 - rows.loc[turned, "bad"]
    rows.to_csv(data, index=False)
    model = project.root / "models" / "toy.py"
    project.write("models/toy.py", model.read_text().replace("holdout=days(5)", "window=days(14), holdout=days(4)"))
    nights = [nightly(toy, night(number)) for number in range(17)]
    verdicts = [done.monitored.verdict for done in nights]
    assert "breach" in verdicts[:4]
    assert verdicts.index("suspect") < verdicts.index("breach")
    promoted = [done.retrained for done in nights if done.retrained and done.retrained.state == "promoted"]
    assert promoted
    assert registry.champion(toy).version == max(request.version for request in promoted)
    states = [request.state for request in retraining.all_of(toy)]
    assert "suppressed" in states  # the breaches within the cooldown
    assert all(request.key.startswith(f"{toy}:2026-") for request in retraining.all_of(toy))


def test_labels_that_are_filled_in_later_are_there_when_the_next_night_is_judged(toy, project, prefect, night):
    data = project.root / "data" / "toy.csv"
    whole = pd.read_csv(data, dtype=str)
    unlabelled = whole.assign(bad=whole["bad"].mask(whole["at"] >= night(0)))
    unlabelled[unlabelled["at"] < night(1)].to_csv(data, index=False)
    assert nightly(toy, night(0)).late == {}
    whole.assign(bad=whole["bad"].mask(whole["at"] >= night(1))).to_csv(data, index=False)
    second = nightly(toy, night(1))
    assert second.late == {night(0): "0 new events, 0 revised, 59 labels"}
    counted = [item["labels"] for item in _evidence(toy, night(1))["labels"] if item["partition"] == night(0)]
    assert counted == [59]


def _evidence(name, key):
    with database().transaction() as connection:
        chosen = (monitoring.c.classifier == name) & (monitoring.c.partition == key)
        return connection.scalar(sa.select(monitoring.c.evidence).where(chosen))


def test_a_rejected_delivery_publishes_nothing_and_the_night_can_be_run_again(toy, project, prefect, night):
    data = project.root / "data" / "toy.csv"
    whole = data.read_text()
    rows = pd.read_csv(data)
    rows[rows["at"] < night(0)].to_csv(data, index=False)
    with pytest.raises(DeliveryRejected, match=r"has no events .found: none from"):
        nightly(toy, night(0))
    data.write_text(whole)
    assert nightly(toy, night(0)).ingested.new == 59


def test_late_rows_are_taken_in_though_the_partition_that_was_asked_for_is_refused(toy, project, prefect, night):
    data = project.root / "data" / "toy.csv"
    whole = pd.read_csv(data, dtype=str)
    before = whole[whole["at"] < night(1)]
    before.assign(bad=before["bad"].mask(before["at"] >= night(0))).to_csv(data, index=False)
    assert ingest(toy, night(0)).new == 59
    before.to_csv(data, index=False)
    with pytest.raises(DeliveryRejected, match=r"has no events .found: none from"):
        ingest(toy, night(1))
    assert origins.changed(catalog.load(toy), Partition.parse(night(0), DAY), datetime.now(UTC)) == set()


def test_a_day_off_is_a_quiet_night_where_the_definition_expects_some(toy, project, prefect, night):
    data = project.root / "data" / "toy.csv"
    rows = pd.read_csv(data)
    rows[~rows["at"].between(night(0), night(1))].to_csv(data, index=False)
    off = TOY_MODEL.replace('event_id="id"', 'event_id="id", empty_partitions=True')
    project.declare(model=off)
    done = nightly(toy, night(0))
    assert (done.ingested.rows, done.scored.rows, done.monitored.verdict) == (0, 0, "quiet")
    assert "no events" in done.monitored.why
    assert done.monitored.request is None
    assert "No events" in (project.home / "reports" / toy / f"{night(0)}.html").read_text()
    assert nightly(toy, night(1)).scored.rows == 59


def test_a_backfill_does_what_is_missing_and_no_more(toy, prefect, night):
    dry = backfill(toy, night(0), night(2), dry_run=True)
    assert [step["stage"] for step in dry.planned] == ["ingest", "score", "monitor"] * 3
    assert dry.done == 0
    nightly(toy, night(1))
    done = backfill(toy, night(0), night(2), dry_run=False)
    assert (done.done, done.failed) == (6, {})
    assert backfill(toy, night(0), night(2), dry_run=False).planned == []


def test_a_backfill_goes_on_after_a_partition_that_fails_and_names_it(toy, project, prefect, night):
    data = project.root / "data" / "toy.csv"
    rows = pd.read_csv(data)
    rows[~rows["at"].str.startswith(night(1))].to_csv(data, index=False)
    done = backfill(toy, night(0), night(2), dry_run=False)
    assert list(done.failed) == [night(1)], done.failed
    assert done.done == 6


def test_a_backfill_on_the_platform_that_left_something_undone_is_not_shown_as_completed(
    toy, project, prefect, night, monkeypatch
):
    data = project.root / "data" / "toy.csv"
    rows = pd.read_csv(data)
    rows[~rows["at"].str.startswith(night(1))].to_csv(data, index=False)
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "of a platform")
    state = backfill(toy, night(0), night(2), dry_run=False, return_state=True)
    assert state.is_failed(), state
    assert f"1 of 3 partitions failed (found: {night(1)}: " in state.message, state.message
    rows.to_csv(data, index=False)
    assert backfill(toy, night(0), night(2), dry_run=False).done == 3


def test_a_backfill_takes_at_least_one_process(toy, prefect, night):
    with pytest.raises(ParameterTypeError, match="greater than or equal to 1"):
        backfill(toy, night(0), night(0), concurrency=0)


def test_score_alone_says_whether_it_changed_anything(toy, prefect, night):
    nightly(toy, night(0))
    again = score(toy, night(0))
    assert again.changed is False
    assert again.rows == 59


def test_a_night_makes_up_for_those_that_were_missed_oldest_first(toy, prefect, night, project, monkeypatch):
    nightly(toy, night(0))
    data = project.root / "data" / "toy.csv"
    rows = pd.read_csv(data)
    rows[~rows["at"].str.startswith(night(2))].to_csv(data, index=False)  # one that cannot be made up for
    monkeypatch.setattr("flows.nightly.due", lambda name: Partition.parse(night(4), DAY))
    done = nightly(toy)
    assert done.partition == night(4)
    assert list(done.caught_up) == [night(1), night(2), night(3)]
    assert [done.caught_up[night(number)] for number in (1, 3)] == ["done", "done"]
    assert "has no events (found: none from" in done.caught_up[night(2)]
    assert list(nightly(toy).caught_up) == [night(2)]


def test_a_night_without_a_champion_and_without_labels_ingests_and_says_what_it_waits_for(project, prefect, night):
    name = project.declare(model=TOY_MODEL.replace("delay=days(1)", "delay=days(4000)"))
    (project.root / "data").mkdir()
    days = [datetime.fromisoformat(night(number)).replace(tzinfo=UTC) for number in range(3)]
    pd.concat([day_rows(day) for day in days]).to_csv(project.root / "data" / "toy.csv", index=False)
    done = nightly(name, night(2))
    assert (done.ingested.rows, done.scored, done.monitored) == (59, None, None)
    assert "mature labels" in done.waits_for
    with database().transaction() as connection:
        ingested = [entry.partition for entry in ledger.entries(connection, name)]
    assert ingested == [night(0), night(1), night(2)], "the history is there when the labels come"


def test_history_that_was_rejected_is_tried_again_once_the_suite_has_changed(project, prefect, night):
    wrong = TOY_SUITE.replace("min_value=5, max_value=5000", "min_value=4000, max_value=5000")
    assert wrong != TOY_SUITE
    name = project.declare(suite=wrong)
    (project.root / "data").mkdir()
    first = Partition.parse(night(0), DAY)
    days = [first.shift(number) for number in range(-20, 1)]
    pd.concat([day_rows(day.start) for day in days]).to_csv(project.root / "data" / "toy.csv", index=False)
    with pytest.raises(DeliveryRejected):
        nightly(name, night(0))
    with database().transaction() as connection:
        assert {entry.status for entry in ledger.entries(connection, name)} == {"rejected"}
    project.declare(suite=TOY_SUITE)
    assert nightly(name, night(0)).scored is not None


def test_a_first_champion_that_was_refused_waits_for_more_to_learn_from_or_for_another_definition(
    project, prefect, night
):
    strict = TOY_MODEL.replace('{"roc_auc": 0.6}', '{"roc_auc": 0.99}')
    name = project.declare(model=strict)
    (project.root / "data").mkdir()
    first = Partition.parse(night(0), DAY)
    days = [first.shift(number) for number in range(-20, 8)]
    pd.concat([day_rows(day.start) for day in days]).to_csv(project.root / "data" / "toy.csv", index=False)
    assert nightly(name, night(0)).waits_for.startswith("floors: ")
    waits = nightly(name, night(1)).waits_for
    assert "(found: 1,180 of 1,345 rows needed)" in waits
    assert len(registry.history(name)) == 1, "it was not even trained"
    project.declare(model=strict.replace("0.99", "0.98"))
    assert nightly(name, night(1)).waits_for.startswith("floors: ")
    assert nightly(name, night(7)).waits_for.startswith("floors: ")
    assert len(registry.history(name)) == 3
