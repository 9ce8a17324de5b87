import numpy as np
import pytest

from leeway.definition import CSV, Classifier, Gates, Label, numeric
from leeway.evaluation.gates import Evidence
from leeway.evaluation.gates.floors import gate


@pytest.mark.parametrize(
    ("floors", "metrics", "outcome", "why"),
    [
        ({"roc_auc": 0.7}, {"roc_auc": 0.7}, "pass", "roc_auc 0.700 (floor 0.7)"),
        ({"roc_auc": 0.7}, {"roc_auc": 0.699}, "fail", "roc_auc 0.699 (floor 0.7)"),
        ({"log_loss": 0.5}, {"log_loss": 0.5}, "pass", "log_loss 0.500 (floor 0.5)"),
        ({"log_loss": 0.5}, {"log_loss": 0.6}, "fail", "log_loss 0.600 (floor 0.5)"),
        ({"recall": 0.0}, {"recall": None}, "fail", "recall undefined (floor 0.0)"),
        ({"roc_auc": 0.7, "recall": 0.9}, {"roc_auc": 0.8, "recall": 0.1}, "fail", "recall 0.100 (floor 0.9)"),
    ],
)
def test_every_floor_must_be_reached_and_what_missed_it_is_named(floors, metrics, outcome, why):
    classifier = Classifier(
        source=CSV(path="x"),
        event_id="id",
        event_time="at",
        label=Label(column="bad", time="known"),
        columns={"amount": numeric()},
        gates=Gates(floors=floors),
    )
    y = np.array([[True]])
    evidence = Evidence(classifier, classifier.label.outputs, y, y + 0.0, None, np.array(["a"]), y[:, 0], metrics)
    verdict = gate.check(evidence)
    assert (verdict.outcome, verdict.why) == (outcome, why)
    assert verdict.numbers == {name: {"floor": floor, "value": metrics[name]} for name, floor in floors.items()}
