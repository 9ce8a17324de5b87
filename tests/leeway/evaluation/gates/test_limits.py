"""Stability, parity, latency and size: numbers held against limits."""

from dataclasses import replace

import numpy as np
import pytest

from leeway.evaluation.gates import CompiledProof, Seeds, compiled, latency, parity, size, stability
from tests.leeway.evaluation.gates.known import evidence_of, truth

P, Y = truth(400)


def checked(gate, *, limits=None, **found):
    evidence = evidence_of(P, y=Y, **(limits or {}))
    return gate.check(replace(evidence, probe=replace(evidence.probe, **found)))


def seeds(apart):
    return Seeds(Y[:, None], (P[:, None], P[:, None] + apart), 320)


@pytest.mark.parametrize(("apart", "limit", "outcome"), [(0.1, 0.15, "pass"), (0.2, 0.15, "fail"), (0.2, 0.3, "pass")])
def test_two_seeds_may_differ_by_so_much(apart, limit, outcome):
    verdict = checked(stability.gate, limits={"instability": limit}, seeds=seeds(apart))
    assert verdict.outcome == outcome
    assert verdict.numbers["apart"] == pytest.approx(apart)
    assert checked(stability.gate, limits={"instability": None}, seeds=seeds(apart)).outcome == "not applicable"


def test_a_new_process_must_say_the_same_of_every_row():
    p = P[:50, None]
    assert checked(parity.gate, reloaded_scores=(p, p + 1e-12)).outcome == "pass"
    other = checked(parity.gate, reloaded_scores=(p, np.where(np.arange(50)[:, None] == 7, p + 1e-3, p)))
    assert (other.outcome, round(other.numbers["apart"], 6)) == ("fail", 0.001)
    assert checked(parity.gate, reloaded_scores=(p, p[:-1])).outcome == "fail"
    assert checked(parity.gate, reloaded_scores=(p, np.full_like(p, np.nan))).outcome == "fail"


@pytest.mark.parametrize(
    ("found", "outcome", "said"),
    [
        (CompiledProof(500, 1e-16, 0, 45.0), "pass", "same probabilities of 500 rows, in 0.045 ms"),
        (CompiledProof(500, 1e-7, 0, 45.0), "not applicable", "itself answers"),
        (CompiledProof(500, 0.0, 3, 45.0), "not applicable", "3 of 500 rows are decided otherwise"),
        (None, "not applicable", "none of Leeway's own"),
    ],
)
def test_compiled_functions_must_say_the_same_or_are_not_used(found, outcome, said):
    verdict = checked(compiled.gate, compiled=found)
    assert verdict.outcome == outcome
    assert said in verdict.why


@pytest.mark.parametrize(
    ("speed", "limits", "outcome"),
    [
        ((5, 1e5), {}, "pass"),
        ((5000, 1e5), {}, "fail"),
        ((5, 10), {}, "fail"),
        ((5000, 10), {"row_milliseconds": None, "rows_per_second": 5}, "pass"),
        ((5000, 10), {"row_milliseconds": None, "rows_per_second": None}, "not applicable"),
    ],
)
def test_one_row_and_many_have_limits(speed, limits, outcome):
    assert checked(latency.gate, limits=limits, speed=speed).outcome == outcome


def test_a_bundle_has_a_largest_size():
    assert checked(size.gate, megabytes=499).outcome == "pass"
    assert checked(size.gate, megabytes=501).outcome == "fail"
    assert checked(size.gate, megabytes=501, limits={"megabytes": None}).outcome == "not applicable"
