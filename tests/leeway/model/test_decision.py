import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from leeway.core.errors import TrainingError
from leeway.core.outputs import Outputs
from leeway.definition import (
    Capacity,
    MaximizeF1,
    MaximizeFBeta,
    MinimizeCost,
    MostProbable,
    PrecisionFloor,
    RecallFloor,
)
from leeway.model.decision import NEVER, costs_of, decide, threshold, thresholds
from leeway.training import threshold_intervals

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
    with pytest.raises(TrainingError, match=r"precision floor 0.8.*at most 0.500.*lower the floor"):
        threshold(PrecisionFloor(precision=0.8), y, p)


EXCLUSIVE, ANY = Outputs("multiclass", ("a", "b", "c")), Outputs("multilabel", ("a", "b", "c"))


def skewed(seed=0, count=1500):
    """Three exclusive classes, of which the last is rarely the likeliest."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([3, 3, 0.8], count)
    return np.eye(3, dtype=bool)[[rng.choice(3, p=row) for row in p]], p


def mean_f1(y, called):
    return np.mean([2 * (y & called)[:, k].sum() / (y[:, k].sum() + called[:, k].sum()) for k in range(3)])


def test_the_most_probable_of_exclusive_classes_is_called_and_no_other():
    y, p = skewed()
    called = decide(EXCLUSIVE, thresholds(MostProbable(), EXCLUSIVE, y, p), p)
    assert (called.sum(axis=1) == 1).all()
    assert (called.argmax(axis=1) == p.argmax(axis=1)).all()


def test_of_other_classes_all_that_are_likelier_than_not_are_called():
    y, p = skewed()
    assert (decide(ANY, thresholds(MostProbable(), ANY, y, p), p) == (p >= 0.5)).all()


@pytest.mark.parametrize("seed", range(3))
def test_weights_of_exclusive_classes_raise_their_mean_f1(seed):
    y, p = skewed(seed)
    called = decide(EXCLUSIVE, thresholds(MaximizeF1(), EXCLUSIVE, y, p), p)
    assert (called.sum(axis=1) == 1).all()
    assert mean_f1(y, called) > mean_f1(y, np.eye(3, dtype=bool)[p.argmax(axis=1)]) + 0.01


def test_every_class_of_its_own_has_its_own_best_threshold_and_one_without_a_row_is_never_called():
    y, p = skewed()
    y[:, 2] = False
    found = thresholds(MaximizeF1(), ANY, y, p)
    assert found[:2].tolist() == [threshold(MaximizeF1(), y[:, k], p[:, k]) for k in range(2)]
    assert found[2] == NEVER
    assert not decide(ANY, found, np.ones((1, 3)))[0, 2]


def test_a_precision_that_one_class_does_not_reach_names_it():
    y, p = skewed()
    y[:, 1] = p[:, 1] < 0.05
    with pytest.raises(TrainingError, match=r"threshold of b: .* 0.9"):
        thresholds(PrecisionFloor(precision=0.9), Outputs("multilabel", ("b",) * 2), y[:, [1, 1]], p[:, [1, 1]])


@given(PAIRS, st.floats(0.05, 0.95))
def test_no_threshold_with_enough_recall_has_a_higher_precision(pair, floor):
    y, p = pair
    assume(y.any())

    def precision(at):
        hits, wrong, _ = counts(y, p, at)
        return hits / (hits + wrong) if hits + wrong else 0.0

    enough = [at for at in every(p) if counts(y, p, at)[0] >= floor * y.sum() - 1e-9]
    chosen = threshold(RecallFloor(recall=floor), y, p)
    assert counts(y, p, chosen)[0] >= floor * y.sum() - 1e-9
    assert precision(chosen) == pytest.approx(max(precision(at) for at in enough))


@given(PAIRS, st.integers(0, 50))
def test_as_many_are_called_as_somebody_can_look_at_and_no_more(pair, most):
    y, p = pair
    chosen = threshold(Capacity(per_day=max(most, 1) / 2), y, p, days=2.0)
    called = int((p >= chosen).sum())
    assert called <= max(most, 1)
    lower = p[p < chosen]
    assert not len(lower) or int((p >= lower.max()).sum()) > max(most, 1)


@given(PAIRS, st.floats(-5, 0), COSTS)
def test_gains_count_too(pair, gain, false_negative):
    y, p = pair
    objective = MinimizeCost(false_positive=2, false_negative=false_negative, true_positive=gain, true_negative=-0.5)

    def cost(at):
        hits, wrong, missed = counts(y, p, at)
        return 2 * wrong + false_negative * missed + gain * hits - 0.5 * (len(y) - hits - wrong - missed)

    assert cost(threshold(objective, y, p)) == pytest.approx(min(cost(at) for at in every(p)))


def test_recall_that_counts_more_lowers_the_threshold():
    rng = np.random.default_rng(0)
    p = rng.random(3000)
    y = rng.random(3000) < p**3
    found = [threshold(MaximizeFBeta(beta=beta), y, p) for beta in (0.5, 1.0, 2.0)]
    assert found == sorted(found, reverse=True)
    assert found[1] == threshold(MaximizeF1(), y, p)
    assert len(set(found)) == 3


def test_the_class_that_costs_most_to_miss_is_called():
    found = thresholds(MinimizeCost(missed={"c": 10}), EXCLUSIVE, np.eye(3, dtype=bool), np.eye(3))
    p = np.array([[0.5, 0.3, 0.2], [0.6, 0.35, 0.05]])
    assert decide(EXCLUSIVE, found, p).argmax(axis=1).tolist() == [2, 0]


@given(st.integers(0, 10**6))
def test_by_a_matrix_what_is_expected_to_cost_least_is_called(seed):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([1, 1, 1], 20)
    matrix = {"a": {"b": 5.0, "c": 0.5}, "c": {"a": 30.0}}
    objective = MinimizeCost(matrix=matrix)
    costs = costs_of(objective, EXCLUSIVE)
    assert costs.tolist() == [[0, 5, 0.5], [1, 0, 1], [30, 1, 0]]
    called = decide(EXCLUSIVE, thresholds(objective, EXCLUSIVE, p > 0.5, p), p, costs)
    for row, chosen in zip(p, called.argmax(axis=1), strict=True):
        expected = [sum(row[j] * costs[j, k] for j in range(3)) for k in range(3)]
        assert expected[chosen] == pytest.approx(min(expected))


def test_where_all_errors_of_a_class_cost_alike_a_matrix_says_what_missing_it_says():
    _, p = skewed()
    missed, matrix = MinimizeCost(missed={"c": 10}), MinimizeCost(matrix={"c": {"a": 10, "b": 10}})
    by_threshold = decide(EXCLUSIVE, thresholds(missed, EXCLUSIVE, p > 0.5, p), p)
    assert (by_threshold == decide(EXCLUSIVE, np.ones(3), p, costs_of(matrix, EXCLUSIVE))).all()
    assert costs_of(missed, EXCLUSIVE) is None


def test_thresholds_of_exclusive_classes_have_intervals_where_they_are_learnt():
    y, p = skewed()
    found = threshold_intervals.intervals(MaximizeF1(), EXCLUSIVE, y, p, 1.0, 0)
    chosen = thresholds(MaximizeF1(), EXCLUSIVE, y, p)
    assert all(low <= at <= high for (low, high), at in zip(found, chosen, strict=True))
    assert found[2][0] < found[2][1]
    for objective in (MostProbable(), MinimizeCost(missed={"c": 10}), MinimizeCost(matrix={"c": {"a": 10}})):
        assert threshold_intervals.intervals(objective, EXCLUSIVE, y, p, 1.0, 0) == [None] * 3


def test_a_threshold_has_an_interval_that_narrows_with_rows_and_a_curve():
    rng = np.random.default_rng(0)
    p = rng.random(20_000)
    y = rng.random(20_000) < p
    binary, objective = Outputs("binary", ("yes",)), PrecisionFloor(precision=0.8)

    def interval(count):
        return threshold_intervals.intervals(objective, binary, y[:count, None], p[:count, None], 1.0, 0)[0]

    assert interval(20_000)[0] <= threshold(objective, y, p) <= interval(20_000)[1]
    assert np.diff(interval(20_000)) < np.diff(interval(500))
    points = threshold_intervals.curve(MinimizeCost(false_positive=1, false_negative=1), y, p)
    assert points[-1]["recall"] == points[-1]["flagged"] == 1
    assert min(points, key=lambda point: point["cost"])["threshold"] == pytest.approx(0.5, abs=0.05)
    assert threshold_intervals.intervals(MostProbable(), EXCLUSIVE, y[:, None], p[:, None], 1.0, 0) == [None] * 3


def test_the_rows_nearest_the_threshold_go_to_a_person():
    p = np.random.default_rng(0).random(10_000)
    low, high = threshold_intervals.band(0.3, p, 0.1)
    assert low < 0.3 < high
    assert ((p >= low) & (p <= high)).mean() == pytest.approx(0.1, abs=0.001)
