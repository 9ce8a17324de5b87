import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from leeway.core.metrics import summary
from leeway.core.outputs import Outputs
from leeway.evaluation.gates import GATES, Evidence, Gate, examine
from leeway.lifecycle.verdict import GateVerdict, admitted, in_short
from tests.leeway.evaluation.gates.known import classifier, evidence_of, known, truth


def situations():
    p, y = truth()
    vague = 0.8 * y.mean() + 0.2 * p
    none, impossible = np.array([], dtype=bool), np.full(len(y), np.nan)
    return {
        "good": evidence_of(p, vague, y=y),
        "bad": evidence_of(1 - p, p, y=y),
        "no holdout": evidence_of(none, none.astype(float), y=none),
        "no champion": evidence_of(p, y=y),
        "one class": evidence_of(p[y], p[y], y=y[y]),
        "no limit": evidence_of(p, y=y, calibration_error=None),
        "impossible champion": evidence_of(p, impossible, y=y),
        "impossible metrics": replace(
            evidence_of(p, y=y), metrics={"roc_auc": np.nan, "log_loss": 0, "calibration_error": np.nan}
        ),
        "no metrics": replace(evidence_of(p, p[:-1], y=y), metrics={}),
        "nothing tried": replace(evidence_of(p, vague, y=y), probe=None),
        "no columns": replace(evidence_of(p, vague, y=y), columns=None),
    }


SITUATIONS = situations()


@pytest.mark.parametrize("name", SITUATIONS)
@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_every_gate_gives_an_outcome_in_words_and_numbers_that_can_be_written_down(gate, name):
    (verdict,) = examine([gate], SITUATIONS[name])
    assert verdict.gate == gate.name
    assert verdict.outcome in ("pass", "fail", "not applicable")
    assert verdict.why
    json.dumps(asdict(verdict), allow_nan=False)


@pytest.mark.parametrize("name", SITUATIONS)
def test_only_good_evidence_admits(name):
    assert admitted(examine(GATES, SITUATIONS[name])) == (name in ("good", "no champion", "no limit"))


def test_every_gate_fails_where_there_is_no_holdout():
    assert [verdict.outcome for verdict in examine(GATES, SITUATIONS["no holdout"])] == ["fail"] * len(GATES)


def test_what_is_bad_or_was_not_tried_fails_at_the_gates_that_look_at_it():
    def failed(name):
        return {verdict.gate for verdict in examine(GATES, SITUATIONS[name]) if verdict.outcome == "fail"}

    assert failed("bad") == {"floors", "calibration", "better than champion", "slices"}
    assert failed("nothing tried") == {gate.name for gate in GATES if gate.tries} - {"better than a rule"}
    assert failed("no columns") == {"slices"}


def test_without_a_passing_gate_nobody_is_admitted():
    assert not admitted([])
    assert not admitted([GateVerdict("one", "not applicable", "no")])
    assert admitted([GateVerdict("one", "not applicable", "no"), GateVerdict("two", "pass", "yes")])
    assert not admitted([GateVerdict("one", "pass", "yes"), GateVerdict("two", "fail", "no")])


def test_each_gate_is_told_before_it_is_asked():
    told = []
    examine(GATES, SITUATIONS["good"], told.append)
    assert told == [f"gate: {gate.name}" for gate in GATES]


def test_a_gate_that_crashes_fails_and_says_how():
    def crash(evidence):
        raise ZeroDivisionError("nothing to divide by")

    (verdict,) = examine([Gate("broken", crash)], SITUATIONS["good"])
    assert (verdict.outcome, verdict.why) == ("fail", "the gate itself failed: ZeroDivisionError: nothing to divide by")


def test_evidence_that_is_no_number_is_none():
    gate = Gate("careless", lambda evidence: GateVerdict("careless", "pass", "fine", {"value": float("nan")}))
    (verdict,) = examine([gate], SITUATIONS["good"])
    assert verdict.outcome == "fail"
    assert verdict.numbers == {}


def several(count=2000, seed=0):
    """Evidence on three exclusive classes, the last of them with one row, and none of a fourth."""
    rng = np.random.default_rng(seed)
    p = np.column_stack([rng.dirichlet([2, 2], count) * 0.999, np.full((count, 2), 0.0005)])
    y = np.zeros((count, 4), dtype=bool)
    y[np.arange(count), (rng.random(count) > p[:, 0]).astype(int)] = True
    y[0] = [False, False, True, False]
    outputs = Outputs("multiclass", ("a", "b", "once", "never"))
    worse = np.full(p.shape, 0.25)
    metrics = summary(outputs, y, p, np.eye(4, dtype=bool)[p.argmax(axis=1)])
    keys = np.array([f"night {row * 10 // count:02}" for row in range(count)])
    rows, decided = pd.DataFrame({"amount": np.arange(count) % 7.0}), np.eye(4, dtype=bool)[p.argmax(axis=1)]
    fair = np.ones(count, dtype=bool)
    return Evidence(classifier(), outputs, y, p, worse, keys, fair, metrics, decided, rows, known(y, p))


def test_several_classes_are_judged_by_the_same_gates_and_those_with_too_few_rows_are_named():
    verdicts = examine(GATES, several())
    assert admitted(verdicts)
    floors, calibration, better, *_ = verdicts
    assert floors.why.endswith("too few rows to judge once, never")
    assert " on average, 0.0" in calibration.why
    assert better.numbers["gain"] > 0.3
    worse = replace(several(), challenger=several().champion, champion=several().challenger)
    assert examine(GATES, worse)[2].outcome == "fail"


def test_a_calibration_that_no_class_can_show_is_no_evidence():
    evidence = several()
    one = evidence.y[:, :1] | True
    outputs = Outputs("multilabel", ("a", "b"))
    y, p = np.repeat(one, 2, axis=1), np.ones((len(one), 2))
    nothing = replace(evidence, outputs=outputs, y=y, challenger=p, metrics=summary(outputs, y, p, y))
    assert [verdict.outcome for verdict in examine(GATES[:2], nothing)] == ["fail", "fail"]


def test_what_decided_is_told_before_the_rest_which_is_counted():
    passed = [GateVerdict("floors", "pass", "fine"), GateVerdict("better than champion", "pass", "log loss falls")]
    absent = GateVerdict("fairness", "not applicable", "no groups")
    told = "better than champion: pass, log loss falls; 1 more passed, 1 not applicable"
    assert in_short([*passed, absent]) == told
    assert in_short([*passed, GateVerdict("size", "fail", "too large")]) == "size: fail, too large; 2 more passed"
    assert in_short(passed[:1]) == "1 gates passed"
