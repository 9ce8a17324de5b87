"""Gate verdicts, and what follows from them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

GateOutcome = Literal["pass", "fail", "not applicable"]


@dataclass(frozen=True)
class GateVerdict:
    """The verdict of one gate.

    Attributes:
        gate: the gate's name.
        why: the outcome in words, with the numbers.
        numbers: the evidence.
    """

    gate: str
    outcome: GateOutcome
    why: str
    numbers: dict[str, Any] = field(default_factory=dict)


def admitted(verdicts: list[GateVerdict]) -> bool:
    """Return whether a challenger may become champion.

    Some gate passed, and none failed.
    """
    outcomes = [verdict.outcome for verdict in verdicts]
    return "pass" in outcomes and "fail" not in outcomes


def deciding(verdicts: Sequence[GateVerdict]) -> tuple[list[GateVerdict], str]:
    """Return the decisive verdicts, and the rest in words.

    Decisive are the failed gates, or else the passed comparisons.
    """
    decisive = [verdict for verdict in verdicts if verdict.outcome == "fail"] or [
        verdict for verdict in verdicts if verdict.outcome == "pass" and verdict.gate.startswith("better than")
    ]
    rest = Counter(verdict.outcome for verdict in verdicts if verdict not in decisive)
    passed, others = rest["pass"], rest["not applicable"]
    words = [f"{passed} {'more' if decisive else 'gates'} passed"] if passed else []
    return decisive, ", ".join([*words, f"{others} not applicable"] if others else words)


def in_short(verdicts: Sequence[GateVerdict], between: str = "; ") -> str:
    """Summarise the verdicts in one text."""
    decisive, rest = deciding(verdicts)
    lines = [f"{verdict.gate}: {verdict.outcome}, {verdict.why}" for verdict in decisive]
    return between.join([*lines, rest] if rest else lines)
