"""Gate: the metrics reach their floors."""

from typing import Any

from leeway.evaluation.gates.gate import Evidence, Gate
from leeway.lifecycle.verdict import GateVerdict

NAME = "floors"


def check(evidence: Evidence) -> GateVerdict:
    """Compare every metric with its floor.

    An undefined metric misses its floor.
    """
    floors = evidence.classifier.gates.floors
    numbers: dict[str, Any] = {
        metric: {"floor": floor, "value": evidence.metrics[metric]} for metric, floor in floors.items()
    }
    missed = [metric for metric, floor in floors.items() if not _reached(metric, evidence.metrics[metric], floor)]
    shown = ", ".join(
        f"{metric} {_show(evidence.metrics[metric])} (floor {floors[metric]})" for metric in missed or floors
    )
    if too_few := evidence.metrics.get("too_few"):
        shown += f"; too few rows to judge {', '.join(too_few)}"
    return GateVerdict(NAME, "fail" if missed else "pass", shown, numbers)


def _reached(metric: str, value: float | None, floor: float) -> bool:
    if value is None:
        return False
    return value <= floor if metric == "log_loss" else value >= floor


def _show(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


gate = Gate(NAME, check)
