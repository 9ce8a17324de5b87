import json
from dataclasses import asdict

import pytest

from leeway.definition import CSV, Classifier, Gates, Label, categorical, identifier, numeric
from leeway.lifecycle.open_questions import of_evidence, of_newest
from leeway.lifecycle.verdict import GateVerdict
from leeway.profiling.questions import Question


def classifier(**columns):
    return Classifier(
        source=CSV(path="x"),
        event_time="at",
        label=Label(column="bad", time="known"),
        columns={"fare": numeric(), "who": identifier(), **columns},
        calendar=("hour",),
        gates=Gates(trusted=("event_hour",)),
    )


def evidence(*questions):
    """As the database keeps it."""
    verdict = GateVerdict("leakage", "pass", "so", {"questions": [asdict(item) for item in questions]})
    return json.loads(json.dumps([asdict(GateVerdict("floors", "pass", "so")), asdict(verdict)]))


TIPS, BOTH = Question(("tips",), "predicts the label"), Question(("tips", "fare"), "predict the label together")


@pytest.mark.parametrize(
    ("columns", "open_"),
    [
        ({"tips": numeric()}, [("tips",), ("tips", "fare")]),
        ({"tips": numeric(known_at_event=True)}, [("fare",)]),
        ({"tips": numeric(known_at_event=False)}, [("fare",)]),
        ({"tips": categorical(feature=False)}, [("fare",)]),
        ({}, [("fare",)]),
    ],
    ids=["nobody has answered", "known", "not known", "no feature", "deleted"],
)
def test_a_question_is_open_until_the_definition_answers_it(columns, open_):
    assert [item.columns for item in of_evidence(classifier(**columns), evidence(TIPS, BOTH))] == open_


def test_what_is_made_of_no_column_is_answered_by_the_gates_option():
    assert of_evidence(classifier(), evidence(Question(("event_hour",), "predicts the label"))) == []


def test_versions_from_before_there_were_questions_have_none():
    assert of_evidence(classifier(), [{"gate": "leakage", "outcome": "pass", "why": "so", "numbers": {}}]) == []
    assert of_evidence(classifier(), [{"gate": "leakage", "outcome": "pass", "why": "so"}]) == []
    assert of_newest(classifier(), []) == []
