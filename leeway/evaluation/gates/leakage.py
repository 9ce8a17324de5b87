"""Gate: no feature gives the label away.

What a model knows too well was perhaps not known when the event happened. Statistics cannot tell, so the gate refuses only what
is beyond belief, and asks about what is suspicious. An answer in the definition ends both.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from leeway.core.metrics import Bools
from leeway.definition import Classifier
from leeway.evaluation.gates.gate import Evidence, Gate
from leeway.lifecycle.verdict import GateVerdict
from leeway.profiling.questions import ANSWER, Question

NAME = "leakage"
CHANCE = 4.0  # standard errors that a model of shuffled labels may lie above chance
SUSPECT_AUC = 0.95  # a single feature above this is beyond belief
DOMINATES = 0.9  # if it also has this share of all importance
EASIER = 0.05  # share of the log loss by which random rows may be easier than later ones before the verdict says so
PERFECT = 0.99  # of the holdout's ROC AUC: from here on the strongest features are asked about
CARRIES, MOST_ASKED = 0.8, 3  # those that have this share of all importance, if they are no more


def check(evidence: Evidence) -> GateVerdict:
    """Test for features that leak the label.

    Shuffled labels must teach nothing: a way of learning that sees the labels of its test rows predicts even shuffled ones. No
    feature, and no few of them together, may carry nearly everything, unless a person has said that they are known when the
    event happens. What is only suspicious is asked, and does not refuse.
    """
    probed, classifier = evidence.probed, evidence.classifier
    label_permutation, alone = probed.label_permutation, probed.single_feature_auc
    beyond, asked = _suspects(evidence)
    best = max(alone, key=lambda name: alone[name].auc, default=None)
    numbers: dict[str, Any] = {
        "shuffled": {"auc": label_permutation.auc, "error": label_permutation.error},
        "alone": None if best is None else {"feature": best, "auc": alone[best].auc},
        "order": _order(probed.temporal_shift),
        "leaks": {" and ".join(item.columns): item.why for item in beyond},
        "questions": [asdict(item) for item in (*_in_columns(classifier, beyond), *_in_columns(classifier, asked))],
    }
    found = [f"{' and '.join(item.columns)} {item.why}" for item in beyond]
    if label_permutation.auc - 0.5 > CHANCE * label_permutation.error:
        found.append(f"shuffled labels are predicted with ROC AUC {label_permutation.auc:.3f}; chance gives 0.5")
    elif CHANCE * _chance_error(evidence.y) >= 0.5:  # no ROC AUC could be above chance
        found.append(f"too few rows are held out for a test with shuffled labels (ROC AUC {label_permutation.auc:.3f})")
    if found:
        return GateVerdict(NAME, "fail", "; ".join(found) + _hint(classifier, beyond), numbers)
    known = f"shuffled labels are predicted with ROC AUC {label_permutation.auc:.3f}"
    strongest = "" if best is None else f", the label by the strongest feature with {alone[best].auc:.3f} ({best})"
    open_ = _open(_in_columns(classifier, asked))
    return GateVerdict(NAME, "pass", known + strongest + _shift_note(probed.temporal_shift) + open_, numbers)


def _suspects(evidence: Evidence) -> tuple[list[Question], list[Question]]:
    """Return what is beyond belief, and what is only asked."""
    told = [item for item in evidence.probed.suspicions if not _answered(evidence.classifier, item.columns)]
    beyond = [Question(item.columns, item.why) for item in told if item.beyond]
    beyond += _dominant(evidence, _named(beyond))
    suspicious = [item for item in told if not item.beyond and not set(item.columns) & _named(beyond)]
    asked = [Question(item.columns, item.why) for item in suspicious if _of_columns(evidence.classifier, item.columns)]
    for name, why in evidence.filled_later.items():
        if not _answered(evidence.classifier, [name]):
            asked.append(Question((name,), why))
    return beyond, [*asked, *_behind_perfection(evidence, _named(beyond) | _named(asked))]


def _answered(classifier: Classifier, features: Iterable[str]) -> bool:
    return all(classifier.is_answered(name) for name in features)


def _named(found: Iterable[Question]) -> set[str]:
    return {name for item in found for name in item.columns}


def _dominant(evidence: Evidence, named: set[str]) -> list[Question]:
    """Find a feature that makes all others useless."""
    parts, found = _parts(evidence), []
    for name, item in evidence.probed.single_feature_auc.items():
        if name in named or evidence.classifier.is_answered(name):
            continue
        part = parts.get(name, 0.0)
        if item.auc - 2 * item.error > SUSPECT_AUC and part > DOMINATES:
            why = f"has ROC AUC {item.auc:.3f} by itself, and {part:.0%} of all importance"
            found.append(Question((name,), why))
    return found


def _parts(evidence: Evidence) -> Mapping[str, float]:
    importance = evidence.probed.importance
    total = sum(max(item.value, 0.0) for item in importance.values()) or 1.0
    return {name: max(item.value, 0.0) / total for name, item in importance.items()}


def _behind_perfection(evidence: Evidence, named: set[str]) -> Iterator[Question]:
    """Ask about the strongest features where the holdout is predicted nearly perfectly."""
    auc = evidence.metrics.get("roc_auc")
    if auc is None or auc < PERFECT or named:
        return
    parts, names, carried = _parts(evidence), [], 0.0
    for name in sorted(parts, key=lambda name: -parts[name]):
        if carried < CARRIES and parts[name] > 0:
            names.append(name)
            carried += parts[name]
    strongest = _of_columns(evidence.classifier, names[:MOST_ASKED])
    strongest = [name for name in strongest if not evidence.classifier.is_answered(name)]
    if strongest:
        verb = "matters" if len(strongest) == 1 else "matter"
        yield Question(tuple(strongest), f"{verb} most, and the holdout is predicted with ROC AUC {auc:.4f}")


def _of_columns(classifier: Classifier, features: Iterable[str]) -> list[str]:
    """Return the features that are made of columns.

    Others are of the event's time and of the past, which are known then by construction.
    """
    return [name for name in features if classifier.origins(name)]


def _in_columns(classifier: Classifier, asked: Iterable[Question]) -> list[Question]:
    """Ask about the columns that features are made of."""
    found = []
    for item in asked:
        columns = [name for feature in item.columns for name in sorted(classifier.origins(feature)) or [feature]]
        found.append(Question(tuple(dict.fromkeys(columns)), item.why))
    return found


def _hint(classifier: Classifier, beyond: list[Question]) -> str:
    if not beyond:
        return ""
    of_none = sorted(name for name in _named(beyond) if not classifier.origins(name))
    trusted = f" ({', '.join(of_none)}: name it in Gates.trusted)" if of_none else ""
    asks = "; ".join(item.asks for item in _in_columns(classifier, beyond))
    return f"; {asks} {ANSWER[0].upper()}{ANSWER[1:]}{trusted}"


def _open(asked: list[Question]) -> str:
    return f"; open: {' '.join(f'{item}.' for item in asked)} {ANSWER[0].upper()}{ANSWER[1:]}" if asked else ""


def _chance_error(y: Bools) -> float:
    """Return the standard error of a chance ROC AUC.

    Of the class for which it is smallest (Mann and Whitney 1947).
    """
    rows, positives = len(y), y.sum(axis=0)
    pairs = float((positives * (rows - positives)).max())
    return float(np.sqrt((rows + 1) / (12 * pairs))) if pairs else float("inf")


def _order(order: tuple[float, float] | None) -> dict[str, float] | None:
    return None if order is None else {"later": order[0], "random": order[1]}


def _shift_note(order: tuple[float, float] | None) -> str:
    if order is None or order[0] - order[1] <= EASIER * order[0]:
        return ""
    return f"; random rows are easier (log loss {order[1]:.4f}) than later ones ({order[0]:.4f}): time matters here"


gate = Gate(NAME, check, tries=True)
