"""Questions of the newest version that nobody has answered yet.

The gate for leakage asked them when it decided; an answer in the definition closes them at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from leeway.definition import Classifier
from leeway.lifecycle.registry import Promotion
from leeway.profiling.questions import Question


def of_newest(classifier: Classifier, past: Sequence[Promotion]) -> list[Question]:
    """Return what is open of the newest version, promoted or refused.

    Args:
        past: the classifier's decisions, newest first.
    """
    return of_evidence(classifier, past[0].evidence) if past else []


def of_evidence(classifier: Classifier, evidence: Iterable[Mapping[str, Any]]) -> list[Question]:
    """Return what is open of the verdicts on a version.

    Verdicts from before there were questions have none.
    """
    asked = [item for verdict in evidence for item in (verdict.get("numbers") or {}).get("questions") or ()]
    return unanswered(classifier, [Question(tuple(item["columns"]), item["why"]) for item in asked])


def unanswered(classifier: Classifier, asked: Iterable[Question]) -> list[Question]:
    """Return the questions that the definition leaves open, about the columns that it does."""
    left = [replace(item, columns=tuple(name for name in item.columns if _is_open(classifier, name))) for item in asked]
    return [item for item in left if item.columns]


def _is_open(classifier: Classifier, name: str) -> bool:
    column = classifier.columns.get(name)
    if column is not None:
        return column.is_feature and column.known_at_event is None and name not in classifier.gates.trusted
    return name in classifier.features and not classifier.is_answered(name)
