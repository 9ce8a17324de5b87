import zipfile
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from leeway.core.errors import TrainingError
from leeway.dataset import snapshots
from leeway.model import bundle
from leeway.training import fit, training_data


def rows_of(world, as_of=20):
    return snapshots.read(world.name, snapshots.take(world.classifier, world.day(as_of).start).hash)


def fitted(world, as_of=20):
    moment = world.day(as_of).start
    return fit.fit(world.classifier, snapshots.take(world.classifier, moment).hash, moment)


def test_the_same_snapshot_and_definition_give_the_same_bundle_also_when_it_is_learnt_anew(world):
    world.fill()
    key = fitted(world)
    first = bundle.load(fit.folder_of(world.name, key))
    assert fitted(world) == key
    moved = first.folder.rename(world.project.root / "elsewhere")
    assert fitted(world) == key
    again = bundle.load(fit.folder_of(world.name, key))
    assert again.card == first.card
    rows = rows_of(world)
    assert (again.score(rows) == first.score(rows)).all()
    for name in ("bundle.json", "reference.json", "sample.parquet"):
        assert (again.folder / name).read_bytes() == (moved / name).read_bytes()


def test_another_definition_or_another_time_is_another_bundle(world):
    world.one_trial().fill()
    key = fitted(world)
    assert fitted(world, 19) != key
    world.redeclare("C=(1.0,)", "C=(0.5,)")
    assert fitted(world) != key


def test_the_card_tells_what_was_learnt_from_and_nothing_learns_from_the_holdout(world):
    world.one_trial().fill()
    card = bundle.load(fit.folder_of(world.name, fitted(world))).card
    rows = rows_of(world)
    early = rows["event_time"] < world.day(14).start  # as of day 20: a day for maturity, five for the holdout
    known = rows["event_time"] < world.day(13).start  # its labels were there when the holdout began
    assert card.trained_until == rows["event_time"][known].max().isoformat()
    assert card.holdout_from == rows["event_time"][~early].min().isoformat()
    assert card.rows == known.sum()
    assert card.purged == early.sum() - known.sum()
    assert card.metrics["rows"] == (~early).sum()
    assert card.metrics["roc_auc"] > 0.7
    assert list(card.features) == ["amount", "kind", "card_count_7d", "card_mean_amount_7d"]


def test_the_threshold_and_the_model_do_not_depend_on_the_holdouts_labels(world):
    world.one_trial().fill()
    rows = rows_of(world)
    split = training_data.cut(world.classifier, rows, world.day(20).start)
    changed = rows.copy()
    changed.loc[changed["event_time"] >= world.day(14).start, "positive"] ^= True
    other = snapshots.path_of(world.name, "changed")
    changed.to_parquet(other)
    first = bundle.load(fit.folder_of(world.name, fitted(world)))
    second = bundle.load(fit.folder_of(world.name, fit.fit(world.classifier, "changed", world.day(20).start)))
    assert first.card.thresholds == second.card.thresholds
    assert (first.score(split.holdout) == second.score(split.holdout)).all()
    assert first.card.metrics != second.card.metrics


def test_a_side_of_the_holdout_without_both_classes_is_a_clear_error(world):
    world.fill(count=20)
    rows = rows_of(world)
    rows.loc[rows["event_time"] >= world.day(14).start, "positive"] = False
    with pytest.raises(TrainingError, match=r"within the holdout, which starts 2026-03-15.* 0 positive"):
        training_data.cut(world.classifier, rows, world.day(20).start)
    with pytest.raises(TrainingError, match=r"before the holdout.*0 labelled events"):
        training_data.cut(world.classifier, rows_of(world, 5), world.day(5).start)


def test_a_bundles_sample_shows_no_sensitive_column_and_no_aggregate_over_one(world):
    world.one_trial().redeclare("sensitive=True", "sensitive=True, feature=True")
    world.redeclare('"amount": numeric()', '"amount": numeric(sensitive=True, feature=True)').fill()
    made = bundle.load(fit.folder_of(world.name, fitted(world)))
    assert {"email", "amount", "card_mean_amount_7d"} <= set(made.card.features)
    assert set(made.sample.columns) == {"kind", "card_count_7d", "score"}


def test_a_column_that_was_never_filled_does_not_stop_the_training(world):
    world.redeclare('"amount": numeric()', '"amount": numeric(), "later": numeric(), "tag": categorical()').fill()
    made = bundle.load(fit.folder_of(world.name, fitted(world)))
    rows = rows_of(world).assign(later=1.0, tag="new")
    assert np.isfinite(made.score(rows)).all()
    assert made.card.metrics["roc_auc"] > 0.7


TOLD = '"amount": numeric(), "note": text(sensitive=True, feature=True), "due": timestamp(), "paid": timestamp()'


def test_dates_and_texts_are_learnt_from_watched_by_name_and_never_shown(world):
    world.redeclare('"amount": numeric()', TOLD).redeclare('kind": categorical()', 'kind": categorical(feature=False)')
    for number in range(20):
        day, place = world.day(number), np.arange(40)
        at = pd.Series(day.start + pd.to_timedelta(place, unit="min"))
        rows = pd.DataFrame({"id": [f"{day.key}-{row}" for row in place], "at": at.map(pd.Timestamp.isoformat)})
        rows = rows.assign(card=None, email=None, kind=None, amount=place * 1.5, bad=(place * 7 % 5 == number % 5) * 1)
        due = at + pd.to_timedelta(np.where(rows["bad"] == 1, 40, 4) + place % 3, unit="D")
        rows["due"] = due.map(pd.Timestamp.isoformat)
        rows["paid"] = (at + timedelta(days=2)).map(pd.Timestamp.isoformat).where(place % 7 > 0)
        rows["note"] = np.where(place % 3 == 0, "tell nobody", "nothing to say about")
        world.deliver(day, rows)
    made = bundle.load(fit.folder_of(world.name, fitted(world)))
    spans = {"days_from_event_to_due", "days_from_event_to_paid", "days_from_due_to_paid"}
    assert {"note", "due_weekday", "paid_hour", *spans} <= set(made.card.features)
    assert made.card.metrics["roc_auc"] > 0.99
    assert {"note", *spans} <= set(made.reference.counts)  # a drift of theirs is seen
    assert not {"due_month", "paid_day"} & set(made.reference.counts)  # of which every night has its own
    assert "note" not in made.sample.columns
    for path in made.folder.iterdir():
        if path.suffix == ".skops":
            with zipfile.ZipFile(path) as archive:
                assert not any(b"nobody" in archive.read(name) for name in archive.namelist())
        assert b"nobody" not in path.read_bytes()


def test_no_entity_that_was_learnt_from_is_held_out(world):
    world.one_trial().redeclare("holdout=days(5)", 'holdout=0.3, group="card"').fill()
    rows = rows_of(world)
    assert set(rows["fold_group"].str.len()) == {32}  # only a hash of who it is
    with pytest.raises(TrainingError, match=r"within the holdout"):  # the toy's thirty cards come every day
        training_data.cut(world.classifier, rows, world.day(20).start)
    rows.loc[560:, "fold_group"] = "new"
    split = training_data.cut(world.classifier, rows, world.day(20).start)
    assert set(split.holdout["fold_group"]) == {"new"} != set(split.development["fold_group"])
