from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from leeway.evaluation.gates.fairness import gate
from tests.leeway.evaluation.gates.known import evidence_of, truth

P, Y = truth()
MEMBER = np.random.default_rng(4).random(len(P)) < 0.4
COLUMNS = pd.DataFrame({"amount": P, "member": MEMBER, "sex": np.where(MEMBER, "f", "m")})


def checked(decided=None, columns=COLUMNS, **gates):
    evidence = evidence_of(P, y=Y, columns=columns, **gates)
    return gate.check(evidence if decided is None else replace(evidence, decided=decided[:, None]))


def test_groups_that_are_decided_on_alike_pass_with_the_largest_difference():
    verdict = checked(groups=("member",))
    assert verdict.outcome == "pass"
    assert len(verdict.numbers) == 3
    assert all(item["low"] <= item["difference"] <= item["high"] for item in verdict.numbers.values())


def test_a_group_that_is_called_less_fails_and_the_rates_are_told():
    verdict = checked((P >= 0.5) & ~(MEMBER & (P < 0.9)), groups=("member",))
    assert verdict.outcome == "fail"
    assert "member, selection rate differs by" in verdict.why
    assert "of member = false and" in verdict.why
    assert checked((P >= 0.5) & ~(MEMBER & (P < 0.9)), groups=("member",), group_tolerance=0.9).outcome == "pass"


def test_a_difference_that_may_be_chance_is_none():
    few = COLUMNS.assign(member=np.arange(len(P)) < 35)
    decided = np.where(few["member"], np.arange(len(P)) % 5 < 2, np.arange(len(P)) % 10 < 3)  # 40 % and 30 %
    verdict = checked(decided, few, groups=("member",))
    assert verdict.numbers["member, selection rate"]["difference"] == pytest.approx(0.1, abs=0.02)
    assert verdict.outcome == "pass"


def test_without_groups_it_does_not_apply_and_a_group_that_nobody_is_in_fails():
    assert checked().outcome == "not applicable"
    one = COLUMNS.assign(member=True)
    verdict = checked(columns=one, groups=("member",))
    assert verdict.outcome == "fail"
    assert "fewer than two groups with 30 rows" in verdict.why


def test_the_values_of_a_sensitive_column_are_not_told():
    verdict = checked((P >= 0.5) & ~(MEMBER & (P < 0.9)), groups=("sex",))
    assert verdict.outcome == "fail"
    assert "of one group and" in verdict.why
    assert "sex = " not in str(verdict)


def test_without_a_tolerance_differences_are_measured_and_refuse_nothing():
    verdict = checked((P >= 0.5) & ~(MEMBER & (P < 0.9)), groups=("member",), group_tolerance=None)
    assert verdict.outcome == "not applicable"
    assert "only measured" in verdict.why
    assert "member, " in verdict.why
    assert verdict.numbers["member, selection rate"]["difference"] > 0.1
    alone = checked(columns=COLUMNS.assign(member=True), groups=("member",), group_tolerance=None)
    assert (alone.outcome, alone.numbers) == ("not applicable", {})
