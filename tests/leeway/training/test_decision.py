import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from leeway.definition import MaximizeF1, MinimizeCost, PrecisionFloor
from leeway.errors import TrainingError
from leeway.training.decision import threshold

PAIRS = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]) | st.floats(0, 1)), min_size=1, max_size=40
).map(lambda pairs: (np.array([y for y, _ in pairs]), np.array([p for _, p in pairs])))
COSTS = st.floats(0.01, 100)


def counts(y, p, at):
    called = p >= at
    return int((called & y).sum()), int((called & ~y).sum()), int((~called & y).sum())


def every(p):
    return [*np.unique(p), 1.1]


@given(PAIRS, COSTS, COSTS)
def test_no_threshold_costs_less(pair, false_positive, false_negative):
    y, p = pair

    def cost(at):
        _, wrong, missed = counts(y, p, at)
        return false_positive * wrong + false_negative * missed

    chosen = threshold(MinimizeCost(false_positive=false_positive, false_negative=false_negative), y, p)
    assert cost(chosen) == pytest.approx(min(cost(at) for at in every(p)))


@given(PAIRS)
def test_no_threshold_has_a_higher_f1(pair):
    y, p = pair

    def f1(at):
        hits, wrong, missed = counts(y, p, at)
        return 2 * hits / max(1, 2 * hits + wrong + missed)

    assert f1(threshold(MaximizeF1(), y, p)) == pytest.approx(max(f1(at) for at in every(p)))


@given(PAIRS, st.floats(0.05, 0.95))
def test_no_threshold_with_enough_precision_has_a_higher_recall(pair, floor):
    y, p = pair

    def precision(at):
        hits, wrong, _ = counts(y, p, at)
        return hits / (hits + wrong) if hits + wrong else 0.0

    enough = [at for at in every(p) if precision(at) >= floor]
    assume(enough)
    chosen = threshold(PrecisionFloor(precision=floor), y, p)
    assert precision(chosen) >= floor
    assert counts(y, p, chosen)[0] == max(counts(y, p, at)[0] for at in enough)


def test_where_errors_of_calling_cost_too_much_nothing_is_called():
    y, p = np.array([False, False, True]), np.array([0.9, 1.0, 0.2])
    chosen = threshold(MinimizeCost(false_positive=10), y, p)
    assert not (p >= chosen).any()


def test_a_precision_that_no_threshold_reaches_is_a_clear_error():
    y, p = np.array([False, True, False]), np.array([0.9, 0.5, 0.4])
    with pytest.raises(TrainingError, match=r"precision must be at least 0.8.*at most 0.500.*lower the floor"):
        threshold(PrecisionFloor(precision=0.8), y, p)
