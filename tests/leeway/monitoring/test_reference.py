import numpy as np
import pandas as pd
import pytest

from leeway.definition import CSV, Classifier, DriftPolicy, Label, categorical, days, numeric
from leeway.monitoring import reference
from leeway.monitoring.monitor import compare, harm_of
from leeway.monitoring.reference import Reference

CLASSIFIER = Classifier(
    source=CSV(path="x"),
    event_id="id",
    event_time="at",
    label=Label(column="bad", delay=days(2)),
    columns={"amount": numeric(), "kind": categorical()},
    calendar=("day",),
    drift=DriftPolicy(quantile=0.99),
)
START = pd.Timestamp("2026-03-01", tz="UTC")


def past(nights=20, rows=200, seed=0):
    rng = np.random.default_rng(seed)
    count = nights * rows
    at = START + pd.to_timedelta(np.repeat(np.arange(nights), rows), unit="D") + pd.Timedelta(hours=3)
    amount = rng.normal(size=count)
    p = 1 / (1 + np.exp(-amount))
    x = pd.DataFrame({"amount": amount, "kind": rng.choice(["a", "b"], count), "event_day": at.day.astype(float)})
    known = at + pd.Timedelta(days=2)
    return pd.DataFrame({"event_time": at, "positive": rng.random(count) < p, "known_at": known}), x, p[:, None]


def built(nights=20, as_of=None, **options):
    rows, x, p = past(nights, **options)
    return reference.build(CLASSIFIER, rows, x, p, as_of or START + pd.Timedelta(days=nights + 5))


def test_its_own_partitions_stay_within_the_limits_but_for_the_quantile():
    made = built()
    _, x, _ = past()
    beyond = [
        max(drift.standardised for drift in compare(made, x.iloc[night * 200 : night * 200 + 200])) > made.drift_limit
        for night in range(20)
    ]
    assert sum(beyond) <= 1
    _, other, _ = past(seed=7)
    beyond = [
        max(drift.standardised for drift in compare(made, other.iloc[night * 200 : night * 200 + 200]))
        > made.drift_limit
        for night in range(20)
    ]
    assert sum(beyond) <= 3
    assert made.rows == (200,) * 20


def test_it_survives_json_also_where_too_few_partitions_set_no_limit():
    for nights in (1, 2, 20):
        made = built(nights)
        assert Reference.model_validate_json(made.model_dump_json()) == made
    assert built(2).drift_limit == built(2).residual_limit == float("inf")
    assert np.isfinite(built(20).drift_limit)


def test_parts_of_the_calendar_are_no_drift_but_may_show_harm():
    made = built()
    assert "event_day" not in made.counts
    assert "event_day" in made.residual["true"]


def test_partitions_whose_labels_may_still_come_are_no_yardstick_of_harm():
    rows, x, p = past()
    young = rows["event_time"] >= START + pd.Timedelta(days=15)
    rows.loc[young, "positive"] = True  # nonsense that must not be looked at
    as_of = START + pd.Timedelta(days=17)
    assert reference.build(CLASSIFIER, rows, x, p, as_of).bias == built(as_of=as_of).bias
    assert reference.build(CLASSIFIER, rows, x, p, as_of + pd.Timedelta(days=9)).bias != built().bias


def test_small_partitions_do_not_count_unless_all_are_small():
    rows, x, p = past(3)
    few = np.r_[0:200, 200:210, 400:600]
    made = reference.build(CLASSIFIER, rows.iloc[few], x.iloc[few], p[few], START + pd.Timedelta(days=9))
    assert made.partitions == ("2026-03-01", "2026-03-03")
    assert built(2, rows=10).partitions == ("2026-03-01", "2026-03-02")


def test_impact_is_how_far_a_columns_new_distribution_moves_the_mean_score():
    made = built()
    _, x, _ = past(1, seed=3)
    moved = x.assign(amount=x["amount"] + 1.0)
    drift = {drift.column: drift for drift in compare(made, moved)}
    assert compare(made, moved)[0].column == "amount"
    expected = (1 / (1 + np.exp(-moved["amount"]))).mean() - made.score_means["true"]
    assert drift["amount"].impact == pytest.approx(expected, abs=0.03)
    assert abs(drift["kind"].impact) < 0.01
    assert drift["amount"].standardised > made.drift_limit > drift["kind"].standardised


