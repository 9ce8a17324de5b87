import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.core.calibration_curve import calibrated


def drawn(count, power=1.0, seed=0):
    """Labels that hold with probabilities, and scores that are these, or too bold."""
    rng = np.random.default_rng(seed)
    p = rng.beta(2, 5, count)
    return rng.random(count) < p, p**power / (p**power + (1 - p) ** power)


@pytest.mark.parametrize("count", [300, 5_000])
def test_luck_alone_is_no_error(count):
    found = [calibrated(*drawn(count, seed=seed)) for seed in range(20)]
    assert np.median([item.error for item in found]) < 0.6 / np.sqrt(count)
    assert sum(item.low <= 0.002 for item in found) >= 16


def test_what_is_off_is_measured_and_the_interval_holds_it():
    exact = calibrated(*drawn(1_000_000, 2.0)).error
    found = [calibrated(*drawn(5_000, 2.0, seed)) for seed in range(20)]
    assert sum(item.low <= exact <= item.high for item in found) >= 16
    assert all(item.high - item.low < 0.05 for item in found)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=60))
def test_few_rows_have_an_error_bounds_and_a_curve_too(pairs):
    y, p = (np.array(part) for part in zip(*pairs, strict=True))
    found = calibrated(y, p)
    assert 0 <= found.low <= found.high <= 1.5
    assert sum(rows for rows, *_ in found.curve) == found.rows == len(pairs)
    assert all(
        -1e-9 <= low <= share + 1e-9 and share - 1e-9 <= high <= 1 + 1e-9 for _, _, share, low, high in found.curve
    )


def test_the_brier_score_is_the_sum_of_its_parts_where_bins_do_not_vary():
    rng = np.random.default_rng(0)
    p = np.repeat([0.1, 0.3, 0.5, 0.7, 0.9], 1_000)
    y = rng.random(5_000) < p**1.5
    found = calibrated(y, p, bins=5)
    assert found.brier == pytest.approx(found.reliability - found.resolution + found.uncertainty)
    assert found.uncertainty == pytest.approx(y.mean() * (1 - y.mean()))
