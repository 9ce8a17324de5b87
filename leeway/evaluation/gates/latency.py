"""Gate: the challenger scores fast enough."""

from leeway.evaluation.gates.gate import Evidence, Gate
from leeway.lifecycle.verdict import GateVerdict

NAME = "latency"


def check(evidence: Evidence) -> GateVerdict:
    """Compare scoring times with the definition's limits."""
    gates, (milliseconds, rate) = evidence.classifier.gates, evidence.probed.speed
    if gates.row_milliseconds is None and gates.rows_per_second is None:
        return GateVerdict(NAME, "not applicable", "the definition sets no limit")
    slow = gates.row_milliseconds is not None and milliseconds > gates.row_milliseconds
    slow |= gates.rows_per_second is not None and rate < gates.rows_per_second
    one = "" if gates.row_milliseconds is None else f" (limit {gates.row_milliseconds:g})"
    many = "" if gates.rows_per_second is None else f" (at least {gates.rows_per_second:,.0f})"
    why = f"{milliseconds:.3g} ms for one row{one}, {rate:,.0f} rows in a second{many}"
    return GateVerdict(NAME, "fail" if slow else "pass", why, {"milliseconds": milliseconds, "rows_per_second": rate})


gate = Gate(NAME, check, tries=True)
