from dataclasses import replace

import pytest

from leeway.core.intervals import Interval
from leeway.definition import numeric, timestamp
from leeway.evaluation.gates import SingleFeature
from leeway.evaluation.gates.leakage import gate
from leeway.profiling.telling import Suspicion
from tests.leeway.evaluation.gates.known import evidence_of, truth

P, Y = truth(400)


def checked(trusted=(), *, known_at_event=(), auc=None, filled_later=None, columns=None, **found):
    evidence = evidence_of(P, y=Y, trusted=trusted, known_at_event=known_at_event)
    evidence = replace(evidence, filled_later=filled_later or {})
    if auc is not None:
        evidence = replace(evidence, metrics={**evidence.metrics, "roc_auc": auc})
    if columns is not None:
        evidence = replace(evidence, classifier=evidence.classifier.model_copy(update={"columns": columns}))
    return gate.check(replace(evidence, probe=replace(evidence.probe, **found)))


def test_ordinary_features_and_chance_on_shuffled_labels_pass():
    verdict = checked()
    assert verdict.outcome == "pass"
    assert verdict.why == (
        "shuffled labels are predicted with ROC AUC 0.510, the label by the strongest feature with 0.700 (amount)"
    )


def test_a_way_of_learning_that_tells_shuffled_labels_has_seen_them():
    verdict = checked(label_permutation=SingleFeature(0.6, 0.01))
    assert verdict.outcome == "fail"
    assert "shuffled labels are predicted with ROC AUC 0.600" in verdict.why


def test_what_so_few_rows_tell_that_nothing_could_be_beyond_chance_is_no_evidence():
    few, enough = (gate.check(evidence_of(P[:count], y=Y[:count])) for count in (12, 60))
    assert few.outcome == "fail"
    assert "too few rows are held out" in few.why
    assert enough.outcome == "pass"


LEAK = Suspicion(("amount",), "predicts the label by itself, ROC AUC 0.999", True, 0.999)
BOTH = Suspicion(("amount", "kind"), "predict the label together, ROC AUC 1.000", True, 1.0)
STRONG = Suspicion(("amount",), "predicts much of the label by itself, ROC AUC 0.900", False, 0.9)


@pytest.mark.parametrize("leak", [LEAK, BOTH])
def test_what_tells_the_label_alone_or_together_fails_by_name_until_a_person_has_answered(leak):
    verdict = checked(suspicions=[leak])
    assert verdict.outcome == "fail"
    assert f"{' and '.join(leak.columns)} predict" in verdict.why
    assert "could you have known `amount`" in verdict.why
    assert "known_at_event=True" in verdict.why
    assert verdict.numbers["questions"][0]["columns"] == leak.columns
    answered = checked(known_at_event=leak.columns, suspicions=[leak])
    assert (answered.outcome, answered.numbers["questions"]) == ("pass", [])
    assert checked(leak.columns, suspicions=[leak]).outcome == "pass"  # as definitions from before say it


def test_a_pair_of_which_one_is_answered_is_still_asked_about():
    assert checked(known_at_event=("amount",), suspicions=[BOTH]).outcome == "fail"


def test_one_strong_feature_among_others_is_admitted_and_the_question_stays_open():
    verdict = checked(suspicions=[STRONG])
    assert verdict.outcome == "pass"
    assert "; open: could you have known `amount` when the event happened? It predicts much" in verdict.why
    assert checked(known_at_event=("amount",), suspicions=[STRONG]).numbers["questions"] == []


def test_a_feature_that_makes_all_others_useless_is_beyond_belief():
    useless = {"amount": Interval(0.3, 0.2, 0.4), "kind": Interval(0.001, 0, 0.002)}
    strong = {"amount": SingleFeature(0.97, 0.005)}
    verdict = checked(single_feature_auc=strong, importance=useless)
    assert verdict.outcome == "fail"
    assert "100% of all importance" in verdict.why
    assert checked(known_at_event=("amount",), single_feature_auc=strong, importance=useless).outcome == "pass"
    assert checked(single_feature_auc=strong).outcome == "pass"  # the other feature has its part
    honest = {"amount": SingleFeature(0.92, 0.005)}  # the way of payment, of whether there is a tip
    assert checked(single_feature_auc=honest, importance=useless).outcome == "pass"


def test_a_holdout_that_is_predicted_perfectly_is_admitted_and_its_strongest_features_are_asked_about():
    perfect = checked(auc=0.9995)
    assert perfect.outcome == "pass"
    assert perfect.numbers["questions"] == [
        {"columns": ("amount", "kind"), "why": "matter most, and the holdout is predicted with ROC AUC 0.9995"}
        | {"aside": False}
    ]
    assert checked(auc=0.98).numbers["questions"] == []
    assert checked(known_at_event=("amount", "kind"), auc=0.9995).numbers["questions"] == []


def test_what_is_filled_in_later_is_asked():
    later = {"kind": "changed in 90 of 100 events after they were first delivered"}
    assert "could you have known `kind`" in checked(filled_later=later).why
    assert checked(known_at_event=("kind",), filled_later=later).numbers["questions"] == []


def test_of_what_is_made_of_a_column_its_column_is_asked_about():
    leak = Suspicion(("days_from_event_to_closed",), "predicts the label by itself, ROC AUC 0.999", True)
    verdict = checked(columns={"amount": numeric(), "closed": timestamp()}, suspicions=[leak])
    assert verdict.numbers["questions"][0]["columns"] == ("closed",)
    none = checked(suspicions=[replace(leak, columns=("event_hour",))])
    assert "event_hour: name it in Gates.trusted" in none.why


def test_what_is_of_the_past_and_of_the_events_time_is_not_asked_about():
    assert checked(suspicions=[replace(STRONG, columns=("event_hour",))]).numbers["questions"] == []


def test_it_is_told_where_random_rows_are_much_easier_than_later_ones():
    assert checked(temporal_shift=(0.5, 0.3)).why.endswith(
        "random rows are easier (log loss 0.3000) than later ones (0.5000): time matters here"
    )
    assert "time matters" not in checked(temporal_shift=None).why
