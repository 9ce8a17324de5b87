import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from leeway.core.metrics import log_losses
from leeway.model import calibration


def labels_of(p, seed=0):
    return np.random.default_rng(seed).random(p.shape) < p


def scores_of(seed=0, count=2000):
    return np.random.default_rng(seed).beta(1, 3, (count, 1))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(2, 300), power=st.sampled_from([0.3, 1, 3]), ordered=st.booleans())
def test_the_chosen_method_is_never_worse_than_none_on_rows_it_was_not_fitted_to(seed, count, power, ordered):
    true = scores_of(seed, count)
    (method,), losses = calibration.choose(labels_of(true, seed), true**power, ordered=ordered)
    assert set(losses) == set(calibration.METHODS)
    assert losses[method] <= losses["none"]


def test_what_was_wrong_with_earlier_scores_alone_is_not_corrected_where_time_has_an_order():
    true = scores_of(5, 5000)
    odds = np.log(true / (1 - true))
    early = np.arange(5000)[:, None] < 2000
    scores = 1 / (1 + np.exp(-np.where(early, 3 * odds, odds)))
    assert calibration.choose(labels_of(true), scores, ordered=True)[0] == ["none"]
    always = 1 / (1 + np.exp(-3 * odds))
    assert calibration.choose(labels_of(true), always, ordered=True)[0] == ["sigmoid"]


def test_what_gains_on_one_stretch_of_time_and_loses_on_the_next_is_left_out():
    true = scores_of(6, 10_000)
    odds = np.log(true / (1 - true))
    off = np.repeat([0.9, 1.1, 0.2, 1.4, 0.8], 2000)[:, None]  # what each stretch is off by; the next one differs
    scores = 1 / (1 + np.exp(-(odds - off)))
    (method,), losses = calibration.choose(labels_of(true), scores, ordered=True)
    assert losses["sigmoid"] < losses["none"]
    assert method == "none"


def test_one_row_alone_is_left_as_it_is():
    assert calibration.choose(np.array([[True]]), np.array([[0.7]]), ordered=True)[0] == ["none"]


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


def exclusive_of(seed, count=3000, power=1.0):
    """Labels of three classes, and scores that are right where the power is 1, and too bold or too shy elsewhere."""
    rng = np.random.default_rng(seed)
    true = rng.dirichlet([2, 2, 0.5], count)
    y = np.eye(3, dtype=bool)[[rng.choice(3, p=row) for row in true]]
    return y, true**power / (true**power).sum(axis=1, keepdims=True), true


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 200), power=st.sampled_from([0.3, 1, 3]))
def test_the_method_of_exclusive_classes_is_one_and_never_worse_than_none(seed, count, power):
    y, scores, _ = exclusive_of(seed, count, power)
    methods, losses = calibration.choose(y, scores, exclusive=True)
    assert len(set(methods)) == 1
    assert losses[methods[0]] <= losses["none"]
    p = calibration.apply(calibration.fit(methods, y, scores), scores, exclusive=True)
    assert np.allclose(p.sum(axis=1), 1)


def test_a_temperature_undoes_scores_that_are_too_bold_throughout():
    y, bold, true = exclusive_of(1, power=3.0)
    methods, losses = calibration.choose(y, bold, exclusive=True)
    assert losses["temperature"] < losses["none"] - 0.1
    (exponent, *others) = calibration.fit(["temperature"] * 3, y, bold)
    assert others == [exponent] * 2
    assert abs(exponent - 1 / 3) < 0.05
    assert np.abs(calibration.apply([exponent] * 3, bold, exclusive=True) - true).mean() < 0.02
    assert methods[0] != "none"


def test_classes_of_their_own_have_methods_of_their_own():
    right, true = scores_of(6, 4000), scores_of(7, 4000)
    bold = true**3 / (true**3 + (1 - true) ** 3)
    y = np.column_stack([labels_of(right, 1), labels_of(true, 2)])
    methods, losses = calibration.choose(y, np.column_stack([right, bold]))
    assert methods[1] != "none"
    assert losses["sigmoid"] < losses["none"]
    p = calibration.apply(calibration.fit(methods, y, np.column_stack([right, bold])), np.column_stack([right, bold]))
    assert np.abs(p[:, 1] - true[:, 0]).mean() < 0.03


def test_of_very_many_rows_an_even_part_is_enough():
    for count in (0, 1, calibration.ENOUGH, calibration.ENOUGH + 1, 3 * calibration.ENOUGH):
        rows = calibration.thinned(np.arange(count, dtype="float64"))
        assert (
            len(rows) == count
            if count <= calibration.ENOUGH
            else calibration.ENOUGH / 2 <= len(rows) <= calibration.ENOUGH
        )
        assert (np.diff(rows) == (rows[1] if len(rows) > 1 else 1)).all()


def test_a_class_of_one_row_does_not_stop_the_calibration():
    y, scores, _ = exclusive_of(3, 200)
    y = np.column_stack([y, np.zeros(200, dtype=bool)])
    y[0] = [False, False, False, True]
    scores = np.column_stack([scores, np.zeros(200)])
    for exclusive in (True, False):
        methods, losses = calibration.choose(y, scores, exclusive=exclusive)
        p = calibration.apply(calibration.fit(methods, y, scores), scores, exclusive=exclusive)
        assert np.isfinite(p).all()
        assert all(np.isfinite(loss) for loss in losses.values())