def test_harm_is_seen_where_labels_part_from_scores_and_not_where_only_the_data_moved():
    made, policy = built(), CLASSIFIER.drift
    rows, x, p = past(1, seed=11)
    moved = x.assign(amount=x["amount"] + 1.0)
    right = 1 / (1 + np.exp(-moved[["amount"]].to_numpy()))
    rng = np.random.default_rng(0)
    nights = [harm_of(made, policy, "p", moved, rng.random(right.shape) < right, right) for _ in range(40)]
    assert sum(night.harmful for night in nights) <= 5  # the largest of twenty nights is exceeded by one of twenty
    wrong = np.where(x["kind"] == "a", 1.0, rows["positive"]).astype(bool)[:, None]
    harm = harm_of(made, policy, "p", x, wrong, p)
    assert harm.harmful
    assert harm.column == "kind"
    assert harm.bias > 0.1
    assert harm_of(made, policy, "p", x.iloc[:19], wrong[:19], p[:19]) is None


SEVERAL = CLASSIFIER.model_copy(update={"label": Label(column="bad", classes=("a", "b", "c", "rare"), delay=days(2))})


def past_of_several(nights=20, rows=300, seed=0):
    """Classes `a`, `b` and `c` follow from the amount; `rare` comes about once in four nights."""
    rng = np.random.default_rng(seed)
    frame, x, _ = past(nights, rows, seed)
    weight = np.exp(np.outer(x["amount"], [1.0, -1.0, 0.0]))
    p = np.column_stack([0.999 * weight / weight.sum(axis=1, keepdims=True), np.full(len(x), 0.001)])
    codes = (p.cumsum(axis=1) > rng.random((len(x), 1))).argmax(axis=1)
    return frame.drop(columns="positive").assign(label=np.array(SEVERAL.label.classes)[codes]), x, p


def test_a_class_with_a_few_rows_a_night_is_not_watched_and_the_reference_survives_json():
    made = reference.build(SEVERAL, *past_of_several(), START + pd.Timedelta(days=25))
    assert made.watched == [0, 1, 2]
    assert set(made.residual) == set(made.score_binnings) == set(made.bias) == {"a", "b", "c"}
    assert set(made.score_means) == {"a", "b", "c", "rare"}
    assert Reference.model_validate_json(made.model_dump_json()) == made


def test_harm_to_one_of_several_classes_is_seen_and_names_it_and_none_is_seen_without():
    made, policy = reference.build(SEVERAL, *past_of_several(nights=40), START + pd.Timedelta(days=45)), SEVERAL.drift
    harmful = 0
    for seed in range(20):
        rows, x, p = past_of_several(1, seed=100 + seed)
        harmful += harm_of(made, policy, "p", x, SEVERAL.label.outputs.matrix(rows["label"]), p).harmful
    assert harmful <= 3
    rows, x, p = past_of_several(1, seed=99)
    wrong = rows["label"].mask((rows["label"] == "b") & (x["kind"] == "a"), "c")
    harm = harm_of(made, policy, "p", x, SEVERAL.label.outputs.matrix(wrong), p)
    assert harm.harmful
    assert harm.of_class in ("b", "c")
    assert harm.column == "kind"


def test_impact_names_the_class_that_a_column_moves_most():
    made = reference.build(SEVERAL, *past_of_several(), START + pd.Timedelta(days=25))
    _, x, _ = past_of_several(1, seed=3)
    (amount, *_) = compare(made, x.assign(amount=x["amount"] + 1.0))
    assert (amount.column, amount.impact > 0.1, amount.of_class) == ("amount", True, "a")
    (amount, *_) = compare(made, x.assign(amount=x["amount"] - 1.0))
    assert amount.of_class == "b"
