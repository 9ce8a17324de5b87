from dataclasses import replace

import pytest

from leeway.definition import Boosting, Estimator, ExtraTrees, LightGBM, Logistic, XGBoost
from leeway.definition.candidates import USUAL
from leeway.training import search_plan
from leeway.training.learners import Size
from leeway.training.search_plan import Rung
from leeway.training.trials import trials

SIZE = Size(rows=(20_000, 40_000, 60_000, 80_000), all_rows=110_000, columns=22, outputs=1)
ALL = list(trials(USUAL))


def cost(rungs):
    return search_plan._cost(ALL, rungs, SIZE)


@pytest.mark.parametrize("budget", [5, 30, 90, 600, 3600])
def test_a_plan_keeps_to_its_budget_and_ends_with_all_rows(budget):
    rungs = search_plan.plan(ALL, SIZE, budget)
    assert (rungs[0].trials, rungs[-1].share) == (len(ALL), 1.0)
    shares, counts = [rung.share for rung in rungs], [rung.trials for rung in rungs]
    assert shares == sorted(shares)
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] >= 1
    if budget >= 90:
        dearest = max(search_plan.learning(trial, SIZE, 1.0, last=True) for trial in ALL)
        assert cost(rungs) + min(budget / 2, dearest) <= budget


def test_where_time_is_short_the_last_rung_is_the_last_to_lose_trials():
    counts = [[rung.trials for rung in search_plan.plan(ALL, SIZE, budget)] for budget in (55, 60, 65, 70)]
    assert counts == [[8, 2, 1], [8, 2, 2], [8, 3, 2], [8, 4, 2]]


def test_trials_that_soon_know_enough_leave_time_for_others():
    before = Rung(0.25, len(ALL))

    def going_on(iterations, seconds):
        tried = [replace(trial, iterations=iterations if trial.candidate.kind == "boosting" else None) for trial in ALL]
        return search_plan.going_on(tried, before, SIZE, seconds)

    assert going_on(20, 60) > going_on(400, 60)
    for iterations in (1, 100, 800):
        counts = [going_on(iterations, seconds) for seconds in (0, 10, 50, 100, 10_000)]
        assert counts == sorted(counts)
        assert (counts[0], counts[-1]) == (0, len(ALL))


def test_the_more_time_the_fewer_rungs():
    counts = [len(search_plan.plan(ALL, SIZE, budget)) for budget in (20, 90, 3600)]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == 1
    few = Size(rows=(500, 500), all_rows=1_000, columns=5, outputs=1)
    assert [rung.share for rung in search_plan.plan(ALL, few, 1)] == [1.0]  # a part of so few says nothing


def test_the_cheap_come_first_and_where_not_all_may_every_candidate_has_its_cheapest():
    ordered = search_plan.cheapest_first(ALL, SIZE, None)
    assert [trial.candidate.kind for trial in ordered[:2]] == ["logistic", "logistic"]
    costs = [search_plan.learning(trial, SIZE, 1.0) for trial in ordered]
    assert costs == sorted(costs)
    few = search_plan.cheapest_first(ALL, SIZE, 3)
    assert [str(trial.candidate) for trial in few] == [str(candidate) for candidate in USUAL]
    assert few[1].parameters["max_leaf_nodes"] == 7


def test_every_kind_has_a_cost():
    kinds = [Logistic(l1_ratio=(1.0,)), Boosting(), ExtraTrees(), LightGBM(), XGBoost()]
    for trial in trials(kinds):
        assert search_plan.learning(trial, SIZE, 1.0) > search_plan.learning(trial, SIZE, 0.25) > 0
        assert trial.microseconds(SIZE) > 0
    own = next(trials([Estimator(path="some.Where")]))
    assert search_plan.learning(own, SIZE, 1.0) == 0  # the clock holds it to its share
