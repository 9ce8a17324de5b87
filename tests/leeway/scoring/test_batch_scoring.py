import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from leeway.core.errors import BundleError, DeliveryRejected, NotFound
from leeway.dataset import features
from leeway.ingest import publication
from leeway.lifecycle import registry
from leeway.scoring import batch_scoring
from leeway.scoring.batch_scoring import score
from leeway.store.database import Database, database
from leeway.store.tables import tables_of
from leeway.training import fit


def predictions(world, day=None):
    table = tables_of(world.classifier).prediction
    frame = database().read(sa.select(table)).to_pandas()
    frame = frame if day is None else frame[frame["partition"] == day.key]
    return frame.sort_values(["version", "event_id"]).reset_index(drop=True)


def raw_of(day, count=40, seed=99):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": [f"{day.key}-{row}" for row in range(count)],
            "at": [(day.start + pd.Timedelta(minutes=row)).isoformat() for row in range(count)],
            "card": "c1",
            "email": "someone@example.org",
            "amount": rng.lognormal(3, 1, count).round(2),
            "kind": rng.choice(["a", "b"], count),
            "bad": 0,
        }
    )


def test_scoring_twice_changes_nothing_and_says_so(quick):
    day = quick.day(10)
    first, second = score(quick.classifier, day), score(quick.classifier, day)
    assert (first.changed, second.changed) == (True, False)
    assert (first.version, first.rows, first.positives) == (second.version, second.rows, second.positives)
    found = predictions(quick, day)
    assert (len(found), found["decision"].sum()) == (first.rows, first.positives) == (40, first.positives)
    assert 0 < first.positives < first.rows


def test_a_prediction_is_the_champions_score_of_the_features_as_of_the_event(quick):
    day = quick.day(10)
    score(quick.classifier, day)
    bundle = registry.load(quick.name, registry.champion(quick.name))
    rows = database().read(features.for_scoring(quick.classifier, day)).to_pandas()
    stored = predictions(quick, day).set_index("event_id").loc[rows["event_id"]]
    p = bundle.score(rows)
    assert (stored["score"].to_numpy() == p[:, 0]).all()
    assert (stored["decision"].to_numpy() == (p[:, 0] >= bundle.card.thresholds[0])).all()
    kept = batch_scoring.read(quick.name, day, 1)
    pd.testing.assert_frame_equal(kept[rows.columns], rows)
    assert (kept["score"].to_numpy() == stored["score"].to_numpy()).all()


def test_a_new_champion_scores_anew_and_the_old_ones_predictions_stay(quick):
    day = quick.day(10)
    score(quick.classifier, day)
    before = predictions(quick)
    assert quick.crown(19) == 2
    again = score(quick.classifier, day)
    assert (again.changed, again.version) == (True, 2)
    after = predictions(quick)
    pd.testing.assert_frame_equal(after[after["version"] == 1], before)
    assert (after["version"] == 2).sum() == 40
    assert not score(quick.classifier, day).changed


def test_a_partition_that_was_delivered_again_is_scored_anew(quick):
    day = quick.day(25)
    quick.deliver(day, raw_of(day))
    score(quick.classifier, day)
    before = predictions(quick, day)
    quick.deliver(day, raw_of(day, seed=3))
    assert score(quick.classifier, day).changed
    after = predictions(quick, day)
    assert list(after["event_id"]) == list(before["event_id"])
    assert (after["score"] != before["score"]).mean() > 0.9
    quick.deliver(day, raw_of(day, seed=3))
    assert not score(quick.classifier, day).changed


def test_rows_that_left_the_quarantine_are_scored(quick):
    day = quick.day(25)
    quick.deliver(day, raw_of(day), broken={0: ["amount: too much"], 1: ["amount: too much"]})
    assert score(quick.classifier, day).rows == 38
    quick.deliver(day, raw_of(day), suite="mended")
    again = score(quick.classifier, day)
    assert (again.changed, again.rows) == (True, 40)
    assert len(predictions(quick, day)) == 40


def test_an_event_that_moved_to_another_partition_has_one_prediction(quick):
    day, next_day = quick.day(25), quick.day(26)
    quick.deliver(day, raw_of(day))
    score(quick.classifier, day)
    moved = raw_of(next_day)
    moved.loc[0, "id"] = f"{day.key}-0"
    quick.deliver(next_day, moved)
    score(quick.classifier, next_day)
    found = predictions(quick)
    assert found["event_id"].is_unique
    assert set(found.loc[found["event_id"] == f"{day.key}-0", "partition"]) == {next_day.key}


