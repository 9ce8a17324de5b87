"""The choice between several challengers."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from leeway.definition import Classifier
from leeway.evaluation import evaluate
from leeway.evaluation.gates.better_than_champion import NAME
from leeway.lifecycle import registry
from leeway.lifecycle.verdict import GateVerdict, admitted


@dataclass(frozen=True)
class Choice:
    """The chosen challenger, and how each did.

    Attributes:
        bundle: its key.
        tried: for each of several challengers, its window and each gate's verdict.
    """

    bundle: str
    tried: list[dict[str, Any]]


def choose(classifier: Classifier, bundles: Sequence[str]) -> Choice:
    """Choose the challenger with the largest gain.

    A challenger that the gates do not admit comes after those that they do. Only quick gates run here; all gates run on the
    chosen one.

    Args:
        bundles: the challengers' keys, at least one; all have held out the same partitions.
    """
    if len(bundles) == 1:
        return Choice(bundles[0], [])
    judged = {key: evaluate.judge(classifier, key, evaluate.QUICK) for key in bundles}
    chosen = max(judged, key=lambda key: (admitted(judged[key]), _gain(judged[key])))
    tried = [
        {
            "bundle": key,
            "window": str(registry.made(classifier.name, key).card.window or "the definition's"),
            "chosen": key == chosen,
            "gates": {verdict.gate: f"{verdict.outcome}, {verdict.why}" for verdict in verdicts},
        }
        for key, verdicts in judged.items()
    ]
    return Choice(chosen, tried)


def _gain(verdicts: Sequence[GateVerdict]) -> float:
    found = next((verdict.numbers.get("gain") for verdict in verdicts if verdict.gate == NAME), None)
    return -inf if found is None else float(found)
