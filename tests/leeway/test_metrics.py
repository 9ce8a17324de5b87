import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway import metrics
from leeway.outputs import Outputs

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
