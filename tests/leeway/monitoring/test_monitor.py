import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.definition import CSV, Classifier, DriftPolicy, Label, categorical, days
from leeway.monitoring import reference
from leeway.monitoring.monitor import Harm, compare, judge

POLICY = DriftPolicy(confirm=2, among=3, min_reference=8)
HARM = Harm("2026-03-09", 200, 0.1, "Kind", 9.0, 0.2, True)
NONE = replace(HARM, harmful=False)


def made(nights=10, rows=200):
    classifier = Classifier(
        source=CSV(path="x"),
        event_id="id",
        event_time="at",
        label=Label(column="bad", delay=days(1)),
        columns={"Kind": categorical()},
    )
    rng = np.random.default_rng(0)
    at = pd.Timestamp("2026-03-01", tz="UTC") + pd.to_timedelta(np.repeat(np.arange(nights), rows), unit="D")
    x = pd.DataFrame({"Kind": rng.choice(["a", "b"], nights * rows)})
    past = pd.DataFrame({"event_time": at, "positive": rng.random(len(x)) < 0.5, "known_at": at})
    return reference.build(classifier, past, x, np.full((len(x), 1), 0.5), at[-1] + pd.Timedelta(days=9))


REFERENCE = made()


def night(rows=200, **shares):
    shares = shares or {"a": 0.5, "b": 0.5}
    counts = [round(share * rows) for share in shares.values()]
    values = [None if name == "null" else name for name in shares]
    return pd.DataFrame({"Kind": pd.Series(np.repeat(np.array(values, dtype="object"), counts), dtype="object")})


def judged(x, harm=None, before=(), policy=POLICY, reference=REFERENCE):
    return judge(
        reference, policy, rows=len(x), score_mean=0.5, columns=compare(reference, x), harm=harm, before=before
    )


def test_a_night_like_the_others_is_quiet():
    assert judged(night()).verdict == "quiet"
    assert judged(night(), NONE, [True, True]).why.endswith("labels and scores agree")
    assert judged(night()).why.endswith("no mature labels yet")


def test_data_that_moved_without_harm_is_drift_and_names_the_column():
    found = judged(night(a=0.8, b=0.2), NONE)
    assert found.verdict == "drift"
    assert found.why == "moved beyond the reference: Kind; labels and scores agree"


def test_harm_is_suspect_until_another_partition_confirms_it():
    assert judged(night(), HARM).verdict == "suspect"
    found = judged(night(), HARM, [False, True])
    assert (found.verdict, found.confirmed) == ("breach", 2)
    assert found.why == (
        "labels lie 20.0% from the scores along Kind on 2026-03-09 (9.0 spreads, +10.0% on average), "
        "seen in 2 of the last 3 partitions"
    )


@given(now=st.booleans(), before=st.lists(st.booleans(), max_size=6), confirm=st.integers(1, 4), more=st.integers(0, 3))
def test_a_breach_is_harm_now_and_in_enough_of_the_last_partitions(now, before, confirm, more):
    policy = DriftPolicy(confirm=confirm, among=confirm + more)
    found = judged(night(), HARM if now else NONE, before, policy)
    recent = [now, *before][: confirm + more]
    assert found.confirmed == sum(recent)
    assert (found.verdict == "breach") == (now and sum(recent) >= confirm)


def test_with_too_short_a_reference_harm_is_only_watched():
    found = judged(night(), HARM, [True, True], reference=made(nights=7))
    assert found.verdict == "watching"
    assert "7 reference partitions are too few to act on" in found.why


@pytest.mark.parametrize(
    ("x", "why"),
    [
        (night(a=0.5, b=0.4, null=0.1), "Kind is missing in 10% of the rows"),
        (night(a=0.5, b=0.3, B=0.2), "Kind has values never seen before in 20% of the rows"),
        (night(40), "40 events, where the reference's partitions have 200 to 200"),
        (night(900), "900 events, where the reference's partitions have 200 to 200"),
        (night(0), "0 events, where the reference's partitions have 200 to 200"),
    ],
)
def test_a_data_fault_is_told_apart_and_never_is_a_breach(x, why):
    found = judged(x, HARM, [True, True])
    assert (found.verdict, found.why) == ("data fault", why)
    assert found.evidence()["harm"]["harmful"]


def test_less_than_a_burst_is_no_fault():
    assert judged(night(a=0.5, b=0.46, null=0.04)).verdict != "data fault"
    assert judged(night(a=0.5, b=0.4, B=0.1)).verdict != "data fault"
    assert judged(night(50)).verdict == "quiet"
    assert judged(night(800)).verdict == "quiet"


def test_the_evidence_can_be_written_down_also_where_there_is_no_limit():
    for reference_of in (REFERENCE, made(nights=1)):
        evidence = json.loads(json.dumps(judged(night(), HARM, reference=reference_of).evidence(), allow_nan=False))
        assert set(evidence["limits"]) == {"drift", "residual", "tolerance"}
    assert evidence["limits"]["drift"] is None


def test_the_verdict_names_the_class_where_there_are_several():
    several = REFERENCE.model_copy(update={"classes": ("x", "true"), "label_spread": {"x": 0.1, "true": 0.5}})
    found = judge(
        several,
        POLICY,
        rows=200,
        score_mean=0.5,
        columns=compare(REFERENCE, night()),
        harm=replace(HARM, of_class="x"),
        before=[True],
        score_means={"x": 0.2, "true": 0.8},
    )
    assert found.why.startswith("labels lie 20.0% from the scores of x along Kind on 2026-03-09")
    assert found.limits["tolerance"] == pytest.approx(POLICY.tolerance * 0.1)
    assert found.evidence()["score_means"] == {"x": 0.2, "true": 0.8}
