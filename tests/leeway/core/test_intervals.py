import numpy as np
import pytest
from scipy import stats

from leeway.core import intervals
from leeway.core.intervals import Interval


def test_a_share_has_wilsons_interval_also_at_its_ends():
    found = intervals.share(8, 10)
    assert (round(found.low, 4), round(found.high, 4)) == (0.4902, 0.9433)  # Newcombe 1998, table 1
    assert intervals.share(0, 20).low == 0.0 < intervals.share(0, 20).high
    assert intervals.share(20, 20).high == 1.0 > intervals.share(20, 20).low


def test_the_difference_of_two_shares_is_newcombes():
    found = intervals.difference(intervals.share(56, 70), intervals.share(48, 80))
    assert [round(bound, 4) for bound in found] == [0.2, 0.0524, 0.3339]  # Newcombe 1998, table II (a), method 10


def test_rows_that_share_their_luck_have_a_wider_mean():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 50)
    values = rng.normal(size=20)[groups] + rng.normal(size=1000)
    alone, together = intervals.mean(values), intervals.mean(values, groups)
    assert alone.value == together.value == pytest.approx(values.mean())
    assert together.high - together.low > 3 * (alone.high - alone.low)
    assert intervals.mean(values, groups) == together


def test_the_interval_of_a_mean_holds_it_as_often_as_it_says():
    rng = np.random.default_rng(1)
    found = [
        intervals.mean(rng.normal(size=(30, 1)).repeat(3, axis=1).ravel(), np.repeat(np.arange(30), 3))
        for _ in range(300)
    ]
    assert 0.88 < np.mean([item.low < 0 < item.high for item in found]) < 0.98


def test_one_value_alone_says_nothing_of_the_mean():
    assert intervals.mean(np.array([2.0])) == Interval(2.0, -np.inf, np.inf)


def test_holms_p_values_grow_with_how_many_there_are():
    assert intervals.holm([0.01, 0.04, 0.03]) == [0.03, 0.06, 0.06]
    assert intervals.holm([]) == []
    rng = np.random.default_rng(2)
    wrong = [min(intervals.holm(stats.norm.sf(rng.normal(size=20)))) < 0.05 for _ in range(500)]
    assert np.mean(wrong) < 0.08
