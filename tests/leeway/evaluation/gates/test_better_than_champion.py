from dataclasses import replace

import numpy as np
import pytest

from leeway.definition import CSV, Classifier, Gates, Label, numeric
from leeway.evaluation.gates import Evidence
from leeway.evaluation.gates.better_than_champion import challenge, gate, wins_needed


def evidence_of(y, challenger, champion, partitions):
    classifier = Classifier(
        source=CSV(path="x"),
        event_id="id",
        event_time="at",
        label=Label(column="bad", time="known"),
        columns={"amount": numeric()},
        gates=Gates(confidence=0.95),
    )
    keys = np.array([f"2026-03-{key + 1:02}" for key in partitions])
    y, challenger, champion = (None if values is None else values[:, None] for values in (y, challenger, champion))
    return Evidence(
        classifier, classifier.label.outputs, y, challenger, champion, keys, np.ones(len(y), dtype=bool), {}
    )


def nights(count=10, size=200, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.beta(0.6, 0.9, count * size)
    return p, rng.random(count * size) < p, np.repeat(np.arange(count), size)


def outcome_of(*arguments):
    return gate.check(evidence_of(*arguments))


def test_a_clearly_better_challenger_passes_and_a_clearly_worse_one_fails():
    p, y, where = nights()
    vague = 0.5 * p + 0.5 * y.mean()
    better, worse = outcome_of(y, p, vague, where), outcome_of(y, vague, p, where)
    assert (better.outcome, worse.outcome) == ("pass", "fail")
    assert 0 < better.numbers["gain"] == pytest.approx(-worse.numbers["gain"])
    assert better.why.endswith("better on 10 of 10 partitions")
    assert better.numbers["rows"] == 2000


def test_a_tie_keeps_the_champion():
    p, y, where = nights()
    assert outcome_of(y, p, p.copy(), where).outcome == "fail"


def test_fewer_than_three_partitions_that_are_new_to_the_champion_are_not_enough():
    p, y, where = nights()
    evidence = evidence_of(y, p, 0.5 * p + 0.5 * y.mean(), where)
    two = gate.check(replace(evidence, fair=where >= 8))
    assert (two.outcome, two.numbers) == ("fail", {"partitions": 2})
    assert "only 2 partitions" in two.why
    assert gate.check(replace(evidence, fair=where >= 7)).numbers["partitions"] == 3
    assert gate.check(replace(evidence, fair=where > 99)).outcome == "fail"


def test_only_rows_that_the_champion_has_not_learnt_from_count():
    p, y, where = nights()
    perfect = np.where(where < 5, y, 0.5 * p + 0.5 * y.mean())  # it knows the first half by heart
    evidence = evidence_of(y, p, perfect, where)
    assert gate.check(evidence).outcome == "fail"
    assert gate.check(replace(evidence, fair=where >= 5)).outcome == "pass"


def test_the_gain_must_be_sure_material_and_that_of_six_of_seven_partitions():
    assert challenge(np.array([3.0, 2.9, 3.1, 3.0, 2.8, 3.2, 3.0]), 0.1, 0.99).is_better
    sure = challenge(np.array([1.0, 1.1, 0.9, 1.2, 0.8, 1.0, 1.0]) / 1000, 0.1, 0.99)
    assert sure.t > 3.1
    assert not sure.is_better, "too small to matter"
    assert challenge(np.array([1.0, 1.1, 0.9, 1.2, 0.8, 1.0, -0.1]), 0.1, 0.99).is_better
    twice_worse = challenge(np.array([1.0, 1.1, 0.9, 1.2, 0.8, -0.1, -0.1]), 0.1, 0.99)
    assert (twice_worse.won, twice_worse.t > twice_worse.needed, twice_worse.is_better) == (5, True, False)
    assert not challenge(np.array([9.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]), 0.1, 0.99).is_better, "one night's luck"
    assert round(challenge(np.ones(7), 0.1, 0.99).needed, 1) == 3.1


def test_of_many_partitions_fewer_need_be_won_as_luck_gives_them_hardly_ever():
    assert [wins_needed(count) for count in (3, 5, 7, 8, 14, 21, 28)] == [3, 5, 6, 7, 11, 16, 20]


def test_fewer_partitions_must_be_the_surer():
    gains = np.array([1.0, 1.5, 0.5])
    assert not challenge(gains, 0.0, 0.99).is_better
    assert challenge(np.tile(gains, 3), 0.0, 0.99).is_better


def test_one_lucky_night_is_not_beyond_doubt():
    p, y, where = nights()
    lucky = np.where(where == 3, np.where(y, 0.99, 0.01), 0.97 * p + 0.03 * y.mean())
    verdict = outcome_of(y, lucky, p, where)
    assert verdict.numbers["gain"] > 0
    assert verdict.outcome == "fail"


def test_the_same_evidence_has_the_same_verdict_and_without_a_champion_there_is_none():
    p, y, where = nights()
    assert outcome_of(y, p, p**1.1, where) == outcome_of(y, p, p**1.1, where)
    assert outcome_of(y, p, None, where).outcome == "not applicable"