def test_chunks_give_the_predictions_of_the_whole(quick, monkeypatch):
    day = quick.day(10)
    score(quick.classifier, day)
    whole = predictions(quick, day)
    read = Database.read_batches
    in_sevens = lambda self, query: (part for batch in read(self, query) for part in slices(batch))  # noqa: E731
    monkeypatch.setattr(Database, "read_batches", in_sevens)
    with database().transaction() as connection:
        connection.execute(sa.text("DELETE FROM leeway.partition WHERE stage = 'score'"))
    assert score(quick.classifier, day).changed
    found = predictions(quick, day)
    assert found["score"].to_numpy() == pytest.approx(whole["score"].to_numpy(), rel=1e-12)
    pd.testing.assert_frame_equal(found.drop(columns="score"), whole.drop(columns="score"))


def slices(batch, size=7):
    return [batch.slice(start, size) for start in range(0, batch.num_rows, size)]


def test_a_partition_whose_every_row_is_in_quarantine_has_no_predictions_but_its_columns(quick):
    day = quick.day(25)
    quick.deliver(day, raw_of(day), broken={row: ["bad"] for row in range(40)})
    done = score(quick.classifier, day)
    assert (done.changed, done.rows, done.positives) == (True, 0, 0)
    assert {"event_id", *quick.classifier.features, "score", "decision"} <= set(
        batch_scoring.read(quick.name, day, 1).columns
    )


def test_what_is_missing_for_scoring_is_a_clear_error(world):
    with pytest.raises(NotFound, match="scoring toy 2026-03-11: toy has no champion yet; run `leeway train toy` first"):
        score(world.classifier, world.day(10))
    world.one_trial().fill().crown()
    nowhere, refused = world.day(30), world.day(31)
    with pytest.raises(NotFound, match=r"found: nothing in the ledger\); run `leeway ingest"):
        score(world.classifier, nowhere)
    error = DeliveryRejected("auditing", problem="rows must be enough", found="2", hint="wait")
    publication.reject(world.classifier, refused, "d", "s", error)
    with pytest.raises(NotFound, match=r"found: rows must be enough \(found: 2\)"):
        score(world.classifier, refused)
    with pytest.raises(NotFound, match="reading the scored rows of toy"):
        batch_scoring.read(world.name, world.day(3), 1)


def test_an_altered_champion_scores_nothing(quick):
    champion = registry.champion(quick.name)
    path = fit.folder_of(quick.name, champion.bundle) / "bundle.json"
    path.write_text(path.read_text() + " ")
    with pytest.raises(BundleError, match="checksum"):
        score(quick.classifier, quick.day(10))
    assert predictions(quick).empty


def test_a_prediction_says_where_a_person_decides_as_soon_as_the_champion_knows_of_that(quick):
    day = quick.day(10)
    quick.redeclare("training=Training(", "objective=Capacity(per_day=5), review=Review(share=0.2), training=Training(")
    score(quick.classifier, day)
    assert predictions(quick, day)["review"].isna().all()  # the champion was trained before
    version = quick.crown(19)
    score(quick.classifier, day)
    made = registry.load(quick.name, registry.champion(quick.name))
    card, (low, high) = made.card, made.card.review
    found = predictions(quick, day)
    found = found[found["version"] == version]
    assert 0 < found["review"].sum() < 20
    assert (found["review"] == found["score"].between(low, high)).all()
    assert low <= card.thresholds[0] <= high
    least, most = card.threshold_intervals[0]
    assert least <= card.thresholds[0] <= most
    assert card.tradeoffs["1"][-1]["recall"] == 1
    assert card.calibrated["1"]["low"] <= card.calibrated["1"]["error"] <= card.calibrated["1"]["high"]
    assert card.odds_ratios["1"]["amount"] > 1  # high amounts tend to be bad
    assert card.odds_ratios["1"]["kind = b"] > card.odds_ratios["1"]["kind = a"]
    assert not any("email" in term for term in card.odds_ratios["1"])
    assert (list(card.members), card.search_failures, card.cut_short) == (list(card.search), {}, None)
