from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from leeway.core.metrics import logit
from leeway.core.outputs import Outputs
from leeway.definition import CSV, Classifier, Label, categorical, days, numeric
from leeway.detection import build_reference, estimated
from leeway.detection.estimated import LabelledRows
from leeway.detection.performance_metrics import METRICS, Usual, performance

START = datetime(2026, 1, 5, tzinfo=UTC)
BINARY = Outputs("binary", ("true",))
CLASSIFIER = Classifier(
    source=CSV(path="x"),
    event_id="id",
    event_time="at",
    label=Label(column="y", delay=days(0)),
    columns={"a": numeric(), "kind": categorical()},
)


def rows(rng, count, shift=0.0):
    """Labels follow from `a` along a curve; the scores take it for a line, and are right on average."""
    x = pd.DataFrame({"a": rng.normal(shift, 1, count), "kind": rng.choice(["k", "l"], count)})
    truth = 1 / (1 + np.exp(-(x["a"].to_numpy() + 0.8 * x["a"].to_numpy() ** 2 - 1.5)))
    return x, (rng.random(count) < truth)[:, None], truth[:, None]


def linear(x):
    odds = 1.6 * np.tanh(x["a"].to_numpy()) - 0.4
    return (1 / (1 + np.exp(-odds)))[:, None]


def decided(p):
    return p >= 0.5


@pytest.fixture(scope="module")
def learnt():
    """A reference of forty days, what is kept of it, and the scores, calibrated on it as a whole."""
    from sklearn.isotonic import IsotonicRegression

    rng = np.random.default_rng(0)
    x, y, _ = rows(rng, 20_000)
    isotonic = IsotonicRegression(out_of_bounds="clip").fit(linear(x)[:, 0], y[:, 0])

    def score(some):
        return np.asarray(isotonic.predict(linear(some)[:, 0]))[:, None]

    at = pd.Series(START + pd.to_timedelta(np.repeat(np.arange(40), 500), unit="D"))
    frame = pd.DataFrame({"event_time": at, "positive": y[:, 0], "known_at": at})
    built = build_reference.build(CLASSIFIER, frame, x, score(x), START + timedelta(days=60), score, decide=decided)
    return built, LabelledRows.of(built, x, y, score(x), 0), score


def estimate(learnt, x):
    built, known, score = learnt
    p = score(x)
    return estimated.estimate(built, known, x, p, decided(p), exclusive=False, seed=0), p


def test_where_rows_moved_the_estimate_is_nearer_to_the_truth_than_the_scores_are(learnt):
    x, _, truth = rows(np.random.default_rng(1), 4_000, shift=-0.8)
    found, p = estimate(learnt, x)
    true, plain = (
        dict(zip(METRICS, performance(q, p, decided(p), exclusive=False, judged=[0]), strict=True)) for q in (truth, p)
    )
    for name in ("accuracy", "log_loss"):
        assert abs(found.metrics[name][0] - true[name]) < 0.5 * abs(plain[name] - true[name])
    assert not found.off


def test_where_nothing_moved_scores_are_hardly_corrected_and_labels_lie_within_the_bounds(learnt):
    inside = []
    for seed in range(2, 12):
        x, y, _ = rows(np.random.default_rng(seed), 500)
        found, p = estimate(learnt, x)
        assert found.effective > 0.8
        was = performance(y.astype(float), p, decided(p), exclusive=False, judged=[0])
        inside += [low <= value <= high for value, (_, low, high) in zip(was, found.metrics.values(), strict=True)]
    assert np.mean(inside) >= 0.9


def test_far_from_the_reference_nothing_is_told(learnt):
    x, _, _ = rows(np.random.default_rng(3), 2_000, shift=3.0)
    found, _ = estimate(learnt, x)
    assert found.effective < 0.2
    assert set(found.off) == set(found.metrics)
    assert f"only {found.effective:.0%} of the reference" in found.off["accuracy"]


def test_a_column_that_scores_do_not_depend_on_does_not_tell_partitions_apart(learnt):
    assert estimated.telling(learnt[0]) == ["a"]
    x, _, _ = rows(np.random.default_rng(4), 2_000)
    assert estimate(learnt, x.assign(kind="new"))[0].effective > 0.8


def test_what_is_kept_comes_back_from_its_file(learnt, tmp_path):
    known = learnt[1]
    known.frame(BINARY).to_parquet(tmp_path / "known.parquet")
    again = LabelledRows.from_frame(pd.read_parquet(tmp_path / "known.parquet"), BINARY)
    assert np.allclose(logit(again.p), logit(known.p), atol=1e-4)
    assert (again.y == known.y).all()
    assert all((again.codes[name] == codes).all() for name, codes in known.codes.items())


def usual(realised, expected):
    count = len(realised)
    cells = [[value] * len(METRICS) for value in realised], [[value] * len(METRICS) for value in expected]
    return Usual(rows=[100] * count, realised=cells[0], expected=cells[1], chance=[0.2] * len(METRICS))


def pairs(said, was, by=0.05):
    many = len(METRICS)
    return [
        (np.tile([one, one - by, one + by], (many, 1)), np.full(many, two)) for one, two in zip(said, was, strict=True)
    ]


def test_estimates_worse_than_a_constant_are_switched_off_and_others_are_not():
    rng = np.random.default_rng(5)
    true = 0.9 + 0.02 * rng.standard_normal(60)
    good, bad = true + 0.005 * rng.standard_normal(60), 0.9 - 2 * (true - 0.9) + 0.01 * rng.standard_normal(60)
    assert not estimated.judge(usual(true, good), pairs(good, true))
    off = estimated.judge(usual(true, good), pairs(bad, true))
    assert set(off) == set(METRICS)
    assert "over the last 56 partitions" in off["recall"]


def test_once_labels_of_late_lie_outside_the_bounds_the_estimate_is_off_though_a_constant_is_no_better():
    rng = np.random.default_rng(6)
    true = 0.9 + 0.02 * rng.standard_normal(60)
    fallen = np.concatenate([true[:4], true[4:8] - 0.4])
    assert not estimated.judge(usual(true, true), pairs(true[:8], fallen)[:7])
    off = estimated.judge(usual(true, true), pairs(true[:8], fallen))
    assert off["accuracy"].startswith("of the last 7 partitions with labels, 3 ")


def test_it_takes_labels_of_some_partitions_to_trust_an_estimate():
    few = estimated.judge(usual([0.9] * 5, [0.9] * 5), pairs([0.9] * 5, [0.9] * 5))
    assert few["accuracy"] == "labels are known for only 10 partitions; 14 are needed"
