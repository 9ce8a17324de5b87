import numpy as np
import pandas as pd
import pytest

from leeway.definition import CSV, Classifier, DriftPolicy, Label, categorical, days, numeric
from leeway.detection import build_reference
from leeway.detection.monitor import compare
from leeway.detection.reference import Reference
from leeway.detection.sketch import LabelResiduals, Sketch, with_scores

CLASSIFIER = Classifier(
    source=CSV(path="x"),
    event_id="id",
    event_time="at",
    label=Label(column="bad", delay=days(2)),
    columns={"amount": numeric(), "kind": categorical()},
    calendar=("day",),
    drift=DriftPolicy(quantile=0.99, min_reference=15),
)
START = pd.Timestamp("2026-03-01", tz="UTC")
OUTPUTS = CLASSIFIER.label.outputs


def scores(x):
    return 1 / (1 + np.exp(-x["amount"].to_numpy(dtype=float)))[:, None]


def past(nights=20, rows=200, seed=0):
    rng = np.random.default_rng(seed)
    count = nights * rows
    at = START + pd.to_timedelta(np.repeat(np.arange(nights), rows), unit="D") + pd.Timedelta(hours=3)
    x = pd.DataFrame(
        {"amount": rng.normal(size=count), "kind": rng.choice(["a", "b"], count), "event_day": at.day.astype(float)}
    )
    known = at + pd.Timedelta(days=2)
    return pd.DataFrame({"event_time": at, "positive": rng.random(count) < scores(x)[:, 0], "known_at": known}), x


def built(nights=20, as_of=None, classifier=CLASSIFIER, **options):
    rows, x = past(nights, **options)
    return build_reference.build(classifier, rows, x, scores(x), as_of or START + pd.Timedelta(days=nights + 5), scores)


def columns(x):
    return with_scores(x[["amount", "kind"]], scores(x), OUTPUTS)


def test_its_own_partitions_stay_within_the_distance_but_for_the_quantile():
    made = built()
    for seed, most in ((0, 1), (7, 5)):  # of twenty; it is for the eye
        x = columns(past(seed=seed)[1])
        nights = [Sketch.of(made.binnings, x.iloc[night * 200 : night * 200 + 200]) for night in range(20)]
        beyond = [max(drift.standardised for drift in compare(made, seen)) > made.distance_limit for seen in nights]
        assert sum(beyond) <= most
    assert made.rows == (200,) * 20


def test_it_survives_json_also_where_too_few_partitions_set_no_limit():
    for nights in (1, 2, 10, 20):
        made = built(nights)
        assert Reference.model_validate_json(made.model_dump_json()) == made
    for nights in (1, 2):
        made = built(nights)
        assert made.distance_limit == made.alarm.limit == float("inf")


def test_a_short_reference_has_an_analytic_limit_and_a_long_one_says_what_it_costs():
    short, long = built(10).alarm, built(20).alarm
    assert (short.partitions, short.rate, short.often) == (10, None, None)
    assert 0 < long.rate <= long.often <= CLASSIFIER.drift.alarms_per_year


def test_a_channel_is_what_the_formula_says():
    made = built()
    rows, x = past(1, rows=500, seed=3)
    y, p = rows[["positive"]].to_numpy(), scores(x)
    found, of_rows = made.values(
        Sketch.of(made.binnings, columns(x)), LabelResiduals.of(made.binnings, columns(x).iloc[:100], y[:100], p[:100])
    )
    for channel, value, count in zip(made.alarm.channels, found, of_rows, strict=True):
        frame = columns(x) if channel.family == "impact" else columns(x).iloc[:100]
        weights = np.array(channel.weights)[made.binnings[channel.column].bin(frame[channel.column])]
        error = 1.0 if channel.family == "impact" else (y - p)[:100, 0]
        assert (value, count) == (pytest.approx(np.mean(error * weights)), len(frame))
    assert np.isnan(made.values(Sketch.of(made.binnings, columns(x)), None)[0]).sum() == sum(
        channel.family == "residual" for channel in made.alarm.channels
    )


def test_a_column_that_the_score_depends_on_has_its_effect_and_one_that_it_does_not_has_none():
    made = built()
    effect = np.array(made.effects["amount"])[:-2, 0]
    assert (np.diff(effect) > 0).all()
    assert effect[-1] - effect[0] > 0.6
    assert np.abs(np.array(made.effects["kind"])).max() < 1e-9
    assert {channel.column for channel in made.alarm.channels if channel.family == "impact"} == {"amount", "score"}
    assert "event_day" not in made.features


def test_only_labels_that_a_night_would_have_seen_are_learnt_from():
    whole = built(20)
    assert whole.alarm.partitions == 20
    early = built(20, as_of=START + pd.Timedelta(days=20))
    assert early.alarm.partitions == 18  # the youngest two had no labels yet
    assert len(early.partitions) == 20


def test_the_most_recent_partitions_are_kept_and_small_ones_are_not():
    classifier = CLASSIFIER.model_copy(update={"drift": DriftPolicy(reference=5, min_reference=3)})
    made = built(classifier=classifier)
    assert made.partitions == tuple(f"2026-03-{day}" for day in range(16, 21))
    rows, x = past(10)
    few = np.r_[0:1_800, 1_800:1_810]  # ten rows of the last night
    made = build_reference.build(
        CLASSIFIER, rows.iloc[few], x.iloc[few], scores(x.iloc[few]), START + pd.Timedelta(days=20), scores
    )
    assert len(made.partitions) == 9


def test_a_partition_may_have_more_events_than_labels():
    rows, x = past(10)
    volumes = {f"2026-03-{day:02}": 2_000 for day in range(1, 10)}
    made = build_reference.build(CLASSIFIER, rows, x, scores(x), START + pd.Timedelta(days=20), scores, volumes)
    assert (made.clean.least_rows, made.clean.most_rows) == (200, 2_000)


def test_columns_without_values_or_with_one_are_no_trouble():
    rows, x = past()
    x = x.assign(amount=np.nan, kind="a")
    flat = np.full((len(x), 1), 0.3)
    made = build_reference.build(
        CLASSIFIER, rows, x, flat, START + pd.Timedelta(days=30), lambda some: np.full((len(some), 1), 0.3)
    )
    seen = Sketch.of(made.binnings, with_scores(x.head(50)[["amount", "kind"]], flat[:50], OUTPUTS))
    found, _ = made.values(seen, None)
    assert not np.isinf(found).any()
    assert {channel.column for channel in made.alarm.channels} == {"score"}


def test_the_channels_of_the_scores_are_kept_however_many_there_are(monkeypatch):
    monkeypatch.setattr(build_reference, "MOST_CHANNELS", 1)
    kept = built().alarm.channels
    assert {channel.column for channel in kept} == {"score"}
    assert [(channel.family, channel.direction) for channel in kept].count(("residual", "its mean")) == 1
