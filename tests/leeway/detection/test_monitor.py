import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.definition import CSV, Classifier, DriftPolicy, Label, categorical, days, numeric
from leeway.definition.grains import DAY
from leeway.definition.partitions import Partition
from leeway.detection import build_reference
from leeway.detection.monitor import Harm, MonitoredNight, Shift, _verdict, compare, judge
from leeway.detection.sketch import LabelResiduals, Sketch, with_scores

POLICY = DriftPolicy(min_reference=20, alarms_per_year=6)
CLASSIFIER = Classifier(
    source=CSV(path="x"),
    event_id="id",
    event_time="at",
    label=Label(column="bad", delay=days(2)),
    columns={"amount": numeric(), "Kind": categorical()},
    drift=POLICY,
)
START = pd.Timestamp("2026-01-05", tz="UTC")
ROWS = 300


def scores(x):
    """What the bundle makes of rows, and what is true of them."""
    odds = -1 + x["amount"].to_numpy(dtype=float, na_value=0.0) + 1.5 * (x["Kind"] == "b").to_numpy()
    return 1 / (1 + np.exp(-odds))[:, None]


def drawn(rng, rows=ROWS, *, offset=0.0, kinds=(0.5, 0.5), names=("a", "b")):
    kind = pd.Series(rng.choice(np.array(names, dtype=object), rows, p=kinds), dtype="object")
    return pd.DataFrame({"amount": rng.normal(offset, 1, rows), "Kind": kind})


def made(count=40, policy=POLICY):
    rng = np.random.default_rng(0)
    x = drawn(rng, count * ROWS)
    at = START + pd.to_timedelta(np.repeat(np.arange(count), ROWS), unit="D")
    y = rng.random(len(x)) < scores(x)[:, 0]
    past = pd.DataFrame({"event_time": at, "positive": y, "known_at": at})
    classifier = CLASSIFIER.model_copy(update={"drift": policy})
    return build_reference.build(classifier, past, x, scores(x), at[-1] + pd.Timedelta(days=9), scores)


REFERENCE = made()


def nights(*changes, truth=scores, of=REFERENCE, **options):
    """Some nights, each drawn with its own change; their labels are those of nights drawn alike."""
    rng, outputs = np.random.default_rng(8), CLASSIFIER.label.outputs
    first = Partition.parse("2026-04-06", DAY)
    found = []
    for number, change in enumerate(changes):
        x = drawn(rng, **{**options, **change})
        columns = with_scores(x, scores(x), outputs)
        y = rng.random(len(x))[:, None] < truth(x)
        held = LabelResiduals.of(of.binnings, columns, y, scores(x)) if len(x) else None
        night = first.shift(number)
        found.append(MonitoredNight(night, Sketch.of(of.binnings, columns), night.shift(-3), held))
    return found


def judged(*changes, policy=POLICY, of=REFERENCE, **options):
    return judge(of, policy, nights(*changes, of=of, **options), score_mean=0.4)


def half_as_steep(x):
    return 1 / (1 + np.exp(1 - 0.3 * x["amount"].to_numpy() - 1.5 * (x["Kind"] == "b").to_numpy()))[:, None]


def test_nights_like_the_others_are_quiet():
    found = [judged(*[{}] * count) for count in range(1, 12)]
    assert {item.verdict for item in found} <= {"quiet", "drift", "suspect"}
    assert sum(item.verdict == "suspect" for item in found) <= 2
    assert judged({}).why.endswith("labels and scores agree")
    night = replace(nights({})[0], label_residuals=None)
    assert judge(REFERENCE, POLICY, [night]).why.endswith("no mature labels yet")


def test_scores_that_moved_are_an_alert_once_another_night_confirms_it_and_labels_still_fit():
    first = judged({}, {}, {}, {"offset": 0.6})
    assert first.verdict == "suspect"
    assert first.why.startswith(("the mean score moved by +", "the change of amount moves the mean score by +"))
    assert "not yet confirmed" in first.why
    second = judged({}, {}, {}, {"offset": 0.6}, {"offset": 0.6})
    assert second.verdict == "alert"
    assert second.why.endswith("labels and scores agree")
    assert second.columns[0].column == "amount"
    assert second.columns[0].impact > 0.05


