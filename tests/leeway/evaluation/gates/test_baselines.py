from dataclasses import replace

import numpy as np

from leeway.evaluation.gates.baselines import gate
from tests.leeway.evaluation.gates.known import evidence_of, truth


def test_a_first_champion_knows_more_than_the_share_and_than_one_rule():
    p, y = truth()
    verdict = gate.check(evidence_of(p, y=y))
    assert verdict.outcome == "pass"
    assert verdict.numbers["log_loss"] < verdict.numbers["a rule on amount"] < verdict.numbers["the share"]


def test_one_that_says_hardly_more_than_the_share_has_learnt_nothing():
    p, y = truth()
    random = np.random.default_rng(1).permutation(p)
    verdict = gate.check(evidence_of(0.95 * y.mean() + 0.05 * random, y=y))
    assert verdict.outcome == "fail"
    assert "not significantly better than the share of the label" in verdict.why


def test_one_that_a_single_rule_beats_is_not_needed():
    p, y = truth()
    evidence = evidence_of(0.5 * p + 0.5 * y.mean(), y=y)
    rule = replace(evidence.probe, baselines={**evidence.probe.baselines, "a rule on amount": p[:, None]})
    verdict = gate.check(replace(evidence, probe=rule))
    assert verdict.outcome == "fail"
    assert verdict.why.endswith("a rule on amount is as good, and simpler")


def test_whoever_follows_a_champion_is_held_against_that_one():
    p, y = truth()
    assert gate.check(evidence_of(p, p, y=y)).outcome == "not applicable"
