"""What a gate says of a challenger, and what follows from what all of them say."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

GateOutcome = Literal["pass", "fail", "not applicable"]


@dataclass(frozen=True)
class GateVerdict:
    """What one gate says.

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
    """Whether the challenger may take the champion's place: some gate passed, and none failed."""
    outcomes = [verdict.outcome for verdict in verdicts]
    return "pass" in outcomes and "fail" not in outcomes


def deciding(verdicts: Sequence[GateVerdict]) -> tuple[list[GateVerdict], str]:
    """The gates that failed, or else what the challenger is better than; and in words, what the others said."""
    told = [verdict for verdict in verdicts if verdict.outcome == "fail"] or [
        verdict for verdict in verdicts if verdict.outcome == "pass" and verdict.gate.startswith("better than")
    ]
    rest = Counter(verdict.outcome for verdict in verdicts if verdict not in told)
    passed, others = rest["pass"], rest["not applicable"]
    words = [f"{passed} {'more' if told else 'gates'} passed"] if passed else []
    return told, ", ".join([*words, f"{others} not applicable"] if others else words)


def in_short(verdicts: Sequence[GateVerdict], between: str = "; ") -> str:
    """The same in one text."""
    told, rest = deciding(verdicts)
    lines = [f"{verdict.gate}: {verdict.outcome}, {verdict.why}" for verdict in told]
    return between.join([*lines, rest] if rest else lines)
