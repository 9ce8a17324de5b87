import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, log_loss, precision_score, recall_score, roc_auc_score

from leeway.core import metrics
from leeway.core.outputs import Outputs

BINARY = Outputs("binary", ("bad",))

PAIRS = st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=60).map(
    lambda pairs: (np.array([[y] for y, _ in pairs]), np.array([[p] for _, p in pairs]))
)


@given(PAIRS)
def test_the_log_loss_of_any_scores_is_finite_and_that_of_the_summary(pair):
    y, p = pair
    losses = metrics.log_losses(y, p)
    assert np.isfinite(losses).all()
    assert (losses >= 0).all()
    assert metrics.summary(BINARY, y, p, p >= 0.5)["log_loss"] == pytest.approx(losses.mean())


@given(PAIRS, st.floats(0, 1))
def test_precision_and_recall_count_what_the_threshold_calls_positive(pair, threshold):
    y, p = pair
    found = metrics.summary(BINARY, y, p, p >= threshold)
    called = [bool(label) for label, score in zip(y[:, 0], p[:, 0], strict=True) if score >= threshold]
    assert found["precision"] == (pytest.approx(sum(called) / len(called)) if called else None)
    assert found["recall"] == (pytest.approx(sum(called) / y.sum()) if y.any() else None)
    assert (found["roc_auc"] is None) == (y.all() or not y.any())


def test_nothing_is_said_of_no_rows():
    empty = metrics.summary(BINARY, np.empty((0, 1), dtype=bool), np.empty((0, 1)), np.empty((0, 1), dtype=bool))
    assert {name for name, value in empty.items() if value is None} == empty.keys() - {"rows", "positives"}


@given(PAIRS)
def test_calibration_error_is_a_share_and_nothing_for_scores_that_equal_the_labels(pair):
    y, p = (values[:, 0] for values in pair)
    assert 0 <= metrics.calibration_error(y, p) <= 1
    assert metrics.calibration_error(y, y.astype(float)) == 0


def test_calibration_error_is_how_far_a_constant_score_lies_from_the_share_of_positives():
    y = np.tile([True, False, False, False, False], 200)
    assert metrics.calibration_error(y, np.full(len(y), 0.2)) == pytest.approx(0)
    assert metrics.calibration_error(y, np.full(len(y), 0.7)) == pytest.approx(0.5)


@given(st.floats(0, 1))
def test_log_odds_are_finite_and_lead_back(p):
    odds = metrics.logit(np.array([p]))
    assert np.isfinite(odds).all()
    assert 1 / (1 + np.exp(-odds)) == pytest.approx(p, abs=2e-6)


def several(seed, count=400):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([2, 2, 1], count)
    codes = np.array([rng.choice(3, p=row) for row in p])
    return codes, np.eye(3, dtype=bool)[codes], p


def test_the_metrics_of_several_classes_are_the_means_of_each_against_the_rest():
    codes, y, p = several(0)
    called = np.eye(3, dtype=bool)[p.argmax(axis=1)]
    found = metrics.summary(Outputs("multiclass", ("a", "b", "c")), y, p, called)
    assert found["log_loss"] == pytest.approx(log_loss(codes, p))
    assert found["roc_auc"] == pytest.approx(roc_auc_score(codes, p, multi_class="ovr", average="macro"))
    for name, metric in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        assert found[name] == pytest.approx(metric(codes, p.argmax(axis=1), average="macro"))
        assert found["by_class"]["b"][name] == pytest.approx(metric(y[:, 1], called[:, 1]))
    assert found["positives"] == {name: int((codes == k).sum()) for k, name in enumerate("abc")}
    assert found["too_few"] == []


def test_classes_that_do_not_exclude_each_other_have_the_mean_of_their_losses():
    _, y, p = several(1)
    apart = [log_loss(y[:, k], p[:, k]) for k in range(3)]
    assert metrics.summary(Outputs("multilabel", ("a", "b", "c")), y, p, p > 0.5)["log_loss"] == pytest.approx(
        np.mean(apart)
    )


def test_a_class_with_too_few_rows_is_named_and_left_out_of_the_means():
    _, y, p = several(2)
    y = np.column_stack([y, np.arange(len(y)) < metrics.FEW - 1, np.zeros(len(y), dtype=bool)])
    p = np.column_stack([p, np.zeros((len(p), 2))])
    outputs = Outputs("multilabel", ("a", "b", "c", "few", "none"))
    found = metrics.summary(outputs, y, p, p >= 0.5)
    assert found["too_few"] == ["few", "none"]
    assert (
        found["roc_auc"]
        == metrics.summary(Outputs("multilabel", ("a", "b", "c")), y[:, :3], p[:, :3], p[:, :3] >= 0.5)["roc_auc"]
    )
    assert found["by_class"]["none"]["recall"] is None
    assert found["by_class"]["few"]["recall"] == 0


def test_a_class_that_is_never_called_has_no_precision_and_draws_the_mean_down():
    _, y, p = several(3)
    called = np.eye(3, dtype=bool)[p[:, :2].argmax(axis=1)]
    found = metrics.summary(Outputs("multiclass", ("a", "b", "c")), y, p, called)
    own = [found["by_class"][name]["precision"] for name in "abc"]
    assert own[2] is None
    assert found["precision"] == pytest.approx((own[0] + own[1]) / 3)


def test_a_class_that_a_classifier_does_not_know_costs_it_the_most():
    losses = metrics.log_losses(
        np.array([[False, False], [False, True]]), np.array([[0.5, 0.5], [0.5, 0.5]]), exclusive=True
    )
    assert losses.tolist() == [-np.log(metrics.EPSILON), -np.log(0.5)]


@given(
    p=st.lists(st.sampled_from([0.1, 0.2, 0.25, 0.5, 0.9]), min_size=1, max_size=60),
    seed=st.integers(0, 5),
    bins=st.integers(1, 12),
)
def test_the_order_of_rows_with_equal_probabilities_does_not_count(p, seed, bins):
    p = np.array(p)
    y, order = np.arange(len(p)) % 3 == 0, np.random.default_rng(seed).permutation(len(p))
    assert metrics.calibration_error(y, p, bins) == pytest.approx(metrics.calibration_error(y[order], p[order], bins))
    parts = metrics.equally_filled(p, bins)
    assert sorted(np.concatenate(parts)) == list(range(len(p)))
    assert len(parts) <= bins
    assert all(len(part) for part in parts)
    assert len(np.unique(p)) == sum(len(np.unique(p[part])) for part in parts)


def test_distinct_probabilities_fill_bins_equally():
    assert [len(part) for part in metrics.equally_filled(np.linspace(0, 1, 100), 10)] == [10] * 10
