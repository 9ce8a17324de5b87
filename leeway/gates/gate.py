"""What a gate is, and how a challenger is examined."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from leeway.definition import Classifier
from leeway.metrics import Bools, Floats
from leeway.outputs import Outputs

Outcome = Literal["pass", "fail", "not applicable"]


@dataclass(frozen=True)
class Evidence:
    """What the gates may look at: the holdout, which neither bundle has learnt from.

    Attributes:
        outputs: what the columns of the labels and probabilities are of.
        y: labels, shape (n, K).
        challenger: probabilities, shape (n, K).
        champion: the champion's probabilities on the same rows, of the same classes; None when there is none yet.
        partitions: each row's partition.
        metrics: the challenger's summary.
        fair: rows that the champion has not learnt from either.
    """

    classifier: Classifier
    outputs: Outputs
    y: Bools
    challenger: Floats
    champion: Floats | None
    partitions: npt.NDArray[np.str_]
    fair: Bools
    metrics: dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What one gate says.

    Attributes:
        gate: the gate's name.
        why: the outcome in words, with the numbers.
        numbers: the evidence.
    """

    gate: str
    outcome: Outcome
    why: str
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Gate:
    """A named check."""

    name: str
    check: Callable[[Evidence], Verdict]


def examine(gates: Iterable[Gate], evidence: Evidence) -> list[Verdict]:
    """Ask every gate. A gate that crashes has no evidence, and no evidence is a no."""
    return [_ask(gate, evidence) for gate in gates]


def admitted(verdicts: list[Verdict]) -> bool:
    """Whether the challenger may take the champion's place: some gate passed, and none failed."""
    outcomes = [verdict.outcome for verdict in verdicts]
    return "pass" in outcomes and "fail" not in outcomes


def _ask(gate: Gate, evidence: Evidence) -> Verdict:
    if not len(evidence.y):
        return Verdict(gate.name, "fail", "there is no row in the holdout to judge by")
    try:
        verdict = gate.check(evidence)
        json.dumps(asdict(verdict), allow_nan=False)  # evidence that cannot be written down is none
        return verdict
    except Exception as error:  # the gate fails closed, whatever broke it
        return Verdict(gate.name, "fail", f"the gate itself failed: {type(error).__name__}: {error}")
