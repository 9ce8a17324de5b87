import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from leeway.metrics import log_losses
from leeway.training import calibration


def labels_of(p, seed=0):
    return np.random.default_rng(seed).random(p.shape) < p


def scores_of(seed=0, count=2000):
    return np.random.default_rng(seed).beta(1, 3, (count, 1))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 300), power=st.sampled_from([0.3, 1, 3]))
def test_the_chosen_method_is_never_worse_than_none_on_rows_it_was_not_fitted_to(seed, count, power):
    true = scores_of(seed, count)
    (method,), losses = calibration.choose(labels_of(true, seed), true**power)
    assert set(losses) == set(calibration.METHODS)
    assert losses[method] <= losses["none"]
    assert losses[method] <= min(losses.values()) + calibration.WORTH * len(calibration.METHODS)


def test_right_scores_are_left_alone_or_nearly_so():
    true = scores_of(1)
    (method,), losses = calibration.choose(labels_of(true), true)
    assert losses["none"] - losses[method] < 0.005


def test_scores_that_are_too_bold_are_calibrated():
    true = scores_of(2, 4000)
    odds = 3 * np.log(true / (1 - true)) + 1
    bold = 1 / (1 + np.exp(-odds))
    y = labels_of(true)
    (method,), losses = calibration.choose(y, bold)
    assert method != "none"
    fitted = calibration.apply(calibration.fit([method], y, bold), bold)
    assert log_losses(y, fitted).mean() < log_losses(y, bold).mean() - 0.1
    assert np.abs(fitted - true).mean() < 0.03
    assert losses["none"] > losses["sigmoid"]


def test_isotonic_is_a_staircase_within_zero_and_one_also_beyond_what_it_saw():
    scores = scores_of(3, 500) * 0.5 + 0.2
    calibrator = calibration.fit(["isotonic"], labels_of(scores), scores)
    assert isinstance(calibrator[0], IsotonicRegression)
    p = calibration.apply(calibrator, np.linspace(0, 1, 201).reshape(-1, 1))[:, 0]
    assert (np.diff(p) >= 0).all()
    assert p.min() >= 0
    assert p.max() <= 1


def test_sigmoid_keeps_the_order_of_the_scores():
    scores = scores_of(4, 500)
    calibrator = calibration.fit(["sigmoid"], labels_of(scores), scores)
    p = calibration.apply(calibrator, np.linspace(0, 1, 201).reshape(-1, 1))[:, 0]
    assert (np.diff(p) >= 0).all()
    assert 0 < p.min() < p.max() < 1


def test_one_class_alone_teaches_no_calibration():
    scores = scores_of(5, 50)
    for method in calibration.METHODS:
        assert calibration.fit([method], np.ones((50, 1), dtype=bool), scores) == [None]
    assert (calibration.apply([None], scores) == scores).all()