def test_labels_that_part_from_the_scores_are_a_breach_once_another_night_confirms_it():
    assert judged({}, truth=half_as_steep).verdict == "suspect"
    found = judged({}, {}, truth=half_as_steep)
    assert (found.verdict, found.harm.confirmed) == ("breach", 2)
    assert found.why.startswith("labels do not match the scores")
    assert "most by amount" in found.why or "most by score" in found.why
    assert "seen in 2 of the last 3 partitions" in found.why


def test_a_column_that_the_scores_do_not_use_moves_without_an_alarm():
    x = drawn(np.random.default_rng(1), 6_000).assign(noise=np.random.default_rng(2).normal(size=6_000))
    at = START + pd.to_timedelta(np.repeat(np.arange(20), 300), unit="D")
    classifier = CLASSIFIER.model_copy(update={"columns": {**CLASSIFIER.columns, "noise": numeric()}})
    past = pd.DataFrame({"event_time": at, "positive": x["amount"] > 1, "known_at": at})
    known = build_reference.build(classifier, past, x, scores(x), at[-1] + pd.Timedelta(days=9), scores)
    night, lived = Partition.parse("2026-04-06", DAY), []
    for step in range(3):
        rng = np.random.default_rng(step)
        moved = drawn(rng).assign(noise=rng.normal(2, 1, ROWS))
        seen = Sketch.of(known.binnings, with_scores(moved, scores(moved), CLASSIFIER.label.outputs))
        lived.append(MonitoredNight(night.shift(step), seen, night, None))
    found = judge(known, POLICY, lived)
    assert found.verdict == "drift"
    assert found.why == "moved beyond the reference: noise; no mature labels yet"
    assert {channel.column for channel in known.alarm.channels if channel.family == "impact"} == {
        "amount",
        "Kind",
        "score",
    }


SHIFT = Shift("score", "its mean", 5.0, 0.05, True)


@given(confirm=st.integers(1, 4), more=st.integers(0, 3), of_labels=st.integers(1, 7), of_scores=st.integers(0, 7))
def test_an_alarm_is_what_enough_of_the_last_nights_confirm(confirm, more, of_labels, of_scores):
    policy = POLICY.model_copy(update={"confirm": confirm, "among": confirm + more})
    alarm = REFERENCE.alarm.model_copy(update={"policy": policy})
    night = nights({})[0]
    harm = Harm("2026-04-03", 200, 0.3, 0.29, 0.01, SHIFT, of_labels)
    verdict, _ = _verdict(alarm, night, [], None, harm, 7, ())
    assert verdict == ("breach" if of_labels >= confirm else "suspect")
    verdict, _ = _verdict(alarm, night, [], SHIFT, None, of_scores, ())
    assert verdict == ("alert" if of_scores >= confirm else "suspect")
    assert _verdict(alarm, night, [], SHIFT, harm, 7, ("Kind is missing",)) == (
        "data fault",
        "Kind is missing",
    )


def test_with_too_short_a_reference_harm_is_only_watched():
    policy = DriftPolicy()
    short = made(20, policy)
    assert short.alarm.rate is None
    found = judged({}, {}, truth=half_as_steep, policy=policy, of=short)
    assert found.verdict == "watching"
    assert "20 reference partitions are too few to act on" in found.why


def test_with_next_to_no_reference_nothing_is_said():
    for count in (1, 2):
        found = judged({"offset": 3.0}, {"offset": 3.0}, of=made(count))
        assert found.verdict in ("quiet", "data fault")
        assert json.dumps(found.evidence(), allow_nan=False)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"names": ("a", "b", None), "kinds": (0.4, 0.4, 0.2)}, "Kind is missing in "),
        ({"names": ("a", "b", "B"), "kinds": (0.4, 0.4, 0.2)}, "Kind has unseen values in "),
        ({"rows": 60}, "60 events; the reference's partitions have 300 to 300"),
        ({"rows": 1300}, "1300 events; the reference's partitions have 300 to 300"),
        ({"rows": 0}, "0 events; the reference's partitions have 300 to 300"),
        ({"rows": 1}, "1 event; the reference's partitions have 300 to 300"),
    ],
)
def test_a_data_fault_is_told_apart_and_never_is_an_alarm(change, why):
    found = judged({}, {}, change, truth=half_as_steep)
    assert found.verdict == "data fault"
    assert found.why.startswith(why)


