"""What is learnt is not the label itself, in disguise."""

from typing import Any

import numpy as np

from leeway.core.metrics import Bools
from leeway.evaluation.gates.gate import Evidence, Gate
from leeway.lifecycle.verdict import GateVerdict

NAME = "leakage"
CHANCE = 4.0  # standard errors that a model of shuffled labels may lie above chance
SUSPECT_AUC = 0.9  # of a feature alone, from which on it is implausible that
DOMINATES = 0.9  # of all importance is its own
APART = 0.05  # of the log loss, by which random rows may be easier than later ones before it is told


def check(evidence: Evidence) -> GateVerdict:
    """Shuffled labels teach nothing, and no feature tells nearly all by itself.

    Ways of learning that see the labels of the rows they are judged on do well on shuffled ones, too. A feature that was known
    only after the label does better alone than anything can be expected to, or makes all others useless.
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
        found.append(
            f"labels that were dealt out at random are told with ROC AUC {label_permutation.auc:.3f}, chance is 0.5"
        )
    elif CHANCE * _luck(evidence.y) >= 0.5:  # nothing could be beyond chance
        found.append(
            f"too few rows are held out to tell what shuffled labels teach (ROC AUC {label_permutation.auc:.3f})"
        )
    if found:
        hint = "; if it is surely known before the label, name it in Gates.trusted, else declare feature=False"
        return GateVerdict(NAME, "fail", "; ".join(found) + (hint if leaks else ""), numbers)
    known = f"shuffled labels are told with ROC AUC {label_permutation.auc:.3f}"
    strongest = (
        "" if best is None else f", the strongest feature alone with {single_feature_auc[best].auc:.3f} ({best})"
    )
    return GateVerdict(NAME, "pass", known + strongest + _told(probed.temporal_shift), numbers)


def _luck(y: Bools) -> float:
    """The standard error of a ROC AUC that is by chance, of the class that most can be told of (Mann and Whitney 1947)."""
    rows, positives = len(y), y.sum(axis=0)
    pairs = float((positives * (rows - positives)).max())
    return float(np.sqrt((rows + 1) / (12 * pairs))) if pairs else float("inf")


def _order(order: tuple[float, float] | None) -> dict[str, float] | None:
    return None if order is None else {"later": order[0], "random": order[1]}


def _told(order: tuple[float, float] | None) -> str:
    if order is None or order[0] - order[1] <= APART * order[0]:
        return ""
    return f"; random rows are easier (log loss {order[1]:.4f}) than later ones ({order[0]:.4f}): time matters here"


gate = Gate(NAME, check, tries=True)
