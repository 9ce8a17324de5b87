"""Gate: no feature gives the label away."""

from typing import Any

import numpy as np

from leeway.core.metrics import Bools
from leeway.evaluation.gates.gate import Evidence, Gate
from leeway.lifecycle.verdict import GateVerdict

NAME = "leakage"
CHANCE = 4.0  # standard errors that a model of shuffled labels may lie above chance
SUSPECT_AUC = 0.9  # a single feature above this is suspect
DOMINATES = 0.9  # if it also has this share of all importance
EASIER = 0.05  # share of the log loss by which random rows may be easier than later ones before the verdict says so


def check(evidence: Evidence) -> GateVerdict:
    """Test for features that leak the label.

    Shuffled labels must teach nothing: a way of learning that sees the labels of its test rows predicts even shuffled ones. No
    feature may predict nearly all by itself: one that became known after the label predicts better than is plausible, or makes
    all others useless.
    """
    probed, trusted = evidence.probed, evidence.classifier.gates.trusted
    label_permutation, single_feature_auc, importance = (
        probed.label_permutation,
        probed.single_feature_auc,
        probed.importance,
    )
    total = sum(max(item.value, 0.0) for item in importance.values()) or 1.0
    leaks = {name: item.why for name, item in single_feature_auc.items() if item.why and name not in trusted}
    for name, item in single_feature_auc.items():
        part = max(importance[name].value, 0.0) / total if name in importance else 0.0
        if name not in (*trusted, *leaks) and item.auc - 2 * item.error > SUSPECT_AUC and part > DOMINATES:
            leaks[name] = f"has ROC AUC {item.auc:.3f} by itself, and {part:.0%} of all importance"
    best = max(single_feature_auc, key=lambda name: single_feature_auc[name].auc, default=None)
    numbers: dict[str, Any] = {
        "shuffled": {"auc": label_permutation.auc, "error": label_permutation.error},
        "alone": None if best is None else {"feature": best, "auc": single_feature_auc[best].auc},
        "order": _order(probed.temporal_shift),
        "leaks": leaks,
    }
    found = [f"{name} {why}" for name, why in leaks.items()]
    if label_permutation.auc - 0.5 > CHANCE * label_permutation.error:
        found.append(f"shuffled labels are predicted with ROC AUC {label_permutation.auc:.3f}; chance gives 0.5")
    elif CHANCE * _chance_error(evidence.y) >= 0.5:  # no ROC AUC could be above chance
        found.append(f"too few rows are held out for a test with shuffled labels (ROC AUC {label_permutation.auc:.3f})")
    if found:
        hint = "; if it is known before the label, name it in Gates.trusted, else declare feature=False"
        return GateVerdict(NAME, "fail", "; ".join(found) + (hint if leaks else ""), numbers)
    known = f"shuffled labels are predicted with ROC AUC {label_permutation.auc:.3f}"
    strongest = (
        "" if best is None else f", the label by the strongest feature with {single_feature_auc[best].auc:.3f} ({best})"
    )
    return GateVerdict(NAME, "pass", known + strongest + _shift_note(probed.temporal_shift), numbers)


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
