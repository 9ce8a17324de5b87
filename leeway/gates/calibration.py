"""The challenger's probabilities are as frequent as they say."""

from leeway.gates.gate import Evidence, Gate, Outcome, Verdict

NAME = "calibration"


def check(evidence: Evidence) -> Verdict:
    """The expected calibration error on the holdout is at most what the definition allows."""
    limit, error = evidence.classifier.gates.calibration_error, evidence.metrics["calibration_error"]
    if limit is None:
        return Verdict(NAME, "not applicable", "the definition sets no limit")
    outcome: Outcome = "pass" if error <= limit else "fail"
    return Verdict(NAME, outcome, f"calibration error {error:.4f} (limit {limit})", {"error": error, "limit": limit})


gate = Gate(NAME, check)
