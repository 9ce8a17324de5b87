import numpy as np
import pytest

from leeway import bundle, snapshots
from leeway.errors import TrainingError
from leeway.training import fit


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
    start = world.day(14).start  # as of day 20: a day for maturity, five for the holdout
    assert card.trained_until == rows["event_time"][rows["event_time"] < start].max().isoformat()
    assert card.holdout_from == rows["event_time"][rows["event_time"] >= start].min().isoformat()
    assert card.rows == (rows["event_time"] < start).sum()
    assert card.metrics["rows"] == (rows["event_time"] >= start).sum()
    assert card.metrics["roc_auc"] > 0.7
    assert list(card.features) == ["amount", "kind", "card_count_7d", "card_mean_amount_7d"]


def test_the_threshold_and_the_model_do_not_depend_on_the_holdouts_labels(world):
    world.one_trial().fill()
    rows = rows_of(world)
    split = fit.cut(world.classifier, rows, world.day(20).start)
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
    with pytest.raises(TrainingError, match=r"both classes within the holdout, which starts 2026-03-15.* 0 positive"):
        fit.cut(world.classifier, rows, world.day(20).start)
    with pytest.raises(TrainingError, match=r"both classes before the holdout.*0 labelled events"):
        fit.cut(world.classifier, rows_of(world, 5), world.day(5).start)


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
