"""Gate: the probabilities are calibrated."""

from leeway.evaluation.gates.gate import Evidence, Gate
from leeway.lifecycle.verdict import GateOutcome, GateVerdict

NAME = "calibration"


def check(evidence: Evidence) -> GateVerdict:
    """Limit the expected calibration error on the holdout.

    It is the mean over the classes.
    """
    limit, error = evidence.classifier.gates.calibration_error, evidence.metrics["calibration_error"]
    if limit is None:
        return GateVerdict(NAME, "not applicable", "the definition sets no limit")
    if error is None:
        return GateVerdict(NAME, "fail", "the calibration error is undefined: no class has enough rows")
    outcome: GateOutcome = "pass" if error <= limit else "fail"
    by_class = evidence.metrics.get("by_class", {})
    can = {name: of["calibration_error"] for name, of in by_class.items() if name not in evidence.metrics["too_few"]}
    worst = max(can, key=lambda name: can[name], default=None)
    over = f" on average, {can[worst]:.4f} for {worst}" if worst is not None else ""
    return GateVerdict(
        NAME, outcome, f"calibration error {error:.4f}{over} (limit {limit})", {"error": error, "limit": limit}
    )


gate = Gate(NAME, check)
