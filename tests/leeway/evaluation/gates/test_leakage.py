from dataclasses import replace

from leeway.core.intervals import Interval
from leeway.evaluation.gates import SingleFeature
from leeway.evaluation.gates.leakage import gate
from tests.leeway.evaluation.gates.known import evidence_of, truth

P, Y = truth(400)


def checked(trusted=(), **found):
    evidence = evidence_of(P, y=Y, trusted=trusted)
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


def test_a_feature_that_tells_the_label_by_itself_fails_by_name_unless_it_is_trusted():
    leak = {"amount": SingleFeature(0.999, 0.0001, "predicts the label by itself, ROC AUC 0.999")}
    verdict = checked(single_feature_auc=leak)
    assert verdict.outcome == "fail"
    assert "amount predicts the label by itself" in verdict.why
    assert "Gates.trusted" in verdict.why
    assert checked(("amount",), single_feature_auc=leak).outcome == "pass"


def test_a_strong_feature_that_makes_all_others_useless_is_implausible():
    single_feature_auc, useless = {"amount": SingleFeature(0.95, 0.005)}, Interval(0.001, 0, 0.002)
    verdict = checked(
        single_feature_auc=single_feature_auc, importance={"amount": Interval(0.3, 0.2, 0.4), "kind": useless}
    )
    assert verdict.outcome == "fail"
    assert "100% of all importance" in verdict.why
    assert checked(single_feature_auc=single_feature_auc).outcome == "pass"  # the other feature has its part
    weak = {"amount": SingleFeature(0.8, 0.005)}
    assert (
        checked(single_feature_auc=weak, importance={"amount": Interval(0.3, 0.2, 0.4), "kind": useless}).outcome
        == "pass"
    )


def test_it_is_told_where_random_rows_are_much_easier_than_later_ones():
    assert checked(temporal_shift=(0.5, 0.3)).why.endswith(
        "random rows are easier (log loss 0.3000) than later ones (0.5000): time matters here"
    )
    assert "time matters" not in checked(temporal_shift=None).why