def emptied(column, value):
    return lambda x: x.assign(**{column: pd.Series([value] * len(x), dtype=x[column].dtype)})


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        (emptied("amount", np.nan), "amount is missing in 100% of the rows"),
        (emptied("Kind", None), "Kind is missing in 100% of the rows"),
        (emptied("amount", 3.0), "amount is 3 in 100% of the rows; until now in at most 0%"),
        (lambda x: x.assign(amount=3.0, Kind="a"), "amount is 3 in 100% of the rows"),  # and so is the score one number
        (lambda x: x.iloc[:1], "1 event; the reference's partitions have 300 to 300"),
    ],
)
def test_bad_input_is_a_fault_that_is_told_however_many_nights_it_lasts(spoilt, why):
    rng, lived, night = np.random.default_rng(3), [], Partition.parse("2026-04-06", DAY)
    for step in range(4):
        x = spoilt(drawn(rng))
        columns = with_scores(x, scores(x), CLASSIFIER.label.outputs)
        held = LabelResiduals.of(REFERENCE.binnings, columns, np.ones((len(x), 1), dtype=bool), scores(x))
        lived = [MonitoredNight(night.shift(step), Sketch.of(REFERENCE.binnings, columns), night.shift(step - 3), held)]
        found = judge(REFERENCE, POLICY, lived)  # those with a fault are not among the nights before
        assert found.verdict == "data fault"
        assert found.why.startswith(why)
        assert json.dumps(found.evidence(), allow_nan=False)


def test_a_night_without_events_is_quiet_where_that_is_in_order():
    found = judge(REFERENCE, POLICY, nights({}, {"rows": 0}), may_be_empty=True)
    assert (found.verdict, found.why) == ("quiet", "no events; no mature labels yet")


def test_less_than_a_burst_is_no_fault():
    assert judged({"names": ("a", "b", None), "kinds": (0.48, 0.49, 0.03)}).verdict != "data fault"
    assert judged({"names": ("a", "b", "B"), "kinds": (0.47, 0.48, 0.05)}).verdict != "data fault"
    assert judged({"rows": 80}).verdict != "data fault"


def test_the_evidence_says_what_the_limit_costs():
    evidence = json.loads(json.dumps(judged({}).evidence(), allow_nan=False))
    assert evidence["limits"]["budget"] == 6
    assert 0 < evidence["limits"]["rate"] <= evidence["limits"]["often"] <= 6
    assert evidence["moved"]["column"]
    assert evidence["harm"]["partition"] == "2026-04-03"


def test_the_verdict_names_the_class_where_there_are_several():
    harm = Harm("2026-04-03", 200, 0.3, 0.2, 0.1, replace(SHIFT, column="Kind", direction="'b'", of_class="x"), 2)
    _, why = _verdict(REFERENCE.alarm, nights({})[0], [], None, harm, 2, ())
    assert why.startswith(
        "labels do not match the scores of x, most by Kind ('b'), on 2026-04-03 "
        "(+10.0 points on average, 5.0 times the usual spread)"
    )


def test_what_drifts_is_held_against_the_whole_reference():
    (night,) = nights({"offset": 1.0})
    first, second = compare(REFERENCE, night.observed)
    assert first.column == "amount"
    assert first.standardised > 10 > second.standardised
    assert compare(REFERENCE, nights({"rows": 0})[0].observed) == ()


def test_another_budget_holds_at_once():
    generous = judged({}, policy=POLICY.model_copy(update={"alarms_per_year": 24.0})).limits
    sparing = judged({}, policy=POLICY.model_copy(update={"alarms_per_year": 1.0})).limits
    assert generous["spreads"] < judged({}).limits["spreads"] < sparing["spreads"]
    assert sparing["often"] <= 1 < generous["often"] <= 24
